"""Scorers: a table of answers, and what each says of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.scorers import _registry as scorers
from promptlab.scorers._registry import Scorer, contains, exact, normalise

TEXT = st.text(max_size=30)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (" Argentina.\n", "argentina"),
        ("«Argentina»", "argentina"),
        ("New\n  York", "new york"),
        ("Straße", "strasse"),
        ("...", ""),
        ("U.S.A.", "usa"),
        ("The U.S. team", "the us team"),
        ('" Argentina "', "argentina"),
    ],
)
def test_case_spacing_and_outer_punctuation_are_forgiven(text: str, plain: str) -> None:
    assert normalise(text) == plain


@given(TEXT)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("scorer", "answer", "expected", "value"),
    [
        (exact(), "Argentina", "Argentina", 1),
        (exact(), " argentina.\n", "Argentina", 1),
        (exact(), "Argentina won", "Argentina", 0),
        (exact(), "", "Argentina", 0),
        (exact(), "", "", 1),
        (exact(normalised=False), "argentina", "Argentina", 0),
        (exact(normalised=False), "Argentina ", "Argentina", 0),
        (exact(normalised=False), "Argentina", "Argentina", 1),
        (contains(), "It was Argentina, of course", "argentina", 1),
        (contains(), "It was\nNew  York", "New York", 1),
        (contains(), "Argentinas", "Argentina", 0),
        (contains(), "36 goals", "3", 0),
        (contains(), "3 goals", "3", 1),
        (contains(), "3.5 goals", "3.5", 1),
        (contains(), "345 goals", "3.5", 0),
        (contains(), "a.b", "a(b", 0),
        (contains(), "die Strasse", "Straße", 1),
        (contains(), "Stra\u00dfe", "STRASSE", 1),
        (contains(), "anything", "", 0),
        (contains(), "any, thing!", "", 0),
        (contains(), "anything", "...", 0),
        (contains(), "well ...", "...", 1),
        (contains(), "Kylian Mbappe\u0301 scored", "Mbapp\u00e9", 1),
        (exact(), "Mbappe\u0301", "MBAPP\u00c9", 1),
        (contains(), "it costs $5", "$5", 1),
        (contains(), "C++ is one", "C++", 1),
    ],
)
def test_what_a_scorer_says(scorer: Scorer, answer: str, expected: str, value: int) -> None:
    score = scorer(answer, expected)
    assert score.value == value
    assert repr(expected) in score.reason
    assert score.answer == answer.strip()


@given(TEXT, TEXT)
def test_no_answer_makes_a_scorer_fail(answer: str, expected: str) -> None:
    for make in scorers.COMPARE_SCORERS.values():
        assert make()(answer, expected).value in (0.0, 1.0)


@given(TEXT, TEXT, TEXT)
def test_a_whole_answer_that_is_right_also_contains_it(before: str, expected: str, after: str) -> None:
    if normalise(expected):
        assert contains()(expected, expected).value == 1
        assert contains()(f"{before} {expected} {after}", expected).value == 1


def test_scorers_are_named_after_themselves() -> None:
    for name, make in scorers.COMPARE_SCORERS.items():
        score: Any = make()("a", "b")
        assert score.scorer == name
        assert make.__doc__
