"""Similarity of meaning, by the word vectors of the package `wordllama`. Weak evidence: two answers that differ only in
one contradicting word are almost equal by this measure."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

from promptlab.errors import InputError, NotJudged
from promptlab.scorers._text import alternatives
from promptlab.types import Score, Scorer


@cache
def _vectors() -> Any:
    try:
        import wordllama
    except ImportError as exc:
        raise InputError("`similarity` needs wordllama", hint="pip install 'promptlab[scorers]'") from exc
    # The weights and the tokenizer are in the package, but it does not find its tokenizer by itself. Nothing is
    # downloaded.
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


def similarity() -> Scorer:
    """Cosine of the averaged word vectors of the answer and the nearest expected text, from 0 to 1; negative is 0."""
    vectors = _vectors()

    def score(answer: str, expected: Any) -> Score:
        texts = alternatives(expected)
        if not answer.strip():
            return Score("similarity", 0.0, "", "an empty answer")
        known = [(value, text) for text in texts if math.isfinite(value := float(vectors.similarity(answer, text)))]
        if not known:
            raise NotJudged("`similarity` knows no word of the answer or of what is expected")
        value, nearest = max(known)
        value = min(1.0, max(0.0, value))
        return Score("similarity", value, answer.strip(), f"cosine {value:.2f} to {nearest!r}; soft evidence")

    return score
