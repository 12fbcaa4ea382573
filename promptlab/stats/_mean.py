"""The interval of a mean of bounded values, and the p-value of the same test.

It is valid for every distribution between the two bounds and for any number of cases, because it takes into account
what was not seen. To find the lower end, one more case is added, at the lower bound, and all cases get random weights
(Dirichlet, all ones). The lower end is where the weighted mean lies below with a probability of 2.5 %; the upper end
follows in the same way from one more case at the upper bound. Gaffke, Mathematical Methods of Statistics 14 (2005),
451; Learned-Miller & Thomas, arXiv 1905.06208 (2020); without the additional case it is the Bayesian bootstrap of
Rubin, Annals of Statistics 9 (1981).

With `mid` the additional case lies at either bound with equal chance. That is the mid-p version of the same test: the
mid-p McNemar test for changes of -1, 0 or 1, and the mid-p interval of a binomial rate (Lancaster, JASA 56 (1961);
Fagerland, Lydersen & Laake, BMC Medical Research Methodology 13:91 (2013)). It covers 95 % on average and not at the
least, so it is shorter.

For values that are 0 or 1 it is the interval of Clopper and Pearson, Biometrika 26 (1934). For changes that are -1, 0
or 1 the p-value of "no difference" is exactly that of McNemar's test. That it covers every distribution is proven in
these cases, and elsewhere a conjecture without a known exception; `benchmarks/statistics.py` simulates it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from statistics import NormalDist

from promptlab.stats._interval import Interval, error_of
from promptlab.stats._tail import Weighted, probability_not_above_zero

_NORMAL = NormalDist()
_PRECISE = 1e-11
"""The ends of an interval are computed to this precision."""


def weighted(values: Iterable[float]) -> Weighted:
    """Each value with the number of cases that have it."""
    return list(Counter(values).items())


def mean_of(values: Weighted) -> float:
    return math.fsum(value * count for value, count in values) / math.fsum(count for _, count in values)


def mean_interval(
    values: Weighted,
    low: float,
    high: float,
    *,
    confidence: float,
    mid: bool = False,
    errors: tuple[float, float] | None = None,
) -> Interval:
    """The interval of the mean of values between the bounds `low` and `high`.

    `errors` are the probabilities that the truth lies below and above it, if they are not half of the rest each.
    """
    if not values:
        return Interval(low, high)
    below, above = errors or (error_of(confidence), error_of(confidence))
    turned = [(-value, count) for value, count in values]
    return Interval(_lower_end(values, (low, high), below, mid), -_lower_end(turned, (-high, -low), above, mid))


def mid_chance_above(values: Weighted, edge: float, bounds: tuple[float, float]) -> float:
    """The one-sided mid-p-value of "the mean is not above `edge`". That of "not below" is 1 minus this one."""
    moved = [(value - edge, count) for value, count in values]
    return math.fsum(probability_not_above_zero([*moved, (bound - edge, 1)]) for bound in bounds) / 2


def chance_above(values: Weighted, edge: float, low: float) -> float:
    """The one-sided p-value of "the mean is not above `edge`", if no value lies below `low`."""
    return probability_not_above_zero([*((value - edge, count) for value, count in values), (low - edge, 1)])


def chance_below(values: Weighted, edge: float, high: float) -> float:
    """The one-sided p-value of "the mean is not below `edge`", if no value lies above `high`."""
    return chance_above([(-value, count) for value, count in values], -edge, -high)


def _lower_end(values: Weighted, bounds: tuple[float, float], error: float, mid: bool) -> float:
    low, high = bounds

    def chance(edge: float) -> float:
        return mid_chance_above(values, edge, bounds) if mid else chance_above(values, edge, low)

    # 0 is the edge of "no difference": the end must lie on the same side of it as the p-value says.
    highest = high if mid else max(value for value, _ in values)
    if low < 0 < highest:
        bracket = (0.0, highest) if chance(0.0) < error else (low, 0.0)
    else:
        bracket = (low, highest)
    return crossing(chance, error, bracket, guess=_guess(values, low, error))


def _guess(values: Weighted, low: float, error: float) -> tuple[float, float]:
    """The end of the normal interval, and the standard error."""
    cases = math.fsum(count for _, count in values) + 1
    mean = (math.fsum(value * count for value, count in values) + low) / cases
    squares = math.fsum((value - mean) ** 2 * count for value, count in values) + (low - mean) ** 2
    deviation = math.sqrt(squares) / cases
    return mean + _NORMAL.inv_cdf(error) * deviation, deviation


def crossing(
    chance: Callable[[float], float], error: float, bracket: tuple[float, float], *, guess: tuple[float, float]
) -> float:
    """Where `chance`, which rises from 0 to 1, reaches `error`: the secant method on the normal scale, on which the
    curve is nearly straight. `guess` is a first point and the width of one standard error."""
    (low, high), (point, deviation) = bracket, guess
    if high - low < _PRECISE:
        return low
    aim, slope = _NORMAL.inv_cdf(error), 1 / deviation if deviation else 1.0
    before, miss = point, math.inf
    for _ in range(200):
        point = point if low < point < high else (low + high) / 2
        last, miss = miss, _NORMAL.inv_cdf(min(max(chance(point), 1e-300), 1 - 1e-15)) - aim
        low, high = (point, high) if miss < 0 else (low, point)
        if abs(miss) < _PRECISE or high - low < _PRECISE:
            break
        if math.isfinite(last) and (miss - last) * (point - before) > 0:
            slope = (miss - last) / (point - before)
        before = point
        # Where the curve is far from straight, and a step brings little, halve what is left.
        point = point - miss / slope if abs(miss) < abs(last) / 2 else (low + high) / 2
    return point
