"""How values vary between cases: what a plan of how many cases to ask has to assume."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

from promptlab.stats._mean import mean_of
from promptlab.stats._tail import Weighted

COUNTED = 2_000
"""Above this number of expected events their count is taken to be normal."""


class Spread(Protocol):
    """How values vary between cases."""

    def unlucky(self, cases: int, mean: float, power: float) -> Weighted:
        """So many cases whose true mean is `mean`, with a sample mean that is lower with the probability 1 - power."""


@dataclass(frozen=True, slots=True)
class Flips:
    """Values of -1, 0 and 1. A share `changed` of them is not 0, or more if the mean asks for it.

    With `changed` 0 they all go in one direction; the passes and failures of a rate are such values.
    """

    changed: float = 0.0

    def unlucky(self, cases: int, mean: float, power: float) -> Weighted:
        if self.changed <= abs(mean) and cases * abs(mean) <= COUNTED:
            hits = _unlucky_count(cases, abs(mean), power if mean > 0 else 1 - power)
            return [(math.copysign(1.0, mean), hits), (0.0, cases - hits)]
        changed = max(self.changed, abs(mean))
        low = max(-changed, mean - _behind(power) * math.sqrt(max(0.0, changed - mean * mean) / cases))
        return [(1.0, cases * (changed + low) / 2), (-1.0, cases * (changed - low) / 2), (0.0, cases * (1 - changed))]


@dataclass(frozen=True, slots=True)
class Graded:
    """Values with this standard deviation and skewness; below 0, a few values lie far below the mean.

    They are represented by two values, of which the lower has the share `lower`.
    """

    deviation: float
    skewness: float = 0.0

    def unlucky(self, cases: int, mean: float, power: float) -> Weighted:
        lower = (1 + self.skewness / math.hypot(2, self.skewness)) / 2
        below, above = math.sqrt((1 - lower) / lower), math.sqrt(lower / (1 - lower))
        # More of the lower values than expected: the quantile of their number (Cornish and Fisher).
        z = _behind(power)
        count = cases * lower + z * math.sqrt(cases * lower * (1 - lower)) + (1 - 2 * lower) * (z * z - 1) / 6
        count = min(float(cases), max(0.0, count))
        return [(mean - below * self.deviation, count), (mean + above * self.deviation, cases - count)]


def spread_of(values: Weighted) -> Spread:
    """How these values vary. Without any change seen, the next change is taken to be a whole one."""
    cases = math.fsum(count for _, count in values)
    if all(value in (-1, 0, 1) for value, _ in values):
        return Flips(math.fsum(count for value, count in values if value) / cases if cases else 0.0)
    mean = mean_of(values)
    squares = math.fsum((value - mean) ** 2 * count for value, count in values)
    if cases < 2 or squares < 1e-15:
        return Graded(0.0)
    cubes = math.fsum((value - mean) ** 3 * count for value, count in values)
    return Graded(math.sqrt(squares / (cases - 1)), cubes / cases / (squares / cases) ** 1.5)


def _behind(power: float) -> float:
    return NormalDist().inv_cdf(power)


def _unlucky_count(cases: int, rate: float, power: float) -> int:
    """The largest number that as many events reach with this probability."""
    if rate >= 1:
        return cases
    below, log_odds = 0.0, math.log(rate) - math.log1p(-rate) if rate else -math.inf
    log_chance = cases * math.log1p(-rate)
    for count in range(cases + 1):
        below += math.exp(log_chance)
        if 1 - below < power:
            return count
        log_chance += math.log((cases - count) / (count + 1)) + log_odds
    return cases
