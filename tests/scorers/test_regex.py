"""`regex`: which flags it uses, and what is not judged."""

from __future__ import annotations

import pytest

from promptlab.scorers._text import regex
from tests.scorers.test_words import FAILS, PASSES, UNSURE, outcome


@pytest.mark.parametrize(
    ("options", "answer", "pattern", "want"),
    [
        ({}, "first\nTotal: 7\nlast", "^Total: 7$", PASSES),
        ({}, "TOTAL", "total", FAILS),
        ({"ignore_case": True}, "TOTAL", "total", PASSES),
        ({}, "one\ntwo", "one.two", FAILS),
        ({}, "one\ntwo", "(?s)one.two", PASSES),
        ({"whole": True}, "abc", "b", FAILS),
        ({"whole": True}, "abc", ".b.", PASSES),
        # Patterns that say what is not there: one line without it is not the whole answer without it.
        ({}, "no comma", "^[^,]*$", PASSES),
        ({}, "no comma\nhere either", "^[^,]*$", PASSES),
        ({}, "a comma, here\nnone", "^[^,]*$", UNSURE),
        ({}, "a comma, here", "^[^,]*$", FAILS),
        ({}, "small\nBIG", "^[^a-z]+$", UNSURE),
        ({}, "small\nBIG", "(?m)^[^a-z]+$", PASSES),
        ({}, "first, line\nok", "^(?!.*,).*$", UNSURE),
        ({"whole": True}, "a comma, here\nnone", "[^,]*", FAILS),
        ({}, "5 apples\n6", r"^\d+$", PASSES),
    ],
)
def test_dollar_and_caret_are_per_line_and_the_dot_is_no_line_end(
    options: dict[str, bool], answer: str, pattern: str, want: bool | None
) -> None:
    assert outcome(regex(**options), answer, pattern) is want  # type: ignore[arg-type]
    assert outcome(regex(pattern=pattern, **options), answer, None) is want  # type: ignore[arg-type]
