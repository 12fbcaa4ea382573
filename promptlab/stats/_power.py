"""How many cases a question needs, and what difference a number of cases can show.

The answer is worked out with the test itself and not with a formula for a similar one: so many cases show that a mean
lies above an edge if the test says so in a sample whose mean is as low as one sample in five would have it (power
80 %). What is known of the cases, which is how much they vary, is a `Spread`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from promptlab.stats._interval import CONFIDENCE, POWER, error_of
from promptlab.stats._mean import chance_above, mean_of
from promptlab.stats._spread import Flips, Spread, spread_of
from promptlab.stats._tail import Weighted

MOST = 10**8
"""The largest number of cases that is tried."""

EXACT = 100
"""Up to this number of expected changes the power of McNemar's test is summed exactly, because it grows in steps."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a mean lies above `edge`. No value lies below `low`; `error` is the level of the one-sided test."""

    edge: float
    low: float
    error: float

    def is_shown(self, cases: int, mean: float, spread: Spread, power: float = POWER) -> bool:
        """True if so many cases show it with this power when the true mean is `mean`."""
        if self.edge == 0 and isinstance(spread, Flips) and cases * (changed := max(spread.changed, mean)) <= EXACT:
            return mcnemar_power(cases, mean, changed, self.error) >= power
        sample = spread.unlucky(cases, mean, power)
        return mean_of(sample) > self.edge and chance_above(sample, self.edge, self.low) < self.error

    def cases(self, mean: float, spread: Spread, power: float = POWER) -> int | None:
        """The fewest cases that show it with this power; None if no number does."""
        if mean <= self.edge:
            return None
        return _fewest(lambda cases: self.is_shown(cases, mean, spread, power))


def _fewest(enough: Callable[[int], bool]) -> int | None:
    high = 1
    while not enough(high):
        high *= 2
        if high > MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def mcnemar_power(cases: int, difference: float, changed: float, error: float) -> float:
    """The power of the exact McNemar test to find a true `difference` above 0 if a share `changed` of cases changes.

    Connor, Biometrics 43 (1987), has the sum, and an approximation that promises up to five points too much.
    """
    better = min(1.0, (changed + difference) / (2 * changed))
    log_changed, log_same = math.log(changed), math.log1p(-changed) if changed < 1 else -math.inf
    expected = cases * changed
    reach = 8 * math.sqrt(expected) + 8
    power = 0.0
    for count in range(max(0, int(expected - reach)), min(cases, int(expected + reach)) + 1):
        same = cases - count
        log = math.lgamma(cases + 1) - math.lgamma(count + 1) - math.lgamma(same + 1) + count * log_changed
        power += math.exp(log + (same * log_same if same else 0.0)) * _at_least(
            fewest_better(count, error), count, better
        )
    return power


@lru_cache(maxsize=1_000)
def fewest_better(changed: int, error: float) -> int:
    """How many of the changed cases must be better for a one-sided p-value below `error`; more than all if none do."""
    total, limit = 0, math.ldexp(error, changed)
    for better in range(changed, -1, -1):
        total += math.comb(changed, better)
        if total >= limit:
            return better + 1
    return 0


def _at_least(fewest: int, of: int, rate: float) -> float:
    """The probability of `fewest` or more of `of` events."""
    if fewest > of:
        return 0.0
    if rate >= 1:
        return 1.0
    chance = rate**of
    total = chance
    for count in range(of, fewest, -1):
        chance *= count / (of - count + 1) * (1 - rate) / rate
        total += chance
    return total


def smallest_effect(
    cases: int, changed: float, *, confidence: float = CONFIDENCE, power: float = POWER
) -> float | None:
    """The smallest true difference of pass rates that `cases` pairs find with this power. None if there is none.

    `changed` is the share of cases that change in either direction.
    """
    return _smallest(cases, Flips(changed), confidence, power)


def smallest_of(changes: Weighted, *, confidence: float = CONFIDENCE, power: float = POWER) -> float | None:
    """The smallest true difference that as many cases with changes like these find with this power."""
    return _smallest(int(math.fsum(count for _, count in changes)), spread_of(changes), confidence, power)


def _smallest(cases: int, spread: Spread, confidence: float, power: float) -> float | None:
    question = Question(0.0, -1.0, error_of(confidence))
    if cases < 1 or not question.is_shown(cases, 1.0, spread, power):
        return None
    low, high = 0.0, 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if question.is_shown(cases, middle, spread, power) else (middle, high)
    return high


def cases_needed(difference: float, changed: float, *, confidence: float = CONFIDENCE, power: float = POWER) -> int:
    """The number of pairs to find a true `difference` of pass rates, if a share `changed` of cases changes."""
    effect = abs(difference)
    if not 0 < effect <= 1:
        raise ValueError(f"{difference} is not a difference between 0 and 1")
    needed = Question(0.0, -1.0, error_of(confidence)).cases(effect, Flips(changed), power)
    if needed is None:
        raise ValueError(f"no number of cases up to {MOST:,} shows a difference of {difference}")
    return needed


def cases_to_tell(values: Weighted, edge: float, bounds: tuple[float, float], *, confidence: float) -> int | None:
    """How many cases like these tell on which side of `edge` their mean lies; None if no number does."""
    low, high = bounds
    mean, error = mean_of(values), error_of(confidence)
    if mean > edge:
        return Question(edge, low, error).cases(mean, spread_of(values))
    turned = _turned(values)
    return Question(-edge, -high, error).cases(-mean, spread_of(turned))


def cases_to_be_within(
    changes: Weighted, margin: float, *, confidence: float, bounds: tuple[float, float] = (-1.0, 1.0)
) -> int | None:
    """How many cases like these show that their mean lies within `margin` of 0; None if no number does."""
    question = Question(-margin, min(bounds[0], -bounds[1]), error_of(confidence))
    # Seen from the nearer margin, the changes are as they are, and from the other one turned around.
    nearer, other = (changes, _turned(changes)) if mean_of(changes) <= 0 else (_turned(changes), changes)
    mean, spread = mean_of(nearer), spread_of(nearer)
    near, far = question.cases(mean, spread), question.cases(-mean, spread_of(other), power=0.99)
    if near is None or far is None or near >= far:
        return near
    # Both sides may fail, so each gets half of the probability to miss.
    return question.cases(mean, spread, power=(1 + POWER) / 2)


def _turned(values: Weighted) -> Weighted:
    return [(-value, count) for value, count in values]
