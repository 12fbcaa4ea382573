"""Two versions on the same cases: what is counted, and that p, interval and conclusion come from one test."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab import stats

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
SCORES = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))
CASES = st.lists(
    st.tuples(st.lists(SCORES, min_size=1, max_size=3), st.lists(SCORES, min_size=1, max_size=3)),
    min_size=1,
    max_size=25,
)


@pytest.mark.parametrize(
    ("better", "worse", "p"),
    [
        (0, 0, 1.0),
        (5, 0, 0.0625),
        (6, 0, 0.03125),
        (0, 6, 0.03125),
        (10, 2, 0.038574),
        (7, 7, 1.0),
        (25, 10, 0.0166738),
    ],
)
def test_mcnemar_is_the_exact_binomial_test(better: int, worse: int, p: float) -> None:
    assert stats.mcnemar(better, worse) == pytest.approx(p, abs=1e-6)
    pairs = [(False, True)] * better + [(True, False)] * worse + [(True, True)] * 4
    assert stats.compare_binary(pairs).p == pytest.approx(p, abs=1e-6)


def test_mcnemar_of_many_changes_neither_overflows_nor_vanishes() -> None:
    # 5,200 of 10,000 for the worse: z = 3.99 with the continuity correction.
    assert stats.mcnemar(4_800, 5_200) == pytest.approx(6.6e-5, rel=0.05)
    assert stats.mcnemar(5_000, 5_000) == 1.0


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_does_not_care_which_version_came_first(better: int, worse: int) -> None:
    assert stats.mcnemar(better, worse) == stats.mcnemar(worse, better)


# One test gives p, interval and conclusion


@given(CASES)
def test_p_is_below_the_level_exactly_if_the_interval_excludes_zero(
    cases: list[tuple[list[float], list[float]]],
) -> None:
    for confidence in LEVELS:
        found = stats.compare_graded([old for old, _ in cases], [new for _, new in cases], confidence=confidence)
        excludes = found.interval.low > 0 or found.interval.high < 0
        assert found.settled is excludes is (found.p < 1 - confidence)
        assert -1 <= found.interval.low <= found.difference + 1e-9
        assert found.difference - 1e-9 <= found.interval.high <= 1
        assert (found.more == 0) is found.settled


@pytest.mark.parametrize("cases", [7, 20, 40])
def test_p_and_interval_of_every_binary_table_agree(cases: int) -> None:
    """Five of twenty worse had p = 0.06 beside an interval from -42 to -3 points."""
    for better in range(cases + 1):
        for worse in range(cases + 1 - better):
            pairs = [(False, True)] * better + [(True, False)] * worse + [(True, True)] * (cases - better - worse)
            found = stats.compare_binary(pairs)
            assert (found.p < 0.05) is (found.interval.low > 0 or found.interval.high < 0), (better, worse)


@given(CASES, st.sampled_from(LEVELS))
def test_the_same_comparison_at_another_level_is_the_one_made_at_that_level(
    cases: list[tuple[list[float], list[float]]], confidence: float
) -> None:
    before, after = [old for old, _ in cases], [new for _, new in cases]
    assert stats.compare_graded(before, after).at(confidence) == stats.compare_graded(
        before, after, confidence=confidence
    )


@given(CASES)
def test_what_is_better_one_way_is_worse_the_other_way(cases: list[tuple[list[float], list[float]]]) -> None:
    forth = stats.compare_graded([old for old, _ in cases], [new for _, new in cases])
    back = stats.compare_graded([new for _, new in cases], [old for old, _ in cases])
    assert (forth.better, forth.worse) == (back.worse, back.better)
    assert forth.p == pytest.approx(back.p, abs=1e-7)
    assert forth.interval.low == pytest.approx(-back.interval.high, abs=1e-7)


# What is counted


def test_a_binary_comparison_counts_what_changed() -> None:
    pairs = [(True, True)] * 30 + [(True, False)] * 8 + [(False, True)] + [(False, False)]
    found = stats.compare_binary(pairs)
    assert (found.cases, found.better, found.worse) == (40, 1, 8)
    assert found.difference == pytest.approx(-7 / 40)
    assert found.p == pytest.approx(0.0390625)
    assert found.settled
    assert found.more == 0


def test_repeats_of_a_case_are_one_cluster() -> None:
    """Ten answers to each case do not narrow the interval when they all say the same."""
    before = [[float(n % 2)] for n in range(40)]
    after = [[float(n % 3 == 0)] for n in range(40)]
    once = stats.compare_graded(before, after)
    assert stats.compare_graded([b * 10 for b in before], [a * 10 for a in after]) == once


def test_a_mean_that_differs_in_its_last_digit_is_no_change() -> None:
    found = stats.compare_graded([[0.1, 0.7, 0.7]] * 10, [[0.7, 0.1, 0.7]] * 10)
    assert (found.better, found.worse, found.difference) == (0, 0, 0.0)


def test_a_score_just_above_one_is_rounded_and_what_is_no_score_is_refused() -> None:
    assert stats.compare_graded([[1.0]] * 3, [[1 + 1e-12]] * 3).better == 0
    for wrong in (1.1, -0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            stats.compare_graded([[1.0]], [[wrong]])
    with pytest.raises(ValueError, match="scores before and after"):
        stats.compare_graded([[1.0], [1.0]], [[1.0], []])


# Few cases, no change, many cases


def test_no_case_and_one_case_show_nothing() -> None:
    none, one = stats.compare_graded([], []), stats.compare_graded([[0.5]], [[1.0]])
    assert (none.interval, none.p, none.more) == (stats.Interval(-1.0, 1.0), 1.0, None)
    assert one.interval.high - one.interval.low > 1.9
    assert (one.p, one.smallest, one.more) == (1.0, None, None)


@pytest.mark.parametrize("cases", [5, 6, 8, 20, 72, 1_000])
def test_where_nothing_changed_a_share_of_changes_is_left_that_so_few_cases_may_miss(cases: int) -> None:
    """If one answer in twenty breaks, 20 cases show none of them in 36 % of suites."""
    for found in (
        stats.compare_binary([(True, True)] * cases),
        stats.compare_graded([[0.4, 0.6]] * cases, [[0.6, 0.4]] * cases),
    ):
        missed = 1 - 0.025 ** (1 / cases)
        assert (found.interval.low, found.interval.high) == (pytest.approx(-missed), pytest.approx(missed))
        assert (found.p, found.more) == (1.0, None)
    assert (missed < 0.05) is (cases >= 72)


def test_small_gains_everywhere_are_shown_only_once_a_rare_failure_would_have_been_seen() -> None:
    """20 cases that all gain 10 points do not exclude that one case in eleven falls to 0: it would undo the gain."""
    gains = {n: stats.compare_graded([[0.5]] * n, [[0.6]] * n) for n in (20, 38, 39)}
    assert [gains[n].settled for n in (20, 38, 39)] == [False, False, True]
    assert gains[39].p == pytest.approx(2 * (1 / 1.1) ** 39)
    assert gains[20].more == pytest.approx(19, abs=2)


def test_ten_thousand_cases_have_the_interval_of_the_normal_distribution() -> None:
    rng = random.Random(1)
    after = [[rng.random()] for _ in range(10_000)]
    found = stats.compare_graded([[0.5]] * 10_000, after)
    half = 1.959964 * (1 / 12 / 10_000) ** 0.5
    assert found.interval.low == pytest.approx(found.difference - half, abs=3e-4)
    assert found.interval.high == pytest.approx(found.difference + half, abs=3e-4)
    everything = stats.compare_binary([(True, False)] * 10_000)
    assert (everything.difference, everything.p < 1e-300) == (-1.0, True)
