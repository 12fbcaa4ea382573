"""Group sequential tests: published boundaries, the normal integral of scipy, and coverage by simulation."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

import pytest

from promptlab import stats
from promptlab.stats._sequential import _Walk, boundaries

NORMAL = NormalDist()
FOUR = (0.25, 0.5, 0.75, 1.0)
FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


def crossed(shares: tuple[float, ...], edges: list[float]) -> float:
    """The probability to be beyond an edge, on either side, at any look."""
    walk, total = _Walk(shares, 0.0), 0.0
    for edge in edges:
        total += 2 * walk.above(edge)
        if edge is not edges[-1]:
            walk.go_on(edge)
    return total


@pytest.mark.parametrize(
    ("looks", "obrien_fleming", "pocock"),
    # Jennison & Turnbull, Group Sequential Methods (2000), tables 2.1 and 2.3, for a two-sided error of 0.05.
    [(2, 1.977, 2.178), (3, 2.004, 2.289), (4, 2.024, 2.361), (5, 2.040, 2.413), (10, 2.087, 2.555)],
)
def test_the_error_of_published_boundaries_is_as_published(looks: int, obrien_fleming: float, pocock: float) -> None:
    shares = tuple((look + 1) / looks for look in range(looks))
    assert crossed(shares, [obrien_fleming / math.sqrt(share) for share in shares]) == pytest.approx(0.05, abs=2e-4)
    assert crossed(shares, [pocock + 0 * share for share in shares]) == pytest.approx(0.05, abs=2e-4)


def test_the_boundaries_are_those_of_lan_and_demets() -> None:
    # As R's ldbounds and gsDesign give them for five looks with O'Brien-Fleming spending.
    assert boundaries(FIVE, 0.05) == pytest.approx((4.8769, 3.3569, 2.6803, 2.2898, 2.0310), abs=1e-3)


def test_a_walk_has_the_probabilities_of_scipy() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    shares, edges = (0.3, 0.7, 1.0), (2.5, 2.2, 1.0)
    walk, tail = _Walk(shares, 0.0), 0.0
    for edge in edges[:2]:
        walk.go_on(edge)
    tail = walk.above(edges[2])
    joint = [[math.sqrt(min(a, b) / max(a, b)) for b in shares] for a in shares]
    normal = scipy_stats.multivariate_normal(cov=joint)
    inside = normal.cdf([*edges[:2], 9.0], lower_limit=[-2.5, -2.2, edges[2]])
    assert tail == pytest.approx(inside, abs=2e-4)


def test_one_look_is_the_usual_test() -> None:
    look = stats.Look()
    assert look.boundary() == pytest.approx(1.95996, abs=1e-4)
    assert (look.p(0.03), look.errors(3.0)) == (0.03, (pytest.approx(0.025), pytest.approx(0.025)))


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_what_is_settled_has_an_interval_without_zero(number: int) -> None:
    look = stats.Look(FOUR, number)
    edge = look.boundary()
    assert look.p(2 * NORMAL.cdf(-edge)) == pytest.approx(0.05, abs=5e-4)
    lower = edge + NORMAL.inv_cdf(look.errors(edge)[0])
    assert lower == pytest.approx(0, abs=5e-3) if look.last else lower > 0.3
    assert NORMAL.inv_cdf(look.repeated_errors()[0]) == pytest.approx(-edge)


@pytest.mark.parametrize("looks", [(), (0.5,), (0.5, 0.4, 1.0), (0.0, 1.0)])
def test_looks_that_are_none_are_refused(looks: tuple[float, ...]) -> None:
    with pytest.raises((ValueError, IndexError)):
        stats.Look(looks)


@pytest.mark.parametrize("drift", [0.0, 1.5, 3.0])
def test_the_interval_covers_although_the_end_was_not_fixed(drift: float) -> None:
    rng, times, covered, usual, rejected = random.Random(11), 3_000, 0, 0, 0
    for _ in range(times):
        total = 0.0
        for number, share in enumerate(FOUR):
            total += rng.gauss(drift / 4, 0.5)
            look, seen = stats.Look(FOUR, number), total / math.sqrt(share)
            if abs(seen) >= look.boundary() or look.last:
                break
        rejected += seen >= look.boundary()
        below, above = look.errors(seen)
        truth = drift * math.sqrt(share)
        covered += seen + NORMAL.inv_cdf(below) <= truth <= seen - NORMAL.inv_cdf(above)
        usual += abs(seen - truth) <= 1.96
    made_up = 3.5 * math.sqrt(0.05 * 0.95 / times)
    assert covered / times == pytest.approx(0.95, abs=made_up)
    if drift == 0:
        assert rejected / times < 0.025 + made_up
    if drift == 3.0:
        assert usual < covered  # what the stagewise interval mends


def test_what_cannot_become_clear_is_given_up_and_nothing_else() -> None:
    look = stats.Look(FOUR, 2)
    assert look.promise(0.3) < stats.HOPELESS < look.promise(1.5)
    assert look.promise(3.0) > 0.95
    assert look.promise(-1.5) == pytest.approx(look.promise(1.5))
    # 150 of 200 cases: an error of 3 points will be about 2.6, so 5 points of margin are just too narrow.
    assert look.promise_within(0.0, 0.03, 0.05) == 0
    assert look.promise_within(0.0, 0.01, 0.05) > 0.9
    assert look.promise_within(0.05, 0.01, 0.05) < 0.05


def test_giving_up_saves_cases_and_adds_no_error() -> None:
    rng, times = random.Random(5), 2_000
    error, asked = {True: 0, False: 0}, {True: 0.0, False: 0.0}
    for _ in range(times):
        steps = [rng.gauss(0, 0.5) for _ in FOUR]
        for gives_up in (True, False):
            total = 0.0
            for number, share in enumerate(FOUR):
                total += steps[number]
                look, seen = stats.Look(FOUR, number), total / math.sqrt(share)
                if abs(seen) >= look.boundary() or (gives_up and look.promise(seen) < stats.HOPELESS):
                    break
            error[gives_up] += abs(seen) >= look.boundary()
            asked[gives_up] += share
    assert error[True] <= error[False]
    assert error[False] / times < 0.05 + 3.5 * math.sqrt(0.05 * 0.95 / times)
    assert asked[True] < 0.8 * asked[False]
