"""Strengths of several contenders from comparisons of two: the model of Bradley and Terry, Biometrika 39 (1952), 324.

    strengths(contests)["gemma"]      # Strength(rate=0.71, interval=Interval(low=0.58, high=0.81), log=0.62)

A strength is shown as the expected win rate against the others. Its interval is made as that of a mean
(`stats/_mean.py`): the cases get random weights, and one more case is added, in which the contender loses everything
for the lower end and wins everything for the upper end. With two contenders it is the interval of Clopper and Pearson.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from promptlab.stats._interval import CONFIDENCE, Interval, error_of

DRAWS = 600
RIDGE = 1e-3
"""So weak a pull to equal strengths that it moves no rate by a point, but a contender that never lost stays finite."""
PRECISE = 1e-7

Contest = tuple[str, str, float]
"""Two contenders, and the share of the first: 1 it won, 0 it lost, 0.5 a tie."""
Case = tuple[Contest, ...]


@dataclass(frozen=True, slots=True)
class Strength:
    """`rate` is the expected win rate against the other contenders, `log` the strength itself, the mean of all being
    0. Interval and rate are shares from 0 to 1."""

    rate: float
    interval: Interval
    log: float


def components(contests: Iterable[Contest]) -> list[tuple[str, ...]]:
    """The groups of contenders that were compared with each other, directly or through others."""
    groups: list[set[str]] = []
    for one, other, _ in contests:
        near = [group for group in groups if group & {one, other}]
        groups = [group for group in groups if group not in near] + [{one, other}.union(*near)]
    return [tuple(sorted(group)) for group in groups]


def strengths(cases: Sequence[Case], *, confidence: float = CONFIDENCE) -> dict[str, Strength]:
    """The strengths of all contenders of `cases`, each case with its contests.

    Raises `ValueError` if some were never compared with the others: then no strength can be computed.
    """
    return dict(_strengths(tuple(cases), confidence))


@lru_cache(maxsize=32)
def _strengths(cases: tuple[Case, ...], confidence: float) -> tuple[tuple[str, Strength], ...]:
    groups = components(contest for case in cases for contest in case)
    if len(groups) != 1:
        shown = "; ".join(", ".join(group) for group in groups) or "nothing was compared"
        raise ValueError(f"these were never compared with each other: {shown}")
    names = list(groups[0])
    place = {name: number for number, name in enumerate(names)}
    rows = [[(place[one], place[other], share) for one, other, share in case] for case in cases]
    best = _fit(_sums(rows, [1.0] * len(rows)), len(names), [0.0] * len(names))
    # The same weights for all ends, so that contenders are compared on the same draws.
    chance = random.Random(len(rows))
    draws = [[chance.expovariate(1) for _ in range(len(rows) + 1)] for _ in range(DRAWS)]
    found = []
    for name, number in place.items():
        ends = [_end(rows, draws, best, number, share, confidence) for share in (0.0, 1.0)]
        rate = _rate(best, number)
        interval = Interval(min(rate, ends[0]), max(rate, ends[1]))
        found.append((name, Strength(rate, interval, best[number] - fmean(best))))
    return tuple(found)


Sums = dict[tuple[int, int], tuple[float, float]]
"""For two contenders: how often they met, and the sum of the first one's shares."""


def _sums(rows: Sequence[Sequence[tuple[int, int, float]]], weights: Sequence[float]) -> Sums:
    sums: Sums = {}
    for row, weight in zip(rows, weights, strict=False):
        for one, other, share in row:
            pair, won = ((one, other), share) if one < other else ((other, one), 1 - share)
            met, so_far = sums.get(pair, (0.0, 0.0))
            sums[pair] = met + weight, so_far + weight * won
    return sums


def _end(
    rows: Sequence[Sequence[tuple[int, int, float]]],
    draws: Sequence[Sequence[float]],
    best: Sequence[float],
    number: int,
    share: float,
    confidence: float,
) -> float:
    """The lower end (`share` 0) or the upper end (`share` 1) of the rate of the contender `number`."""
    met = {other for row in rows for one, two, _ in row if number in (one, two) for other in (one, two)} - {number}
    # A case of the usual size: as many contests of this contender as it has in the case with the most.
    most = max(sum(number in contest[:2] for contest in row) for row in rows)
    more = [[(number, other, share) for other in sorted(met)]]
    ends = []
    for weights in draws:
        sums = _sums(rows, weights)
        for pair, (count, won) in _sums(more, [weights[-1] * most / len(met)]).items():
            before = sums.get(pair, (0.0, 0.0))
            sums[pair] = before[0] + count, before[1] + won
        ends.append(_rate(_fit(sums, len(best), best), number))
    ends.sort()
    rank = math.floor(error_of(confidence) * len(ends))
    return ends[rank] if share == 0 else ends[-1 - rank]


def _rate(logs: Sequence[float], number: int) -> float:
    return fmean(_logistic(logs[number] - log) for other, log in enumerate(logs) if other != number)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def _fit(sums: Sums, size: int, start: Sequence[float]) -> list[float]:
    """The log strengths of the largest likelihood, by Newton's method; the ridge makes them unique."""
    logs = list(start)
    for _ in range(100):
        slope = [-RIDGE * log for log in logs]
        curve = [[RIDGE if row == column else 0.0 for column in range(size)] for row in range(size)]
        for (one, other), (met, won) in sums.items():
            chance = _logistic(logs[one] - logs[other])
            slope[one] += won - met * chance
            slope[other] -= won - met * chance
            bend = met * chance * (1 - chance)
            curve[one][one] += bend
            curve[other][other] += bend
            curve[one][other] -= bend
            curve[other][one] -= bend
        step = _solved(curve, slope)
        largest = max(map(abs, step))
        # Far from the top the curve is flat and a full step overshoots.
        scale = min(1.0, 2.0 / largest) if largest else 1.0
        logs = [log + scale * move for log, move in zip(logs, step, strict=True)]
        if largest < PRECISE:
            break
    return logs


def _solved(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The solution of a system with a symmetric positive definite matrix, by elimination."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for pivot in range(size):
        for row in range(pivot + 1, size):
            factor = rows[row][pivot] / rows[pivot][pivot]
            if factor:
                rows[row] = [mine - factor * top for mine, top in zip(rows[row], rows[pivot], strict=True)]
    solution = [0.0] * size
    for row in range(size - 1, -1, -1):
        known = math.fsum(rows[row][column] * solution[column] for column in range(row + 1, size))
        solution[row] = (rows[row][size] - known) / rows[row][row]
    return solution
