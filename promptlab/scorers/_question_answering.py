"""Scorers of question answering, exactly as the papers' own scripts count: SQuAD and TriviaQA.

    squad_em()("the Denver Broncos.", "Denver Broncos")     # 1: without articles, punctuation and case
    squad_f1()("Denver Broncos won", "Denver Broncos")      # 0.8: the F1 of the words
    triviaqa_em()("Sunset_Boulevard", ["Sunset Blvd", "Sunset Boulevard"])   # 1

They know nothing of Unicode forms, accents or full-width digits, because the scripts do not. What is expected is a text
or a list of texts, and the best match counts. In SQuAD 2.0, a question without an answer is expected to get an empty
one: `expected: ""`.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import Any

from promptlab.scorers._text import alternatives
from promptlab.types import Score, Scorer

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_REMOVED = str.maketrans("", "", string.punctuation)
_SPACED = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`", " "))


def squad_text(text: str) -> str:
    """Text normalised as by the script of SQuAD: lower case, without punctuation and articles, with single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_REMOVED)).split())


def triviaqa_text(text: str) -> str:
    """Text normalised as by the script of TriviaQA: as in SQuAD, but punctuation and underscores become spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_SPACED)).split())


def squad_em() -> Scorer:
    """1 if the answer is an expected text, as in evaluate-v2.0.py of SQuAD (Rajpurkar et al., arXiv 1806.03822)."""

    def score(answer: str, expected: Any) -> Score:
        golds = _squad_golds(expected)
        hit = next((gold for gold in golds if squad_text(gold) == squad_text(answer)), None)
        return _exact("squad_em", answer, hit, golds)

    return score


def squad_f1() -> Scorer:
    """The F1 of the words of the answer and of the nearest expected text, as in evaluate-v2.0.py of SQuAD.

    Passes from 0.5: half of the words are right.
    """

    def score(answer: str, expected: Any) -> Score:
        words = squad_text(answer).split()
        golds = _squad_golds(expected)
        value, nearest = max(((_f1(words, squad_text(gold).split()), gold) for gold in golds), key=lambda pair: pair[0])
        return Score("squad_f1", value, answer.strip(), f"F1 {value:.2f} of the words of {nearest!r}")

    return score


def triviaqa_em() -> Scorer:
    """1 if the answer is one of the expected texts, the aliases, as in triviaqa_evaluation.py (Joshi et al., arXiv
    1705.03551)."""

    def score(answer: str, expected: Any) -> Score:
        golds = alternatives(expected)
        hit = next((gold for gold in golds if triviaqa_text(gold) == triviaqa_text(answer)), None)
        return _exact("triviaqa_em", answer, hit, golds)

    return score


def _squad_golds(expected: Any) -> list[str]:
    """The expected texts. Those of which nothing is left after normalising do not count, as in the script: if none is
    left, the right answer is an empty one."""
    return [gold for gold in alternatives(expected) if squad_text(gold)] or [""]


def _f1(words: list[str], gold: list[str]) -> float:
    same = (Counter(words) & Counter(gold)).total()
    if not words or not gold:
        return float(words == gold)
    if not same:
        return 0.0
    precision, recall = same / len(words), same / len(gold)
    return 2 * precision * recall / (precision + recall)


def _exact(name: str, answer: str, hit: str | None, golds: list[str]) -> Score:
    shown = " or ".join(map(repr, golds[:5])) + (f" or {len(golds) - 5} others" if len(golds) > 5 else "")
    return Score(name, float(hit is not None), answer.strip(), f"is {hit!r}" if hit is not None else f"is not {shown}")


__all__ = ["squad_em", "squad_f1", "squad_text", "triviaqa_em", "triviaqa_text"]
