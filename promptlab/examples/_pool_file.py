r"""Files of worked examples: JSONL, CSV and YAML, each record with its line and its place in the text.

    {"id": "host", "inputs": {"question": "Which country was the host?"}, "output": "Qatar", "tags": ["short"]}

    id,question,output,tags,label
    host,Which country was the host?,Qatar,short;easy,

In CSV every column that is not `id`, `output`, `tags` or `label` is an input; tags are parted by semicolons.
`_util/csv_rows.py` has the rules for the delimiter and the names of columns. A YAML pool is a list of the objects that
JSONL has.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab import workspace
from promptlab._util.csv_rows import CsvRows
from promptlab._util.rows import BadRow, json_rows, kind_of, lines_of, yaml_rows
from promptlab._util.rows import Row as FileRow
from promptlab._yaml import parse_yaml
from promptlab.errors import ExampleError, nearest
from promptlab.types import LABELS, Example, Label, Place, highest

KEYS = ("id", "inputs", "output", "tags", "label", workspace.COPIED_FROM)
COLUMNS = ("id", "output", "tags", "label", workspace.COPIED_FROM)
MAX_BYTES = 256_000_000
MAX_YAML_BYTES = 1_000_000
_ONE_A_LINE = "a pool has one JSON object a line"


@dataclass(frozen=True, slots=True)
class Row:
    """An example, the line where it begins, and its place in the file's text, newline included."""

    example: Example
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PoolText:
    """A pool's whole text with its rows. `header` are the columns of a CSV file, `delimiter` separates its cells."""

    text: str
    rows: tuple[Row, ...]
    header: tuple[str, ...] = ()
    delimiter: str = ","

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text[: self.text.find("\n") + 1] else "\n"


def read_bytes(full: Path, shown: str) -> bytes:
    """The bytes of a pool; `ExampleError` when it is too large or cannot be read."""
    most = MAX_YAML_BYTES if kind_of(shown) == "yaml" else MAX_BYTES
    try:
        if full.stat().st_size > most:
            hint = "split it" if most == MAX_BYTES else "write it as JSONL, which is read a line at a time"
            raise ExampleError(f"larger than {most // 1_000_000} MB", file=shown, hint=hint)
        return full.read_bytes()
    except OSError as exc:
        raise ExampleError(f"cannot be read: {exc.strerror}", file=shown) from exc


def parse(raw: bytes, shown: str, label: Label) -> PoolText:
    """The rows of a pool whose file has `label`; a row's own label can raise that, never lower it.

    Raises `ExampleError` with the line: broken text, an unknown or a missing key, a wrong type, an id used twice.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        raise ExampleError("not UTF-8 text", file=shown, line=line, hint="save the file as UTF-8") from exc
    rows: dict[str, Row] = {}
    header: tuple[str, ...] = ()
    delimiter = ""
    try:
        if kind_of(shown) == "csv":
            cells = CsvRows(lines_of(text), shown, _check_header, known=COLUMNS)
            found = [FileRow(_of_cells(row.data), row.line, row.start, row.end) for row in cells]
            header, delimiter = cells.header, cells.delimiter
        else:
            found = list(_yaml(text, shown) if kind_of(shown) == "yaml" else json_rows(lines_of(text)))
    except BadRow as exc:
        hint = exc.hint or (_ONE_A_LINE if kind_of(shown) == "jsonl" else "")
        raise _Place(shown, exc.line).error(exc.message, exc.field, hint) from exc
    for given in found:
        example = _example(given.data, label, _Place(shown, given.line))
        if example.id in rows:
            message = f"the id `{example.id}` is used in line {rows[example.id].line} already"
            raise ExampleError(message, file=shown, line=given.line, field="id")
        rows[example.id] = Row(example, given.line, given.start, given.end)
    return PoolText(text, tuple(rows.values()), header, delimiter)


def written(example: Example, pool: PoolText, shown: str) -> str:
    """`example` as a record of the pool's kind, without a newline. Raises `ExampleError` where that cannot hold it."""
    if kind_of(shown) == "yaml":
        hint = "change it in an editor, or write the pool as JSONL"
        raise ExampleError("YAML pools are read and not changed", file=shown, hint=hint)
    if kind_of(shown) == "csv":
        header = pool.header or new_header(example)
        row = {**example.inputs, "id": example.id, "output": example.output, "tags": ";".join(example.tags)}
        row["label"] = "" if example.label == "public" else example.label
        row[workspace.COPIED_FROM] = json.dumps(workspace.places_as_data(example.origins)) if example.origins else ""
        missing = [name for name, value in row.items() if value and name not in header]
        if missing:
            hint = f"its columns: {', '.join(header)}; add one in an editor"
            raise ExampleError(f"there is no column `{missing[0]}`", file=shown, line=1, hint=hint)
        return _csv_line([row.get(name, "") for name in header], pool, shown)
    data: dict[str, Any] = {"id": example.id, "inputs": dict(example.inputs), "output": example.output}
    if example.tags:
        data["tags"] = list(example.tags)
    if example.label != "public":
        data["label"] = example.label
    if example.origins:
        data[workspace.COPIED_FROM] = workspace.places_as_data(example.origins)
    text = json.dumps(data, ensure_ascii=False)
    # A lone surrogate has no UTF-8; as an escape it is kept.
    return text if text.encode("utf-8", "ignore").decode() == text else json.dumps(data)


