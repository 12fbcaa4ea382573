"""Two versions compared on the same cases.

One procedure gives both the interval and the p-value (`stats/_mean.py`), so that p is below 0.05 exactly if the 95 %
interval does not include zero. A case is one observation, whatever the number of its answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from promptlab.stats._interval import CONFIDENCE, Interval
from promptlab.stats._mean import chance_above, chance_below, mean_interval, mean_of, mid_chance_above, weighted
from promptlab.stats._power import cases_to_tell, smallest_of
from promptlab.stats._tail import Weighted

ROUNDED = 1e-9
"""Differences below this are rounding errors of a mean, and no change."""

MCNEMAR = "exact McNemar test and its interval"
MEAN = "test of the mean change of the cases, each from -1 to 1"
RATE = "exact test of a rate against a known one"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions compared on the same cases. `difference` is the mean score after minus before, each from 0 to 1.

    `better` and `worse` are the numbers of cases that changed. `p` is two-sided; `interval` is that of the difference.
    `smallest` is the smallest true difference that this number of cases finds with a power of 80 %, None if there is
    none. `more` is the number of further cases that would settle the question: 0 if it is settled, None if it cannot be
    estimated because there is no difference so far. `changes` are the changes of the cases, each with its count.
    """

    cases: int
    before: float
    after: float
    better: int
    worse: int
    difference: float
    interval: Interval
    p: float
    method: str
    smallest: float | None
    more: int | None
    confidence: float = CONFIDENCE
    changes: Weighted = field(default=(), repr=False)
    bounds: tuple[float, float] = field(default=(-1.0, 1.0), repr=False)
    mid: bool = False

    @property
    def settled(self) -> bool:
        """True if the interval does not include zero, which is the same as a p-value below 1 - `confidence`."""
        return self.p < 1 - self.confidence

    def at(self, confidence: float) -> Comparison:
        """The same comparison at another confidence: its interval and its numbers of cases."""
        if confidence == self.confidence or not self.cases:
            return self
        return _compared(
            self.changes, (self.before, self.after), confidence, self.bounds, mid=self.mid, rate=self.method == RATE
        )

    def with_errors(self, errors: tuple[float, float]) -> Comparison:
        """The same comparison with another interval: the truth lies below and above it with these probabilities."""
        interval = mean_interval(self.changes, *self.bounds, confidence=self.confidence, mid=self.mid, errors=errors)
        return replace(self, interval=interval)


def mcnemar(better: int, worse: int) -> float:
    """The two-sided exact p-value of McNemar's test, for the numbers of cases that got better and worse.

    McNemar, Psychometrika 12 (1947), in its exact form.
    """
    changed = better + worse
    if changed == 0:
        return 1.0
    tail = ways = 1
    for count in range(min(better, worse)):
        ways = ways * (changed - count) // (count + 1)  # the number of ways to choose count + 1 of the changed cases
        tail += ways
    return min(1.0, math.ldexp(1.0, 1 - changed) * tail if changed < 1000 else _large_tail(tail, changed))


def _large_tail(tail: int, changed: int) -> float:
    # The sum may be too large for a float, but the ratio is not.
    shift = max(0, tail.bit_length() - 64)
    return math.ldexp(float(tail >> shift), shift + 1 - changed)


def compare_binary(pairs: Sequence[tuple[bool, bool]], *, confidence: float = CONFIDENCE) -> Comparison:
    """Compare passes before and after, one pair per case, with the exact McNemar test."""
    return compare_graded([[float(old)] for old, _ in pairs], [[float(new)] for _, new in pairs], confidence=confidence)


def compare_graded(
    before: Sequence[Sequence[float]],
    after: Sequence[Sequence[float]],
    *,
    confidence: float = CONFIDENCE,
    mid: bool = False,
    several: bool = False,
) -> Comparison:
    """Compare scores from 0 to 1, before and after. Each case has the scores of its repeats, at least one on each side.

    If every case changed by -1, 0 or 1, it is the exact McNemar test, or with `mid` the mid-p McNemar test. `several`
    says that each score is itself a mean of several answers, whose changes are seldom extreme (`reach`).
    """
    if len(before) != len(after) or not all(map(len, before)) or not all(map(len, after)):
        raise ValueError("every case needs scores before and after")
    if not all(-ROUNDED <= score <= 1 + ROUNDED for side in (before, after) for scores in side for score in scores):
        raise ValueError("a score that is compared must be between 0 and 1")
    if not before:
        return Comparison(0, 0.0, 0.0, 0, 0, 0.0, Interval(-1.0, 1.0), 1.0, MEAN, None, None, confidence)
    olds, news = [fmean(scores) for scores in before], [fmean(scores) for scores in after]
    changes = weighted(_change(old, new) for old, new in zip(olds, news, strict=True))
    farthest = reach(changes) if several else 1.0
    return _compared(changes, (fmean(olds), fmean(news)), confidence, (-farthest, farthest), mid=mid)


