"""How many cases a question needs: the power is what it says, by the exact sum and by simulation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab import stats


def power(cases: int, difference: float, changed: float) -> float:
    """The probability that McNemar's test finds the difference: a sum over all tables."""
    better = (changed + difference) / 2
    worse = changed - better
    total = 0.0
    for up in range(cases + 1):
        for down in range(cases + 1 - up):
            if up > down and stats.mcnemar(up, down) < 0.05:
                ways = math.comb(cases, up) * math.comb(cases - up, down)
                total += ways * better**up * max(0.0, worse) ** down * max(0.0, 1 - changed) ** (cases - up - down)
    return total


@pytest.mark.parametrize("cases", [6, 8, 12, 20, 40])
@pytest.mark.parametrize("changed", [0.0, 0.1, 0.3, 0.5])
def test_the_smallest_difference_is_found_in_four_of_five_suites_and_a_smaller_one_is_not(
    cases: int, changed: float
) -> None:
    effect = stats.smallest_effect(cases, changed)
    assert effect is not None
    assert power(cases, effect, max(changed, effect)) == pytest.approx(0.8, abs=0.002)


@pytest.mark.parametrize(("difference", "changed"), [(0.5, 0.5), (0.5, 0.8), (0.3, 0.5), (0.4, 0.4), (0.6, 1.0)])
def test_so_many_cases_find_the_difference_and_fewer_do_not(difference: float, changed: float) -> None:
    needed = stats.cases_needed(difference, changed)
    assert power(needed, difference, changed) >= 0.8
    assert power(needed - 1, difference, changed) < 0.8


@pytest.mark.parametrize(("difference", "changed", "pairs"), [(0.1, 0.2, 155), (0.2, 0.3, 56), (0.05, 0.1, 312)])
def test_more_cases_are_needed_than_connor_says_whose_formula_promises_too_much(
    difference: float, changed: float, pairs: int
) -> None:
    assert 1.04 * pairs < stats.cases_needed(difference, changed) < 1.12 * pairs


@settings(max_examples=30)
@given(st.integers(6, 2_000), st.floats(0, 1))
def test_the_smallest_effect_is_one_that_so_many_cases_find(cases: int, changed: float) -> None:
    effect = stats.smallest_effect(cases, changed)
    assert effect is not None
    assert stats.cases_needed(min(1.0, effect + 1e-5), changed) <= cases + 1


def test_five_cases_can_never_show_anything() -> None:
    assert stats.compare_binary([(True, False)] * 5).smallest is None
    assert stats.smallest_effect(5, 0.5) is None
    assert stats.smallest_effect(0, 0.5) is None


@pytest.mark.parametrize("wrong", [0.0, 1.5, math.nan])
def test_what_is_no_difference_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="is not a difference"):
        stats.cases_needed(wrong, 0.2)


def test_cases_more_settle_the_question_in_four_of_five_suites() -> None:
    """3 of 40 worse. In suites of so many more cases that are worse as often, the difference is shown."""
    found = stats.compare_binary([(True, True)] * 37 + [(True, False)] * 3)
    assert not found.settled
    assert found.more is not None
    cases, rng, shown = 40 + found.more, random.Random(3), 0
    for _ in range(2_000):
        worse = sum(rng.random() < 3 / 40 for _ in range(cases))
        shown += stats.mcnemar(0, worse) < 0.05
    assert 0.78 < shown / 2_000 < 0.84


@pytest.mark.parametrize(
    ("values", "edge", "bounds"),
    [
        ([(1.0, 37), (0.0, 3)], 0.8, (0.0, 1.0)),  # a pass rate above a share
        ([(1.0, 30), (0.0, 10)], 0.9, (0.0, 1.0)),  # and below
        ([(0.0, 38), (-1.0, 2)], -0.2, (-1.0, 1.0)),  # a loss within a margin
        ([(0.0, 20), (-1.0, 15), (1.0, 5)], -0.05, (-1.0, 1.0)),  # and beyond it
        ([(0.3, 5), (0.1, 20), (-0.2, 15)], -0.1, (-1.0, 1.0)),  # scores
    ],
)
def test_so_many_cases_tell_on_which_side_of_an_edge_a_mean_lies(
    values: list[tuple[float, float]], edge: float, bounds: tuple[float, float]
) -> None:
    needed = stats.cases_to_tell(values, edge, bounds, confidence=0.95)
    assert needed is not None
    rng, told, suites = random.Random(4), 0, 600
    choices, weights = [value for value, _ in values], [count for _, count in values]
    for _ in range(suites):
        drawn = rng.choices(choices, weights, k=needed)
        interval = interval_of(drawn, bounds)
        told += interval.low > edge or interval.high < edge
    assert 0.74 < told / suites < 0.92


def interval_of(values: list[float], bounds: tuple[float, float]) -> stats.Interval:
    if bounds == (0.0, 1.0):
        return stats.clustered([(int(value), 1) for value in values])
    return stats.compare_graded([[max(0.0, -v)] for v in values], [[max(0.0, v)] for v in values]).interval


@pytest.mark.parametrize(
    ("changes", "margin"),
    [([(0.0, 40.0)], 0.05), ([(0.0, 36.0), (1.0, 2.0), (-1.0, 2.0)], 0.1), ([(0.1, 20.0), (-0.12, 20.0)], 0.05)],
)
def test_so_many_cases_show_that_a_difference_is_within_a_margin(
    changes: list[tuple[float, float]], margin: float
) -> None:
    needed = stats.cases_to_be_within(changes, margin, confidence=0.95)
    assert needed is not None
    rng, shown, suites = random.Random(5), 0, 300
    for _ in range(suites):
        drawn = rng.choices([value for value, _ in changes], [count for _, count in changes], k=needed)
        interval = interval_of(drawn, (-1.0, 1.0))
        shown += -margin < interval.low and interval.high < margin
    assert shown / suites > 0.74


def test_a_mean_on_the_edge_is_told_by_no_number_of_cases() -> None:
    assert stats.cases_to_tell([(1.0, 9), (0.0, 1)], 0.9, (0.0, 1.0), confidence=0.95) is None
    assert stats.compare_binary([(True, False), (False, True)] * 10).more is None
