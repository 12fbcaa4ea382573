"""Rows of CSV: the delimiter and the columns by rule, each row with its line and its characters."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import pytest

from promptlab._util.csv_rows import CsvRows
from promptlab._util.rows import BadRow, Row, lines_of

CELLS: tuple[tuple[str, list[Row]], ...] = (
    ("", []),
    ("id,x\n", []),
    ("id,x\na,1\n", [Row({"id": "a", "x": "1"}, 2, 5, 9)]),
    ("\ufeff id , x\r\n\r\na,1", [Row({"id": "a", "x": "1"}, 3, 12, 15)]),
    (
        '\n,\nid,x\na,"1\n2"\n , \nb,"3,""4"""\n',
        [Row({"id": "a", "x": "1\n2"}, 4, 8, 16), Row({"id": "b", "x": '3,"4"'}, 7, 20, 32)],
    ),
)


@pytest.mark.parametrize(("text", "rows"), CELLS, ids=lambda value: repr(value)[:30])
def test_csv_rows_have_their_line_and_characters(text: str, rows: list[Row]) -> None:
    found = list(CsvRows(lines_of(text)))
    assert found == rows
    for row in found:  # the characters are those of the record
        (cells,) = csv.reader(io.StringIO(text[row.start : row.end], newline=""))
        assert cells == list(row.data.values())


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('id,x\na,"1', 2, "not CSV"),
        ('id,x\na,"1"2\n', 2, "not CSV"),
        ("id,x\n\na,1,2\n", 3, "3 cells under 2 columns"),
        ("id,x\na\n", 2, "1 cells under 2 columns"),
        ("id,x,x\n", 1, "twice"),
    ],
)
def test_what_is_no_csv_is_named_with_its_line(text: str, line: int, what: str) -> None:
    def check(header: Sequence[str], line: int) -> None:
        if len(set(header)) < len(header):
            raise BadRow("twice", line)

    with pytest.raises(BadRow, match=what) as caught:
        list(CsvRows(lines_of(text), check=check))
    assert caught.value.line == line


def test_loose_rows_may_be_short_long_or_oddly_quoted() -> None:
    rows = CsvRows(lines_of('id,label\na,public,x\nb\nc,"in"ternal\n'), exact=False)
    assert [row.data for row in rows] == [
        {"id": "a", "label": "public"},
        {"id": "b"},
        {"id": "c", "label": "internal"},
    ]
    assert rows.header == ("id", "label")


def test_a_file_is_read_no_further_than_it_is_asked_for() -> None:
    taken: list[str] = []

    def lines() -> Any:
        for line in ("id\n", "a\n", "b\n", "c\n"):
            taken.append(line)
            yield line

    rows = iter(CsvRows(lines()))
    assert next(rows).data == {"id": "a"}
    assert taken == ["id\n", "a\n"]


def test_a_cell_may_be_as_long_as_a_document() -> None:
    document = "word " * 100_000
    (row,) = CsvRows(lines_of(f'id,text\na,"{document}"\n'))
    assert row.data == {"id": "a", "text": document}


ROW = {"id": "a", "q": "x", "label": "internal"}
KNOWN = ("id", "label")


