"""Rows of JSON lines, CSV and YAML: what they hold, and the line and the characters of each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab._util.rows import BadRow, CsvRows, Row, delimiter_of, json_rows, kind_of, lines_of, yaml_rows
from promptlab._yaml._read import parse_yaml
from promptlab.errors import InputError


@pytest.mark.parametrize(
    ("path", "kind", "delimiter"),
    [
        ("a.csv", "csv", ","),
        ("a/B.CSV", "csv", ","),
        ("a.tsv", "csv", "\t"),
        ("a.TSV", "csv", "\t"),
        ("a.yaml", "yaml", ","),
        ("a.YML", "yaml", ","),
        ("a.jsonl", "jsonl", ","),
        ("csv", "jsonl", ","),
        ("a.csv.txt", "jsonl", ","),
    ],
)
def test_the_ending_says_how_rows_are_written(path: str, kind: str, delimiter: str) -> None:
    assert (kind_of(path), delimiter_of(path)) == (kind, delimiter)


@given(st.text(max_size=40))
def test_lines_are_all_of_the_text_and_end_in_newlines_only(text: str) -> None:
    lines = list(lines_of(text))
    assert "".join(lines) == text
    assert all(line.count("\n") == line.endswith("\n") for line in lines)
    assert "" not in lines


JSON: tuple[tuple[str, list[Row]], ...] = (
    ("", []),
    ("\n \n", []),
    ('{"a": 1}\n', [Row({"a": 1}, 1, 0, 9)]),
    ('{"a": 1}\r\n\r\n[2]', [Row({"a": 1}, 1, 0, 10), Row([2], 3, 12, 15)]),
    ('\ufeff"x"\n5\n', [Row("x", 1, 0, 5), Row(5, 2, 5, 7)]),
    ('"a\u2028b"\n1\n', [Row("a\u2028b", 1, 0, 6), Row(1, 2, 6, 8)]),
)


@pytest.mark.parametrize(("text", "rows"), JSON, ids=lambda value: repr(value)[:30])
def test_json_rows_have_their_line_and_characters(text: str, rows: list[Row]) -> None:
    assert list(json_rows(lines_of(text))) == rows


@pytest.mark.parametrize(
    ("text", "line"),
    [("{", 1), ('{"a": 1}\n\n{"b"}\n', 3), ("1\n\ufeff2\n", 2), ("[" * 100_000, 1), ("1 2", 1)],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_json_is_named_with_its_line(text: str, line: int) -> None:
    with pytest.raises(BadRow, match="not JSON") as caught:
        list(json_rows(lines_of(text)))
    assert caught.value.line == line


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


@pytest.mark.parametrize(
    "row", ['{"id": "a", "label": "confidential", "label": "public"}', '{"id": "a", "inputs": {"q": "1", "q": "2"}}']
)
def test_a_key_twice_in_an_object_is_refused_since_one_of_the_two_would_be_lost(row: str) -> None:
    with pytest.raises(BadRow, match="twice") as caught:
        list(json_rows(lines_of('{"id": "b"}\n' + row + "\n")))
    assert caught.value.line == 2


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


def test_yaml_rows_have_their_line() -> None:
    file = parse_yaml("# head\n- id: a\n\n- {id: b}\n-\n", shown="a.yaml", error=InputError)
    assert list(yaml_rows(file)) == [Row({"id": "a"}, 2), Row({"id": "b"}, 4), Row(None, 5)]


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3), max_size=5))
def test_rows_that_were_written_come_back(rows: list[dict[str, str]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    found = list(json_rows(lines_of(text)))
    assert [row.data for row in found] == rows
    assert [json.loads(text[row.start : row.end]) for row in found] == rows


def test_a_cell_may_be_as_long_as_a_document() -> None:
    document = "word " * 100_000
    (row,) = CsvRows(lines_of(f'id,text\na,"{document}"\n'))
    assert row.data == {"id": "a", "text": document}
