"""The distribution of a randomly weighted sum, on which every interval and p-value here rests.

Each value x gets an independent weight W of a gamma distribution, and the question is how likely the sum of x·W is not
above 0. If all values are alike but for their sign, the answer is a binomial tail; in general it is an integral, which
is evaluated to about ten digits: the moment generating function is inverted along a vertical line through its saddle
point, where the integrand is largest and does not oscillate (Daniels, Annals of Mathematical Statistics 25 (1954)).
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence

Weighted = Sequence[tuple[float, float]]
"""Values, each with the shape of its weight: (0.5, 3) is the value 0.5 of three cases."""

STEP, HALVINGS = 0.5, 6
"""First step of the trapezoidal rule, and how often it may be halved."""

FARTHEST = 40.0
"""Where the integrand is negligible even for a single value with its weight."""


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
    single = [width * value / (1 - saddle * value) for value, shape in values if shape == 1]
    several = [(width * value / (1 - saddle * value), shape) for value, shape in values if shape != 1]

    def integrand(place: float) -> complex:
        # The points become sparse towards the ends, because the integrand falls only by a power if the cases are few.
        along = math.sinh(place)
        product = math.prod([complex(1, -along * ratio) for ratio in single], start=complex(-saddle, -along * width))
        logs = sum([shape * cmath.log(complex(1, -along * ratio)) for ratio, shape in several])
        return cmath.exp(-logs) / product * width * math.cosh(place)

    return min(1.0, max(0.0, _integral(integrand) / math.pi * math.exp(height)))


def _integral(integrand: Callable[[float], complex]) -> float:
    """The integral of the real part from 0 on, by the trapezoidal rule. The step is halved until that changes little;
    the error is then about the square of the change."""
    step = STEP
    total = integrand(0.0).real / 2 + _sum(integrand, step, step)
    for _ in range(HALVINGS):
        finer = total + _sum(integrand, step / 2, step)
        # The finer rule has half of the step, so its sum is twice as large.
        if abs(finer - 2 * total) < 1e-5 * abs(finer):
            return finer * step / 2
        total, step = finer, step / 2
    return total * step


def _sum(integrand: Callable[[float], complex], start: float, step: float) -> float:
    """The sum of the real part at `start` and every `step` from there, until the integrand is negligible."""
    total = 0.0
    place, size = start, complex(1)
    largest = 0.0
    while place < FARTHEST and abs(size) >= 1e-14 * largest:
        size = integrand(place)
        largest = max(largest, abs(size))
        total += size.real
        place += step
    return total


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
