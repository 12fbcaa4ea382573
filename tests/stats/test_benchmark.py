"""`benchmarks/statistics.py`, a fast part: the intervals hold in every cell, and those before did not."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence

import pytest

pytest.importorskip("numpy")
pytest.importorskip("scipy")

from benchmarks.populations import ALIKE, Alike
from benchmarks.statistics import Found, Place, measured
from tests.places import ROOT

SUITES, BEFORE = 1_000, 300
MADE_UP = 3.0
"""Monte Carlo error: a share of 1,000 suites may be so many of its deviations beyond a limit."""

HARD: Sequence[tuple[str, int, int, Alike]] = [
    ("binary", 8, 2, "independent"),
    ("binary", 50, 1, "independent"),
    ("F1-like", 8, 1, "independent"),
    ("F1-like", 20, 5, "identical"),
    ("skewed", 8, 2, "between"),
    ("skewed", 20, 1, "independent"),
    ("skewed", 100, 1, "independent"),
    ("jitter", 20, 1, "independent"),
    ("jitter", 100, 2, "identical"),
    ("ties", 8, 1, "independent"),
    ("ties", 20, 2, "independent"),
]


def test_the_command_says_for_every_cell_how_often_it_is_right() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.statistics", "--fast", "--kind", "pass rate", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    ours = [cell for cell in found["cells"] if cell["way"] == "ours"]
    assert len(ours) == 4 * 2 * 3  # numbers of cases, of answers, and rates
    assert min(cell["covers"] for cell in ours) > 0.93 - _limit(0.07)
    assert all(0.78 < power["ours"] < 0.83 for power in found["power"])
    assert all(power["before"] < 0.78 for power in found["power"])


def _limit(share: float) -> float:
    return MADE_UP * math.sqrt(share * (1 - share) / SUITES)


def _ours(found: Sequence[Found]) -> Found:
    return next(one for one in found if one.way == "ours")


@pytest.mark.parametrize("truth", [0.0, -0.05])
@pytest.mark.parametrize(("what", "cases", "answers", "alike"), HARD)
def test_a_difference_is_covered_and_no_margin_is_falsely_kept(
    what: str, cases: int, answers: int, alike: Alike, truth: float
) -> None:
    ours = _ours(measured(Place(what, cases, answers, alike, truth), SUITES, BEFORE))
    assert ours.covers >= 0.93 - _limit(0.07)
    assert ours.met is None or ours.met <= 0.03 + _limit(0.03)
    assert ours.width is not None
    assert ours.width < 1.2


@pytest.mark.parametrize("alike", ALIKE)
@pytest.mark.parametrize("rate", [0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("cases", [6, 15, 50])
def test_a_pass_rate_is_covered_however_much_the_answers_to_a_case_agree(cases: int, rate: float, alike: Alike) -> None:
    ours = _ours(measured(Place("pass rate", cases, 5, alike, rate), SUITES, BEFORE))
    assert ours.covers >= 0.93 - _limit(0.07)
    assert ours.met is not None
    assert ours.met <= 0.03 + _limit(0.03)


@pytest.mark.parametrize(
    ("what", "cases", "truth"),
    [("F1-like", 8, -0.05), ("ties", 8, -0.01), ("skewed", 20, 0.0), ("jitter", 20, -0.05), ("pass rate", 15, 0.99)],
)
def test_the_same_measure_finds_the_faults_of_the_method_before(what: str, cases: int, truth: float) -> None:
    before, ours = measured(Place(what, cases, 1, "independent", truth), SUITES, BEFORE)
    assert (before.way, ours.way) == ("before", "ours")
    assert before.covers < 0.93 - _limit(0.07)
