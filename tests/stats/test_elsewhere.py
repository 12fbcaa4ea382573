"""The statistics against scipy and statsmodels on random tables, and the error rates that they state, simulated."""

from __future__ import annotations

import random
import warnings

import pytest

from promptlab import stats
from promptlab.stats._tail import probability_not_above_zero

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


def test_a_pass_rate_has_the_interval_of_clopper_and_pearson() -> None:
    rng = random.Random(21)
    for _ in range(200):
        of = rng.choice([1, 2, 6, 20, 40, 200, 3_000])
        passed, level = rng.choice([0, 1, of, rng.randint(0, of)]), rng.choice([0.8, 0.9, 0.95, 0.99])
        found = stats.clustered([(1, 1)] * passed + [(0, 1)] * (of - passed), confidence=level)
        theirs = scipy_stats.binomtest(passed, of).proportion_ci(level, method="exact")
        assert (found.low, found.high) == (pytest.approx(theirs.low, abs=1e-8), pytest.approx(theirs.high, abs=1e-8))


def test_the_tail_is_that_of_the_beta_distribution() -> None:
    """Of values of two kinds the weighted sum is below zero as often as a beta variable is below a bound."""
    rng = random.Random(22)
    for _ in range(300):
        above, below = rng.choice([1, 2, 7, 300]), rng.choice([1, 2, 7, 300])
        edge = rng.random()
        found = probability_not_above_zero([(1 - edge, above), (-edge, below)])
        theirs = scipy_stats.beta.cdf(edge, above, below)
        assert found == pytest.approx(theirs, rel=1e-7, abs=1e-12)


def test_the_tail_of_any_values_is_that_of_drawn_weights() -> None:
    numpy = pytest.importorskip("numpy")
    rng = numpy.random.default_rng(23)
    for cases in (1, 2, 5, 30):
        values = rng.uniform(-0.6, 1.0, cases)
        drawn = rng.exponential(size=(200_000, cases + 1))
        theirs = numpy.mean(drawn[:, :cases] @ values - drawn[:, cases] <= 0)
        found = probability_not_above_zero([*((float(value), 1.0) for value in values), (-1.0, 1.0)])
        assert found == pytest.approx(float(theirs), abs=0.005)


def test_many_cases_have_the_interval_of_students_t() -> None:
    rng = random.Random(24)
    for _ in range(5):
        changes = [max(-1.0, min(1.0, rng.gauss(0.03, 0.25))) for _ in range(5_000)]
        found = stats.compare_graded([[max(0.0, -c)] for c in changes], [[max(0.0, c)] for c in changes])
        theirs = scipy_stats.ttest_1samp(changes, 0).confidence_interval(0.95)
        assert (found.interval.low, found.interval.high) == (
            pytest.approx(theirs.low, abs=6e-4),
            pytest.approx(theirs.high, abs=6e-4),
        )


def test_no_interval_that_holds_for_rare_failures_is_much_shorter_where_nothing_changed() -> None:
    """If a share of cases breaks, and none of n was seen to, the share may be so large that it is missed by 2.5 % of
    suites: that is the exact bound of the binomial distribution, and ours is no wider."""
    for cases in (6, 20, 100):
        found = stats.compare_graded([[0.7]] * cases, [[0.7]] * cases)
        bound = scipy_stats.binomtest(0, cases).proportion_ci(0.95, method="exact").high
        assert found.interval.high == pytest.approx(bound, abs=1e-8)


# What is stated holds


def test_where_nothing_changed_no_more_than_one_in_twenty_is_called_a_change() -> None:
    """2,000 suites of 60 cases whose answers flip as often for the better as for the worse."""
    rng, called = random.Random(11), 0
    for _ in range(2_000):
        changed = sum(rng.random() < 0.3 for _ in range(60))
        better = sum(rng.random() < 0.5 for _ in range(changed))
        called += stats.mcnemar(better, changed - better) < 0.05
    # 5 % would be 100; twice the deviation of a count is 20. The exact test is on the safe side.
    assert called <= 120


def test_wilson_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(13)
    for rate in (0.5, 0.8, 0.95):
        held = 0
        for _ in range(3_000):
            found = stats.wilson(sum(rng.random() < rate for _ in range(40)), 40)
            held += found.low <= rate <= found.high
        assert 0.92 <= held / 3_000 <= 0.985


def test_holm_keeps_the_alarms_of_many_suites_to_one_in_twenty() -> None:
    rng, wrong = random.Random(15), 0
    for _ in range(2_000):
        wrong += min(stats.holm({str(n): rng.random() for n in range(10)}).values()) <= 0.05
    assert wrong / 2_000 <= 0.065


def test_the_mid_p_test_is_that_of_its_definition() -> None:
    """Fagerland, Lydersen & Laake (2013): what was seen counts half."""
    rng = random.Random(13)
    for _ in range(60):
        better, worse, same = (rng.randrange(rng.choice([3, 12, 40])) for _ in range(3))
        if not better + worse:
            continue
        changes = [(0.0, 1.0)] * better + [(1.0, 0.0)] * worse + [(1.0, 1.0)] * same
        found = stats.compare_graded([[a] for a, _ in changes], [[b] for _, b in changes], mid=True)
        fewer, changed = min(better, worse), better + worse
        binomial = scipy_stats.binom(changed, 0.5)
        assert found.p == pytest.approx(min(1.0, 2 * binomial.cdf(fewer) - binomial.pmf(fewer)), abs=1e-8)
        assert found.settled is not (found.interval.low <= 0 <= found.interval.high)


def test_the_mid_p_interval_of_a_rate_is_that_of_its_definition() -> None:
    rng = random.Random(14)
    for _ in range(40):
        of, chance = rng.randint(2, 80), rng.choice([0.0, 0.25, 0.5])
        passed = rng.randint(1, of - 1)
        found = stats.compare_with_rate([1.0] * passed + [0.0] * (of - passed), chance, mid=True)
        for end, sign in ((found.interval.low, 1), (found.interval.high, -1)):
            binomial = scipy_stats.binom(of, end + chance)
            tail = binomial.sf(passed) if sign > 0 else binomial.cdf(passed - 1)
            assert tail + binomial.pmf(passed) / 2 == pytest.approx(0.025, abs=1e-7)
