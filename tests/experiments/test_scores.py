"""The mean score of answers, with the interval of that mean and of no other number."""

from __future__ import annotations

import pytest

from promptlab import stats
from promptlab.experiments._observations import Observation
from promptlab.experiments._scores import score_of


def cell(*scores: float | None, passes: float = 1.0) -> list[Observation]:
    """The answers to a case. They pass from a score of `passes` on."""
    return [Observation("c", "a", "m", n, s, None if s is None else s >= passes) for n, s in enumerate(scores)]


def test_right_and_wrong_have_the_interval_of_the_rate() -> None:
    found = score_of([cell(1.0), cell(0.0), cell(1.0), cell(None), cell()])
    expected = stats.clustered([(1, 1), (0, 1), (1, 1)])
    assert (found["score"], found["passed"], found["judged"]) == (2 / 3, 2, 3)
    assert (found["low"], found["high"]) == (expected.low, expected.high)


@pytest.mark.parametrize("passes", [0.0, 0.5, 1.0])
def test_scores_between_have_the_interval_of_their_mean(passes: float) -> None:
    """Where the pass mark lies changes how many pass, and neither the score nor its interval."""
    found = score_of([cell(0.4, 0.6, passes=passes) for _ in range(60)])
    assert found["score"] == pytest.approx(0.5)
    assert found["low"] < 0.5 < found["high"] < 0.65
    assert found["low"] > 0.35
    assert found["passed"] == {0.0: 120, 0.5: 60, 1.0: 0}[passes]


def test_without_a_judged_answer_there_is_no_score() -> None:
    assert score_of([cell(None), cell()]) == {"score": None, "passed": 0, "judged": 0, "low": 0.0, "high": 1.0}