def new_header(example: Example) -> tuple[str, ...]:
    """The columns of a new CSV pool that begins with `example`."""
    return ("id", *example.inputs, "output", "tags", "label", *([workspace.COPIED_FROM] if example.origins else []))


def header_line(header: Sequence[str], pool: PoolText, shown: str) -> str:
    """A CSV pool's first line, without a newline."""
    return _csv_line(header, pool, shown)


def _csv_line(cells: Sequence[str], pool: PoolText, shown: str) -> str:
    out = io.StringIO()
    try:
        # With its usual end of line it knows that a cell with either of these characters needs quotes.
        csv.writer(out, delimiter=pool.delimiter, lineterminator="\r\n").writerow(cells)
        out.getvalue().encode()
    except (csv.Error, UnicodeEncodeError) as exc:
        raise ExampleError(f"cannot be written as CSV: {exc}", file=shown, hint="JSONL can hold any text") from exc
    return out.getvalue().removesuffix("\r\n")


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    line: int | None

    def error(self, message: str, field: str = "", hint: str = "") -> ExampleError:
        return ExampleError(message, file=self.file, line=self.line, field=field, hint=hint)


def _of_cells(row: Mapping[str, str]) -> dict[str, Any]:
    """A row of CSV as the object that JSONL has."""
    data: dict[str, Any] = {name: row[name] for name in ("id", "output")}
    data["inputs"] = {name: cell for name, cell in row.items() if name not in COLUMNS}
    data["tags"] = [tag.strip() for tag in row.get("tags", "").split(";") if tag.strip()]
    data["label"] = row.get("label") or "public"
    data[workspace.COPIED_FROM] = row.get(workspace.COPIED_FROM, "")
    return data


def _check_header(header: Sequence[str], line: int) -> None:
    for name in ("id", "output"):
        if name not in header:
            raise BadRow(f"there is no column `{name}`", line, field=name, hint=nearest(name, header))
    for number, name in enumerate(header):
        if not name:
            raise BadRow(f"column {number + 1} has no name", line)
        if name in header[:number]:
            raise BadRow(f"the column `{name}` is there twice", line, field=name)


def _yaml(text: str, shown: str) -> Iterator[FileRow]:
    file = parse_yaml(text, shown=shown, error=ExampleError)
    if file.data is None:
        return
    if not isinstance(file.data, list):
        raise ExampleError("a YAML pool is a list of examples", file=shown, line=1)
    for row in yaml_rows(file):
        yield FileRow(_plain(row.data), row.line)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value


def _example(row: Any, label: Label, place: _Place) -> Example:
    if not isinstance(row, dict):
        if kind_of(place.file) == "yaml":
            raise place.error("not an object", hint="an example has `id`, `inputs` and `output`")
        raise place.error("not a JSON object", hint=_ONE_A_LINE)
    for key in row:
        if key not in KEYS:
            raise place.error(f"unknown key `{key}`", key, nearest(key, KEYS))
    for key in ("id", "inputs", "output"):
        if key not in row:
            raise place.error(f"`{key}` is missing", key)
    for key in ("id", "output"):
        if not isinstance(row[key], str) or not row[key]:
            raise place.error("should be text that is not empty", key)
    inputs = row["inputs"]
    if not isinstance(inputs, dict) or not inputs:
        raise place.error("should be an object of input names and texts", "inputs")
    for name, value in inputs.items():
        if not isinstance(value, str):
            raise place.error(f"should be text, not {type(value).__name__}", f"inputs.{name}", "put it in quotes")
    tags = row.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise place.error("should be a list of texts", "tags")
    own = row.get("label", "public")
    if own not in LABELS:
        raise place.error(f"{own!r} is not a label", "label", f"labels: {', '.join(LABELS)}")
    origins = _origins(row.get(workspace.COPIED_FROM), place)
    return Example(row["id"], inputs, row["output"], tuple(tags), highest([own, label]), origins, place.file)


def _origins(value: Any, place: _Place) -> tuple[Place, ...]:
    # Not every empty value: a wrong type must not lose the originals, whose labels the example has.
    try:
        return () if value is None else workspace.parse_places(value)
    except (json.JSONDecodeError, RecursionError) as exc:
        raise place.error("should be a JSON list of paths", workspace.COPIED_FROM) from exc
    except ValueError as exc:
        raise place.error(str(exc), workspace.COPIED_FROM) from exc
