"""Excel to Markdown: a heading and a table for each sheet."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

from promptlab.documents._left_out import Counts
from promptlab.documents._office_package import Package, attribute, name_of
from promptlab.documents._refused import Refused
from promptlab.documents._sheet import Book, Sheet, read_sheet, string_text
from promptlab.documents._table import as_table

MAX_PLACES = 5_000_000
_DATES_OF_ASIA = dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), "yyyy-mm-dd")
_TIMES_OF_ASIA = dict.fromkeys((32, 33, 34, 35, 55, 56), "h:mm:ss")


def to_text(raw: bytes, notes: list[str]) -> str:
    package = Package(raw)
    root = package.xml(package.main)
    if root is None:
        raise Refused("has no workbook in it", "open it and save it again")
    counts = Counts()
    book = _book(package, root)
    parts = {relation.id: relation for relation in package.relations(package.main)}
    texts, filled = [], False
    for entry in root.iterfind("{*}sheets/{*}sheet"):
        relation = parts.get(attribute(entry, "id") or "")
        if relation is None or not package.has(relation.target):
            continue
        if relation.kind != "worksheet":
            counts.add("chart" if relation.kind == "chartsheet" else "sheet of macros or dialogs", "is left out")
            continue
        sheet = read_sheet(package, relation.target, book, counts)
        boxes = _beside(package, relation.target, counts)
        hidden = entry.get("state", "visible") != "visible"
        counts.add("hidden sheet", "is shown, marked", int(hidden))
        table = _table(sheet, counts)
        filled = filled or bool(table or boxes)
        name = f"## {entry.get('name', '')}{' (hidden)' if hidden else ''}"
        texts.append("\n\n".join([name, *([table] if table or boxes else ["(empty)"]), *boxes]))
    if any(name.endswith("vbaProject.bin") for name in package.names):
        counts.add("macro project", "is left out")
    if not filled:
        raise Refused("is empty", "")
    notes += counts.sentences()
    return "\n\n".join(texts)


def _book(package: Package, root: Any) -> Book:
    properties = root.find("{*}workbookPr")
    from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    strings: list[str] = []
    for part in filter(package.has, package.related(package.main, "sharedStrings")):
        for element in package.elements(part, "si"):
            strings.append(string_text(element))
            element.clear()
    return Book(strings, _formats(package), from_1904)


def _formats(package: Package) -> list[str]:
    """The number format of each cell style."""
    from openpyxl.styles.numbers import BUILTIN_FORMATS

    known = {**_DATES_OF_ASIA, **_TIMES_OF_ASIA, **BUILTIN_FORMATS}
    codes: list[str] = []
    for part in package.related(package.main, "styles"):
        root = package.xml(part)
        if root is None:
            continue
        known |= {
            int(entry.get("numFmtId")): entry.get("formatCode") for entry in root.iterfind("{*}numFmts/{*}numFmt")
        }
        codes += [known.get(int(style.get("numFmtId") or 0), "General") for style in root.iterfind("{*}cellXfs/{*}xf")]
    return codes


def _beside(package: Package, part: str, counts: Counts) -> list[str]:
    """The text boxes of a sheet. What else stands on it or beside its cells is counted."""
    boxes: list[str] = []
    for relation in package.relations(part):
        root = package.xml(relation.target) if relation.kind in ("comments", "drawing") else None
        if relation.kind == "pivotTable":
            counts.add("pivot table", "is shown as its values")
        elif relation.kind in ("oleObject", "package", "control"):
            counts.add("embedded object", "is left out")
        elif root is not None and relation.kind == "comments":
            counts.add("comment", "is left out", sum(1 for _ in root.iter("{*}comment")))
        elif root is not None:
            counts.add("chart", "is left out", sum(name_of(child) == "chart" for child in root.iter()))
            counts.add("picture", "is left out", sum(1 for _ in root.iter("{*}pic")))
            for body in root.iter("{*}txBody"):
                lines = ("".join(t.text or "" for t in line.iter("{*}t")).strip() for line in body.iterfind("{*}p"))
                if text := "\n".join(line for line in lines if line):
                    boxes.append(text)
    return boxes


def _table(sheet: Sheet, counts: Counts) -> str:
    """The cells as a table. Rows and columns that are empty, one or many, become a single one."""
    used = sorted({column for cells in sheet.rows.values() for column in cells})
    if not used:
        return ""
    hidden = [column for column in used if any(first <= column <= last for first, last in sheet.hidden_columns)]
    hidden_rows = sheet.hidden_rows & sheet.rows.keys()
    counts.add("hidden row", "is shown, marked", len(hidden_rows))
    counts.add("hidden column", "is shown, marked", len(hidden))
    _fill_merged(sheet, used, counts)
    for column in hidden:
        first = next(cells for cells in sheet.rows.values() if column in cells)
        first[column] = f"(hidden column) {first[column]}"
    places: list[int] = []  # 0 is an empty column
    for column in used:
        places += [0] * bool(places and column - places[-1] > 1) + [column]
    if len(places) * len(sheet.rows) > MAX_PLACES:
        raise Refused(f"has a table of more than {MAX_PLACES:,} places", "save only the part that you need")
    rows: list[list[str]] = []
    before = 0
    for number in sorted(sheet.rows):
        rows += [[]] * bool(before and number - before > 1)
        mark = ["(hidden row)"] if number in hidden_rows else []
        rows.append([*(sheet.rows[number].get(column, "") for column in places), *mark])
        before = number
    return as_table(rows)


def _fill_merged(sheet: Sheet, used: list[int], counts: Counts) -> None:
    """Write the text of a merged cell in each place that it covers, so that a row can be read alone.

    A cell that is all there is in its row, such as a title, is written once.
    """
    own = {number: set(cells) for number, cells in sheet.rows.items()}
    numbers = sorted(own)
    for top, left, bottom, right in sheet.merged:
        text = sheet.rows.get(top, {}).get(left)
        if not text:
            continue
        if own[top] == {left} and right > left:
            continue
        counts.add("merged cell", "is written in every place covered")
        columns = used[bisect_left(used, left) : bisect_right(used, right)]
        for number in numbers[bisect_left(numbers, top) : bisect_right(numbers, bottom)]:
            for column in columns:
                sheet.rows[number].setdefault(column, text)
