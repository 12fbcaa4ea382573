r"""Files of worked examples: JSONL, CSV and YAML, each record with its line and its place in the text.

    {"id": "host", "inputs": {"question": "Which country was the host?"}, "output": "Qatar", "tags": ["short"]}

    id,question,output,tags,label
    host,Which country was the host?,Qatar,short;easy,

In CSV every column that is not `id`, `output`, `tags` or `label` is an input; tags are parted by semicolons. A YAML
pool is a list of the objects that JSONL has.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from promptlab import workspace
from promptlab._yaml import parse_yaml
from promptlab.errors import ExampleError, nearest
from promptlab.types import LABELS, Example, Label, highest

KEYS = ("id", "inputs", "output", "tags", "label", workspace.FROM)
COLUMNS = ("id", "output", "tags", "label", workspace.FROM)
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
    """A pool's whole text with its rows. `header` are the columns of a CSV file."""

    text: str
    rows: tuple[Row, ...]
    header: tuple[str, ...] = ()

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text[: self.text.find("\n") + 1] else "\n"


def kind(path: str) -> str:
    """`csv`, `yaml` or `jsonl`, by the ending."""
    ending = PurePosixPath(path).suffix.lower()
    return {".csv": "csv", ".tsv": "csv", ".yaml": "yaml", ".yml": "yaml"}.get(ending, "jsonl")


def read_bytes(full: Path, shown: str) -> bytes:
    """The bytes of a pool; `ExampleError` when it is too large or cannot be read."""
    most = MAX_YAML_BYTES if kind(shown) == "yaml" else MAX_BYTES
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
    header: tuple[str, ...] = ()
    if kind(shown) == "yaml":
        found = list(_yaml(text, shown))
    elif kind(shown) == "csv":
        header, found = _csv(text, shown)
    else:
        found = list(_jsonl(text, shown))
    rows: dict[str, Row] = {}
    for data, line, start, end in found:
        example = _example(data, label, _Place(shown, line))
        if example.id in rows:
            message = f"the id `{example.id}` is used in line {rows[example.id].line} already"
            raise ExampleError(message, file=shown, line=line, field="id")
        rows[example.id] = Row(example, line, start, end)
    return PoolText(text, tuple(rows.values()), header)


def written(example: Example, pool: PoolText, shown: str) -> str:
    """`example` as a record of the pool's kind, without a newline. Raises `ExampleError` where that cannot hold it."""
    if kind(shown) == "yaml":
        hint = "change it in an editor, or write the pool as JSONL"
        raise ExampleError("YAML pools are read and not changed", file=shown, hint=hint)
    if kind(shown) == "csv":
        header = pool.header or new_header(example)
        row = {**example.inputs, "id": example.id, "output": example.output, "tags": ";".join(example.tags)}
        row["label"] = "" if example.label == "public" else example.label
        row[workspace.FROM] = json.dumps(workspace.as_data(example.origins)) if example.origins else ""
        missing = [name for name, value in row.items() if value and name not in header]
        if missing:
            hint = f"its columns: {', '.join(header)}; add one in an editor"
            raise ExampleError(f"there is no column `{missing[0]}`", file=shown, line=1, hint=hint)
        return _csv_line([row.get(name, "") for name in header], shown)
    data: dict[str, Any] = {"id": example.id, "inputs": dict(example.inputs), "output": example.output}
    if example.tags:
        data["tags"] = list(example.tags)
    if example.label != "public":
        data["label"] = example.label
    if example.origins:
        data[workspace.FROM] = workspace.as_data(example.origins)
    text = json.dumps(data, ensure_ascii=False)
    # A lone surrogate has no UTF-8; as an escape it is kept.
    return text if text.encode("utf-8", "ignore").decode() == text else json.dumps(data)


def new_header(example: Example) -> tuple[str, ...]:
    """The columns of a new CSV pool that begins with `example`."""
    return ("id", *example.inputs, "output", "tags", "label", *([workspace.FROM] if example.origins else []))


def header_line(header: Sequence[str], shown: str) -> str:
    """A CSV pool's first line, without a newline."""
    return _csv_line(header, shown)


