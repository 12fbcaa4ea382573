"""The mean of what people would say of all answers, from a judge's scores of all and the marks of people of a few.

    corrected(judge, people)      # judge: {case: score}, people: {case: mark}, for fewer cases

Prediction-powered inference: the judge's mean over all cases, plus the mean error of the judge on the marked cases.
How much the judge counts (`weight`, from 0 to 1) is chosen so that the interval is short: a judge that says nothing
about people's marks gets the weight 0, and the interval is that of the marks alone. Angelopoulos and others, Science
382 (2023), 669; the weight is that of PPI++, arXiv 2311.01453 (2023).

Their interval is the normal one, which is wrong for few marks: ten marks that are all good would give 100 % for sure.
Here the two means are drawn as in `stats/_mean.py`, with one more case at the bound for each, so that what was not seen
counts too. benchmarks/judge_correction.py simulates it.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from promptlab.stats._interval import CONFIDENCE, Interval, error_of
from promptlab.stats._mean import mean_interval, weighted

DRAWS = 8_000
STEPS = 60
"""Many different values are put into so many groups before the draws, so that many cases cost no more than a few."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A mean corrected by marks, with its interval.

    `judge` is the judge's mean over all `cases`, `marks` the mean of the `marked` cases alone, with the interval that
    they give without a judge. `weight` is how much the judge counts.
    """

    estimate: float
    interval: Interval
    cases: int
    marked: int
    judge: float
    marks: float
    marks_interval: Interval
    weight: float


def corrected(
    judge: Mapping[str, float],
    people: Mapping[str, float],
    *,
    low: float = 0.0,
    high: float = 1.0,
    confidence: float = CONFIDENCE,
) -> Corrected:
    """The corrected mean. `judge` has a value for every case, `people` for those that are marked; all lie between
    `low` and `high`. Raises `ValueError` if a marked case has no value of the judge, or fewer than two are marked.

    The marked cases must be a random part of all.
    """
    if missing := [case for case in people if case not in judge]:
        raise ValueError(f"the judge has no score of {missing[0]}")
    if len(people) < 2:
        raise ValueError("fewer than two cases are marked")
    marks = list(people.values())
    pairs = [(judge[case], mark) for case, mark in people.items()]
    rest = [value for case, value in judge.items() if case not in people]
    alone = mean_interval(weighted(marks), low, high, confidence=confidence)
    weight = _weight(pairs, rest) if rest else 0.0
    estimate, interval = fmean(marks), alone
    if weight:
        errors = [mark - weight * value for value, mark in pairs]
        estimate = min(high, max(low, fmean(errors) + weight * fmean(rest)))
        ends = [
            _end([side * error for error in errors], [side * weight * value for value in rest], bounds, confidence)
            for side, bounds in (
                (1, (low - weight * high, weight * low)),
                (-1, (-(high - weight * low), -weight * high)),
            )
        ]
        interval = Interval(max(low, min(ends[0], estimate)), min(high, max(-ends[1], estimate)))
    return Corrected(*(estimate, interval, len(judge), len(people), fmean(judge.values()), fmean(marks), alone, weight))


def _weight(pairs: Sequence[tuple[float, float]], rest: Sequence[float]) -> float:
    """The weight of the judge with the shortest interval; one mark more, on which the judge is wrong, keeps it from
    trusting a judge after a few lucky marks."""
    marked, more = len(pairs), len(rest)
    means = [fmean(pair[side] for pair in pairs) for side in (0, 1)]
    values = [*(value for value, _ in pairs), *rest]
    spread = fmean((value - fmean(values)) ** 2 for value in values)
    if not spread:
        return 0.0
    together = math.fsum((value - means[0]) * (mark - means[1]) for value, mark in pairs) / (marked + 1)
    return min(1.0, max(0.0, together / spread / (1 + marked / more)))


def _end(errors: Sequence[float], rest: Sequence[float], bounds: tuple[float, float], confidence: float) -> float:
    """The lower end of the sum of two means whose values are not below `bounds`."""
    chance = random.Random(0)
    parts = [_shapes([*values, bound], bound) for values, bound in zip((errors, rest), bounds, strict=True)]
    draws = sorted(math.fsum(_drawn(chance, shapes) for shapes in parts) for _ in range(DRAWS))
    return draws[math.floor(error_of(confidence) * DRAWS)]


def _shapes(values: Sequence[float], bound: float) -> list[tuple[float, int]]:
    """Each value with its count. If there are many, near ones are one: their mean, so that the mean of all stays."""
    if len(set(values)) <= STEPS:
        return list(Counter(values).items())
    step = (max(values) - bound) / STEPS
    groups: dict[int, list[float]] = {}
    for value in values:
        groups.setdefault(math.floor((value - bound) / step), []).append(value)
    return [(fmean(group), len(group)) for group in groups.values()]


def _drawn(chance: random.Random, shapes: Sequence[tuple[float, int]]) -> float:
    """The mean of the values with random weights."""
    weights = [chance.gammavariate(count, 1) for _, count in shapes]
    return math.fsum(w * value for w, (value, _) in zip(weights, shapes, strict=True)) / math.fsum(weights)
