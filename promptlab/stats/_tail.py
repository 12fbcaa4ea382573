"""The distribution of a randomly weighted sum, on which every interval and p-value here rests.

Each value x gets an independent weight W of a gamma distribution, and the question is how likely the sum of x·W is not
above 0. If all values are alike but for their sign, the answer is a binomial tail; in general it is an integral, which
is evaluated to about ten digits: the moment generating function is inverted along a vertical line through its saddle
point, where the integrand is largest and does not oscillate (Daniels, Annals of Mathematical Statistics 25 (1954)).
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence

Weighted = Sequence[tuple[float, float]]
"""Values, each with the shape of its weight: (0.5, 3) is the value 0.5 of three cases."""

STEP = 0.25
"""Step of the trapezoidal rule. Half of it changes the tenth digit."""

LONGEST = 200
"""Most steps. A single value with its weight needs about 80, more values fewer."""


def probability_not_above_zero(weighted: Weighted) -> float:
    """The probability that the sum of value times weight is 0 or less."""
    values = [(value, shape) for value, shape in weighted if value and shape]
    if all(value < 0 for value, _ in values):
        return 1.0
    if all(value > 0 for value, _ in values):
        return 0.0
    if math.fsum(value * shape for value, shape in values) >= 0:
        return _lower_tail(values)
    # The other tail is the small one, and is computed without loss of digits.
    return 1.0 - _lower_tail([(-value, shape) for value, shape in values])


def _lower_tail(values: Weighted) -> float:
    """P(sum <= 0), for a sum whose mean is not negative and that may have either sign."""
    saddle, curvature = _saddle_point(values)
    width = 1 / math.sqrt(curvature)
    height = -math.fsum(shape * math.log1p(-saddle * value) for value, shape in values)
    single = [value / (1 - saddle * value) for value, shape in values if shape == 1]
    several = [(value / (1 - saddle * value), shape) for value, shape in values if shape != 1]
    total = 0.0
    for step in range(LONGEST):
        # The points become sparse towards the ends, because the integrand falls only by a power if the cases are few.
        along = width * math.sinh(step * STEP)
        product = math.prod([complex(1, -along * ratio) for ratio in single], start=complex(1))
        logs = sum([shape * cmath.log(complex(1, -along * ratio)) for ratio, shape in several])
        size = (cmath.exp(-logs) / (product * complex(-saddle, -along))).real * width * math.cosh(step * STEP)
        total += size if step else size / 2
        if abs(size) < 1e-13 * abs(total):
            break
    return min(1.0, max(0.0, total * STEP / math.pi * math.exp(height)))


def _saddle_point(values: Weighted) -> tuple[float, float]:
    """Where the integrand is smallest along the negative axis, and its curvature there."""
    first, second = math.fsum(v * m for v, m in values), math.fsum(v * v * m for v, m in values)
    low, high = 1 / min(value for value, _ in values), 0.0
    point = -(first + math.sqrt(first * first + 4 * second)) / (2 * second)
    if point <= low:
        point = 0.9 * low
    curvature = 1.0
    for _ in range(60):
        slope, curvature = -1 / point, 1 / (point * point)
        for value, shape in values:
            part = value / (1 - point * value)
            slope += shape * part
            curvature += shape * part * part
        if slope > 0:
            high = point
        else:
            low = point
        move = slope / curvature
        if abs(move) < 1e-3 / math.sqrt(curvature):
            break
        point -= move
        if not low < point < high:
            point = (low + high) / 2
    return point, curvature
