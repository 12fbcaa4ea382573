"""A budget in a template is counted alike everywhere, and near what tokenizers say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.documents import _token_estimate as tokens
from tests.places import ROOT

ARTICLE = ROOT / "fixtures/documents/world-cup-2022.md"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Argentina beat France in the final.", 8),
        ("2022", 4),
        ("a\n\nb", 3),
        ("...", 1),
        ("卡塔尔", 3),
    ],
)
def test_tokens_of_short_texts(text: str, count: int) -> None:
    assert tokens.estimate_tokens(text) == count


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_prose_is_counted_within_a_tenth_of_a_tokenizer(encoding: str) -> None:
    bpe = pytest.importorskip("bpe_openai")
    text = ARTICLE.read_text(encoding="utf-8")
    assert tokens.estimate_tokens(text) == pytest.approx(len(bpe.get_encoding(encoding).encode_ordinary(text)), rel=0.1)


@given(st.text(st.characters(codec=None), max_size=200), st.text(max_size=200))
def test_a_text_counts_no_more_than_its_parts(one: str, other: str) -> None:
    assert tokens.estimate_tokens(one + other) <= tokens.estimate_tokens(one) + tokens.estimate_tokens(other)
