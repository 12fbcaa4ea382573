"""The sentence of a suite: what it says follows from the numbers beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from promptlab.suites import Outcome, Summary, holm_adjusted, summarise_outcomes
from promptlab.suites._summary import summary_as_text, summary_data
from tests.suites.making import SUITE, SuiteHouse, suites

__all__ = ["suites"]

CHANCE, MORE = "cannot be told from chance", "which is more than chance"


def outcomes(worse: int, better: int, same: int) -> list[Outcome]:
    pairs = [(1.0, 0.0)] * worse + [(0.0, 1.0)] * better + [(1.0, 1.0)] * same
    return [Outcome(f"c{n}", "", "good", (), new == 1, new, old == 1, old) for n, (old, new) in enumerate(pairs)]


def summary(house: SuiteHouse, found: Sequence[Outcome], *thresholds: str) -> Summary:
    text = SUITE.replace("thresholds: [at least 50 %]\n", f"thresholds: {list(thresholds)}\n" if thresholds else "")
    return summarise_outcomes(house.write(text), found)


def interval_of(sentence: str) -> tuple[float, float]:
    found = re.search(r"points \([\d.]+ % interval ([-+][\d.]+) to ([-+][\d.]+)", sentence)
    assert found
    return float(found[1]), float(found[2])


@pytest.mark.parametrize("better", [0, 1, 2])
@pytest.mark.parametrize("worse", range(11))
def test_sentence_interval_p_threshold_and_exit_status_say_the_same(
    suites: SuiteHouse, worse: int, better: int
) -> None:
    found = summary(suites, outcomes(worse, better, 20 - worse - better), "not worse at 95 %")
    comparison = found.comparison
    assert comparison is not None
    if not worse and not better:
        assert "no difference seen in 20 cases" in found.sentence
        return
    low, high = interval_of(found.sentence)
    assert (MORE in found.sentence) is (CHANCE not in found.sentence) is comparison.settled is (comparison.p < 0.05)
    assert comparison.settled is (low > 0 or high < 0)
    assert found.exit_status == (1 if high < 0 else 0 if low > 0 else 3)


def test_five_of_twenty_worse_cannot_be_told_anywhere(suites: SuiteHouse) -> None:
    """The sentence said so, beside an interval from -42 to -3 points and a threshold that was not met."""
    found = summary(suites, outcomes(5, 0, 15), "not worse at 95 %")
    low, high = interval_of(found.sentence)
    assert low < -40
    assert high > 0
    assert (found.checks[0].met, found.exit_status) == (None, 3)
    assert CHANCE in found.sentence
    assert found.checks[0].more is not None


def test_of_several_suites_the_sentence_uses_the_adjusted_p_and_its_interval(suites: SuiteHouse) -> None:
    alone = [summary(suites, outcomes(worse, 0, 40 - worse)) for worse in (6, 7, 0, 20)]
    assert [MORE in one.sentence for one in alone] == [True, True, False, True]
    together = holm_adjusted(alone)
    assert [MORE in one.sentence for one in together] == [False, True, False, True]
    for one in together:
        assert one.adjusted_p is not None
        assert one.comparison is not None
        data = summary_data(one)["comparison"]
        excludes = data["interval"][0] > 0 or data["interval"][1] < 0
        assert excludes is (MORE in one.sentence) is (data["adjusted_p"] < 0.05)
        if one.comparison.worse:
            assert "adjusted for 4 suites" in one.sentence
            low, high = interval_of(one.sentence)
            assert (low > 0 or high < 0) is excludes
    first = together[0]
    assert first.comparison is not None
    assert first.comparison.confidence == pytest.approx(1 - 0.05 / 2)  # the third smallest of four
    # What would settle it is about the level that is used, too.
    assert first.comparison.more
    assert "among 4 suites" in first.sentence


def test_one_suite_has_no_adjusted_p(suites: SuiteHouse) -> None:
    alone = summary(suites, outcomes(6, 0, 34))
    assert holm_adjusted([alone]) == [alone]
    assert "adjusted" not in summary_as_text(alone)


@pytest.mark.parametrize(
    ("worse", "better", "same", "says"),
    [
        (0, 0, 200, True),
        (3, 3, 294, True),
        (0, 0, 20, False),
        (30, 30, 140, False),
        (8, 0, 592, True),  # more than chance, and yet no more than the margin
    ],
)
def test_as_good_as_recorded_is_a_verdict_of_its_own(
    suites: SuiteHouse, worse: int, better: int, same: int, says: bool
) -> None:
    found = summary(suites, outcomes(worse, better, same), "as good as recorded within 5 points at 95 %")
    assert ("as good as recorded within 5 points" in found.sentence) is says
    assert found.exit_status == (0 if says else 3)
    if says:
        assert CHANCE not in found.sentence
    comparison = found.comparison
    assert comparison is not None
    assert (MORE in found.sentence) is comparison.settled


def test_a_margin_for_a_part_of_the_suite_is_no_verdict_on_the_suite(suites: SuiteHouse) -> None:
    part = "{require: as good as recorded within 5 points at 95 %, model: good}"
    text = SUITE.replace("thresholds: [at least 50 %]\n", f"thresholds: [{part}]\n")
    found = summarise_outcomes(suites.write(text), outcomes(0, 0, 200))
    assert found.checks[0].met
    assert "as good as" not in found.sentence


def test_the_pass_rate_and_its_interval_are_about_the_answers_that_are_counted(suites: SuiteHouse) -> None:
    """Ten cases, each right by one of two models: 10 of 20, and not "0 of 10" by a majority."""
    found = summary(
        suites,
        [
            Outcome(f"c{n}", "", model, (), model == "good", float(model == "good"))
            for n in range(10)
            for model in ("good", "bad")
        ],
    )
    assert (found.passed, found.items) == (10, 20)
    assert found.interval.low < 0.5 < found.interval.high
    assert found.sentence.startswith("10 of 20 pass (pass rate 50.0 %, 95 % interval 34.6 to 65.4 %)")


def test_a_tiny_p_is_not_zero(suites: SuiteHouse) -> None:
    found = summary(suites, outcomes(200, 0, 0))
    assert "p < 0.0001" in found.sentence


@pytest.mark.parametrize(("cases", "needed"), [(1, 6), (3, 6), (5, 6), (6, None)])
def test_too_few_cases_are_called_so_with_the_number_that_would_do(
    suites: SuiteHouse, cases: int, needed: int | None
) -> None:
    for found in (outcomes(0, 0, cases), outcomes(1, 0, cases - 1)):
        sentence = summary(suites, found).sentence
        assert ("too few cases" in sentence) is (needed is not None)
        assert needed is None or f"at least {needed} are needed" in sentence
