"""The interval of a pass rate."""

from __future__ import annotations

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
def test_the_interval_is_about_the_rate_that_is_shown(counts: list[tuple[int, int]]) -> None:
    """That is the rate of all answers, also if cases have different numbers of them."""
    cases = [(passed, passed + failed) for passed, failed in counts]
    answers, passed = sum(of for _, of in cases), sum(hits for hits, _ in cases)
    found = stats.clustered(cases)
    rate = passed / answers if answers else 0.5
    assert 0 <= found.low <= rate + 1e-12
    assert rate - 1e-12 <= found.high <= 1


def test_all_answers_to_a_case_are_one_observation() -> None:
    single = [(1, 1)] * 30 + [(0, 1)] * 10
    once, tenfold = stats.clustered(single), stats.clustered([(10 * passed, 10) for passed, _ in single])
    assert (tenfold.low, tenfold.high) == (pytest.approx(once.low), pytest.approx(once.high))
    # 20 answers to one case say nothing about other cases, however many pass.
    alone = stats.clustered([(20, 20)])
    assert (alone.low, alone.high) == (pytest.approx(0.025), 1.0)


def test_a_case_whose_answers_differ_is_half_a_pass_and_not_a_failure() -> None:
    """Of ten cases with one right answer of two, 10 of 20 answers pass: the interval is about one half."""
    found = stats.clustered([(1, 2)] * 10)
    assert (found.low, found.high) == (pytest.approx(0.3457, abs=1e-4), pytest.approx(0.6543, abs=1e-4))


@pytest.mark.parametrize(
    ("cases", "low", "high"),
    [
        ([], 0.0, 1.0),
        ([(0, 0)], 0.0, 1.0),
        ([(1, 1)], 0.025, 1.0),
        ([(0, 1)], 0.0, 0.975),
        ([(1, 1)] * 40, 0.025 ** (1 / 40), 1.0),
        ([(0, 1)] * 40, 0.0, 1 - 0.025 ** (1 / 40)),
        ([(1, 1)] * 100_000, 0.025 ** (1 / 100_000), 1.0),
    ],
)
def test_no_case_one_case_all_passes_and_no_pass(cases: list[tuple[int, int]], low: float, high: float) -> None:
    found = stats.clustered(cases)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-8), pytest.approx(high, abs=1e-8))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: stats.wilson(3, 2),
        lambda: stats.wilson(1, 2, confidence=1.0),
        lambda: stats.clustered([(3, 2)]),
        lambda: stats.clustered([(1, 2)], confidence=0.0),
    ],
)
def test_what_is_no_rate_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):
        wrong()  # type: ignore[operator]  # the table holds calls
