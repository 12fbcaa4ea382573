"""`benchmarks/experiments.py`, a small part: intervals cover, and "helps" is not said of what does nothing."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("numpy")

from benchmarks.abilities import ABILITIES, shapley_values
from benchmarks.experiments import report
from benchmarks.simulated import EFFECTS, FLOWS, Cell, Count, selection, simulate
from promptlab.experiments import kind_names

MADE_UP = 3.5
"""Deviations of a share of simulated experiments that are left to chance."""


def limit(share: float, of: int) -> float:
    return MADE_UP * math.sqrt(share * (1 - share) / of)


@pytest.mark.parametrize(
    ("ability", "flow", "effect", "times"),
    [
        ("ablate", "at once", 0.2, 150),
        ("ablate", "early stops", 0.0, 150),
        ("wording", "screened, early stops", 0.2, 150),
        ("models, and chance", "early stops", 0.2, 150),
        ("params, 3 repeats", "at once", 0.05, 120),
        ("examples, Shapley", "at once", 0.2, 60),
    ],
)
def test_intervals_cover_and_helps_is_not_said_of_nothing(ability: str, flow: str, effect: float, times: int) -> None:
    found = simulate(Cell(ability, flow, 60, effect), times)
    # Effects of an experiment share their cases, so an experiment counts once.
    assert found.coverage > 0.95 - limit(0.05, times)
    assert found.false < 0.03 + limit(0.03, times)
    assert found.experiments == times


def test_a_large_effect_is_found_and_early_stops_save_cases() -> None:
    at_once, early = (simulate(Cell("ablate", flow, 200, 0.2), 30) for flow in ("at once", "early stops"))
    assert at_once.found / at_once.effects > 0.9
    assert early.found / early.effects > 0.8
    assert early.asked < at_once.asked == 30 * 200


def test_the_best_of_twenty_is_not_simply_the_luckiest() -> None:
    picked, screened = selection(60)
    assert picked.error > 0.05  # all of them do nothing
    assert abs(screened.error) < MADE_UP * screened.deviation


def test_every_kind_is_simulated() -> None:
    as_others = {"finetune"}  # two models on the same cases, as "models" compares them
    assert {ability.kind for ability in ABILITIES.values()} == set(kind_names()) - as_others


def test_shapley_values_of_a_small_game() -> None:
    # Three own a glove market: one has a left glove, two have a right one (Shapley & Shubik, 1969).
    values = shapley_values(("left", "right 1", "right 2"), lambda there: float("left" in there and len(there) > 1))
    assert values == pytest.approx({"left": 2 / 3, "right 1": 1 / 6, "right 2": 1 / 6})


def test_the_report_has_a_row_for_every_kind_and_flow() -> None:
    count = Count(10, 9, 5, 0, 5, 4, 60, 1)
    text = report({Cell("ablate", flow, 60, e): count for flow in FLOWS for e in EFFECTS}, [], 1, "here")
    assert text.count("| ablate |") == len(FLOWS)
    assert "90.0 · 90.0 · 90.0" in text
