"""Means of a judge corrected by marks: beside `ppi-python` 0.2.3, and by simulation where the truth is known."""

from __future__ import annotations

import random

import pytest

from promptlab.stats import _prediction_powered as module
from promptlab.stats import clustered, corrected

# 60 marked cases: 33 that both pass, 6 only the judge, 10 only people, 11 neither; of 300 others the judge passes 209.
# ppi_mean_pointestimate and ppi_mean_ci (alpha 0.05) of ppi-python give:
POINT, LOW, HIGH = 0.73189642, 0.62548792, 0.83830492


def of_counts() -> tuple[dict[str, float], dict[str, float]]:
    pairs = [(1.0, 1.0)] * 33 + [(1.0, 0.0)] * 6 + [(0.0, 1.0)] * 10 + [(0.0, 0.0)] * 11
    judge = {f"marked {number}": value for number, (value, _) in enumerate(pairs)}
    judge |= {f"other {number}": float(number < 209) for number in range(300)}
    return judge, {f"marked {number}": mark for number, (_, mark) in enumerate(pairs)}


def test_it_agrees_with_the_field_s_library() -> None:
    found = corrected(*of_counts())
    assert found.estimate == pytest.approx(POINT, abs=0.002)
    # A little wider than the normal interval, which is too narrow for few marks.
    assert LOW - 0.02 <= found.interval.low <= LOW + 0.01
    assert HIGH - 0.01 <= found.interval.high <= HIGH + 0.02
    assert (found.cases, found.marked) == (360, 60)
    assert found.marks_interval == clustered([(int(number < 43), 1) for number in range(60)])


def simulated(
    rate: float, right: float, wrong: float, marked: int, *, times: int, others: int = 300
) -> tuple[float, float]:
    """How often the interval holds the true rate, and its width as a part of that of the marks alone. The judge passes
    good answers with the probability `right` and bad ones with `wrong`."""
    chance, held, width, alone = random.Random(marked), 0, 0.0, 0.0
    for _ in range(times):
        truth = {str(number): float(chance.random() < rate) for number in range(marked + others)}
        judge = {case: float(chance.random() < (right if good else wrong)) for case, good in truth.items()}
        found = corrected(judge, {str(number): truth[str(number)] for number in range(marked)})
        held += found.interval.low <= rate <= found.interval.high
        width += found.interval.high - found.interval.low
        alone += found.marks_interval.high - found.marks_interval.low
    return held / times, width / alone


@pytest.mark.parametrize(
    ("rate", "right", "wrong", "marked", "widest"),
    [
        (0.5, 0.95, 0.05, 30, 0.8),
        (0.8, 0.95, 0.05, 100, 0.85),
        (0.95, 0.95, 0.05, 10, 1.0),
        (0.8, 0.8, 0.3, 30, 1.02),
        (0.8, 0.5, 0.5, 30, 1.03),  # the judge throws a coin
        (0.5, 0.2, 0.9, 10, 1.03),  # the judge prefers bad answers
        (0.8, 1.0, 1.0, 20, 1.0),  # the judge passes everything
    ],
)
def test_the_interval_holds_and_a_good_judge_makes_it_shorter(
    monkeypatch: pytest.MonkeyPatch, rate: float, right: float, wrong: float, marked: int, widest: float
) -> None:
    monkeypatch.setattr(module, "DRAWS", 600)
    held, width = simulated(rate, right, wrong, marked, times=120)
    assert held >= 0.93
    assert width <= widest


def test_a_difference_lies_between_minus_one_and_one() -> None:
    chance = random.Random(1)
    truth = {str(number): float(chance.choice([-1, 0, 0, 1, 1])) for number in range(200)}
    judge = {case: max(-1.0, min(1.0, change + chance.choice([0, 0, 0.5]))) for case, change in truth.items()}
    found = corrected(judge, dict(list(truth.items())[:50]), low=-1.0, high=1.0)
    assert -1 <= found.interval.low <= 0.2 <= found.interval.high <= 1
    assert found.judge > 0.2


def test_scores_with_many_values_are_no_slower() -> None:
    chance = random.Random(2)
    truth = {str(number): float(chance.random() < 0.6) for number in range(3_000)}
    judge = {case: min(1.0, max(0.0, 0.6 * good + 0.4 * chance.random())) for case, good in truth.items()}
    found = corrected(judge, dict(list(truth.items())[:80]))
    assert found.interval.low <= 0.6 <= found.interval.high
    assert found.interval.high - found.interval.low < found.marks_interval.high - found.marks_interval.low


def test_marks_of_every_case_need_no_judge() -> None:
    people = {str(number): float(number < 30) for number in range(40)}
    found = corrected(dict.fromkeys(people, 1.0), people)
    assert (found.estimate, found.weight, found.interval) == (0.75, 0.0, found.marks_interval)


@pytest.mark.parametrize(
    ("judge", "people"), [({"a": 1.0}, {"a": 1.0}), ({"a": 1.0, "b": 0.0}, {"a": 1.0, "c": 0.0}), ({}, {})]
)
def test_what_cannot_be_corrected_is_refused(judge: dict[str, float], people: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        corrected(judge, people)
