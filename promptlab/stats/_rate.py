"""The interval of a pass rate."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from promptlab.stats._interval import CONFIDENCE, Interval, deviations, error_of
from promptlab.stats._mean import crossing
from promptlab.stats._tail import probability_not_above_zero

Rates = Sequence[tuple[int, int]]
"""For each case, how many answers pass, and how many there are."""


def wilson(passed: float, of: float, *, confidence: float = CONFIDENCE) -> Interval:
    """The Wilson interval of a pass rate, `passed` of `of`. With no observations it is [0, 1].

    Wilson, JASA 22 (1927). It is shorter than that of `clustered`, but near 0 and 1 it covers the truth too seldom
    (84 % at a rate of 98 % and 10 cases), so suites do not use it.
    """
    if not 0 <= passed <= of:
        raise ValueError(f"{passed} of {of} is not a rate")
    if of == 0:
        return Interval(0.0, 1.0)
    z = deviations(confidence)
    rate, spread = passed / of, z * z / of
    middle = (rate + spread / 2) / (1 + spread)
    half = z * math.sqrt(rate * (1 - rate) / of + spread / (4 * of)) / (1 + spread)
    # At the ends the formula gives exactly 0 and 1. Avoid the rounding error.
    return Interval(0.0 if passed == 0 else middle - half, 1.0 if passed == of else middle + half)


def clustered(cases: Rates, *, confidence: float = CONFIDENCE) -> Interval:
    """The interval of a pass rate if each case may have several answers. `cases` are pairs (passed, answers).

    It is about the rate of all answers: the sum of the first numbers divided by the sum of the second. A case is one
    observation, because answers to the same case are not independent. With one answer a case it is the exact interval
    of Clopper and Pearson. `stats/_mean.py` says how it works; the additional case has as many answers as the largest.
    """
    if any(not 0 <= passed <= of for passed, of in cases):
        raise ValueError("a case has more passes than answers")
    groups = Counter((passed, of) for passed, of in cases if of)
    if not groups:
        return Interval(0.0, 1.0)
    failed = Counter({(of - passed, of): count for (passed, of), count in groups.items()})
    return Interval(_lower_end(groups, confidence), 1 - _lower_end(failed, confidence))


def _lower_end(groups: Counter[tuple[int, int]], confidence: float) -> float:
    if not any(passed for passed, _ in groups):
        return 0.0
    error, most = error_of(confidence), max(of for _, of in groups)
    passed, of = (sum(pair[part] * count for pair, count in groups.items()) for part in (0, 1))
    rate = passed / (of + most)
    spread = sum((p - rate * n) ** 2 * count for (p, n), count in groups.items()) + (rate * most) ** 2
    deviation = math.sqrt(spread) / (of + most)
    guess = (rate - deviations(confidence) * deviation, deviation)
    return crossing(lambda edge: chance_rate_above(groups, edge), error, (0.0, 1.0), guess=guess)


def chance_rate_above(groups: Counter[tuple[int, int]], edge: float) -> float:
    """The one-sided p-value of "the rate of all answers is not above `edge`"."""
    most = max(of for _, of in groups)
    values = [(passed - edge * of, float(count)) for (passed, of), count in groups.items()]
    return probability_not_above_zero([*values, (-edge * most, 1.0)])
