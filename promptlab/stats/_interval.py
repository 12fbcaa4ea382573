"""An interval, and the numbers that every test here begins with."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95
POWER = 0.8
"""The probability to find a true effect of the given size."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float


def error_of(confidence: float) -> float:
    """The probability of error on each side of an interval: 0.025 for 0.95."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence} is not between 0 and 1")
    return (1 - confidence) / 2


def deviations(confidence: float) -> float:
    """Half the width of a normal interval of this confidence, in standard deviations."""
    return -NormalDist().inv_cdf(error_of(confidence))
