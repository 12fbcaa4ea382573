"""Whether a difference that is said to be found in 80 % of suites is found so often: "smallest difference", and "cases
more"."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import interval_methods as methods
from promptlab import stats
from promptlab.stats._power import cases_to_tell

REACH = 1.959964 + 0.841621
SUITES = 10_000


@dataclass(frozen=True)
class Power:
    """How often a difference is found by so many cases, by the formula before and by ours; both said 80 %."""

    what: str
    cases: int
    difference: float
    before: float | None
    ours: float


def powers(fast: bool) -> list[Power]:
    """The power that was simulated, at the numbers that each method gives."""
    rng = np.random.default_rng(6)
    found = []
    for cases, changed in (
        ((20, 0.1), (100, 0.2)) if fast else ((8, 0.3), (20, 0.1), (50, 0.05), (100, 0.2), (400, 0.3))
    ):
        effect = stats.smallest_effect(cases, changed)
        assert effect is not None
        old = _smallest_before(cases, changed)
        before = None if old is None else _power(rng, cases, old, changed)
        what = f"smallest difference, {100 * changed:g} % change"
        found.append(Power(what, cases, effect, before, _power(rng, cases, effect, changed)))
    for difference, changed in ((0.1, 0.2),) if fast else ((0.05, 0.1), (0.1, 0.2), (0.2, 0.2), (0.3, 0.5)):
        needed, old_needed = stats.cases_needed(difference, changed), _needed_before(difference, changed)
        before = _power(rng, old_needed, difference, changed)
        what = f"cases needed, {100 * changed:g} % change"
        found.append(Power(what, needed, difference, before, _power(rng, needed, difference, changed)))
    found += [_graded(rng, difference, spread) for difference, spread in ((0.1, 0.3), (0.05, 0.2))]
    return found


def _power(rng: np.random.Generator, cases: int, difference: float, changed: float) -> float:
    """How often McNemar's test finds the difference."""
    changed = max(changed, difference)
    better = (changed + difference) / 2
    drawn = rng.multinomial(cases, [better, max(0.0, changed - better), 1 - changed], SUITES)
    pairs, place = np.unique(drawn[:, :2], axis=0, return_inverse=True)
    shown = np.array([stats.mcnemar(int(up), int(down)) < 0.05 and up > down for up, down in pairs])
    return float(np.mean(shown[place.reshape(-1)]))


def _needed_before(difference: float, changed: float) -> int:
    """Connor's formula, which is about the normal approximation of the test."""
    spread = 0.841621 * math.sqrt(max(0.0, changed - difference**2))
    return math.ceil(((1.959964 * math.sqrt(changed) + spread) / difference) ** 2)


def _smallest_before(cases: int, changed: float) -> float | None:
    """To a tenth of a point; at least six changes, which the exact test needs."""
    sizes = (size / 1000 for size in range(6000 // cases, 1001))
    return next((size for size in sizes if _needed_before(size, max(changed, size)) <= cases), None)


def _graded(rng: np.random.Generator, difference: float, spread: float) -> Power:
    """Changes of any size: the number of cases that would tell, and how often they do."""
    pilot = [(difference + spread, 500.0), (difference - spread, 500.0)]
    needed = cases_to_tell(pilot, 0.0, (-1.0, 1.0), confidence=0.95)
    assert needed is not None
    cases_before = math.ceil((REACH * spread / difference) ** 2)

    def shown(cases: int) -> float:
        drawn = _with_spread(rng, difference, spread, (2_000, cases))
        return float(np.mean(methods.ours(drawn, 0.0, -1.0)[0]))

    return Power(
        f"cases more, changes of spread {100 * spread:g} points", needed, difference, shown(cases_before), shown(needed)
    )


def _with_spread(rng: np.random.Generator, mean: float, spread: float, shape: tuple[int, int]) -> NDArray[np.float64]:
    # Uniform, so that no value leaves the range from -1 to 1.
    return mean + spread * math.sqrt(3) * rng.uniform(-1, 1, shape)
