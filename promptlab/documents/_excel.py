"""Excel to Markdown: a heading and a table for each sheet."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from promptlab.documents._refused import Refused

MAX_CELLS = 1_000_000


def to_text(raw: bytes, notes: list[str]) -> str:  # noqa: ARG001
    import openpyxl

    book = openpyxl.load_workbook(BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    sheets, cells, filled = [], 0, False
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # the declared size may be wrong
        rows: list[list[str]] = []
        gap = 0
        for row in sheet.iter_rows(values_only=True):
            shown = [_cell(value) for value in row]
            while shown and not shown[-1]:
                shown.pop()
            if not shown:
                gap += 1
                continue
            # Blank rows become one blank row: a sheet may have a million of them.
            rows += [[]] * bool(gap and rows) + [shown]
            gap, cells = 0, cells + len(row)
            if cells > MAX_CELLS:
                raise Refused(
                    f"has more than {MAX_CELLS:,} cells", "save only the part that you need, or save it as CSV"
                )
        name = sheet.title + ("" if sheet.sheet_state == "visible" else " (hidden)")
        filled = filled or bool(rows)
        sheets.append(f"## {name}\n\n{_table(rows) or '(empty)'}")
    if not filled:
        raise Refused("is empty", "")
    return "\n\n".join(sheets)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = value.isoformat(" ") if hasattr(value, "hour") and hasattr(value, "year") else str(value)
    return " ".join(text.split()).replace("|", "\\|")


def _table(rows: list[list[str]]) -> str:
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])
