"""Ways to get an interval of a mean change, each for thousands of suites at once (numpy): ours, the one that promptlab
had before, and others that were tried.

Every way takes the changes of the cases (a row per suite) and says, for each suite and a true mean: is it below the
interval, and is it above it? An interval is made of the means for which neither is so.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from benchmarks.populations import Numbers

ERROR = 0.025
Verdicts = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""For each suite: the interval lies above the true mean; it lies below it."""

Way = Callable[[Numbers, float, float], Verdicts]
"""(changes, true mean, lowest possible value) -> verdicts. The highest possible value is 1."""


def ours(changes: Numbers, truth: float, lowest: float) -> Verdicts:
    """`promptlab.stats`, in numpy. The benchmark compares it with the package itself."""
    return chance_above(changes, truth, lowest) < ERROR, chance_above(-changes, -truth, -1.0) < ERROR


def chance_above(values: Numbers, edge: float, lowest: float) -> Numbers:
    """`promptlab.stats._mean.chance_above` for every row."""
    added = np.full((len(values), 1), lowest - edge)
    rows = np.sort(np.round(np.concatenate([values - edge, added], axis=1), 12), axis=1)
    rows, place = np.unique(rows, axis=0, return_inverse=True)
    return _not_above_zero(rows)[place.reshape(-1)]


def _not_above_zero(rows: Numbers) -> Numbers:
    result = np.where(rows.max(axis=1) <= 0, 1.0, 0.0)
    open_ = (rows.max(axis=1) > 0) & (rows.min(axis=1) < 0)
    turned = rows.sum(axis=1) < 0
    tail = _lower_tail(np.where(turned[open_, None], -rows[open_], rows[open_]))
    result[open_] = np.where(turned[open_], 1 - tail, tail)
    return result


def _lower_tail(rows: Numbers) -> Numbers:
    low, high = 1 / rows.min(axis=1), np.zeros(len(rows))
    first, second = rows.sum(axis=1), (rows**2).sum(axis=1)
    point = -(first + np.sqrt(first**2 + 4 * second)) / (2 * second)
    point = np.where(point <= low, 0.9 * low, point)
    for _ in range(25):
        part = rows / (1 - point[:, None] * rows)
        slope, curvature = part.sum(axis=1) - 1 / point, (part**2).sum(axis=1) + 1 / point**2
        low, high = np.where(slope > 0, low, point), np.where(slope > 0, point, high)
        moved = point - slope / curvature
        if np.all(np.abs(moved - point) * np.sqrt(curvature) < 1e-3):
            break
        point = np.where((low < moved) & (moved < high), moved, (low + high) / 2)
    ratio = rows / (1 - point[:, None] * rows)
    width = 1 / np.sqrt((ratio**2).sum(axis=1) + 1 / point**2)
    height = -np.log1p(-point[:, None] * rows).sum(axis=1)
    total, step = np.zeros(len(rows)), 0.2
    for number in range(200):
        along = width * np.sinh(number * step)
        # Rows that are done go on until the last one is, and may overflow: they add nothing any more.
        with np.errstate(over="ignore", invalid="ignore"):
            product = np.prod(1 - 1j * along[:, None] * ratio, axis=1) * (-point - 1j * along)
            size = np.where(np.isfinite(product), 1 / product, 0) * width * np.cosh(number * step)
        total += size.real if number else size.real / 2
        if np.all(np.abs(size) < 1e-9 * np.abs(total)):
            break
    return np.clip(total * step / np.pi * np.exp(height), 0, 1)


def before(changes: Numbers, truth: float, _lowest: float) -> Verdicts:
    """What promptlab had until 29 November 2026: see `interval_before`."""
    low, high = interval_before(changes)
    return low > truth, high < truth


def interval_before(changes: Numbers) -> tuple[Numbers, Numbers]:
    """The percentile bootstrap; no interval below 8 cases; Wilson's if nothing changed; and the interval of Agresti and
    Min if every case has one answer that passes or not."""
    suites, cases = changes.shape
    still = ~changes.any(axis=1)
    if np.isin(changes, (-1.0, 0.0, 1.0)).all():
        better, worse, n = (changes > 0).sum(axis=1), (changes < 0).sum(axis=1), cases + 2
        middle = (better - worse) / n
        half = 1.959964 * np.sqrt(np.maximum(0, (better + worse + 1) / n - middle**2) / n)
        return np.maximum(-1, middle - half), np.minimum(1, middle + half)
    if cases < 8:
        return -np.ones(suites), np.ones(suites)
    low, high = np.quantile(_resampled(changes), [ERROR, 1 - ERROR], axis=1)
    wilson = 3.841459 / (cases + 3.841459)
    return np.where(still, -wilson, low), np.where(still, wilson, high)