def _csv_line(cells: Sequence[str], shown: str) -> str:
    out = io.StringIO()
    try:
        # With its usual end of line it knows that a cell with either of these characters needs quotes.
        csv.writer(out, delimiter=_delimiter(shown), lineterminator="\r\n").writerow(cells)
        out.getvalue().encode()
    except (csv.Error, UnicodeEncodeError) as exc:
        raise ExampleError(f"cannot be written as CSV: {exc}", file=shown, hint="JSONL can hold any text") from exc
    return out.getvalue().removesuffix("\r\n")


def _delimiter(shown: str) -> str:
    return "\t" if shown.lower().endswith(".tsv") else ","


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    line: int | None

    def error(self, message: str, field: str = "", hint: str = "") -> ExampleError:
        return ExampleError(message, file=self.file, line=self.line, field=field, hint=hint)


_Found = tuple[Any, int, int, int]


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and text of each line, its newline included."""
    # Not splitlines: a text may hold U+2028 and the like, which only it takes for the end of a line.
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield start, end, text[start:end]
        start = end


def _jsonl(text: str, shown: str) -> Iterator[_Found]:
    for number, (start, end, line) in enumerate(_lines(text), 1):
        line = line.removeprefix("\ufeff") if number == 1 else line
        if not line.strip():
            continue
        try:
            yield json.loads(line), number, start, end
        except (ValueError, RecursionError) as exc:
            raise _Place(shown, number).error(f"not JSON: {exc}", hint=_ONE_A_LINE) from exc


def _csv(text: str, shown: str) -> tuple[tuple[str, ...], list[_Found]]:
    lines = list(_lines(text))
    reader = csv.reader(
        (line.removeprefix("\ufeff") if not n else line for n, (_, _, line) in enumerate(lines)),
        delimiter=_delimiter(shown),
        strict=True,
    )
    header: tuple[str, ...] = ()
    found: list[_Found] = []
    first = 0
    while True:
        first, place = reader.line_num, _Place(shown, reader.line_num + 1)
        try:
            cells = next(reader, None)
        except csv.Error as exc:
            raise place.error(f"not CSV: {exc}", hint="a cell with quotes or line breaks stands in quotes") from exc
        if cells is None:
            return header, found
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = _header(cells, place)
            continue
        if len(cells) != len(header):
            hint = "a cell with a comma in it stands in quotes"
            raise place.error(f"{len(cells)} cells under {len(header)} columns", hint=hint)
        row = dict(zip(header, cells, strict=True))
        data: dict[str, Any] = {name: row[name] for name in ("id", "output")}
        data["inputs"] = {name: row[name] for name in header if name not in COLUMNS}
        data["tags"] = [tag.strip() for tag in row.get("tags", "").split(";") if tag.strip()]
        data["label"] = row.get("label") or "public"
        data[workspace.FROM] = row.get(workspace.FROM, "")
        found.append((data, first + 1, lines[first][0], lines[reader.line_num - 1][1]))


def _header(cells: list[str], place: _Place) -> tuple[str, ...]:
    header = tuple(cell.strip() for cell in cells)
    for name in ("id", "output"):
        if name not in header:
            raise place.error(f"there is no column `{name}`", name, nearest(name, header))
    for number, name in enumerate(header):
        if not name:
            raise place.error(f"column {number + 1} has no name")
        if name in header[:number]:
            raise place.error(f"the column `{name}` is there twice", name)
    return header


def _yaml(text: str, shown: str) -> Iterator[_Found]:
    file = parse_yaml(text, shown=shown, error=ExampleError)
    if file.data is None:
        return
    if not isinstance(file.data, list):
        raise ExampleError("a YAML pool is a list of examples", file=shown, line=1)
    for number, item in enumerate(file.data):
        data = _plain(item)
        yield data, file.line((number,)) or 1, 0, 0


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value


def _example(row: Any, label: Label, place: _Place) -> Example:
    if not isinstance(row, dict):
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
    try:
        origins = workspace.origins(row.get(workspace.FROM) or [])
    except ValueError as exc:
        raise place.error(str(exc), workspace.FROM) from exc
    return Example(row["id"], inputs, row["output"], tuple(tags), highest([own, label]), origins, place.file)
