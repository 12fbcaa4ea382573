"""Columns that differ by chance and beyond it: the components of variance, and what is expected of the best."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from promptlab import stats


def table(rng: random.Random, effects: list[float], cases: int) -> list[list[float]]:
    return [[hard + effect + rng.gauss(0, 0.3) for effect in effects] for hard in (rng.random() for _ in range(cases))]


def test_the_deviation_between_columns_is_found() -> None:
    rng = random.Random(1)
    found = [stats.columns_of(table(rng, [rng.gauss(0, 0.1) for _ in range(6)], 40)) for _ in range(300)]
    assert all(found)
    assert fmean(columns.between**2 for columns in found if columns) == pytest.approx(0.01, rel=0.15)
    assert fmean(columns.noise**2 for columns in found if columns) == pytest.approx(0.09 / 40, rel=0.1)


def test_the_best_of_columns_that_are_alike_is_not_expected_to_be_better() -> None:
    rng = random.Random(2)
    seen, expected = [], []
    for _ in range(300):
        columns = stats.columns_of(table(rng, [0.0] * 6, 40))
        assert columns is not None
        best = max(range(6), key=columns.means.__getitem__)
        seen.append(columns.means[best] - columns.mean)
        expected.append(columns.expected(best) - columns.mean)
    assert fmean(seen) > 0.05
    assert fmean(expected) < fmean(seen) / 3


def test_columns_that_are_all_there_are_widen_nothing() -> None:
    rows = table(random.Random(3), [0.0, 0.5, 1.0, 0.2], 30)
    assert stats.stretch_of(rows, 4) == 1
    assert stats.stretch_of(rows, 1_000) > 2
    assert stats.stretch_of([[0.1, 0.2]], 9) == 1


def test_a_stretched_comparison_is_wider_and_p_goes_with_it() -> None:
    before, after = [[0.0]] * 30, [[1.0]] * 9 + [[0.0]] * 21
    plain = stats.compare_graded(before, after, mid=True)
    wide = plain.with_stretch(2.0)
    assert wide.interval.high - wide.interval.low > 1.5 * (plain.interval.high - plain.interval.low)
    for stretch in (1.2, 1.4, 1.6, 2.0, 3.0):
        found = plain.with_stretch(stretch)
        assert found.settled is (found.interval.low > 0)