def rate_before(shares: Numbers, answers: int, truth: float) -> Verdicts:
    """The interval of a pass rate until then: Wilson's, for an effective number of observations (Kish)."""
    cases = shares.shape[1]
    rate = shares.mean(axis=1)
    spread = ((shares - rate[:, None]) ** 2).sum(axis=1) / cases**2 * cases / (cases - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(spread > 0, rate * (1 - rate) / spread, cases * answers)
    worth = np.clip(worth, cases, cases * answers)
    worth = np.where((rate > 0) & (rate < 1), worth, cases)
    part = 3.841459 / worth
    middle = (rate + part / 2) / (1 + part)
    half = 1.959964 * np.sqrt(rate * (1 - rate) / worth + part / (4 * worth)) / (1 + part)
    return middle - half > truth, middle + half < truth


def _resampled(changes: Numbers, draws: int = 500) -> Numbers:
    rng = np.random.default_rng(1)
    suites, cases = changes.shape
    means = np.empty((suites, draws))
    for number in range(draws):
        means[:, number] = np.take_along_axis(changes, rng.integers(0, cases, (suites, cases)), axis=1).mean(axis=1)
    return means


def student(changes: Numbers, truth: float, _lowest: float) -> Verdicts:
    """Student's t."""
    cases = changes.shape[1]
    half = scipy_stats.t.ppf(1 - ERROR, cases - 1) * changes.std(axis=1, ddof=1) / np.sqrt(cases)
    mean = changes.mean(axis=1)
    return mean - half > truth, mean + half < truth


def studentised(changes: Numbers, truth: float, _lowest: float) -> Verdicts:
    """The bootstrap of t: resamples are measured by their own deviation."""
    rng = np.random.default_rng(1)
    suites, cases = changes.shape
    mean, error = changes.mean(axis=1), changes.std(axis=1, ddof=1) / np.sqrt(cases)
    ratios = np.zeros((suites, 500))
    for number in range(500):
        drawn = np.take_along_axis(changes, rng.integers(0, cases, (suites, cases)), axis=1)
        spread = drawn.std(axis=1, ddof=1) / np.sqrt(cases)
        moved = drawn.mean(axis=1) - mean
        ratios[:, number] = np.where(spread > 1e-12, moved / np.maximum(spread, 1e-12), np.sign(moved) * 1e9)
    low, high = np.quantile(ratios, [ERROR, 1 - ERROR], axis=1)
    return mean - high * error > truth, mean - low * error < truth


def sign_flips(changes: Numbers, truth: float, _lowest: float) -> Verdicts:
    """The permutation test of signs, inverted: valid if changes are symmetric about their mean."""
    rng = np.random.default_rng(1)
    moved = changes - truth
    seen = moved.sum(axis=1)
    above, below = np.ones(len(moved)), np.ones(len(moved))
    for _ in range(999):
        total = (moved * rng.choice([-1.0, 1.0], moved.shape)).sum(axis=1)
        above += total >= seen - 1e-9
        below += total <= seen + 1e-9
    return above / 1_000 < ERROR, below / 1_000 < ERROR


def betting(changes: Numbers, truth: float, lowest: float) -> Verdicts:
    """A bet against the mean whose capital exceeds 1 / error (Waudby-Smith & Ramdas, JRSS B 86 (2024), 1)."""
    return _bet(changes, truth, lowest), _bet(-changes, -truth, -1.0)


def _bet(changes: Numbers, truth: float, lowest: float) -> NDArray[np.bool_]:
    # On the scale from 0 to 1, in the order of the cases, with the bets of their predictable plug-in for a fixed n.
    scale = 1 - lowest
    values, edge = (changes - lowest) / scale, (truth - lowest) / scale
    cases = values.shape[1]
    capital, highest = np.zeros(len(values)), np.full(len(values), -np.inf)
    total, squares = np.full(len(values), 0.5), np.full(len(values), 0.25)
    for number in range(cases):
        bet = np.sqrt(2 * np.log(1 / ERROR) * (number + 1) / (squares * cases))
        capital += np.log1p(np.minimum(bet, 0.75 / max(edge, 1e-9)) * (values[:, number] - edge))
        highest = np.maximum(highest, capital)
        total += values[:, number]
        squares += (values[:, number] - total / (number + 2)) ** 2
    return highest > np.log(1 / ERROR)


WAYS: dict[str, Way] = {
    "before": before,
    "ours": ours,
    "Student's t": student,
    "bootstrap of t": studentised,
    "sign flips": sign_flips,
    "betting": betting,
}
