"""A case added, changed or removed in the text of its file: in a suite, or in a file of cases in YAML, JSONL or CSV.

    put_case(text, "fixtures/suites/cup.csv", "winner", {"id": "winner", "expected": "Argentina"})
    drop_case(text, "fixtures/suites/cup.csv", "winner")

Only the lines of the case change; in CSV only its cells, and in YAML only its values. The new text is read again, and
must have the same rows but for the case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from promptlab._util.csv_rows import CsvRows
from promptlab._util.rows import BadRow, Row, json_rows, kind_of, lines_of
from promptlab._yaml import CannotSplice, edit_yaml, parse_yaml, written_alike
from promptlab.errors import SuiteError
from promptlab.suites._case_file import COLUMNS

Change = Callable[[Sequence[Any]], list[Any]]
_BY_HAND = "change it in the file by hand"


def row_of(text: str, path: str, id: str) -> Mapping[str, Any] | None:
    """The row of the case `id` as the file has it; None if the file has none."""
    return next((row for row in rows_of(text, path) if isinstance(row, Mapping) and row.get("id") == id), None)


def rows_of(text: str, path: str) -> list[Any]:
    """What the file says, row by row."""
    kind = kind_of(path)
    if kind == "yaml":
        data = parse_yaml(text, shown=path, error=SuiteError).data
        return list(data["cases"] if isinstance(data, Mapping) else data)
    rows: Iterator[Row] = (
        json_rows(lines_of(text)) if kind == "jsonl" else iter(CsvRows(lines_of(text), path, known=COLUMNS))
    )
    return [row.data for row in rows]


def put_case(text: str, path: str, id: str, row: Mapping[str, Any]) -> str:
    """`text` with `row` in place of the row of the case `id`; at the end if there is none."""
    if written_alike(row_of(text, path, id), row):
        return text

    def change(rows: Sequence[Any]) -> list[Any]:
        known = any(_is(old, id) for old in rows)
        return [row if _is(old, id) else old for old in rows] if known else [*rows, row]

    return _changed(text, path, id, change, row)


def drop_case(text: str, path: str, id: str) -> str:
    """`text` without the case `id`."""
    return _changed(text, path, id, lambda rows: [row for row in rows if not _is(row, id)], None)


def _is(row: Any, id: str) -> bool:
    return isinstance(row, Mapping) and row.get("id") == id


def _changed(text: str, path: str, id: str, change: Change, row: Mapping[str, Any] | None) -> str:
    kind = kind_of(path)
    try:
        if kind == "yaml":
            after = _in_yaml(text, path, change)
        else:
            after = _in_jsonl(text, id, row) if kind == "jsonl" else _in_csv(text, path, id, row)
        same = written_alike(rows_of(after, path), change(rows_of(text, path)))
    except (BadRow, CannotSplice) as exc:
        raise SuiteError(f"the case `{id}` cannot be changed in place: {exc}", file=path, hint=_BY_HAND) from exc
    if not same:
        raise SuiteError(f"the case `{id}` cannot be changed in place", file=path, hint=_BY_HAND)
    return after


def _in_yaml(text: str, path: str, change: Change) -> str:
    data = parse_yaml(text, shown=path, error=SuiteError).data
    if isinstance(data, Mapping):
        return edit_yaml(text, data, {**data, "cases": change(data["cases"])}, in_place=True)
    # A list is edited as the value of a key, which stands before it for that time.
    head = "cases: " if re.match(r"(?:\s*#[^\n]*\n|\s)*\[", text) else "cases:\n"
    whole = parse_yaml(head + text, shown=path, error=SuiteError).data
    edited = edit_yaml(head + text, whole, {"cases": change(whole["cases"])}, in_place=True)
    if not edited.startswith(head):
        raise CannotSplice("the list would stand elsewhere")
    return edited.removeprefix(head)


def _in_jsonl(text: str, id: str, row: Mapping[str, Any] | None) -> str:
    written = None if row is None else json.dumps(row, ensure_ascii=False)
    for old in json_rows(lines_of(text)):
        if _is(old.data, id):
            line = text[old.start : old.end]
            mark = "\ufeff" if line.startswith("\ufeff") else ""
            end = line[len(line.rstrip("\r\n")) :]
            return text[: old.start] + ("" if written is None else f"{mark}{written}{end}") + text[old.end :]
    return text if written is None else _with_line(text, written)


def _with_line(text: str, line: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    return f"{text}{'' if not text or text.endswith(chr(10)) else newline}{line}{newline}"


def _in_csv(text: str, path: str, id: str, row: Mapping[str, Any] | None) -> str:
    rows = CsvRows(lines_of(text), path, known=COLUMNS)
    for old in rows:
        if not _is(old.data, id):
            continue
        if row is None:
            return text[: old.start] + text[old.end :]
        _check_columns(rows, row, path)
        line = text[old.start : old.end]
        for place, name in reversed(list(zip(cells_of(line, rows.delimiter), rows.header, strict=True))):
            if row.get(name, "") != old.data[name]:
                quoted = line[place[0] : place[1]].startswith('"')
                written = _cell(str(row.get(name, "")), rows.delimiter, quoted=quoted)
                line = f"{line[: place[0]]}{written}{line[place[1] :]}"
        return f"{text[: old.start]}{line}{text[old.end :]}"
    if row is None:
        return text
    _check_columns(rows, row, path)
    cells = (_cell(str(row.get(name, "")), rows.delimiter) for name in rows.header)
    return _with_line(text, rows.delimiter.join(cells))


def _check_columns(rows: CsvRows, row: Mapping[str, Any], path: str) -> None:
    for name, value in row.items():
        if name not in rows.header and value != "":
            hint = f"its columns: {', '.join(rows.header)}"
            raise SuiteError(f"the file has no column `{name}`", file=path, field=name, hint=hint)


def _cell(text: str, delimiter: str, *, quoted: bool = False) -> str:
    special = quoted or text != text.strip() or set(text) & {delimiter, '"', "\n", "\r"}
    return '"' + text.replace('"', '""') + '"' if special else text


def cells_of(line: str, delimiter: str) -> list[tuple[int, int]]:
    """Where each cell of a record of CSV begins and ends, quotes included."""
    places, start, quoted = [], 0, False
    content = line.rstrip("\r\n")
    for at, char in enumerate(content):
        if char == '"':
            quoted = not quoted
        elif char == delimiter and not quoted:
            places.append((start, at))
            start = at + 1
    return [*places, (start, len(content))]
