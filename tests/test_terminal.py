"""What a terminal is shown: nothing that could steer it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.terminal import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 😀\ttab\nline", "plain é 😀\ttab\nline"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("hidden\rshown", "hidden\\rshown"),
        ("one\r\ntwo", "one\ntwo"),
        ("a\x00b\x7f\x9b31m", "a\\x00b\\x7f\\x9b31m"),
        ("half \ud83d", "half \\ud83d"),
        ("מימין\u200f", "מימין\u200f"),
    ],
)
def test_no_answer_can_steer_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_what_is_printed_is_printable(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert all(c.isprintable() or c.isspace() or ord(c) > 0x9F for c in shown)
