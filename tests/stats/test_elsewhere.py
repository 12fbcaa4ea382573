"""The statistics against scipy and statsmodels on random tables, and the error rates that they state, simulated."""

from __future__ import annotations

import random
import warnings

import pytest

from promptlab import stats

scipy_stats = pytest.importorskip("scipy.stats")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies
    contingency = pytest.importorskip("statsmodels.stats.contingency_tables")
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")


def tables(count: int, largest: int) -> list[tuple[int, int, int, int]]:
    """Cells of both right, only before, only after, none; small and lopsided ones among them."""
    rng = random.Random(7)
    return [tuple(rng.randrange(rng.choice([2, 10, largest])) for _ in range(4)) for _ in range(count)]  # type: ignore[misc]


def pairs(table: tuple[int, int, int, int]) -> list[tuple[bool, bool]]:
    both, before, after, none = table
    return [(True, True)] * both + [(True, False)] * before + [(False, True)] * after + [(False, False)] * none


def test_mcnemar_is_that_of_statsmodels_and_scipy() -> None:
    for both, before, after, none in tables(300, 400):
        found = stats.mcnemar(after, before)
        theirs = contingency.mcnemar([[both, before], [after, none]], exact=True).pvalue
        assert found == pytest.approx(theirs, abs=1e-9)
        if before + after:
            assert found == pytest.approx(scipy_stats.binomtest(after, before + after).pvalue, abs=1e-9)


def test_wilson_is_that_of_statsmodels_and_scipy() -> None:
    rng = random.Random(8)
    for _ in range(300):
        of = rng.randint(1, 2_000)
        passed, level = rng.randint(0, of), rng.choice([0.8, 0.9, 0.95, 0.99])
        found = stats.wilson(passed, of, confidence=level)
        low, high = proportion.proportion_confint(passed, of, alpha=1 - level, method="wilson")
        assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))
        theirs = scipy_stats.binomtest(passed, of).proportion_ci(level, method="wilson")
        assert (found.low, found.high) == (pytest.approx(theirs.low, abs=1e-9), pytest.approx(theirs.high, abs=1e-9))


def test_holm_is_that_of_statsmodels() -> None:
    rng = random.Random(9)
    for _ in range(40):
        ps = {str(n): rng.choice([rng.random(), rng.random() / 50, 0.03]) for n in range(rng.randint(1, 12))}
        theirs = multitest.multipletests(list(ps.values()), method="holm")[1]
        assert list(stats.holm(ps).values()) == pytest.approx(list(theirs))


def test_kappa_is_that_of_statsmodels() -> None:
    for table in tables(200, 60):
        both, before, after, none = table
        found = stats.agreement(pairs(table))
        if found.kappa is not None:
            theirs = inter_rater.cohens_kappa([[both, before], [after, none]], return_results=False)
            assert found.kappa == pytest.approx(theirs, abs=1e-9)


def test_the_bootstrap_is_that_of_scipy() -> None:
    """Percentile intervals from other draws: their ends agree to a few hundredths of their length."""
    rng = random.Random(10)
    for _ in range(4):
        before = [rng.random() for _ in range(60)]
        after = [min(1.0, max(0.0, b + rng.gauss(0.05, 0.2))) for b in before]
        found = stats.compare_graded([[b] for b in before], [[a] for a in after])
        changes = [a - b for a, b in zip(after, before, strict=True)]
        theirs = scipy_stats.bootstrap(
            (changes,), lambda x, axis: x.mean(axis=axis), n_resamples=9_999, method="percentile", random_state=1
        ).confidence_interval
        length = theirs.high - theirs.low
        assert found.interval.low == pytest.approx(theirs.low, abs=0.06 * length)
        assert found.interval.high == pytest.approx(theirs.high, abs=0.06 * length)


# What is stated holds


def test_where_nothing_changed_no_more_than_one_in_twenty_is_called_a_change() -> None:
    """2,000 suites of 60 cases whose answers flip as often for the better as for the worse."""
    rng, called = random.Random(11), 0
    for _ in range(2_000):
        flips = [rng.random() < 0.3 for _ in range(60)]
        ups = [rng.random() < 0.5 for _ in range(60)]
        found = stats.compare_binary(
            [(not up, up) if flip else (True, True) for flip, up in zip(flips, ups, strict=True)]
        )
        called += found.p <= 0.05
    # 5 % would be 100; twice the deviation of a count is 20. The exact test is on the safe side.
    assert called <= 120


def test_the_interval_of_a_paired_difference_holds_the_truth_about_as_often_as_it_says() -> None:
    rng, held = random.Random(12), 0
    for _ in range(2_000):
        # Truly 12 % become worse and 6 % better.
        drawn = [rng.random() for _ in range(80)]
        found = stats.compare_binary(
            [(True, False) if d < 0.12 else (False, True) if d < 0.18 else (True, True) for d in drawn]
        )
        held += found.interval.low <= -0.06 <= found.interval.high
    assert 0.93 <= held / 2_000 <= 0.985


def test_wilson_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(13)
    for rate in (0.5, 0.8, 0.95):
        held = 0
        for _ in range(3_000):
            found = stats.wilson(sum(rng.random() < rate for _ in range(40)), 40)
            held += found.low <= rate <= found.high
        assert 0.92 <= held / 3_000 <= 0.985


def test_repeats_of_a_case_do_not_raise_the_false_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five answers a case, of which each case has its own luck: clustered, 5 % stay about 5 %."""
    monkeypatch.setattr(stats, "RESAMPLES", 300)
    rng, called = random.Random(14), 0
    for seed in range(400):
        before, after = [], []
        for _ in range(40):
            luck = rng.gauss(0, 0.25)
            before.append([0.5] * 5)
            after.append([min(1.0, max(0.0, 0.5 + luck + rng.gauss(0, 0.02))) for _ in range(5)])
        called += stats.compare_graded(before, after, seed=seed).settled
    assert called / 400 <= 0.09


def test_holm_keeps_the_alarms_of_many_suites_to_one_in_twenty() -> None:
    rng, wrong = random.Random(15), 0
    for _ in range(2_000):
        wrong += min(stats.holm({str(n): rng.random() for n in range(10)}).values()) <= 0.05
    assert wrong / 2_000 <= 0.065


def test_an_effect_of_the_size_that_is_called_the_smallest_is_found_about_four_times_in_five() -> None:
    rng, found = random.Random(16), 0
    changed = 0.3
    effect = stats.smallest_effect(150, changed)
    assert effect is not None
    worse = (changed + effect) / 2
    for _ in range(1_000):
        drawn = [rng.random() for _ in range(150)]
        pairs_ = [(True, False) if d < worse else (False, True) if d < changed else (True, True) for d in drawn]
        found += stats.compare_binary(pairs_).p <= 0.05
    assert 0.72 <= found / 1_000 <= 0.9