def reach(changes: Weighted) -> float:
    """How far the change of a case that was not seen may lie from 0, if every change is a mean of several answers.

    60 cases show what happens in one of twenty cases with a probability of 95 %. So from 60 cases on it is the largest
    change that was seen, up to 20 cases it is 1, the largest that there can be, and in between it is in between. Where
    nothing changed it is 1.
    """
    cases = math.fsum(count for _, count in changes)
    largest = max((abs(change) for change, _ in changes), default=0.0) or 1.0
    unsure = min(1.0, max(0.0, (60 - cases) / 40))
    return largest + unsure * (1 - largest)


def compare_with_rate(
    scores: Sequence[float], rate: float, *, confidence: float = CONFIDENCE, mid: bool = False
) -> Comparison:
    """Compare scores from 0 to 1, one for each case, with a known `rate`, such as that of guessing.

    For scores that are 0 or 1 it is the exact binomial test, with the interval of Clopper and Pearson; with `mid` it is
    the mid-p version of both.
    """
    if not 0 <= rate <= 1 or not all(-ROUNDED <= score <= 1 + ROUNDED for score in scores):
        raise ValueError("a score and the rate that it is compared with must be between 0 and 1")
    bounds = (-rate, 1 - rate)
    if not scores:
        empty = Interval(*bounds)
        return Comparison(0, rate, 0.0, 0, 0, 0.0, empty, 1.0, RATE, None, None, confidence, (), bounds)
    changes = weighted(min(bounds[1], max(bounds[0], round(score - rate, 9))) + 0.0 for score in scores)
    return _compared(changes, (rate, fmean(scores)), confidence, bounds, mid=mid, rate=True)


def _change(old: float, new: float) -> float:
    return min(1.0, max(-1.0, round(new - old, 9))) + 0.0  # no -0.0


def _compared(
    changes: Weighted,
    means: tuple[float, float],
    confidence: float,
    bounds: tuple[float, float],
    *,
    mid: bool,
    rate: bool = False,
) -> Comparison:
    better = int(sum(count for change, count in changes if change > 0))
    worse = int(sum(count for change, count in changes if change < 0))
    whole = not rate and all(change in (-1, 0, 1) for change, _ in changes)
    p = _mid_p(changes, bounds) if mid else mcnemar(better, worse) if whole else _p(changes, bounds)
    return Comparison(
        cases=int(sum(count for _, count in changes)),
        before=means[0],
        after=means[1],
        better=better,
        worse=worse,
        difference=mean_of(changes),
        interval=mean_interval(changes, *bounds, confidence=confidence, mid=mid),
        p=p,
        method=RATE if rate else MCNEMAR if whole else MEAN,
        smallest=None if rate else smallest_of(changes, confidence=confidence),
        more=0 if p < 1 - confidence else _more(changes, confidence, bounds),
        confidence=confidence,
        changes=changes,
        bounds=bounds,
        mid=mid,
    )


def _p(changes: Weighted, bounds: tuple[float, float]) -> float:
    low, high = bounds
    return min(1.0, 2 * min(chance_above(changes, 0.0, low), chance_below(changes, 0.0, high)))


def _mid_p(changes: Weighted, bounds: tuple[float, float]) -> float:
    above = mid_chance_above(changes, 0.0, bounds)
    return min(1.0, 2 * min(above, 1 - above))


def _more(changes: Weighted, confidence: float, bounds: tuple[float, float]) -> int | None:
    cases = int(sum(count for _, count in changes))
    if cases < 2:
        return None  # one case does not say how much cases vary
    needed = cases_to_tell(changes, 0.0, bounds, confidence=confidence)
    return None if needed is None else max(1, needed - cases)
