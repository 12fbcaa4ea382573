"""A workbook becomes tables that say the same: formats, formulas, merged cells, what is hidden."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.chart import BarChart
from openpyxl.comments import Comment

from promptlab.documents._excel import to_text
from promptlab.documents._refused import Refused
from tests.documents.office_files import changed, strict, xlsx


def read(fill: Callable[[Any], None], change: Callable[[bytes], bytes] = bytes) -> tuple[list[str], list[str]]:
    """The lines below the heading of the first sheet, and the notes."""
    notes: list[str] = []
    text = to_text(change(xlsx(fill)), notes)
    return text.split("\n")[2:], notes


VALUES: list[tuple[Any, str, str]] = [  # value, number format, cell
    (0.25, "0%", "25%"),
    (501, "00000", "00501"),
    (1234.5, '"$"#,##0.00', "$1,234.50"),
    (0.1 + 0.2, "General", "0.3"),
    (3.0, "General", "3"),
    (3.14159, "0.00", "3.14159"),
    (123456789012345, "General", "123456789012345"),
    (date(2024, 3, 1), "yyyy-mm-dd", "2024-03-01"),
    (date(2024, 3, 1), "dd/mm/yyyy", "2024-03-01"),
    (datetime(2024, 3, 1, 14, 30), "yyyy-mm-dd h:mm:ss", "2024-03-01 14:30:00"),
    (datetime(2024, 3, 1), "m/d/yyyy", "2024-03-01"),
    (time(9, 5), "h:mm", "09:05"),
    (timedelta(hours=30), "[h]:mm", "30:00"),
    (True, "General", "TRUE"),
    ("#N/A", "General", "#N/A"),
    ("a|b", "General", "a\\|b"),
    ("two\nlines", "General", "two<br>lines"),
    ("00501", "@", "00501"),
    ("10", "General", "10"),
    ("=SUM(B2:B4)", "General", "=SUM(B2:B4)"),
    ('=_xlfn.CONCAT("a","b")', "General", '=CONCAT("a","b")'),
]


@pytest.mark.parametrize(("value", "code", "cell"), VALUES)
def test_a_cell_is_read(value: Any, code: str, cell: str) -> None:
    def fill(book: Any) -> None:
        book.active["A1"] = "x"
        book.active["A2"] = value
        book.active["A2"].number_format = code

    for form in (bytes, strict):
        assert read(fill, form)[0] == ["| x |", "| --- |", f"| {cell} |"]


def rows(*lines: list[Any]) -> Callable[[Any], None]:
    def fill(book: Any) -> None:
        for line in lines:
            book.active.append(line)

    return fill


def merged(book: Any) -> None:
    rows(["Report"], ["Team", "Goals", None], [None, "home", "away"], ["Ajax", 1, 2], [None, 3, 4])(book)
    for area in ("A1:C1", "A2:A3", "B2:C2", "A4:A5"):
        book.active.merge_cells(area)


def hidden(book: Any) -> None:
    rows(["k", "v", "w"], ["a", 1, 2], ["b", 3, 4])(book)
    book.active.row_dimensions[3].hidden = True
    book.active.column_dimensions["B"].hidden = True


def hidden_sheets(book: Any) -> None:
    rows(["seen"])(book)
    for name, state in (("Old", "hidden"), ("Older", "veryHidden")):
        book.create_sheet(name).append(["secret"])
        book[name].sheet_state = state


def far(book: Any) -> None:
    book.active["B2"], book.active["B3"], book.active["D3"], book.active["XFD900000"] = "k", "a", 1, 2


def beside(book: Any) -> None:
    rows(["k", "v"], ["a", 1])(book)
    sheet = book.active
    sheet["A1"].comment = Comment("look", "me")
    sheet["A2"].comment = Comment("look", "me")
    sheet["A2"].hyperlink = "https://example.org/"
    sheet.add_chart(BarChart(), "D1")
    sheet.oddFooter.center.text = "secret"


def raised(book: Any) -> None:
    six = TextBlock(InlineFont(vertAlign="superscript"), "6")
    gone = TextBlock(InlineFont(strike=True), "old")
    rows([CellRichText("10", six, " people"), CellRichText(gone, " new")])(book)


SHEETS: dict[str, tuple[Callable[[Any], None], list[str], list[str]]] = {
    "merged cells": (
        merged,
        [
            "| Report |  |  |",
            "| --- | --- | --- |",
            "| Team | Goals | Goals |",
            "| Team | home | away |",
            "| Ajax | 1 | 2 |",
            "| Ajax | 3 | 4 |",
        ],
        ["3 merged cells are written in every place covered"],
    ),
    "hidden rows and columns": (
        hidden,
        [
            "| k | (hidden column) v | w |  |",
            "| --- | --- | --- | --- |",
            "| a | 1 | 2 |  |",
            "| b | 3 | 4 | (hidden row) |",
        ],
        ["1 hidden row is shown, marked", "1 hidden column is shown, marked"],
    ),
    "hidden sheets": (
        hidden_sheets,
        [
            *("| seen |", "| --- |", ""),
            *("## Old (hidden)", "", "| secret |", "| --- |", ""),
            *("## Older (hidden)", "", "| secret |", "| --- |"),
        ],
        ["2 hidden sheets are shown, marked"],
    ),
    "cells far apart": (
        far,
        [
            "| k |  |  |  |  |",
            "| --- | --- | --- | --- | --- |",
            "| a |  | 1 |  |  |",
            "|  |  |  |  |  |",
            "|  |  |  |  | 2 |",
        ],
        [],
    ),
    "what stands beside the cells": (
        beside,
        ["| k | v |", "| --- | --- |", "| a | 1 |"],
        [
            "1 link address is left out",
            "1 header or footer for printing is left out",
            "2 comments are left out",
            "1 chart is left out",
        ],
    ),
    "formulas without values": (
        rows(["k", "v"], ["a", "=1/0"], ["b", "=A1"]),
        ["| k | v |", "| --- | --- |", "| a | =1/0 |", "| b | =A1 |"],
        ["2 formulas without a stored value are shown, not calculated"],
    ),
    "raised digits": (raised, ["| 10^6 people | ~~old~~ new |", "| --- | --- |"], []),
}


@pytest.mark.parametrize(("fill", "table", "notes"), SHEETS.values(), ids=SHEETS)
def test_a_sheet_is_read_and_what_it_does_not_carry_over_is_counted(
    fill: Callable[[Any], None], table: list[str], notes: list[str]
) -> None:
    lines, told = read(fill)
    assert lines == table
    assert sorted(told) == sorted(notes)


CELLS = {  # the XML of a cell, and what it becomes
    '<c r="A1" t="str"><f>A2</f><v></v></c>': "",
    '<c r="A1"><f>A2*2</f><v>6</v></c>': "6",
    '<c r="A1" t="e"><f>1/0</f><v>#DIV/0!</v></c>': "#DIV/0!",
    '<c r="A1" t="b"><v>0</v></c>': "FALSE",
    '<c r="A1" t="d"><v>2024-03-01T00:00:00</v></c>': "2024-03-01",
    '<c r="A1"><f>A2</f><v/></c>': "=A2",
    '<c r="A1" t="inlineStr"><is><t>漢</t><rPh sb="0" eb="1"><t>カン</t></rPh></is></c>': "漢",
    "<c><v>1E-3</v></c>": "0.001",
    '<c r="A1" t="inlineStr"><is><t>a_x000D_b</t></is></c>': "a<br>b",
}


@pytest.mark.parametrize(("xml", "cell"), CELLS.items())
def test_a_cell_as_other_programs_write_it(xml: str, cell: str) -> None:
    def with_cell(raw: bytes) -> bytes:
        def change(name: str, part: bytes) -> tuple[str, bytes]:
            if name == "xl/worksheets/sheet1.xml":
                row = f'<sheetData><row r="1">{xml}</row><row r="2"><c r="A2"><v>1</v></c></row></sheetData>'
                start, end = part.index(b"<sheetData"), part.index(b"<pageMargins")
                part = part[:start] + row.encode() + part[end:]
            return name, part

        return changed(raw, change)

    lines, _ = read(rows(["x"]), with_cell)
    assert lines == ([f"| {cell} |", "| --- |", "| 1 |"] if cell else ["| 1 |", "| --- |"])


def test_a_shared_formula_is_that_of_its_own_cell() -> None:
    cells = (
        b'<sheetData><row r="1"><c r="A1"><f t="shared" ref="A1:A2" si="0">B1*2</f></c></row>'
        b'<row r="2"><c r="A2"><f t="shared" si="0"/></c></row></sheetData>'
    )

    def change(name: str, part: bytes) -> tuple[str, bytes]:
        if name == "xl/worksheets/sheet1.xml":
            part = part[: part.index(b"<sheetData")] + cells + part[part.index(b"<pageMargins") :]
        return name, part

    assert read(rows(["x"]), lambda raw: changed(raw, change))[0] == ["| =B1*2 |", "| --- |", "| =B2*2 |"]


def test_days_from_1904_are_read() -> None:
    def change(name: str, part: bytes) -> tuple[str, bytes]:
        return name, part.replace(
            b"<workbookPr/>", b'<workbookPr date1904="1"/>'
        ) if name == "xl/workbook.xml" else part

    def fill(book: Any) -> None:
        book.active["A1"] = 43890
        book.active["A1"].number_format = "yyyy-mm-dd"

    assert read(fill, lambda raw: changed(raw, change))[0][0] == "| 2024-03-01 |"


def test_a_workbook_may_name_its_parts_as_it_likes() -> None:
    def change(name: str, part: bytes) -> tuple[str, bytes]:
        return name.replace("xl/workbook.xml", "xl/book2.xml").replace(
            "workbook.xml.rels", "book2.xml.rels"
        ), part.replace(b"xl/workbook.xml", b"xl/book2.xml")

    assert read(rows(["x"]), lambda raw: changed(raw, change))[0] == ["| x |", "| --- |"]


def test_an_empty_workbook_and_a_huge_table_are_refused() -> None:
    with pytest.raises(Refused, match="is empty"):
        read(rows())

    def diagonal(book: Any) -> None:
        for at in range(1, 3000):
            book.active.cell(at, at, 1)

    with pytest.raises(Refused, match="5,000,000"):
        read(diagonal)
