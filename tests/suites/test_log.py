"""The log of suite runs: pages on indexes, counts that are kept, and a hundred thousand rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from promptlab.errors import StoreError
from promptlab.suites._cause import Cause
from promptlab.suites._log import SuiteLog
from promptlab.suites._log_tables import counts_of, page_of_rows
from promptlab.suites._recorded_item import Judged
from promptlab.suites._suite import ItemKey
from promptlab.suites._suite_run import Details, ItemRow, SuiteRun

ROWS = 100_000
DETAILS = Details(
    said="passes now",
    causes=(Cause("prompt", "instructions", ("instructions",), certain=False), Cause("model")),
    tags=("final",),
    error="no answer",
    unscored=True,
    judged=(Judged("judge", "gpt", "api|gpt", "k", '{"pass": true}'),),
)


def row(position: int, verdict: str = "same", *, passed: bool | None = True, case: str = "") -> ItemRow:
    return ItemRow(
        position, ItemKey(case or f"case-{position:06}", "v", "m"), verdict, passed, 1.0, True, 1.0, "r", "s", DETAILS
    )


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SuiteLog]:
    found = SuiteLog(tmp_path / "suites.sqlite")
    yield found
    found.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SuiteLog, SuiteRun]]:
    """A run of a hundred thousand items, every hundredth of them worse, among other runs."""
    found = SuiteLog(tmp_path_factory.mktemp("log") / "suites.sqlite")
    found.add(found.begin("a.yaml", "rerun", 3, {}), [row(n) for n in range(3)])
    run = found.begin("a.yaml", "rerun", ROWS, {})
    found.add(run, (row(n, "worse" if n % 100 == 7 else "same", passed=n % 100 != 7) for n in range(ROWS)))
    yield found, run
    found.close()


def test_a_row_comes_back_as_it_was(log: SuiteLog) -> None:
    run = log.begin("a.yaml", "rerun", 2, {"only": ["x"]})
    rows = [row(0), ItemRow(1, ItemKey("b", "", "m", 3), "cannot tell", None, None)]
    log.add(run, rows)
    assert log.rows(run) == rows
    assert log.run(run.id[:8]) == log.runs("a.yaml")[0]
    assert log.run(run.id).done == 2
    assert log.run(run.id).options == {"only": ["x"]}


def test_pages_hold_every_row_once_in_order(large: tuple[SuiteLog, SuiteRun]) -> None:
    log, run = large
    seen: list[int] = []
    while page := log.rows(run, after=seen[-1] if seen else -1, limit=9_999):
        seen += [one.position for one in page]
    assert seen == list(range(ROWS))


def test_pages_of_one_verdict_hold_exactly_those(large: tuple[SuiteLog, SuiteRun]) -> None:
    log, run = large
    seen: list[int] = []
    while page := log.rows(run, verdict="worse", after=seen[-1] if seen else -1, limit=50):
        seen += [one.position for one in page]
    assert seen == list(range(7, ROWS, 100))


def test_cases_are_found_by_the_beginning_of_their_id(large: tuple[SuiteLog, SuiteRun]) -> None:
    log, run = large
    assert [one.position for one in log.rows(run, case="case-0999", limit=200)] == list(range(99_900, 100_000))
    assert [one.position for one in log.rows(run, case="case-0999", verdict="worse")] == [99_907]
    assert log.rows(run, case="nobody") == []
    assert [one.position for one in log.rows(run, case="", limit=3)] == [0, 1, 2]


def test_counts_are_those_of_the_rows(large: tuple[SuiteLog, SuiteRun]) -> None:
    log, run = large
    assert {(count.verdict, count.passed): count.items for count in log.counts(run)} == {
        ("same", True): ROWS - ROWS // 100,
        ("worse", False): ROWS // 100,
    }
    assert log.run(run.id).done == ROWS


def plan_of(log: SuiteLog, query: sa.Select[Any]) -> str:
    """How SQLite answers a query."""
    compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with log._db.engine.connect() as db:
        return "; ".join(row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}"))


def test_no_page_reads_the_whole_table(large: tuple[SuiteLog, SuiteRun]) -> None:
    log, _ = large
    asked = {
        "all": page_of_rows("r"),
        "one verdict": page_of_rows("r", verdict="worse", after=100),
        "cases": page_of_rows("r", case="win"),
        "cases of one verdict": page_of_rows("r", case="win", verdict="worse"),
        "counts": counts_of("r"),
    }
    plans = {name: plan_of(log, query) for name, query in asked.items()}
    assert plans == {
        "all": "SEARCH item_rows USING PRIMARY KEY (suite_run=? AND position>?)",
        "one verdict": "SEARCH item_rows USING INDEX rows_by_verdict (suite_run=? AND verdict=? AND position>?)",
        "cases": "SEARCH item_rows USING INDEX rows_by_case (suite_run=? AND case_id>? AND case_id<?)"
        "; USE TEMP B-TREE FOR ORDER BY",
        "cases of one verdict": "SEARCH item_rows USING INDEX rows_by_case (suite_run=? AND case_id>? AND case_id<?)"
        "; USE TEMP B-TREE FOR ORDER BY",
        "counts": "SEARCH counts USING PRIMARY KEY (suite_run=?)",
    }
    assert not any("SCAN" in plan for plan in plans.values())


def test_the_work_of_a_page_does_not_grow_with_the_run(large: tuple[SuiteLog, SuiteRun]) -> None:
    """Steps of SQLite's machine, which are the same on every computer."""
    log, run = large

    def steps(**asked: Any) -> int:
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        with log._db.engine.connect() as db:  # the only connection of the pool, which is used again
            driver: Any = db.connection.driver_connection
        driver.set_progress_handler(step, 1)
        log.rows(run, **asked)
        driver.set_progress_handler(None, 0)
        assert count
        return count

    first, last = steps(), steps(after=ROWS - 100)
    assert last <= first * 1.1
    assert steps(verdict="worse", after=ROWS - 6_000) <= 1.1 * steps(verdict="worse")
    assert max(first, steps(verdict="worse"), steps(case="case-0999", verdict="worse")) < 3_000


