"""The history of a suite: each run with its rate, what it was about, and what it took."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab import stats
from promptlab.suites._history import HistoryPoint, history_as_text, suite_history
from promptlab.suites._replay_run import Replaying
from tests.suites.making import SUITE, SuiteHouse, suites

__all__ = ["suites"]


def history(suites: SuiteHouse, **options: Any) -> list[HistoryPoint]:
    return suite_history(
        suites.suite, log=suites.log, store=suites.house.store, catalogue=suites.house.catalogue, **options
    )


def test_each_run_has_its_rate_and_what_it_took(suites: SuiteHouse) -> None:
    assert history(suites) == []
    suites.record()
    suites.house.model("bad", "Argentina")
    suites.rerun()
    list(Replaying(suites.workspace, suites.suite, log=suites.log))
    replay, rerun, record = history(suites)
    assert [(p.verb, p.passed, p.judged, p.not_judged, p.part) for p in (replay, rerun, record)] == [
        ("replay", 3, 6, 0, ""),
        ("rerun", 4, 6, 0, ""),
        ("record", 3, 6, 0, ""),
    ]
    assert rerun.interval == stats.clustered([(2, 2), (1, 2), (1, 2)])
    assert rerun.rate == pytest.approx(4 / 6)
    assert [(cell.model, cell.passed, cell.judged) for cell in rerun.cells] == [("good", 3, 3), ("bad", 1, 3)]
    results = [suites.house.store.results(chunk.store_run) for chunk in suites.log.chunks(suites.log.run(rerun.run))]
    usage = [one.completion.usage for part in results for one in part if one.completion]
    assert rerun.tokens == sum((one.prompt or 0) + (one.written or 0) for one in usage) > 0
    assert rerun.seconds is not None
    assert rerun.seconds >= 0
    assert (rerun.cost, replay.tokens, replay.seconds) == (None, None, None)
    assert [one.verb for one in history(suites, verb="rerun")] == ["rerun"]
    assert [one.verb for one in history(suites, limit=2)] == ["replay", "rerun"]


def test_what_was_not_judged_is_no_part_of_the_rate(suites: SuiteHouse) -> None:
    suites.house.model("bad", [RuntimeError("broken")])
    suites.rerun()
    (point,) = history(suites)
    assert (point.passed, point.judged, point.not_judged) == (3, 3, 3)
    assert point.interval == stats.clustered([(1, 1)] * 3)
    suites.house.model("good", [RuntimeError("broken")])
    suites.rerun()
    point, _ = history(suites)
    assert (point.rate, point.judged, point.not_judged, point.interval) == (None, 0, 6, stats.Interval(0, 1))


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"only": ("winner",)}, "named items only"),
        ({"models": ("good",)}, "not all models"),
        ({"limit": 2}, "first 2"),
        ({"limit": 60}, ""),
        ({"max_tokens": 120}, "ended at"),
        ({"only_failed": True}, "failed items only"),
    ],
)
def test_a_part_of_the_suite_says_why(suites: SuiteHouse, options: dict[str, Any], part: str) -> None:
    suites.rerun()
    suites.rerun(**options)
    point = history(suites)[0]
    assert point.part.startswith(part)
    assert bool(point.part) == bool(part)
    assert ("a part: " in history_as_text([point])) == bool(part)


def test_a_run_with_a_limit_is_taken_up_with_another(suites: SuiteHouse) -> None:
    suites.rerun(max_tokens=120, limit=6)
    assert len(history(suites)) == 1
    suites.rerun(limit=60)
    (point,) = history(suites)
    assert (point.part, point.judged) == ("", 6)


def test_runs_of_other_cases_say_how_many_the_newest_has_too(suites: SuiteHouse) -> None:
    suites.rerun()
    suites.write(SUITE.replace("id: host", "id: place").replace("[good, bad]", "[good]"))
    suites.rerun()
    newest, older = history(suites)
    assert [(p.cases, p.shared, p.models) for p in (newest, older)] == [(3, 3, ("good",)), (3, 2, ("good", "bad"))]
    assert "3 (2 of the newest run's)" in history_as_text([newest, older])


def test_a_recorded_item_that_left_is_no_part_of_a_replay(suites: SuiteHouse) -> None:
    suites.record()
    suites.write(SUITE.replace("[good, bad]", "[good]"))
    list(Replaying(suites.workspace, suites.suite, log=suites.log))
    point = history(suites)[0]
    assert (point.verb, point.passed, point.judged, point.models) == ("replay", 3, 3, ("good",))


def test_the_data_has_every_number_of_the_table(suites: SuiteHouse) -> None:
    suites.record()
    (point,) = history(suites)
    data = point.as_data()
    assert (data["passed"], data["judged"], data["cases"], data["models"]) == (3, 6, 3, ["good", "bad"])
    assert data["interval"] == [point.interval.low, point.interval.high]
    assert [(cell["model"], cell["passed"]) for cell in data["cells"]] == [("good", 3), ("bad", 0)]
