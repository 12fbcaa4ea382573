"""The agreement of two judges."""

from __future__ import annotations

import pytest

from promptlab import stats


def test_kappa_takes_chance_away() -> None:
    marks = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    found = stats.agreement(marks)
    assert found.share == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("marks", "low", "high"),
    [([], 0.0, 1.0), ([(True, True)], 0.025, 1.0), ([(True, False)], 0.0, 0.975), ([(True, True)] * 9, 0.6637, 1.0)],
)
def test_no_mark_one_mark_and_always_the_same_mark_have_an_interval_and_no_kappa(
    marks: list[tuple[bool, bool]], low: float, high: float
) -> None:
    found = stats.agreement(marks)
    assert found.of == len(marks)
    assert found.kappa in (None, 0.0)
    assert (found.interval.low, found.interval.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_marks_of_one_case_are_one_observation() -> None:
    marks = [(True, True), (False, False)] * 10
    alone, together = stats.agreement(marks), stats.agreement(marks, cases=["a", "b"] * 10)
    assert (alone.of, alone.share, alone.kappa) == (together.of, together.share, together.kappa) == (20, 1.0, 1.0)
    assert alone.interval.low == pytest.approx(0.025 ** (1 / 20))
    assert together.interval.low == pytest.approx(0.025 ** (1 / 2))
