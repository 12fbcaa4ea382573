"""Strengths of contenders beside a logistic regression and the exact interval; what was never compared is refused."""

from __future__ import annotations

import random

import numpy as np
import pytest

from promptlab.stats import clustered, components, strengths
from promptlab.stats._bradley_terry import Case

statsmodels = pytest.importorskip("statsmodels.api")


def drawn(cases: int, logs: dict[str, float], seed: int) -> list[Case]:
    """Cases in which every two contenders meet once; the win rate follows the model."""
    chance = random.Random(seed)
    names = list(logs)
    return [
        tuple(
            (one, other, float(chance.random() < 1 / (1 + np.exp(logs[other] - logs[one]))))
            for number, one in enumerate(names)
            for other in names[number + 1 :]
        )
        for _ in range(cases)
    ]


def test_the_strengths_are_those_of_a_logistic_regression() -> None:
    cases = drawn(200, {"a": 0.0, "b": 0.7, "c": -0.4, "d": 1.1}, 3)
    found = strengths(cases)
    names = sorted(found)
    rows = [contest for case in cases for contest in case]
    design = np.zeros((len(rows), len(names)))
    for number, (one, other, _) in enumerate(rows):
        design[number, names.index(one)], design[number, names.index(other)] = 1, -1
    model = statsmodels.GLM([share for *_, share in rows], design[:, 1:], family=statsmodels.families.Binomial())
    fitted = np.concatenate([[0.0], model.fit().params])
    for name, log in zip(names, fitted - fitted.mean(), strict=True):
        assert found[name].log == pytest.approx(log, abs=2e-4)


@pytest.mark.parametrize(("won", "of"), [(0, 8), (8, 8), (9, 12), (30, 60)])
def test_two_contenders_have_the_interval_of_a_rate(won: int, of: int) -> None:
    cases: list[Case] = [(("a", "b", float(number < won)),) for number in range(of)]
    found = strengths(cases)
    exact = clustered([(int(number < won), 1) for number in range(of)])
    assert found["a"].rate == pytest.approx(won / of, abs=2e-3)
    assert found["a"].interval.low == pytest.approx(exact.low, abs=0.035)
    assert found["a"].interval.high == pytest.approx(exact.high, abs=0.035)
    assert found["a"].rate + found["b"].rate == pytest.approx(1)


def test_a_contender_that_never_lost_has_a_number_and_a_wide_interval() -> None:
    found = strengths([(("a", "b", 1.0), ("b", "c", 1.0), ("a", "c", 1.0))] * 5)
    assert found["a"].rate > 0.99
    assert found["a"].interval.low < 0.7
    assert abs(found["a"].log) < 20


def test_what_was_never_compared_is_refused() -> None:
    apart: list[Case] = [(("a", "b", 1.0),), (("c", "d", 0.0),)]
    assert components(contest for case in apart for contest in case) == [("a", "b"), ("c", "d")]
    with pytest.raises(ValueError, match="a, b; c, d"):
        strengths(apart)
    with pytest.raises(ValueError, match="nothing"):
        strengths([])
    joined = [*apart, (("a", "c", 0.5),)]
    assert set(strengths(joined)) == {"a", "b", "c", "d"}


def test_intervals_hold_the_true_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    from promptlab.stats import _bradley_terry

    monkeypatch.setattr(_bradley_terry, "DRAWS", 120)
    logs = {"a": 0.0, "b": 0.5, "c": 1.5}
    truth = {
        one: np.mean([1 / (1 + np.exp(logs[other] - logs[one])) for other in logs if other != one]) for one in logs
    }
    held = [
        found.interval.low <= truth[name] <= found.interval.high
        for seed in range(40)
        for name, found in strengths(drawn(25, logs, seed)).items()
    ]
    assert np.mean(held) >= 0.93
