"""Scorers: each factory takes options and returns a function that compares an answer with the one expected."""

from __future__ import annotations

import re
from collections.abc import Callable

from promptlab.types import Score

Scorer = Callable[[str, str], Score]
"""(answer, expected) -> Score"""


def _said(scorer: str, hit: bool, answer: str, yes: str, no: str) -> Score:
    return Score(scorer=scorer, value=float(hit), answer=answer, reason=yes if hit else no)


def normalise(text: str) -> str:
    """Case, surrounding punctuation and runs of white space taken away."""
    return re.sub(r"\s+", " ", text).strip().strip(".,;:!?\"'“”‘’«»()[]").casefold()


def exact(*, normalised: bool = True) -> Scorer:
    """1 when the whole answer is the one expected; `normalised` forgives case, spacing and outer punctuation."""

    def score(answer: str, expected: str) -> Score:
        same = normalise(answer) == normalise(expected) if normalised else answer == expected
        return _said("exact", same, answer.strip(), f"is {expected!r}", f"is not {expected!r}")

    return score


def contains() -> Scorer:
    """1 when the expected text stands anywhere in the answer as whole words, whatever its case."""

    def score(answer: str, expected: str) -> Score:
        wanted = re.escape(normalise(expected))
        found = re.search(rf"(?<!\w){wanted}(?!\w)", re.sub(r"\s+", " ", answer).casefold())
        return _said("contains", bool(found), answer.strip(), f"holds {expected!r}", f"does not hold {expected!r}")

    return score


BY_NAME: dict[str, Callable[[], Scorer]] = {"exact": exact, "contains": contains}
"""Scorers the command line can name."""
