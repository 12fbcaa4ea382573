"""The log of suite runs: what was asked, and the outcome of each item. It is in `.promptlab/suites.sqlite`.

A run is written before anything is asked, and a chunk of it before it goes to the runner, which writes each answer to
the run history. So a run whose process was killed can be resumed, and no answer is paid for twice. Rows are read in
pages, on indexes, so that a run of a hundred thousand items is quick to look at.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from promptlab._util.database import Database
from promptlab._util.sql_dialects import set_user_version, user_version
from promptlab.errors import StoreError, SuiteError
from promptlab.suites import _log_tables as tables
from promptlab.suites._suite import ItemKey
from promptlab.suites._suite_run import Chunk, Count, Details, ItemRow, Show, State, SuiteRun, Verb
from promptlab.workspace import Workspace

FILE = "suites.sqlite"
VERSION = 1
BATCH = 500
"""Rows that are written with one statement."""


class SuiteLog:
    """The log in `path`; made, with its folder, when first opened. Safe to use from several threads and processes."""

    @classmethod
    def of(cls, workspace: Workspace) -> SuiteLog:
        """The log of `workspace`."""
        return cls(workspace.state / FILE)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = Database(path, "suite log", self._prepare)

    def _prepare(self, db: sa.Connection) -> None:
        version = user_version(db)
        if version > VERSION:
            raise StoreError(
                f"the suite log {self.path} was written by a newer promptlab", hint="upgrade, or move it aside"
            )
        if version == 0:
            tables.metadata.create_all(db, checkfirst=False)
            set_user_version(db, VERSION)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # Writing

    def begin(self, suite: str, verb: Verb, total: int, options: Mapping[str, Any]) -> SuiteRun:
        """Write a new run. `options` are those that must be equal for the run to be resumed."""
        run = SuiteRun(uuid.uuid4().hex, suite, verb, _now(), "running", total, dict(options))
        row = {"id": run.id, "suite": suite, "verb": verb, "created": run.created, "state": run.state, "total": total}
        row["options"] = json.dumps(run.options, sort_keys=True)
        self._db.write([(tables.suite_runs.insert(), row)])
        return run

    def chunk(self, run: SuiteRun, store_run: str, keys: Sequence[ItemKey]) -> None:
        """Write that `keys` go to the runner as its run `store_run`. Call it before they do."""
        row = {"suite_run": run.id, "store_run": store_run, "keys": json.dumps([list(key) for key in keys])}
        self._db.write([(tables.chunks.insert(), row)])

    def add(self, run: SuiteRun, rows: Iterable[ItemRow]) -> None:
        """Write rows. A row with the same position is replaced."""
        with self._db.writing() as db:
            remaining = iter(rows)
            while batch := list(islice(remaining, BATCH)):
                self._add(db, run, {row.position: row for row in batch})

    def _add(self, db: sa.Connection, run: SuiteRun, rows: Mapping[int, ItemRow]) -> None:
        change: Counter[tuple[str, str, str, int]] = Counter()
        known = db.execute(tables.KNOWN_OUTCOMES, {"run": run.id, "positions": list(rows)})
        for variant, model, verdict, passed in known:
            change[(variant, model, verdict, _pass_code(passed))] -= 1
        for row in rows.values():
            change[(row.key.variant, row.key.model, row.verdict, _pass_code(row.passed))] += 1
        db.execute(tables.PUT_ROWS, [_row_values(run, row) for row in rows.values()])
        names = ("suite_run", "variant", "model", "verdict", "passed", "items")
        db.execute(
            tables.ADD_COUNTS,
            [dict(zip(names, (run.id, *outcome, items), strict=True)) for outcome, items in change.items()],
        )

    def take_up(self, run: SuiteRun, total: int) -> SuiteRun:
        """Write that a run is resumed, with `total` items now."""
        self._db.write([(tables.run_with(run.id), {"state": "running", "total": total})])
        return replace(run, state="running", total=total)

    def end(self, run: SuiteRun, state: State) -> None:
        """Write how the run ended."""
        self._db.write([(tables.run_with(run.id), {"state": state})])

    def rename_case(self, suite: str, old: str, new: str) -> None:
        """Write that the case `old` of the suite at path `suite` is called `new`, in all of its runs."""
        with self._db.writing() as db:
            db.execute(tables.rename_in_rows(suite, old, new))
            for store_run, keys in db.execute(tables.chunks_of_suite(suite)).fetchall():
                known = json.loads(keys)
                if any(key[0] == old for key in known):
                    renamed = json.dumps([[new if key[0] == old else key[0], *key[1:]] for key in known])
                    db.execute(tables.chunk_with(store_run), {"keys": renamed})

    # Reading

    def count_rows(self, suite: str, case: str, *, free: str) -> int:
        """How many rows the runs of a suite have of a case. Raises `SuiteError` if they have rows of both `case` and
        `free`, whose histories must not be mixed."""
        counts = dict(map(tuple, self._db.rows(tables.rows_of_cases(suite, (case, free)))))
        if counts.get(case) and counts.get(free):
            raise SuiteError(
                f"the history of this suite has runs of both `{case}` and `{free}`",
                file=suite,
                hint="choose an id that no case had before",
            )
        return int(counts.get(case, 0))

    def asked_as(self, suite: str, old: str, new: str) -> Iterator[tuple[str, str, str]]:
        """For each item of the case `new`, which was called `old`, that was asked: the run of the history, the old and
        the new id of the item."""
        for store_run, keys in self._db.rows(tables.chunks_of_suite(suite)):
            for key in (ItemKey(*key) for key in json.loads(keys)):
                if key.case == new:
                    yield store_run, key._replace(case=old).id, key.id

    def runs(self, suite: str, *, verb: Verb | None = None, limit: int = 50) -> list[SuiteRun]:
        """Runs of the suite at path `suite`, newest first."""
        return [_run(row) for row in self._db.rows(tables.newest_runs(suite, verb, limit=limit))]

    def run(self, id: str) -> SuiteRun:
        """One run; a unique beginning of its id is enough."""
        found = self._db.rows(tables.runs_beginning(id))
        if len(found) != 1 or not id:
            what = "more than one suite run begins" if found and id else "there is no suite run that begins"
            raise StoreError(f"{what} with `{id}`", hint="`promptlab suite runs` lists them")
        return _run(found[0])

    def chunks(self, run: SuiteRun) -> list[Chunk]:
        """What went to the runner, in order."""
        found = self._db.rows(tables.chunks_of(run.id))
        return [Chunk(store_run, tuple(ItemKey(*key) for key in json.loads(keys))) for store_run, keys in found]

    def rows(
        self,
        run: SuiteRun,
        *,
        verdict: str | None = None,
        case: str | None = None,
        show: Show | None = None,
        after: int = -1,
        limit: int = 50,
    ) -> list[ItemRow]:
        """Rows after position `after`, in the order of the suite: of one verdict, those that `show` names, or of the
        cases whose id begins with `case`."""
        query = tables.page_of_rows(run.id, verdict=verdict, case=case, show=show, after=after, limit=limit)
        return [_row(row) for row in self._db.rows(query)]

    def count(self, run: SuiteRun, show: Show) -> int:
        """How many rows `show` names."""
        return int(self._db.rows(tables.count_of(run.id, show))[0][0])

    def every_row(self, run: SuiteRun) -> Iterator[ItemRow]:
        """Every row of a run, read a page at a time."""
        after = -1
        while page := self.rows(run, after=after, limit=1_000):
            yield from page
            after = page[-1].position

    def passes(self, run: SuiteRun, *, but: str) -> list[tuple[str, str, str, int, int, int]]:
        """For each case, variant and model of a run: how many items passed, were judged, and are there. Items with the
        verdict `but` do not count."""
        return [(*row[:3], int(row[3] or 0), row[4], row[5]) for row in self._db.rows(tables.passes_of(run.id, but))]

    def counts(self, run: SuiteRun) -> list[Count]:
        """The number of items by variant, model, verdict and pass. They are kept up to date and need no counting."""
        return [
            Count(variant, model, verdict, None if passed < 0 else bool(passed), items)
            for variant, model, verdict, passed, items in self._db.rows(tables.counts_of(run.id))
        ]


def _run(row: Sequence[Any]) -> SuiteRun:
    id, suite, verb, created, state, total, options, done = row
    return SuiteRun(id, suite, verb, created, state, total, json.loads(options), done)


def _row_values(run: SuiteRun, row: ItemRow) -> dict[str, Any]:
    return {
        "suite_run": run.id,
        "position": row.position,
        "case_id": row.key.case,
        "variant": row.key.variant,
        "model": row.key.model,
        "repeat": row.key.repeat,
        "verdict": row.verdict,
        "passed": _number(row.passed),
        "score": row.score,
        "was_passed": _number(row.was_passed),
        "was_score": row.was_score,
        "result": row.result,
        "store_run": row.store_run,
        "more": json.dumps(row.details.as_data()),
    }


def _row(found: Sequence[Any]) -> ItemRow:
    _, position, case, variant, model, repeat, verdict, passed, score, was_passed, was_score, result, run, more = found
    key = ItemKey(case, variant, model, repeat)
    return ItemRow(
        *(position, key, verdict, _flag(passed), score, _flag(was_passed), was_score, result, run),
        Details.of(json.loads(more)),
    )


def _number(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _pass_code(passed: bool | int | None) -> int:
    return -1 if passed is None else int(passed)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
