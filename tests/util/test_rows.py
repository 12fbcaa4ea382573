"""Rows of JSON lines and YAML: what they hold, and the line and the characters of each."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab._util.rows import BadRow, Row, json_rows, kind_of, lines_of, yaml_rows
from promptlab._yaml._read import parse_yaml
from promptlab.errors import InputError


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.csv", "csv"),
        ("a/B.CSV", "csv"),
        ("a.tsv", "csv"),
        ("a.TSV", "csv"),
        ("a.yaml", "yaml"),
        ("a.YML", "yaml"),
        ("a.jsonl", "jsonl"),
        ("csv", "jsonl"),
        ("a.csv.txt", "jsonl"),
    ],
)
def test_the_ending_says_how_rows_are_written(path: str, kind: str) -> None:
    assert kind_of(path) == kind


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


@pytest.mark.parametrize(
    "row", ['{"id": "a", "label": "confidential", "label": "public"}', '{"id": "a", "inputs": {"q": "1", "q": "2"}}']
)
def test_a_key_twice_in_an_object_is_refused_since_one_of_the_two_would_be_lost(row: str) -> None:
    with pytest.raises(BadRow, match="twice") as caught:
        list(json_rows(lines_of('{"id": "b"}\n' + row + "\n")))
    assert caught.value.line == 2


def test_yaml_rows_have_their_line() -> None:
    file = parse_yaml("# head\n- id: a\n\n- {id: b}\n-\n", shown="a.yaml", error=InputError)
    assert list(yaml_rows(file)) == [Row({"id": "a"}, 2), Row({"id": "b"}, 4), Row(None, 5)]


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3), max_size=5))
def test_rows_that_were_written_come_back(rows: list[dict[str, str]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    found = list(json_rows(lines_of(text)))
    assert [row.data for row in found] == rows
    assert [json.loads(text[row.start : row.end]) for row in found] == rows
