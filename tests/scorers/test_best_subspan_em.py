"""`best_subspan_em` beside the code that its authors publish."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks import lost_in_the_middle as paper
from promptlab.errors import NotJudged
from promptlab.scorers._text import best_subspan_em, normalise_squad

WORDS = st.lists(
    st.sampled_from(["The", "a", "an", "Beatles", "C++", "U.S.", "3,000", "Café", "—", "ß", "_"]), max_size=5
)
TEXT = st.one_of(st.text(max_size=20), WORDS.map(" ".join))


@given(TEXT)
@example("the\u00a0Anthem of an_a\u2019s “a” İ")
def test_texts_are_normalised_as_in_the_paper(text: str) -> None:
    assert normalise_squad(text) == paper.normalize_answer(text)


@given(TEXT, st.lists(TEXT, min_size=1, max_size=3))
@example("It cost 3,000", ["3"])
@example("node.js", ["Node"])
@example("New-York", ["New York", "newyork"])
def test_every_answer_is_scored_as_in_the_paper(answer: str, expected: list[str]) -> None:
    try:
        assert best_subspan_em()(answer, expected).value == paper.best_subspan_em(answer, expected)
    except NotJudged:
        # The paper's code passes every answer if nothing is left of an expected text.
        assert paper.best_subspan_em(answer, expected) == 1
        assert not all(paper.normalize_answer(text) for text in expected)


@pytest.mark.parametrize("expected", ["", "The", "...", "an a"])
def test_an_expected_text_without_words_is_not_judged(expected: str) -> None:
    with pytest.raises(NotJudged):
        best_subspan_em()("anything", expected)
    assert best_subspan_em()("anything at all", [expected, "all"]).value == 1
