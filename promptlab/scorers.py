"""Scorers: each factory takes options and returns a function that compares an answer with the one expected."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from promptlab.types import Score

Scorer = Callable[[str, str], Score]
"""(answer, expected) -> Score"""


def _said(scorer: str, hit: bool, answer: str, yes: str, no: str) -> Score:
    return Score(scorer=scorer, value=float(hit), answer=answer, reason=yes if hit else no)


def normalise(text: str) -> str:
    """Case, surrounding punctuation, runs of white space and ways to write an accent taken away."""
    return _folded(text).strip(" .,;:!?\"'“”‘’«»()[]")


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


def exact(*, normalised: bool = True) -> Scorer:
    """1 when the whole answer is the one expected; `normalised` forgives case, spacing and outer punctuation."""

    def score(answer: str, expected: str) -> Score:
        same = normalise(answer) == normalise(expected) if normalised else answer == expected
        return _said("exact", same, answer.strip(), f"is {expected!r}", f"is not {expected!r}")

    return score


def contains() -> Scorer:
    """1 when the expected text stands anywhere in the answer as whole words, whatever its case."""

    def score(answer: str, expected: str) -> Score:
        # Of an expected text that is all punctuation, the punctuation counts.
        wanted = normalise(expected) or _folded(expected)
        found = wanted and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", _folded(answer))
        return _said("contains", bool(found), answer.strip(), f"holds {expected!r}", f"does not hold {expected!r}")

    return score


BY_NAME: dict[str, Callable[[], Scorer]] = {"exact": exact, "contains": contains}
"""Scorers the command line can name."""
