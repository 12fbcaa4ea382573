"""The log of suite runs: what was asked, and the outcome of each item. It is in `.promptlab/suites.sqlite`.

A run is written before anything is asked, and a chunk of it before it goes to the runner, which writes each answer to
the run history. So a run whose process was killed can be resumed, and no answer is paid for twice. Rows are read in
pages, on indexes, so that a run of a hundred thousand items is quick to look at.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from promptlab._util import disk_errors as faults
from promptlab._util import read_only_sqlite as read_only
from promptlab._util import state_folder
from promptlab.errors import StoreError
from promptlab.suites._suite import ItemKey
from promptlab.suites._suite_run import Chunk, Count, Details, ItemRow, State, SuiteRun, Verb
from promptlab.workspace import Workspace

FILE = "suites.sqlite"
VERSION = 1
_SCHEMA = """
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
"""


class SuiteLog:
    """The log in `path`; made, with its folder, when first opened. Safe to use from several threads and processes."""

    @classmethod
    def of(cls, workspace: Workspace) -> SuiteLog:
        """The log of `workspace`."""
        return cls(workspace.state / FILE)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._read_only = ""
        try:
            state_folder.private_file(path)
            found = self._connect(str(path))
        except (OSError, sqlite3.Error) as exc:
            fault = exc if isinstance(exc, OSError) else faults.write_error(path.parent)
            if not faults.advice(fault) or fault is None:
                raise self._unopened(exc) from exc
            self._read_only = faults.advice(fault)  # nothing can be written; what is there can still be read
            try:
                found = self._connect(read_only.temporary_copy(path, fault))
            except (OSError, sqlite3.Error) as again:
                raise self._unopened(again) from again
        if found > VERSION:
            raise StoreError(f"the suite log {path} was written by a newer promptlab", hint="upgrade, or move it aside")

    def _connect(self, path: str) -> int:
        """Open the file at `path`; its version."""
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        with self._writing() as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found == 0:
                for statement in filter(None, map(str.strip, _SCHEMA.split(";"))):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={VERSION}")
        return int(found)

    def _unopened(self, exc: Exception) -> StoreError:
        hint = "if the file is damaged, move it aside; recordings and the run history are elsewhere"
        return StoreError(
            f"the suite log {self.path} cannot be opened: {exc}", hint=self._read_only or faults.advice(exc) or hint
        )

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _telling(self, doing: str) -> Iterator[None]:
        if self._read_only and doing == "written":
            raise StoreError(f"the suite log {self.path} cannot be written", hint=self._read_only)
        try:
            yield
        except sqlite3.Error as exc:
            hint = faults.advice(faults.write_error(self.path.parent)) or "if the file is damaged, move it aside"
            raise StoreError(f"the suite log {self.path} cannot be {doing}: {exc}", hint=hint) from exc

    # Writing

    def begin(self, suite: str, verb: Verb, total: int, options: Mapping[str, Any]) -> SuiteRun:
        """Write a new run. `options` are those that must be equal for the run to be resumed."""
        run = SuiteRun(uuid.uuid4().hex, suite, verb, _now(), "running", total, dict(options))
        with self._telling("written"), self._writing() as db:
            values = (run.id, suite, verb, run.created, run.state, total, json.dumps(run.options, sort_keys=True))
            db.execute("INSERT INTO suite_runs VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        return run

    def chunk(self, run: SuiteRun, store_run: str, keys: Sequence[ItemKey]) -> None:
        """Write that `keys` go to the runner as its run `store_run`. Call it before they do."""
        with self._telling("written"), self._writing() as db:
            db.execute("INSERT INTO chunks VALUES (?, ?, ?)", (run.id, store_run, json.dumps([list(k) for k in keys])))

    def add(self, run: SuiteRun, rows: Iterable[ItemRow]) -> None:
        """Write rows. A row with the same position is replaced."""
        with self._telling("written"), self._writing() as db:
            counted: Counter[tuple[str, str, str, int]] = Counter()
            for row in rows:
                old = db.execute(
                    "SELECT variant, model, verdict, passed FROM item_rows WHERE suite_run = ? AND position = ?",
                    (run.id, row.position),
                ).fetchone()
                if old:
                    counted[(*old[:3], _pass_code(old[3]))] -= 1
                values = (
                    *(run.id, row.position, *row.key, row.verdict, row.passed, row.score, row.was_passed),
                    *(row.was_score, row.result, row.store_run, json.dumps(row.details.as_data())),
                )
                db.execute(f"INSERT OR REPLACE INTO item_rows VALUES ({', '.join('?' * len(values))})", values)
                counted[(row.key.variant, row.key.model, row.verdict, _pass_code(row.passed))] += 1
            db.executemany(
                "INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET items = items + excluded.items",
                [(run.id, *which, more) for which, more in counted.items()],
            )

    def take_up(self, run: SuiteRun, total: int) -> SuiteRun:
        """Write that a run is resumed, with `total` items now."""
        with self._telling("written"), self._writing() as db:
            db.execute("UPDATE suite_runs SET state = 'running', total = ? WHERE id = ?", (total, run.id))
        return replace(run, state="running", total=total)

    def end(self, run: SuiteRun, state: State) -> None:
        """Write how the run ended."""
        with self._telling("written"), self._writing() as db:
            db.execute("UPDATE suite_runs SET state = ? WHERE id = ?", (state, run.id))

    # Reading

    def runs(self, suite: str, *, verb: Verb | None = None, limit: int = 50) -> list[SuiteRun]:
        """Runs of the suite at path `suite`, newest first."""
        found = self._fetch(
            "SELECT * FROM suite_runs WHERE suite = ? AND verb LIKE ? ORDER BY created DESC LIMIT ?",
            (suite, verb or "%", limit),
        )
        return [self._run(row) for row in found]

    def run(self, id: str) -> SuiteRun:
        """One run; a unique beginning of its id is enough."""
        found = self._fetch("SELECT * FROM suite_runs WHERE id >= ? AND id < ? LIMIT 2", (id, id + "g"))
        if len(found) != 1 or not id:
            what = "more than one suite run begins" if found and id else "there is no suite run that begins"
            raise StoreError(f"{what} with `{id}`", hint="`promptlab suite runs` lists them")
        return self._run(found[0])

    def _run(self, row: Sequence[Any]) -> SuiteRun:
        ((done,),) = self._fetch("SELECT COALESCE(SUM(items), 0) FROM counts WHERE suite_run = ?", (row[0],))
        id, suite, verb, created, state, total, options = row
        return SuiteRun(id, suite, verb, created, state, total, json.loads(options), done)

    def chunks(self, run: SuiteRun) -> list[Chunk]:
        """What went to the runner, in order."""
        found = self._fetch("SELECT store_run, keys FROM chunks WHERE suite_run = ? ORDER BY rowid", (run.id,))
        return [Chunk(store_run, tuple(ItemKey(*key) for key in json.loads(keys))) for store_run, keys in found]

    def rows(
        self, run: SuiteRun, *, verdict: str | None = None, case: str | None = None, after: int = -1, limit: int = 50
    ) -> list[ItemRow]:
        """Rows after position `after`, in the order of the suite: of one verdict, or of the cases whose id begins with
        `case`."""
        query, values = _page(run.id, verdict, case, after, limit)
        return [_row(found) for found in self._fetch(query, values)]

    def every_row(self, run: SuiteRun) -> Iterator[ItemRow]:
        """Every row of a run, read a page at a time."""
        after = -1
        while page := self.rows(run, after=after, limit=1_000):
            yield from page
            after = page[-1].position

    def counts(self, run: SuiteRun) -> list[Count]:
        """The number of items by variant, model, verdict and pass. They are kept up to date and need no counting."""
        found = self._fetch(
            "SELECT variant, model, verdict, passed, items FROM counts WHERE suite_run = ? AND items > 0", (run.id,)
        )
        return [Count(v, m, verdict, None if p < 0 else bool(p), n) for v, m, verdict, p, n in found]

    def plans(self) -> dict[str, str]:
        """SQLite's query plan for each kind of page, so that a test can check that it uses an index."""
        asked = {
            "all": _page("r", None, None, -1, 50),
            "one verdict": _page("r", "worse", None, 100, 50),
            "cases": _page("r", None, "win", -1, 50),
            "counts": ("SELECT variant, model, verdict, passed, items FROM counts WHERE suite_run = ?", ("r",)),
        }
        return {
            name: "; ".join(row[3] for row in self._fetch(f"EXPLAIN QUERY PLAN {query}", values))
            for name, (query, values) in asked.items()
        }

    def _fetch(self, query: str, values: Sequence[Any]) -> list[Any]:
        with self._telling("read"), self._lock:
            return self._db.execute(query, tuple(values)).fetchall()


def _page(run: str, verdict: str | None, case: str | None, after: int, limit: int) -> tuple[str, tuple[Any, ...]]:
    where, values = "suite_run = ? AND position > ?", [run, after]
    if verdict is not None:
        where, values = f"{where} AND verdict = ?", [*values, verdict]
    if case is not None:
        # A range and not LIKE, because a range can use the index.
        where, values = f"{where} AND case_id >= ? AND case_id < ?", [*values, case, case + "\U0010ffff"]
    index = "" if verdict is None and case is None else f"INDEXED BY rows_by_{'verdict' if case is None else 'case'} "
    return f"SELECT * FROM item_rows {index}WHERE {where} ORDER BY position LIMIT ?", (*values, limit)


def _row(found: Sequence[Any]) -> ItemRow:
    _, position, case, variant, model, repeat, verdict, passed, score, was_passed, was_score, result, run, more = found
    key = ItemKey(case, variant, model, repeat)
    return ItemRow(
        *(position, key, verdict, _flag(passed), score, _flag(was_passed), was_score, result, run),
        Details.of(json.loads(more)),
    )


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _pass_code(passed: bool | int | None) -> int:
    return -1 if passed is None else int(passed)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
