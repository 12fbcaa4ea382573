"""JSON text is read with all its digits, refused if programs read it differently, and indented without a change."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab._util.json_text import indented, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize("number", ["19.990", "0.1", "1e2", "-0.0", "12345678901234567890", "1e308"])
def test_a_number_keeps_all_its_digits(number: str) -> None:
    assert str(read_json(f'{{"n": {number}}}')["n"]).lower() in (number, number.replace("e", "e+"))


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', "NaN", "-Infinity", "1e309", "1e-309", "[" * 100_000, "", "1 2", "{'a': 1}"]
)
def test_text_that_programs_read_differently_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_json(text)


@given(VALUES)
def test_indenting_changes_white_space_only(value: object) -> None:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    lines = indented(text)
    assert json.loads(lines) == value
    if isinstance(value, dict) and value:
        assert lines.count("\n") >= len(value) + 1


@pytest.mark.parametrize("text", ["not JSON", "", "{", "19.990"])
def test_other_text_and_single_values_stay_as_they_are(text: str) -> None:
    assert indented(text) == text