def test_a_row_that_is_written_again_is_counted_once(log: SuiteLog) -> None:
    run = log.begin("a.yaml", "rerun", 1, {})
    for verdict, passed in (("same", True), ("worse", False), ("cannot tell", None), ("worse", False)):
        log.add(run, [row(0, verdict, passed=passed)])
    assert [(count.verdict, count.passed, count.items) for count in log.counts(run)] == [("worse", False, 1)]
    assert log.run(run.id).done == 1


def test_two_processes_write_into_one_log(tmp_path: Path) -> None:
    first, second = SuiteLog(tmp_path / "s.sqlite"), SuiteLog(tmp_path / "s.sqlite")
    a, b = first.begin("a.yaml", "rerun", 50, {}), second.begin("b.yaml", "record", 50, {})
    for n in range(50):
        first.add(a, [row(n)])
        second.add(b, [row(n)])
    assert (second.run(a.id).done, first.run(b.id).done) == (50, 50)
    first.close()
    second.close()


def test_runs_are_listed_newest_first_and_by_verb(log: SuiteLog) -> None:
    made = [log.begin("a.yaml", verb, 1, {}).id for verb in ("record", "rerun", "rerun")]  # type: ignore[arg-type]
    log.begin("b.yaml", "rerun", 1, {})
    assert [run.id for run in log.runs("a.yaml")] == made[::-1]
    assert [run.id for run in log.runs("a.yaml", verb="record")] == made[:1]
    assert [run.id for run in log.runs("a.yaml", limit=2)] == made[:0:-1]


@pytest.mark.parametrize("id", ["", "nobody", "%"])
def test_an_id_that_is_none_is_refused(log: SuiteLog, id: str) -> None:
    log.begin("a.yaml", "rerun", 1, {})
    with pytest.raises(StoreError, match="there is no suite run"):
        log.run(id)


def test_what_is_no_log_or_a_newer_one_is_left_alone(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        SuiteLog(broken)
    assert broken.read_bytes() == b"not a database" * 100
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(StoreError, match="newer promptlab"):
        SuiteLog(newer)


@pytest.mark.parametrize(
    ("stored", "details"),
    [
        ({}, Details()),
        (
            {"said": "", "tags": [], "error": "", "sections": ["context"]},  # of a replay
            Details(sections=("context",)),
        ),
        (
            {
                "said": "passes now",
                "causes": [["prompt", "instructions", ["instructions"], False], ["model", "", [], True]],
                "tags": ["final"],
                "error": "no answer",
                "unscored": True,
                "judged": [
                    {"scorer": "judge", "model": "gpt", "fingerprint": "api|gpt", "key": "k", "text": '{"pass": true}'}
                ],
            },
            DETAILS,
        ),
    ],
    ids=["none", "replay", "rerun"],
)
def test_details_of_earlier_releases_are_read(stored: dict[str, Any], details: Details) -> None:
    assert Details.of(stored) == details
    assert Details.of(details.as_data()) == details