@pytest.mark.parametrize(
    ("path", "text", "delimiter", "line"),
    [
        ("a.csv", "id,q,label\na,x,internal\n", ",", 2),
        ("a.csv", "id;q;label\na;x;internal\n", ";", 2),
        ("a.csv", "id\tq\tlabel\na\tx\tinternal\n", "\t", 2),
        ("a.tsv", "id\tq\tlabel\na\tx\tinternal\n", "\t", 2),
        ("a.TSV", "id\tq\tlabel\na\tx\tinternal\n", "\t", 2),
        ("a.csv", "sep=;\nid;q;label\na;x;internal\n", ";", 3),
        ("a.csv", "sep=;\r\nid;q;label\r\na;x;internal\r\n", ";", 3),
        ("a.csv", "\ufeffSEP=,\nid,q,label\na,x,internal\n", ",", 3),
        ("a.csv", '"sep=;"\nid;q;label\na;x;internal\n', ";", 3),
        ("a.csv", "sep=;;;\nid;q;label\na;x;internal\n", ";", 3),
        ("a.csv", "sep=\t\nid\tq\tlabel\na\tx\tinternal\n", "\t", 3),
        ("a.csv", "sep=|\nid|q|label\na|x|internal\n", "|", 3),
        ("a.tsv", "sep=;\nid;q;label\na;x;internal\n", ";", 3),
        ("a.csv", "ID;q;Label\na;x;internal\n", ";", 2),
        ("a.csv", "\ufeffId,q, LABEL \na,x,internal\n", ",", 2),
        ("a.csv", '"ID","q","label"\na,x,internal\n', ",", 2),
        ("a.csv", "\n;;\nid;q;label\na;x;internal\n", ";", 4),
        ("a.csv", '"id";"q";"label"\r\n"a";"x";"internal"', ";", 2),
        ("a.csv", "label;q;id\ninternal;x;a\n", ";", 2),
    ],
)
@pytest.mark.parametrize("exact", [True, False])
def test_delimiter_and_columns_are_found_by_rule(
    path: str, text: str, delimiter: str, line: int, *, exact: bool
) -> None:
    rows = CsvRows(lines_of(text), path, known=KNOWN, exact=exact)
    (row,) = rows
    assert (row.data, row.line, rows.delimiter) == (ROW, line, delimiter)
    (cells,) = csv.reader(io.StringIO(text[row.start : row.end], newline=""), delimiter=delimiter)
    assert dict(zip(rows.header, cells, strict=True)) == ROW


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("id,q\na,x;y\n", {"id": "a", "q": "x;y"}),
        ("id;q\na;x,y\n", {"id": "a", "q": "x,y"}),
        ("id,q;r\na,x\n", {"id": "a", "q;r": "x"}),
        ("id;q,r\na;x\n", {"id": "a", "q,r": "x"}),
        ("id\na;b\n", {"id": "a;b"}),
        ('id,"q;id"\na,x\n', {"id": "a", "q;id": "x"}),
        ('id,"two\nlines"\na,x\n', {"id": "a", "two\nlines": "x"}),
        ('id;q\na;"one\n\ntwo;three"\n', {"id": "a", "q": "one\n\ntwo;three"}),
        ("sep=,\nid,q;id\na,x\n", {"id": "a", "q;id": "x"}),
        ("id,ID\na,x\n", {"id": "a", "ID": "x"}),
    ],
)
def test_another_delimiter_within_a_cell_changes_nothing(text: str, data: dict[str, str]) -> None:
    assert [row.data for row in CsvRows(lines_of(text), "a.csv")] == [data]


def test_an_input_keeps_its_name_in_any_case() -> None:
    (row,) = CsvRows(lines_of("id,Label\na,x\n"), known=KNOWN, inputs=("Label",))
    assert row.data == {"id": "a", "Label": "x"}


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        ("id,a;id\nx,y;z\n", 1, "comma and with the semicolon", "sep=,"),
        ("\nid\ta;id\nx\ty;z\n", 2, "semicolon and with the tab", "sep=;"),
        ("sep=x\nidxq\naxb\n", 1, "`sep=x` names no delimiter", "use one of"),
        ("ID,Id\na,b\n", 1, "`ID` and `Id` are the same column `id`", "rename"),
        ("id;q\na;x;y\n", 2, "3 cells under 2 columns", "semicolon"),
        ("id\tq\na\n", 2, "1 cells under 2 columns", "tab"),
        ("sep=;\n\nid;q\na;x;y\n", 4, "3 cells under 2 columns", "semicolon"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str, line: int, what: str, hint: str) -> None:
    with pytest.raises(BadRow) as caught:
        list(CsvRows(lines_of(text), "a.csv"))
    assert caught.value.line == line
    assert what in caught.value.message
    assert hint in caught.value.hint
