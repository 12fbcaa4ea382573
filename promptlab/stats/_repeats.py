"""Several answers to one case: the chance that one of k is right, and how far the answers agree.

The repeats of a case are not independent cases: every case gives one value, and the interval is that of the mean of
these values (`stats/_mean.py`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean

from promptlab.stats._interval import CONFIDENCE, Interval
from promptlab.stats._mean import mean_interval, weighted


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over cases with its interval."""

    value: float
    interval: Interval


def pass_at(k: int, cases: Sequence[tuple[int, int]], *, confidence: float = CONFIDENCE) -> Estimate | None:
    """pass@k: the probability that at least one of k answers passes; `cases` are pairs (passed, answers).

    The unbiased estimate of Chen et al., arXiv 2107.03374 (2021): of all choices of k of the answers to a case, the
    share with one that passes. None if there are no cases. Raises `ValueError` if a case has fewer than k answers.
    """
    if k < 1 or any(not 0 <= passed <= of or of < k for passed, of in cases):
        raise ValueError(f"pass@{k} needs {k} answers to every case")
    return _mean([1 - math.comb(of - passed, k) / math.comb(of, k) for passed, of in cases], confidence)


def same_answer(cases: Sequence[Sequence[Hashable]], *, confidence: float = CONFIDENCE) -> Estimate | None:
    """The probability that two answers to a case are the same. Cases with a single answer do not count."""
    return _mean([_same(answers) for answers in cases if len(answers) > 1], confidence)


def fleiss_kappa(cases: Sequence[Sequence[Hashable]]) -> float | None:
    """How far repeats agree beyond chance, from their marks: Fleiss, Psychological Bulletin 76 (1971).

    0 is what chance gives, 1 is that the marks of a case are always the same. None if it is undefined: no case has two
    marks, or all marks are the same. With unequal numbers of marks, every case counts the same.
    """
    several = [marks for marks in cases if len(marks) > 1]
    if not several:
        return None
    shares: dict[Hashable, float] = {}
    for marks in several:
        for mark, count in Counter(marks).items():
            shares[mark] = shares.get(mark, 0.0) + count / len(marks) / len(several)
    chance = math.fsum(share * share for share in shares.values())
    agreed = fmean(_same(marks) for marks in several)
    return None if chance > 1 - 1e-12 else (agreed - chance) / (1 - chance)


def _same(answers: Sequence[Hashable]) -> float:
    """The share of pairs of answers that are the same."""
    return sum(math.comb(count, 2) for count in Counter(answers).values()) / math.comb(len(answers), 2)


def _mean(values: Sequence[float], confidence: float) -> Estimate | None:
    if not values:
        return None
    rounded = weighted(round(value, 12) for value in values)
    return Estimate(fmean(values), mean_interval(rounded, 0.0, 1.0, confidence=confidence, mid=True))
