"""Every statement of the run history and the suite log is one for SQLite and for PostgreSQL.

With `PROMPTLAB_TEST_POSTGRESQL=postgresql+psycopg://user@host/database`, an empty database that may be written to, each
is executed on that server, too, and finds the same.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from promptlab._util.sql_dialects import add_column
from promptlab.runs import _tables as run_tables
from promptlab.runs._rating import Rating, Ratings
from promptlab.runs._run_info import MadeFor, RunInfo
from promptlab.runs._store import Store
from promptlab.runs._votes import Vote, Votes
from promptlab.suites import _log_tables as log_tables
from promptlab.suites._log import SuiteLog
from promptlab.suites._suite import ItemKey
from promptlab.suites._suite_run import Details, ItemRow, SuiteRun
from promptlab.types import Completion, Message, Origin, Prompt, Request, Result, Source, Span, Usage

SERVER = os.environ.get("PROMPTLAB_TEST_POSTGRESQL", "")
POSTGRESQL: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
SQLITE: Any = sqlite.dialect()
BLOB = "b" * 40


@dataclass
class Databases:
    """Both databases, and the statements that they executed."""

    store: Store
    log: SuiteLog
    statements: list[sa.ClauseElement]

    def run(self, number: int = 0) -> SuiteRun:
        """A suite run; 0 is the newest."""
        return self.log.runs("suite.yaml")[number]


def request(text: str) -> Request:
    sources = (Source("context", f"{text[:3]}.md", "public", "1"), Source("input", "question"))
    prompt = Prompt(
        (Message("system", "Answer."), Message("user", text)), (Span(1, 0, 1, "input", "question"),), sources
    )
    return Request("gpt", prompt)


def result(run: str, number: int, text: str, *, created: str, error: str = "") -> Result:
    asked = request(text)
    done = None if error else Completion(f"Answer to {text}", "stop", Usage(9, 0, 1))
    key = asked.key("f")
    return Result(f"{run}-{number}", run, "gpt", asked, key, done, error, case=f"case-{number}", created=created)


TEXTS = ("Straßen in BERLIN", "nul \0 and \ud800 surrogate", "100% of_it", "Straßen in BERLIN")


def fill(store: Store, log: SuiteLog) -> None:
    """The same in every database."""
    for number, name in enumerate(("Ärger", "b_run", "B-run")):
        origin = Origin("t.yaml", "" if number == 2 else BLOB)
        store.begin(RunInfo(f"{number}{name}", f"2026-01-0{1 + number // 2}", name, f"{name}.yaml", 5, origin))
        results = [result(f"{number}{name}", n, text, created=f"2026-01-0{1 + n}") for n, text in enumerate(TEXTS)]
        results.append(result(f"{number}{name}", 4, "fails", created="2026-01-09", error="no answer"))
        store.add((n, each, "f") for n, each in enumerate(results))
    first = log.begin("suite.yaml", "rerun", 3, {"only": ["é"]})
    second = log.begin("suite.yaml", "record", 900, {})
    for number in (2, 10, 1):
        log.chunk(second, f"run-{number}", [ItemKey(f"c{number}", "v", "m")])
    log.add(first, [item_row(n) for n in range(3)])
    log.add(second, [item_row(n) for n in range(900)])
    log.add(second, [item_row(n, passed=None) for n in range(5)])


def item_row(n: int, *, passed: bool | None = True) -> ItemRow:
    case = ("A-case", "a_case", "b", "É", "e")[n % 5]
    verdict = "same" if n % 2 else "worse"
    key = ItemKey(f"{case}{n:03}", "v", "m")
    return ItemRow(n, key, verdict, passed, 0.1, n % 3 == 0, None, "r", "s", Details(said="it is"))


def _clear(engine: sa.Engine) -> None:
    for metadata in (run_tables.metadata, log_tables.metadata):
        metadata.drop_all(engine)


def _on_server(store: Store, log: SuiteLog) -> None:
    """Have both use the server."""
    engine = sa.create_engine(SERVER)
    _clear(engine)
    store._db.engine = log._db.engine = engine
    with engine.begin() as db:
        store._prepare(db)
        log_tables.metadata.create_all(db)


def _opened(path: Path, *, server: bool = False) -> Iterator[Databases]:
    store, log = Store(path / "runs.sqlite"), SuiteLog(path / "suites.sqlite")
    files = [store._db.engine, log._db.engine]
    if server:
        _on_server(store, log)
    fill(store, log)
    statements: list[sa.ClauseElement] = []

    def note(_db: Any, statement: Any, *_: Any) -> None:
        if isinstance(statement, sa.ClauseElement):
            statements.append(statement)

    for engine in {store._db.engine, log._db.engine}:
        sa.event.listen(engine, "before_execute", note)
    yield Databases(store, log, statements)
    store.close()
    log.close()
    for engine in files:
        engine.dispose()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Databases]:
    yield from _opened(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Databases]:
    if not SERVER:
        pytest.skip("no PostgreSQL server in PROMPTLAB_TEST_POSTGRESQL")
    (tmp_path / "server").mkdir()
    yield from _opened(tmp_path / "server", server=True)


def _nameless(run: SuiteRun) -> SuiteRun:
    return dataclasses.replace(run, id="", created="")


def _begun(both: Databases) -> RunInfo:
    both.store.begin(RunInfo("new", "2027", "title \ud800", "t", 1, Origin("t", "")))
    return both.store.run("new")


def _added(both: Databases) -> list[Result]:
    both.store.add([(5, result("0Ärger", 5, "once more", created="2027"), "f")])
    return both.store.results("0Ärger", among=range(4, 6))


def _written_again(both: Databases) -> list[Any]:
    both.log.add(both.run(), [item_row(n, passed=False) for n in (1, 2, 2, 901)])
    return sorted(map(str, both.log.counts(both.run())))


def _chunk(both: Databases) -> list[Any]:
    both.log.chunk(both.run(), "a-run", [])
    return both.log.chunks(both.run())


def _case_renamed(both: Databases) -> list[Any]:
    case = both.log.rows(both.run(), limit=1)[0].key.case
    both.log.chunk(both.run(), "renamed-run", [ItemKey(case, "v", "m")])
    both.log.rename_case("suite.yaml", case, "new")
    assert both.log.count_rows("suite.yaml", case, free="none") == 0
    return [row.key for row in both.log.rows(both.run(), case="new")]


def _asked_as(both: Databases) -> list[Any]:
    both.log.chunk(both.run(), "asked-run", [ItemKey("new", "v", "m")])
    return [asked for asked in both.log.asked_as("suite.yaml", "old", "new") if asked[0] == "asked-run"]


def _results_renamed(both: Databases) -> list[str]:
    run, case = "0Ärger", both.store.results("0Ärger")[0].case
    both.store.rename_cases([(run, case, "new[m]")])
    return [result.case for result in both.store.results(run)]


def _end(both: Databases) -> str:
    both.log.end(both.run(), "stopped")
    return both.run().state


def _found(both: Databases, text: str) -> list[str]:
    return [run.id for run in both.store.runs(text=text)]


def _together(both: Databases) -> list[tuple[str, int, tuple[str, ...]]]:
    for number in range(3):
        made_for = MadeFor("suite", "s.yaml", "a-batch")
        info = RunInfo(f"together-{number}", f"2026-02-0{1 + number}", "suite", "s.yaml", 2, Origin("s.yaml", ""))
        both.store.begin(dataclasses.replace(info, made_for=made_for))
    return [(run.id, run.total, run.parts) for run in both.store.runs(template="s.yaml", together=True)]


def _named(both: Databases) -> str:
    both.store.rename("1b_run", " my \n name ")
    return both.store.run("1b_run").name


def _pinned(both: Databases) -> list[str]:
    both.store.pin("1b_run")
    found = [run.id for run in both.store.runs(pinned=True)]
    both.store.pin("1b_run", False)
    return found


def _deleted(both: Databases) -> list[list[str]]:
    both.store.delete("1b_run")
    return [[run.id for run in both.store.runs(deleted=deleted)] for deleted in (False, True)]


def _restored(both: Databases) -> list[str]:
    both.store.restore("1b_run")
    return [run.id for run in both.store.runs()]


def _removed(both: Databases) -> tuple[int, int, list[str]]:
    both.store.begin(RunInfo("gone", "2026-01-05", "gone", "t.yaml", 1, Origin("t.yaml", "")))
    both.store.add([(0, result("gone", 0, "only here", created="2026-01-05"), "f")])
    both.store.delete("gone")
    return both.store.remove_deleted(), len(both.store.results("gone")), _found(both, "only here")


def _rated(both: Databases) -> list[str]:
    for comment in ("first", "second"):
        both.store.ratings.rate(Rating("1b_run-0", "bad", comment, "no \ud800", "2026-01-06"))
    return [*map(str, both.store.ratings.of(["1b_run-0"]).values()), *both.store.ratings.rated_runs()]


def _voted(both: Databases) -> list[str]:
    votes = both.store.votes
    votes.cast(Vote("Ann \ud800", "1b_run-0", "1b_run-1", "left", "2026-01-06"))
    votes.cast(Vote("Ann \ud800", "1b_run-1", "1b_run-0", "left", "2026-01-07"))
    votes.cast(Vote("Ben", "1b_run-0", "1b_run-1", "tie", "2026-01-08"))
    return [*map(str, votes.of(["1b_run-0", "1b_run-1"])), *map(str, votes.of(["1b_run-0"]))]


def _vote_taken_back(both: Databases) -> list[str]:
    votes = both.store.votes
    votes.cast(Vote("Cat", "1b_run-0", "1b_run-1", "bad", "2026-01-09"))
    votes.take_back(Vote("Cat", "1b_run-0", "1b_run-1", "bad"))
    return ["counted", *map(str, votes.every())]


KEY = request(TEXTS[0]).key("f")
CALLS: dict[str, Callable[[Databases], Any]] = {
    "Store.begin": _begun,
    "Store.add": _added,
    "Store.asked_keys": lambda both: both.store.asked_keys([KEY, "a" * 64]),
    "Store.find": lambda both: both.store.find(KEY),
    "Store.fingerprint": lambda both: both.store.fingerprint(KEY),
    "Store.fingerprints": lambda both: both.store.fingerprints([KEY, "none"]),
    "Store.runs": lambda both: both.store.runs(),
    "Store.runs, a page": lambda both: both.store.runs(limit=1, before=both.store.runs()[0]),
    "Store.runs, of a template": lambda both: both.store.runs(template="b_run.yaml"),
    "Store.runs, of a model": lambda both: both.store.runs(model="gpt"),
    "Store.runs, of a version": lambda both: both.store.runs(blob=BLOB),
    "Store.runs, with a title": lambda both: _found(both, "äRGER"),
    "Store.runs, with a message": lambda both: _found(both, "straßen in b"),
    "Store.runs, with a lone surrogate": lambda both: _found(both, "SURROGATE"),
    "Store.runs, with signs of patterns": lambda both: [_found(both, text) for text in ("% of_", "%x", "0_o")],
    "Store.answers_by_version": lambda both: both.store.answers_by_version([BLOB, "c" * 40]),
    "Store.run": lambda both: both.store.run("1b"),
    "Store.results": lambda both: both.store.results("2B-run"),
    "Store.runs, of days": lambda both: both.store.runs(since="2026-01-01", until="2026-01-02"),
    "Store.runs, of kinds": lambda both: both.store.runs(kinds=["", "suite"], pinned=False),
    "Store.runs, together": _together,
    "Store.count_runs": lambda both: both.store.count_runs(model="gpt"),
    "Store.templates": lambda both: both.store.templates(),
    "Store.models": lambda both: both.store.models(),
    "Store.rename": _named,
    "Store.pin": _pinned,
    "Store.delete": _deleted,
    "Store.restore": _restored,
    "Store.remove_deleted": _removed,
    "Ratings.rate": _rated,
    "Ratings.of": lambda both: [*map(str, both.store.ratings.of(["1b_run-0", "1b_run-1"]).values()), "found"],
    "Ratings.rated_runs": lambda both: [*both.store.ratings.rated_runs(), "found"],
    "Votes.cast": _voted,
    "Votes.take_back": _vote_taken_back,
    "Votes.of": lambda both: ["counted", *map(str, both.store.votes.of(["1b_run-0", "1b_run-1"]))],
    "Votes.every": lambda both: ["counted", *map(str, both.store.votes.every())],
    "Store.results_with": lambda both: both.store.results_with(["1b_run-0", "none"]),
    "Store.taken_in_all": lambda both: both.store.taken_in_all(),
    "Store.rename_file": lambda both: [
        both.store.rename_file("b_run.yaml", "c_run.yaml"),
        both.store.rename_file("c_run.yaml", "b_run.yaml"),
    ],
    "Store.taken": lambda both: both.store.taken(["0Ärger", "1b-run"]),
    "Store.rename_cases": _results_renamed,
    "Store.last_used": lambda both: both.store.last_used("context"),
    "Store.last_used, in few runs": lambda both: both.store.last_used("input", among=1),
    "Store.requests_answered_by": lambda both: both.store.requests_answered_by("gpt", limit=9),
    "SuiteLog.begin": lambda both: _nameless(both.log.begin("b.yaml", "replay", 1, {})),
    "SuiteLog.chunk": _chunk,
    "SuiteLog.chunks": lambda both: both.log.chunks(both.run()),
    "SuiteLog.add": _written_again,
    "SuiteLog.take_up": lambda both: _nameless(both.log.take_up(both.run(), 7)),
    "SuiteLog.end": _end,
    "SuiteLog.run": lambda both: _nameless(both.log.run(both.run().id[:12])),
    "SuiteLog.runs": lambda both: [_nameless(run) for run in both.log.runs("suite.yaml")],
    "SuiteLog.runs, of a verb": lambda both: [_nameless(run) for run in both.log.runs("suite.yaml", verb="rerun")],
    "SuiteLog.rows": lambda both: both.log.rows(both.run(), after=100, limit=20),
    "SuiteLog.count": lambda both: [both.log.count(both.run(), "worse"), "counted"],
    "SuiteLog.rows, of a verdict": lambda both: both.log.rows(both.run(), verdict="worse", after=300),
    "SuiteLog.rows, of cases": lambda both: both.log.rows(both.run(), case="a_", after=100),
    "SuiteLog.rows, of cases and a verdict": lambda both: both.log.rows(both.run(), case="É", verdict="worse"),
    "SuiteLog.every_row": lambda both: list(both.log.every_row(both.run())),
    "SuiteLog.passes": lambda both: both.log.passes(both.run(), but="worse"),
    "SuiteLog.count_rows": lambda both: both.log.count_rows(
        "suite.yaml", both.log.rows(both.run())[0].key.case, free=""
    ),
    "SuiteLog.rename_case": _case_renamed,
    "SuiteLog.asked_as": _asked_as,
    "SuiteLog.counts": lambda both: sorted(map(str, both.log.counts(both.run()))),
}


def test_every_method_is_called_here() -> None:
    methods = {
        f"{owner.__name__}.{name}"
        for owner in (Store, SuiteLog, Ratings, Votes)
        for name, _ in inspect.getmembers(owner, inspect.isfunction)
        if not name.startswith("_") and name != "close"
    }
    assert {name.split(",")[0] for name in CALLS} == methods


@pytest.mark.parametrize("name", CALLS)
def test_a_statement_compiles_for_both(local: Databases, name: str) -> None:
    local.statements.clear()
    assert CALLS[name](local)
    assert local.statements
    for statement in local.statements:
        compiled = str(statement.compile(dialect=POSTGRESQL))
        for foreign in ("json_extract", "json_each", "rowid ", "OR IGNORE", "OR REPLACE", "INDEXED BY", "PRAGMA"):
            assert foreign not in compiled.replace("chunks.rowid ", "")
        assert "->" not in str(statement.compile(dialect=SQLITE))


def test_a_server_finds_the_same(local: Databases, server: Databases) -> None:
    for name, call in CALLS.items():
        assert (name, call(server)) == (name, call(local))


@pytest.mark.parametrize("metadata", [run_tables.metadata, log_tables.metadata], ids=["history", "log"])
def test_the_tables_compile_for_both(metadata: sa.MetaData) -> None:
    for table in metadata.sorted_tables:
        elements: list[Any] = [CreateTable(table), *map(CreateIndex, table.indexes)]
        for element in elements:
            assert "x''" not in str(element.compile(dialect=POSTGRESQL))
            assert 'COLLATE "C"' not in str(element.compile(dialect=SQLITE))


def test_a_server_brings_an_older_history_up(server: Databases) -> None:
    added = [column for columns in run_tables.STEPS.values() for column in columns]
    with server.store._db.engine.begin() as db:
        for column in added:
            db.exec_driver_sql(f"ALTER TABLE {column.table.name} DROP COLUMN {column.name}")
            add_column(db, column)
    assert [done.completion.thinking for done in server.store.results("0Ärger") if done.completion] == [""] * 4


# The tables of the log as version 1 wrote them, and a row of each.
V1 = """
CREATE TABLE suite_runs (
  id TEXT PRIMARY KEY, suite TEXT NOT NULL, verb TEXT NOT NULL, created TEXT NOT NULL, state TEXT NOT NULL,
  total INTEGER NOT NULL, options TEXT NOT NULL
);
CREATE INDEX suite_runs_of ON suite_runs (suite, created);
CREATE TABLE chunks (suite_run TEXT NOT NULL, store_run TEXT PRIMARY KEY, keys TEXT NOT NULL);
CREATE INDEX chunks_of ON chunks (suite_run);
CREATE TABLE item_rows (
  suite_run TEXT NOT NULL, position INTEGER NOT NULL, case_id TEXT NOT NULL, variant TEXT NOT NULL, model TEXT NOT NULL,
  repeat INTEGER NOT NULL, verdict TEXT NOT NULL, passed INTEGER, score REAL, was_passed INTEGER, was_score REAL,
  result TEXT NOT NULL, store_run TEXT NOT NULL, more TEXT NOT NULL,
  PRIMARY KEY (suite_run, position)
) WITHOUT ROWID;
CREATE INDEX rows_by_verdict ON item_rows (suite_run, verdict, position);
CREATE INDEX rows_by_case ON item_rows (suite_run, case_id, position);
CREATE TABLE counts (
  suite_run TEXT NOT NULL, variant TEXT NOT NULL, model TEXT NOT NULL, verdict TEXT NOT NULL, passed INTEGER NOT NULL,
  items INTEGER NOT NULL, PRIMARY KEY (suite_run, variant, model, verdict, passed)
) WITHOUT ROWID;
INSERT INTO suite_runs VALUES ('abc', 'a.yaml', 'rerun', '2026-01-01', 'stopped', 2, '{"only": []}');
INSERT INTO chunks VALUES ('abc', 'zz', '[["one", "v", "m", 0]]'), ('abc', 'aa', '[]');
INSERT INTO item_rows VALUES ('abc', 0, 'one', 'v', 'm', 0, 'worse', 0, 0.5, 1, NULL, 'r', 's', '{"said": "x"}');
INSERT INTO counts VALUES ('abc', 'v', 'm', 'worse', 0, 1);
PRAGMA user_version=1;
"""


def _shape(path: Path) -> dict[str, Any]:
    """Columns with their types and places in the primary key, and indexes with their columns, by table; the version."""
    with sqlite3.connect(path) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {
            name: [(row[1], row[2], row[5]) for row in db.execute(f"PRAGMA table_info({name})")] for name in tables
        }
        indexes = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL")
        ]
        parts = {name: [row[2] for row in db.execute(f"PRAGMA index_info({name})")] for name in indexes}
        plain = {name for name in tables if "WITHOUT ROWID" not in _sql(db, name)}
        version = db.execute("PRAGMA user_version").fetchone()
    db.close()
    return {"columns": columns, "indexes": parts, "with rowid": plain, "version": version}


def _sql(db: sqlite3.Connection, table: str) -> str:
    (found,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return str(found)


def test_a_log_of_an_earlier_release_is_read_and_written(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.sqlite") as db:
        db.executescript(V1)
    db.close()
    log = SuiteLog(tmp_path / "old.sqlite")
    run = log.run("abc")
    assert run == SuiteRun("abc", "a.yaml", "rerun", "2026-01-01", "stopped", 2, {"only": []}, 1)
    assert [chunk.store_run for chunk in log.chunks(run)] == ["zz", "aa"]
    assert log.rows(run) == [
        ItemRow(0, ItemKey("one", "v", "m"), "worse", False, 0.5, True, None, "r", "s", Details(said="x"))
    ]
    log.add(run, [item_row(0), item_row(1)])
    assert {(count.verdict, count.passed): count.items for count in log.counts(run)} == {
        ("worse", True): 1,
        ("same", True): 1,
    }
    log.close()


def test_a_new_log_has_the_tables_of_an_earlier_release(tmp_path: Path) -> None:
    SuiteLog(tmp_path / "new.sqlite").close()
    with sqlite3.connect(tmp_path / "old.sqlite") as db:
        db.executescript(V1)
    db.close()
    assert _shape(tmp_path / "new.sqlite") == _shape(tmp_path / "old.sqlite")
