"""The id of a case changed in the text of its file: in a suite, or in a file of cases in YAML, JSONL or CSV.

    renamed_text(workspace, "fixtures/suites/cup.csv", "winner", "final-winner")

Only the characters of the id change. The new text is read again, and must have the same rows but for the id.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from promptlab._util.csv_rows import CsvRows
from promptlab._util.rows import BadRow, json_rows, kind_of, lines_of
from promptlab._yaml import CannotSplice, edit_yaml, parse_yaml
from promptlab.errors import SuiteError
from promptlab.suites._case_text import cells_of, rows_of
from promptlab.workspace import Workspace

_ID = re.compile(r'"id"\s*:\s*("(?:[^"\\]|\\.)*")')
_AT_ONCE = "change the id there by hand; then the same command renames the rest"


def renamed_text(workspace: Workspace, path: str, old: str, new: str) -> bytes:
    """The content of the file at `path` with the case `old` called `new`.

    Raises `SuiteError` if the id cannot be changed in place.
    """
    raw = workspace.resolve(path).read_bytes()
    try:
        text = raw.decode("utf-8")
        changed = _CHANGES[kind_of(path)](text, path, old, new)
        same = changed is not None and _renamed(rows_of(text, path), old, new) == rows_of(changed, path)
    except (BadRow, UnicodeDecodeError, CannotSplice):
        changed, same = None, False
    if changed is None or not same:
        raise SuiteError(f"the id `{old}` cannot be changed in place", file=path, hint=_AT_ONCE)
    return changed.encode("utf-8")


def _renamed(rows: Sequence[Any], old: str, new: str) -> list[Any]:
    return [{**row, "id": new} if isinstance(row, Mapping) and row.get("id") == old else row for row in rows]


def _in_jsonl(text: str, _path: str, old: str, new: str) -> str | None:
    for row in json_rows(lines_of(text)):
        if not isinstance(row.data, dict) or row.data.get("id") != old:
            continue
        line = text[row.start : row.end]
        for match in _ID.finditer(line):
            changed = f"{line[: match.start(1)]}{json.dumps(new, ensure_ascii=False)}{line[match.end(1) :]}"
            if json.loads(changed.removeprefix("\ufeff")) == {**row.data, "id": new}:
                return f"{text[: row.start]}{changed}{text[row.end :]}"
    return None


def _in_csv(text: str, path: str, old: str, new: str) -> str | None:
    rows = CsvRows(lines_of(text), path)
    for row in rows:
        if row.data.get("id") != old:
            continue
        line = text[row.start : row.end]
        cells = cells_of(line, rows.delimiter)
        start, end = cells[rows.header.index("id")]
        quoted = line[start:end].startswith('"') or set(new) & {rows.delimiter, '"'}
        written = '"' + new.replace('"', '""') + '"' if quoted else new
        return f"{text[: row.start]}{line[:start]}{written}{line[end:]}{text[row.end :]}"
    return None


def _in_yaml(text: str, path: str, old: str, new: str) -> str | None:
    data = parse_yaml(text, shown=path, error=SuiteError).data
    if isinstance(data, Mapping):
        return edit_yaml(text, data, _with_cases(data, _renamed(data["cases"], old, new)), in_place=True)
    # A list is edited as the value of a key, which stands before it for that time.
    flow = re.match(r"(?:\s*#[^\n]*\n|\s)*\[", text)
    head = "cases: " if flow else "cases:\n"
    whole = parse_yaml(head + text, shown=path, error=SuiteError).data
    edited = edit_yaml(head + text, whole, {"cases": _renamed(whole["cases"], old, new)}, in_place=True)
    return edited.removeprefix(head) if edited.startswith(head) else None


def _with_cases(data: Mapping[str, Any], cases: Sequence[Any]) -> dict[str, Any]:
    changed = dict(copy.copy(data))
    changed["cases"] = cases
    return changed


_CHANGES = {"yaml": _in_yaml, "jsonl": _in_jsonl, "csv": _in_csv}
