"""One sheet of an Excel workbook, read in one pass: cells as text, merged cells, hidden rows and columns.

openpyxl reads either the formulas or their values, and in its mode for large files neither merged cells nor hidden
rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from promptlab.documents._left_out import Counts
from promptlab.documents._number_format import shown, shown_text
from promptlab.documents._office_package import Package, attribute, name_of
from promptlab.documents._refused import Refused
from promptlab.documents._superscript import subscript, superscript

MAX_CELLS = 1_000_000


@dataclass(frozen=True)
class Book:
    """What the sheets of a workbook share. `formats` is the number format of each cell style."""

    strings: Sequence[str]
    formats: Sequence[str]
    from_1904: bool


@dataclass
class Sheet:
    """The cells of a sheet by row and column, from 1; empty ones are not in it."""

    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def read_sheet(package: Package, part: str, book: Book, counts: Counts) -> Sheet:
    """Read a sheet. Adds to `counts` what it does not show."""
    sheet = Sheet()
    reader = _Cells(book, counts)
    number = 0
    for element in package.elements(part, "row", "col", "mergeCell", "hyperlink", "headerFooter"):
        name = name_of(element)
        if name == "row":
            number = int(float(element.get("r") or number + 1))
            if cells := reader.row(element, number):
                sheet.rows[number] = cells
                if _is_hidden(element, "ht"):
                    sheet.hidden_rows.add(number)
        elif name == "col" and _is_hidden(element, "width"):
            sheet.hidden_columns.append((int(element.get("min", "0")), int(element.get("max", "0"))))
        elif name == "mergeCell" and (area := _area(element.get("ref", ""))):
            sheet.merged.append(area)
        elif name == "hyperlink" and attribute(element, "id"):
            counts.add("link address", "is left out")
        elif name == "headerFooter" and "".join(element.itertext()).strip():
            counts.add("header or footer for printing", "is left out")
        element.clear()
        while element.getprevious() is not None and name == "row":
            del element.getparent()[0]
    return sheet


def _is_hidden(element: Any, size: str) -> bool:
    try:
        return element.get("hidden") in ("1", "true") or float(element.get(size, "1")) == 0
    except ValueError:
        return False


class _Cells:
    """Reads the cells of a sheet. Formulas that share one are worked out from the first."""

    def __init__(self, book: Book, counts: Counts) -> None:
        self._book = book
        self._counts = counts
        self._shared: dict[str, tuple[str, str]] = {}
        self._count = 0

    def row(self, row: Any, number: int) -> dict[int, str]:
        cells: dict[int, str] = {}
        column = 0
        for cell in row:
            if name_of(cell) != "c":
                continue
            place = cell.get("r")
            column = _column(place) if place else column + 1
            if text := _one_line(self._text(cell, place or f"{_letters(column)}{number}")):
                cells[column] = text
        self._count += len(cells)
        if self._count > MAX_CELLS:
            raise Refused(f"has more than {MAX_CELLS:,} cells", "save only the part that you need, or save it as CSV")
        return cells

    def _text(self, cell: Any, place: str) -> str:
        kind = cell.get("t", "n")
        style = int(cell.get("s") or 0)
        code = self._book.formats[style] if style < len(self._book.formats) else "General"
        value: str | None = None
        for part in cell:
            name = name_of(part)
            if name == "v":
                value = part.text or ""
            elif name == "f":
                formula = self._formula(part, place)
                if kind != "str" and not (cell.findtext("{*}v") or "").strip():
                    self._counts.add("formula without a stored value", "is shown, not calculated")
                    return formula
            elif name == "is":
                return shown_text(string_text(part), code)
        if value is None or (not value.strip() and kind != "str"):
            return ""
        return self._value(value, kind, code)

    def _value(self, value: str, kind: str, code: str) -> str:
        if kind == "s":
            at = int(value)
            if at >= len(self._book.strings):
                raise Refused("is damaged: texts of its cells are missing", "open it and save it again")
            return shown_text(self._book.strings[at], code)
        if kind == "str":
            return shown_text(value, code)
        if kind == "b":
            return "TRUE" if value.strip() in ("1", "true") else "FALSE"
        if kind == "d":
            return _iso(value)
        if kind == "e":
            return value
        try:
            return shown(value, code, from_1904=self._book.from_1904)
        except ValueError:
            return value

    def _formula(self, element: Any, place: str) -> str:
        text, key = element.text or "", element.get("si", "")
        if element.get("t") == "shared":
            if text:
                self._shared[key] = (text, place)
            elif key in self._shared:
                text = _moved(*self._shared[key], place)
        return "=" + re.sub(r"_xl(?:fn|ws|pm|udf)\.", "", text)


def _moved(formula: str, origin: str, place: str) -> str:
    from openpyxl.formula.translate import Translator, TranslatorError

    try:
        return str(Translator(f"={formula}", origin).translate_formula(place))[1:]
    except TranslatorError:
        return formula


def string_text(element: Any) -> str:
    """The text of a string: its runs, with raised digits kept apart, without the reading of Japanese characters."""
    runs: list[tuple[str, str]] = []
    for part in element:
        name = name_of(part)
        if name == "t":
            runs.append((part.text or "", ""))
        elif name == "r":
            text = "".join(child.text or "" for child in part if name_of(child) == "t")
            align = next((attribute(one, "val", "") for one in part.iter("{*}vertAlign")), "")
            struck = next((attribute(one, "val", "1") not in ("0", "false") for one in part.iter("{*}strike")), False)
            runs.append((f"~~{text}~~" if struck and text.strip() else text, align or ""))
    written = ""
    for at, (text, align) in enumerate(runs):
        after = runs[at + 1][0] if at + 1 < len(runs) else ""
        if align == "superscript":
            text = superscript(written, text, after)
        elif align == "subscript":
            text = subscript(text, after)
        written += text
    # Excel writes control characters as _x000D_
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), written)


def _iso(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value.strip().rstrip("Z"))
    except ValueError:
        return value.strip()
    return moment.isoformat(" ").removesuffix(" 00:00:00")


def _one_line(text: str) -> str:
    if text.isalnum():
        return text
    return "<br>".join(words for line in text.splitlines() if (words := " ".join(line.split())))


def _column(place: str) -> int:
    number = 0
    for letter in place:
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter.upper()) - 64
    return number


def _letters(column: int) -> str:
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def _area(text: str) -> tuple[int, int, int, int] | None:
    """`B6:C7` as first row, first column, last row, last column."""
    match = re.fullmatch(r"\$?([A-Z]+)\$?(\d+):\$?([A-Z]+)\$?(\d+)", text.upper())
    return (int(match[2]), _column(match[1]), int(match[4]), _column(match[3])) if match else None
