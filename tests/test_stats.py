"""The statistics, against values worked out elsewhere and against their own meaning."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab import stats


@pytest.mark.parametrize(
    ("passed", "of", "low", "high"),
    [  # as statsmodels.stats.proportion.proportion_confint(…, method="wilson") and R's binom give them
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (38, 40, 0.8350, 0.9862),
        (1, 2, 0.0945, 0.9055),
        (50, 100, 0.4038, 0.5962),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_gives_the_published_intervals(passed: int, of: int, low: float, high: float) -> None:
    found = stats.wilson(passed, of)
    assert (found.low, found.high) == (pytest.approx(low, abs=2e-4), pytest.approx(high, abs=2e-4))


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_holds_the_rate_and_stays_in_range(passed: int, failed: int) -> None:
    found = stats.wilson(passed, passed + failed)
    rate = passed / (passed + failed) if passed + failed else 0.5
    assert 0 <= found.low <= rate <= found.high <= 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40))
def test_a_clustered_interval_holds_its_rate_and_lies_between_cases_and_answers(counts: list[tuple[int, int]]) -> None:
    cases = [(passed, passed + failed) for passed, failed in counts]
    answers, passed = sum(of for _, of in cases), sum(hits for hits, _ in cases)
    found = stats.clustered(cases)
    rate = passed / answers if answers else 0.5
    assert 0 <= found.low <= rate + 1e-12
    assert rate - 1e-12 <= found.high <= 1


def test_one_answer_a_case_is_wilson_and_equal_answers_are_worth_one() -> None:
    single = [(1, 1)] * 30 + [(0, 1)] * 10
    plain = stats.wilson(30, 40)
    assert stats.clustered(single).low == pytest.approx(plain.low, abs=5e-3)
    tenfold = [(10 * passed, 10) for passed, _ in single]
    assert stats.clustered(tenfold) == stats.clustered(single)
    # Answers that differ within each case as much as between cases are worth nearly all of them.
    mixed = stats.clustered([(5, 10)] * 40)
    assert mixed.high - mixed.low < 0.12


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


def test_mcnemar_of_many_changes_neither_overflows_nor_vanishes() -> None:
    # 5,200 of 10,000 for the worse: z = 3.99 with the continuity correction.
    assert stats.mcnemar(4_800, 5_200) == pytest.approx(6.6e-5, rel=0.05)
    assert stats.mcnemar(5_000, 5_000) == 1.0


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_does_not_care_which_version_came_first(better: int, worse: int) -> None:
    assert stats.mcnemar(better, worse) == stats.mcnemar(worse, better)


def test_a_binary_comparison_counts_what_changed() -> None:
    pairs = [(True, True)] * 30 + [(True, False)] * 8 + [(False, True)] + [(False, False)]
    found = stats.compare_binary(pairs)
    assert (found.cases, found.better, found.worse) == (40, 1, 8)
    assert found.difference == pytest.approx(-7 / 40)
    assert found.p == pytest.approx(0.0390625)
    assert found.settled
    assert found.more == 0


def test_few_changes_settle_nothing_and_say_what_would() -> None:
    found = stats.compare_binary([(True, True)] * 37 + [(True, False)] * 3)
    assert not found.settled or found.p > 0.05
    assert found.more is not None
    assert found.more > 0
    # Six changes in one direction are the least the exact test can find.
    assert found.smallest is not None
    assert found.smallest >= 6 / 40


def test_five_cases_can_never_show_anything() -> None:
    assert stats.compare_binary([(True, False)] * 5).smallest is None


def test_nothing_changed_names_no_number_of_cases() -> None:
    assert stats.compare_binary([(True, True)] * 40).more is None
    assert stats.compare_graded([[1.0]] * 40, [[1.0]] * 40).more is None


def test_nothing_changed_is_not_certainty() -> None:
    few, many = stats.compare_binary([(True, True)] * 10), stats.compare_binary([(True, True)] * 1_000)
    assert few.interval.low < -0.05 < many.interval.low < 0
    few_graded = stats.compare_graded([[1.0]] * 10, [[1.0]] * 10)
    assert few_graded.interval.low < -0.05


@pytest.mark.parametrize(("difference", "changed", "pairs"), [(0.1, 0.2, 155), (0.2, 0.3, 56), (0.05, 0.1, 312)])
def test_cases_needed_is_connors_formula(difference: float, changed: float, pairs: int) -> None:
    assert stats.cases_needed(difference, changed) == pytest.approx(pairs, abs=2)


@given(st.integers(7, 2_000), st.floats(0, 1))
def test_the_smallest_effect_is_one_that_so_many_cases_find(cases: int, changed: float) -> None:
    effect = stats.smallest_effect(cases, changed)
    if effect is not None:
        assert stats.cases_needed(effect, changed) <= cases


def test_repeats_of_a_case_are_one_cluster() -> None:
    """Ten answers to each case do not narrow the interval when they all say the same."""
    before = [[float(n % 2)] for n in range(40)]
    after = [[float(n % 3 == 0)] for n in range(40)]
    once = stats.compare_graded(before, after)
    often = stats.compare_graded([b * 10 for b in before], [a * 10 for a in after])
    assert often == once


def test_a_graded_comparison_is_the_same_every_time_and_for_every_machine() -> None:
    before, after = [[n / 20] for n in range(20)], [[min(1.0, n / 20 + 0.1)] for n in range(20)]
    first, again = stats.compare_graded(before, after), stats.compare_graded(before, after)
    assert first == again
    assert first.settled
    assert first.interval.low > 0.08
    assert first.interval.high < 0.1001


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """120 experiments on 40 cases with a true effect of 0.1: 95 % of the intervals should hold it."""
    monkeypatch.setattr(stats, "RESAMPLES", 400)
    rng, held = random.Random(5), 0
    for trial in range(120):
        changes = [[0.5 + rng.gauss(0.1, 0.2)] for _ in range(40)]
        found = stats.compare_graded([[0.5]] * 40, changes, seed=trial)
        held += found.interval.low <= 0.1 <= found.interval.high
    assert 0.87 <= held / 120 <= 1.0


def test_the_bootstrap_and_the_normal_interval_meet_where_one_gives_way_to_the_other() -> None:
    rng = random.Random(1)
    changes = [[rng.random()] for _ in range(stats.FEW + 1)]
    small = stats.compare_graded([[0.5]] * stats.FEW, changes[:-1])
    large = stats.compare_graded([[0.5]] * (stats.FEW + 1), changes)
    assert small.method != large.method
    assert small.interval.low == pytest.approx(large.interval.low, abs=2e-3)
    assert small.interval.high == pytest.approx(large.interval.high, abs=2e-3)


def test_holm_gives_the_textbook_values() -> None:
    ps = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert stats.holm(ps) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(stats.holm(ps)) == list(ps)


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_holm_never_makes_a_p_smaller(ps: dict[str, float]) -> None:
    assert all(ps[name] <= p <= 1 for name, p in stats.holm(ps).items())


def test_kappa_takes_chance_away() -> None:
    marks = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    found = stats.agreement(marks)
    assert found.share == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)
    assert stats.agreement([(True, True)] * 9).kappa is None
    assert stats.agreement([]).of == 0


@pytest.mark.parametrize("wrong", [lambda: stats.wilson(3, 2), lambda: stats.wilson(1, 2, confidence=1.0)])
def test_what_is_no_rate_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):
        wrong()  # type: ignore[operator]  # the table holds calls
