"""Looking at the data more than once, with a stated error rate: a group sequential test.

The error is spent over the looks, little at first (O'Brien & Fleming, Biometrics 35 (1979)); the spending function is
that of Lan & DeMets, Biometrika 70 (1983). The boundaries take into account how the looks depend on each other: under
"no difference" the sums over the cases seen so far are a random walk with normal steps, and the probability to cross at
a look is integrated numerically from look to look (Armitage, McPherson & Rowe, JRSS A 132 (1969)).

After the last look the interval is that of the stagewise ordering: a difference that was clear at an earlier look is
the more extreme one (Tsiatis, Rosner & Mehta, Biometrics 40 (1984)). It covers the truth with the stated probability
although the end was not fixed beforehand, which the usual interval does not.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from promptlab.stats._interval import CONFIDENCE

_NORMAL = NormalDist()
_NODES = 48
_FAR = 8.0
"""Standard deviations beyond which a normal variable is not expected."""
_STEP = 0.25
_OVERALL = tuple(_STEP * number for number in range(1, int(_FAR / _STEP) + 1))
"""The levels at which boundaries are tabulated, as standard deviations of a single two-sided test."""
HOPELESS = 0.05
"""If the predictive probability that the rest settles a question is below this, it cannot become clear."""


@dataclass(frozen=True)
class Look:
    """Look number `number`, from 0, of several; at each there are `shares` of all cases, rising, the last 1.0."""

    shares: tuple[float, ...] = (1.0,)
    number: int = 0

    def __post_init__(self) -> None:
        rising = list(self.shares) == sorted(set(self.shares)) and self.shares[0] > 0 and self.shares[-1] == 1.0
        if not self.shares or not rising or not 0 <= self.number < len(self.shares):
            raise ValueError("the looks must be rising shares of the cases, and the last must have all")

    @property
    def last(self) -> bool:
        return self.number + 1 == len(self.shares)

    def boundary(self, confidence: float = CONFIDENCE) -> float:
        """How many standard deviations from 0 settle the question at this look."""
        return boundaries(self.shares, 1 - confidence)[self.number]

    def confidence(self, confidence: float = CONFIDENCE) -> float:
        """The confidence of the interval at this look that, with those of all other looks, covers the truth with
        `confidence`: the repeated interval (Jennison & Turnbull, JRSS B 51 (1989))."""
        return 1 - 2 * _NORMAL.cdf(-self.boundary(confidence))

    def p(self, p: float) -> float:
        """The smallest error rate of all looks together at which a two-sided p-value `p` of this look settles the
        question: the repeated p-value (Jennison & Turnbull, Group Sequential Methods (2000), chapter 9)."""
        if len(self.shares) == 1:
            return p
        found, edges = deviations_of(p), _edges(self.shares, self.number)
        place = bisect_left(edges, found)
        if place == 0:
            return 1.0
        if place == len(edges):
            return 2 * _NORMAL.cdf(-_OVERALL[-1])
        part = (found - edges[place - 1]) / (edges[place] - edges[place - 1])
        return 2 * _NORMAL.cdf(-(_OVERALL[place - 1] + part * _STEP))

    def errors(self, deviations: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """The one-sided errors at which the usual interval at this look is that of the stagewise ordering.

        `deviations` is how far the difference lies from 0, in standard deviations.
        """
        if self.number == 0:
            return (1 - confidence) / 2, (1 - confidence) / 2
        seen = round(max(-_FAR, min(_FAR, deviations)), 3)
        return (
            _stagewise(self.shares[: self.number + 1], seen, confidence, self.shares),
            _stagewise(self.shares[: self.number + 1], -seen, confidence, self.shares),
        )

    def promise(self, deviations: float, confidence: float = CONFIDENCE) -> float:
        """The predictive probability that the last look is beyond its boundary, if it goes on as it went so far.

        Spiegelhalter, Freedman & Blackburn, Controlled Clinical Trials 7 (1986).
        """
        edge, share = boundaries(self.shares, 1 - confidence)[-1], self.shares[self.number]
        if share == 1:
            return float(abs(deviations) >= edge)
        expected, spread = deviations / math.sqrt(share), math.sqrt((1 - share) / share)
        return _NORMAL.cdf((expected - edge) / spread) + _NORMAL.cdf((-expected - edge) / spread)

    def promise_within(self, difference: float, error: float, margin: float, confidence: float = CONFIDENCE) -> float:
        """The predictive probability that the last interval lies within `margin` of 0. `error` is the standard error of
        `difference` now."""
        share = self.shares[self.number]
        room = margin - boundaries(self.shares, 1 - confidence)[-1] * error * math.sqrt(share)
        if room <= 0:
            return 0.0
        spread = error * math.sqrt(1 - share)
        if spread == 0:
            return float(abs(difference) < room)
        return _NORMAL.cdf((room - difference) / spread) - _NORMAL.cdf((-room - difference) / spread)


def deviations_of(p: float) -> float:
    """A two-sided p-value in standard deviations."""
    return -_NORMAL.inv_cdf(max(p / 2, 1e-16)) if p < 1 else 0.0


@lru_cache(maxsize=4_096)
def boundaries(shares: tuple[float, ...], error: float) -> tuple[float, ...]:
    """How many standard deviations from 0 settle the question at each look, with a two-sided `error` over all looks."""
    single = deviations_of(error / 2)
    spent = [2 * _NORMAL.cdf(-single / math.sqrt(share)) for share in shares]  # on each side
    walk, edges = _Walk(shares, 0.0), list[float]()
    for now, before in zip(spent, [0.0, *spent[:-1]], strict=True):
        edge = _root(lambda edge, more=now - before: more - walk.above(edge))  # type: ignore[misc]  # binds the loop's value
        edges.append(edge)
        walk.go_on(edge)
    return tuple(edges)


@lru_cache(maxsize=256)
def _edges(shares: tuple[float, ...], number: int) -> list[float]:
    """The boundary of a look at each of the tabulated levels."""
    return [boundaries(shares, 2 * _NORMAL.cdf(-level))[number] for level in _OVERALL]


@lru_cache(maxsize=65_536)
def _stagewise(until: tuple[float, ...], seen: float, confidence: float, shares: tuple[float, ...]) -> float:
    """The error of the lower end. The upper end is that of the difference turned around."""
    edges, share = boundaries(shares, 1 - confidence), until[-1]

    def chance(end: float) -> float:
        """The probability of what was seen, or more, if the truth lies `end` deviations below what was seen."""
        walk, total = _Walk(until, (seen - end) / math.sqrt(share)), 0.0
        for edge in edges[: len(until) - 1]:
            total += walk.above(edge)
            walk.go_on(edge)
        return total + walk.above(seen)

    return _NORMAL.cdf(-_root(lambda end: (1 - confidence) / 2 - chance(end), low=-_FAR))


def _root(rising: Callable[[float], float], low: float = 0.0, high: float = 2 * _FAR) -> float:
    """Where a rising function is 0: false position, with a halving at every third step so that no end gets stuck."""
    at_low, at_high = rising(low), rising(high)
    if at_low >= 0:
        return low
    if at_high <= 0:
        return high
    for step in range(200):
        middle = (low * at_high - high * at_low) / (at_high - at_low) if step % 3 else (low + high) / 2
        found = rising(middle)
        if found < 0:
            low, at_low = middle, found
        else:
            high, at_high = middle, found
        if high - low < 1e-7 or found == 0:
            break
    return (low + high) / 2


class _Walk:
    """The distribution of the deviation at each look, for those that no boundary has stopped before."""

    def __init__(self, shares: tuple[float, ...], drift: float) -> None:
        self._shares, self._drift, self._look = shares, drift, 0
        self._points: list[tuple[float, float]] = [(0.0, 1.0)]  # the sum so far, and its probability

    @property
    def _step(self) -> tuple[float, float, float]:
        """The root of the share at this look, mean and deviation of the step to it."""
        before = self._shares[self._look - 1] if self._look else 0.0
        part = self._shares[self._look] - before
        return math.sqrt(self._shares[self._look]), self._drift * part, math.sqrt(part)

    def above(self, edge: float) -> float:
        """The probability to be above `edge` at this look, and not stopped before."""
        root, mean, deviation = self._step
        scale, end = deviation * math.sqrt(2), edge * root - mean
        return math.fsum(weight * math.erfc((end - place) / scale) for place, weight in self._points) / 2

    def go_on(self, edge: float) -> None:
        """Stop what is beyond `edge`, and take the step to the next look."""
        root, mean, deviation = self._step
        half = min(edge, _FAR + abs(self._drift)) * root
        points = []
        for node, share in _gauss_legendre(_NODES):
            place = node * half
            density = math.fsum(
                weight * math.exp(-(((place - mean - before) / deviation) ** 2) / 2) for before, weight in self._points
            )
            points.append((place, share * half * density / (deviation * math.sqrt(2 * math.pi))))
        self._points, self._look = points, self._look + 1


@lru_cache(maxsize=4)
def _gauss_legendre(count: int) -> tuple[tuple[float, float], ...]:
    """Places and weights of the Gauss-Legendre rule on [-1, 1]."""
    points = []
    for number in range(count):
        x = math.cos(math.pi * (number + 0.75) / (count + 0.5))
        slope = 1.0
        for _ in range(50):
            now, before = 1.0, 0.0
            for degree in range(count):
                now, before = ((2 * degree + 1) * x * now - degree * before) / (degree + 1), now
            slope = count * (x * now - before) / (x * x - 1)
            x -= now / slope
            if abs(now / slope) < 1e-15:
                break
        points.append((x, 2 / ((1 - x * x) * slope * slope)))
    return tuple(points)
