"""The mean score of some answers with the interval of that mean, over cases."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from promptlab import stats
from promptlab.experiments._observations import Observation


def score_of(cells: Sequence[Sequence[Observation]]) -> dict[str, Any]:
    """`score`, its interval from `low` to `high`, the number of answers that are `judged`, and how many `passed`.

    `cells` are the answers to each case. If every answer is right or wrong, the score is the pass rate. Scores between
    are averaged for each case first, and the interval is that of the mean over cases: that of the pass rate would be
    about another number. Without a judged answer `score` is None, and the interval goes from 0 to 1.
    """
    judged = [[one for one in cell if one.score is not None] for cell in cells]
    judged = [cell for cell in judged if cell]
    answers = [one for cell in judged for one in cell]
    passed = sum(bool(one.passed) for one in answers)
    if all(one.score == bool(one.passed) for one in answers):
        score = passed / len(answers) if answers else None
        interval = stats.clustered([(sum(bool(one.passed) for one in cell), len(cell)) for cell in judged])
    else:
        means = [fmean(one.score or 0.0 for one in cell) for cell in judged]
        score, interval = fmean(means), stats.compare_with_rate(means, 0.0).interval
    ends = {"low": interval.low, "high": interval.high}
    return {"score": score, "passed": passed, "judged": len(answers), **ends}
