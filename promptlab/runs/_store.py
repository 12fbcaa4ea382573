"""The run history and the answer cache: one SQLite file, `.promptlab/runs.sqlite`.

A run is a set of trials asked together; each trial is written when it ends (`runs/_tables.py` has the rows). The
cache is a question to the same tables: a result that was answered, live and to its end, under the same key.

The schema has a version; a file of an older version is brought up step by step, a newer one is refused.
Several processes may use the file at once (WAL); killing one loses at most what it had not yet written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from promptlab._util.database import DAMAGED, Database, parts
from promptlab.errors import StoreError
from promptlab.runs import _queries as queries
from promptlab.runs import _tables as tables
from promptlab.runs._list import Listed
from promptlab.runs._rating import Ratings
from promptlab.runs._renamed_file import renamed_sources
from promptlab.runs._run_info import MadeFor, RunInfo
from promptlab.runs._votes import Votes
from promptlab.types import (
    Completion,
    Message,
    Origin,
    Prompt,
    Request,
    Result,
    Section,
    Source,
    Use,
    canonical_json,
    sha256,
)
from promptlab.workspace import Workspace

FILE = "runs.sqlite"
SCHEMA_VERSION = 4
KNOWN_TEXTS = 4_000
"""Hashes of texts that are remembered as written: most prompts repeat most of their texts."""
ALL = Listed()
RECENT = 200
"""Runs that are looked at to say when something was last used."""


@dataclass(frozen=True)
class Stored:
    """An answer in the store, with its time and its run."""

    completion: Completion
    created: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What answers of a model took: tokens of prompts, of which `reused` came from a prompt cache, and new tokens.
    `last` is the time of the last answer. `uncounted` answers said nothing about their tokens."""

    model: str
    prompt: int
    new: int
    last: str
    reused: int = 0
    answers: int = 0
    uncounted: int = 0


def history_file(workspace: Workspace) -> Path:
    """The path of the run history of `workspace`. The file may not exist yet."""
    return workspace.state / FILE


class Counted(NamedTuple):
    """What is counted of the results of a run: how many have ended, how many of them failed, the models in the order
    asked, and whether they have places in a table."""

    done: int = 0
    failed: int = 0
    models: tuple[str, ...] = ()
    table: bool = False


NOTHING = Counted()


class Store:
    """The history file at `path`; made, with its folder, when first opened. Safe to use from several threads."""

    @classmethod
    def of(cls, workspace: Workspace) -> Store:
        """The history of `workspace`."""
        return cls(history_file(workspace))

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: set[str] = set()
        self._db = Database(path, "run history", self._prepare)
        self.ratings = Ratings(self._db)
        self.votes = Votes(self._db)

    def _prepare(self, db: sa.Connection) -> None:
        present = sa.inspect(db).get_table_names()
        if not present:
            tables.metadata.create_all(db)
            db.execute(tables.schema_version.insert().values(version=SCHEMA_VERSION))
        elif "schema_version" not in present:
            raise StoreError(
                f"{self.path} is a database of something else (it has a table `{present[0]}`)",
                hint="move it aside; a new run history is made",
            )
        found = db.execute(sa.select(sa.func.max(tables.schema_version.c.version))).scalar_one()
        if not isinstance(found, int) or found < 1:
            raise StoreError(f"the run history {self.path} does not say which schema it has", hint=DAMAGED)
        if found > SCHEMA_VERSION:
            raise StoreError(
                f"the run history {self.path} was written by a newer promptlab (schema {found}, this one knows "
                f"{SCHEMA_VERSION})",
                hint="upgrade promptlab, or move the file aside to start a new history",
            )
        for version in range(found + 1, SCHEMA_VERSION + 1):
            tables.bring_up(db, version)
        if found < SCHEMA_VERSION:
            db.execute(tables.schema_version.update().values(version=SCHEMA_VERSION))

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # Writing

    def begin(self, run: RunInfo) -> None:
        """Record that a run has started."""
        row = {
            "id": run.id,
            "created": run.created,
            "title": run.title,
            "template": run.template,
            "total": run.total,
            "origin": canonical_json(asdict(run.origin)),
            "kind": run.made_for.kind,
            "made_for": run.made_for.path,
            "batch": run.made_for.batch,
            "name": run.name,
            "pinned": run.pinned,
        }
        self._write([(tables.runs.insert(), [row])])

    def add(self, results: Iterable[tuple[int, Result, str]]) -> None:
        """Write ended trials in one transaction: (position in the run, result, fingerprint of the backend)."""
        texts: dict[str, dict[str, Any]] = {}
        requests: dict[str, dict[str, Any]] = {}
        messages: list[dict[str, Any]] = []
        rows = []
        for position, result, fingerprint in results:
            key, request = result.request_id, result.request
            if request is not None and key and key not in requests:
                requests[key] = tables.request_row(request, key, fingerprint)
                for number, message in enumerate(request.messages):
                    digest = sha256(message.content)
                    if digest not in self._known:
                        texts[digest] = {"sha256": digest, "text": message.content}
                    messages.append(
                        {"request_key": key, "position": number, "role": message.role, "text_sha256": digest}
                    )
            rows.append(tables.result_row(position, result))
        self._write(
            [
                (queries.NEW_TEXTS, list(texts.values())),
                (queries.NEW_REQUESTS, list(requests.values())),
                (queries.NEW_MESSAGES, messages),
                (tables.results.insert(), rows),
            ]
        )
        if len(self._known) > KNOWN_TEXTS:
            self._known.clear()
        self._known.update(texts)

    def _write(self, steps: Sequence[tuple[sa.Executable, list[dict[str, Any]]]]) -> None:
        try:
            self._db.write(steps)
        except StoreError:
            self._known.clear()  # should the file be another one by now, the next try writes everything
            raise

    def rename_cases(self, asked: Iterable[tuple[str, str, str]]) -> None:
        """Call results by another case: each of `asked` is a run, the case of its result and the new one."""
        change = tables.results.update().where(
            tables.results.c.run_id == sa.bindparam("run"), tables.results.c.case_id == sa.bindparam("old")
        )
        steps = [{"run": run, "old": old, "case_id": new} for run, old, new in asked]
        self._write([(change.values(case_id=sa.bindparam("case_id")), steps)])

    def rename_file(self, old: str, new: str) -> int:
        """Call the file `old` of the workspace `new` in every run and result; the number of those that named it."""
        runs = [
            {"run": row.id, "to": new, "now": canonical_json({**json.loads(row.origin), "template": new})}
            for row in self._db.rows(queries.runs_naming(old))
        ]
        results = [
            {"result": row.id, "now": spans}
            for row in self._db.rows(queries.results_naming(old))
            if (spans := renamed_sources(row.spans, old, new)) != row.spans
        ]
        self._write([(queries.RENAME_RUN, runs), (queries.RENAME_RESULT, results)])
        return len(runs) + len(results)

    # What a person does with a run

    def rename(self, run_id: str, name: str) -> None:
        """Give a run a name; "" takes it away."""
        self._change(run_id, name=" ".join(name.split()))

    def pin(self, run_id: str, pinned: bool = True) -> None:
        """Keep a run at the top of the lists, or no longer."""
        self._change(run_id, pinned=pinned)

    def delete(self, run_id: str) -> None:
        """Take a run out of the lists and its answers out of use. `restore` brings it back until `remove_deleted`.

        Raises `StoreError` for a run of a suite: its answers belong to the suite.
        """
        run = self.run(run_id)
        if run.made_for.kind:
            owner = "an experiment" if run.made_for.kind == "experiment" else "a suite"
            raise StoreError(
                f"run {run.id[:8]} belongs to {owner} and is not deleted here",
                hint="only runs of their own are deleted",
            )
        self._change(run.id, deleted=datetime.now(UTC).isoformat())

    def restore(self, run_id: str) -> None:
        """Bring a deleted run back."""
        self._change(run_id, deleted="")

    def remove_deleted(self) -> int:
        """Remove deleted runs for good, with their answers and texts that nothing else needs. Returns how many."""
        count = self.count_runs(deleted=True)
        with self._db.writing() as db:
            for statement in queries.removal():
                db.execute(statement)
        self._known.clear()
        return count

    def _change(self, run_id: str, **values: Any) -> None:
        self._write([(queries.CHANGE_RUN.values(**values), [{"run": run_id}])])

    # Reading

    def find(self, key: str) -> Stored | None:
        """The first live, complete answer given to the request with this key."""
        rows = self._db.rows(queries.FIRST_ANSWER, {"key": key})
        return Stored(tables.completion_from(rows[0]), rows[0].created, rows[0].run_id) if rows else None

    def fingerprint(self, key: str) -> str:
        """The fingerprint of the backend that was asked the request with this key; "" where there is no such one."""
        rows = self._db.rows(sa.select(tables.requests.c.fingerprint).where(tables.requests.c.key == key))
        return str(rows[0].fingerprint) if rows else ""

    def fingerprints(self, keys: Iterable[str]) -> dict[str, str]:
        """Those of many requests at once, by their keys; one that is not there is left out."""
        query = sa.select(tables.requests.c.key, tables.requests.c.fingerprint)
        rows = [
            row
            for part in parts(sorted(set(keys)))
            for row in self._db.rows(query.where(tables.requests.c.key.in_(part)))
        ]
        return {str(row.key): str(row.fingerprint) for row in rows}

    def asked_keys(self, keys: Iterable[str]) -> set[str]:
        """Those of `keys` whose request was asked before, whatever came of it."""
        query = sa.select(tables.requests.c.key)
        wanted = parts(sorted(set(keys)))
        return {str(row.key) for part in wanted for row in self._db.rows(query.where(tables.requests.c.key.in_(part)))}

    def runs(
        self, listed: Listed = ALL, *, limit: int = 50, before: RunInfo | None = None, **wanted: Any
    ) -> list[RunInfo]:
        """Runs, newest first; `wanted` are fields of `Listed` that are changed in `listed`. For the next page, `before`
        is the last run of this one."""
        listed = replace(listed, **wanted)
        place = (before.created, before.id) if before else None
        found = self._db.rows(queries.newest_runs(listed, limit=limit, before=place))
        batches = self._batches(found) if listed.together else {}
        of_row = {row.id: batches.get((row.kind, row.batch), ((row.id,), row.total)) for row in found}
        counts = self._counts([run_id for ids, _ in of_row.values() for run_id in ids])
        return [_run_info(row, counts, *of_row[row.id]) for row in found]

    def count_runs(self, listed: Listed = ALL, **wanted: Any) -> int:
        """How many runs there are, of those that `runs` lists."""
        return int(self._db.rows(queries.count_of_runs(replace(listed, **wanted)))[0][0])

    def _batches(self, found: Sequence[Any]) -> dict[tuple[str, str], tuple[tuple[str, ...], int]]:
        """The ids of the runs of each batch, oldest first, and the sum of their trials, by kind and batch."""
        together: dict[tuple[str, str], tuple[tuple[str, ...], int]] = {}
        for part in parts(sorted({row.batch for row in found if row.batch})):
            for batch, kind, run_id, total in self._db.rows(queries.runs_of_batches(part)):
                ids, sum_of_totals = together.get((kind, batch), ((), 0))
                together[kind, batch] = ((*ids, run_id), sum_of_totals + total)
        return together

    def templates(self) -> list[str]:
        """The templates of all runs."""
        return [str(row.template) for row in self._db.rows(queries.TEMPLATES_OF_RUNS)]

    def models(self) -> list[str]:
        """The models of all results."""
        return [str(row.model) for row in self._db.rows(queries.MODELS_OF_RUNS)]

    def answers_by_version(self, blobs: Sequence[str]) -> dict[str, int]:
        """How many answers are stored for each version of a template, by the git id of its text; none is left out."""
        rows = [row for part in parts(blobs) for row in self._db.rows(queries.answers_by_version(part))]
        return {str(found): int(count) for found, count in rows}

    def run(self, run_id: str) -> RunInfo:
        """One run; a unique beginning of its id is enough."""
        rows = self._db.rows(
            sa.select(tables.runs).where(tables.runs.c.id.startswith(run_id, autoescape=True)).limit(2)
        )
        if not rows or not run_id:
            raise StoreError(f"there is no run `{run_id}`", hint="`promptlab runs` lists them")
        if len(rows) > 1:
            raise StoreError(f"more than one run begins with `{run_id}`", hint="give more of the id")
        return _run_info(rows[0], self._counts([rows[0].id]), (rows[0].id,), rows[0].total)

    def results(self, run_id: str, *, among: range | None = None) -> list[Result]:
        """What has ended of a run, in the order of its trials, each with the request that was sent; `among` names the
        trials, by their number, that are wanted."""
        query = sa.select(tables.results).where(tables.results.c.run_id == run_id)
        if among is not None:
            query = query.where(tables.results.c.position >= among.start, tables.results.c.position < among.stop)
        rows = self._db.rows(query.order_by(tables.results.c.position))
        requests = self._requests({row.request_key for row in rows if row.request_key})
        return [tables.result_from(row, requests.get(row.request_key)) for row in rows]

    def results_with(self, ids: Iterable[str]) -> dict[str, Result]:
        """The results with these ids, of whichever run, each with the request that was sent; one that is not there is
        left out."""
        query = sa.select(tables.results)
        wanted = parts(sorted(set(ids)))
        rows = [row for part in wanted for row in self._db.rows(query.where(tables.results.c.id.in_(part)))]
        requests = self._requests({row.request_key for row in rows if row.request_key})
        return {row.id: tables.result_from(row, requests.get(row.request_key)) for row in rows}

    def taken(self, run_ids: Sequence[str]) -> list[Taken]:
        """What the answers of these runs took, by model, but for answers that came from the store."""
        taken: dict[str, Taken] = {}
        for part in parts(run_ids):
            query = queries.tokens_by_model().where(tables.results.c.run_id.in_(part))
            for row in map(_taken, self._db.rows(query)):
                taken[row.model] = _both(taken[row.model], row) if row.model in taken else row
        return list(taken.values())

    def taken_in_all(self) -> list[Taken]:
        """What every answer of the history took, by model, but for answers that came from the store."""
        return [_taken(row) for row in self._db.rows(queries.tokens_by_model())]

    def last_used(self, section: Section, *, among: int = RECENT) -> list[Use]:
        """When each source of `section` was last part of a prompt, and with which content, by its name.

        Only the newest `among` runs are looked at, so that a long history costs no more than a short one.
        """
        found = []
        for (use,) in self._db.rows(queries.last_uses(section, among=among)):
            created, run_id, source = use.split("\n", 2)
            found.append(Use(Source.of(*json.loads(source)), run_id, created))
        return sorted(found, key=lambda use: use.source.name)

    def requests_answered_by(self, model: str, *, limit: int) -> list[tuple[Request, str]]:
        """The requests that `model` answered last, newest first, each with the fingerprint of the backend."""
        rows = self._db.rows(queries.answered_requests(model, limit=limit))
        requests = self._requests({row.key for row in rows})
        return [(requests[key], fingerprint) for key, fingerprint in {row.key: row.fingerprint for row in rows}.items()]

    def _counts(self, run_ids: Sequence[str]) -> dict[str, Counted]:
        query = queries.counts_by_model()
        rows = [row for part in parts(run_ids) for row in self._db.rows(query.where(tables.results.c.run_id.in_(part)))]
        counts: dict[str, Counted] = {}
        for run_id, model, count, bad, cells in rows:
            so_far = counts.get(run_id, NOTHING)
            models = (*so_far.models, model)
            counts[run_id] = Counted(so_far.done + count, so_far.failed + bad, models, so_far.table or cells > 0)
        return counts

    def _requests(self, keys: set[str]) -> dict[str, Request]:
        """Requests by key, spans left out (they belong to a result: two templates may give the same text)."""
        rows = [
            row
            for part in parts(sorted(keys))
            for row in self._db.rows(sa.select(tables.requests).where(tables.requests.c.key.in_(part)))
        ]
        messages = sa.select(tables.messages).order_by(tables.messages.c.request_key, tables.messages.c.position)
        refs: dict[str, list[tuple[Any, str]]] = {row.key: [] for row in rows}
        for part in parts(sorted(refs)):
            for row in self._db.rows(messages.where(tables.messages.c.request_key.in_(part))):
                refs[row.request_key].append((row.role, row.text_sha256))
        wanted = sorted({digest for found in refs.values() for _, digest in found})
        texts = {
            row.sha256: row.text
            for part in parts(wanted)
            for row in self._db.rows(sa.select(tables.texts).where(tables.texts.c.sha256.in_(part)))
        }
        return {
            row.key: Request(
                model=row.model,
                prompt=Prompt(tuple(Message(role, texts[digest]) for role, digest in refs[row.key])),
                params=tables.params_from(json.loads(row.params)),
                schema=row.json_schema,
                repeat=row.repeat,
            )
            for row in rows
        }


def _taken(row: Any) -> Taken:
    model, prompt, new, last, reused, answers, uncounted = row
    return Taken(model, int(prompt), int(new), last, int(reused), int(answers), int(uncounted))


def _both(one: Taken, other: Taken) -> Taken:
    return Taken(
        one.model,
        one.prompt + other.prompt,
        one.new + other.new,
        max(one.last, other.last),
        one.reused + other.reused,
        one.answers + other.answers,
        one.uncounted + other.uncounted,
    )


def _run_info(row: Any, counts: dict[str, Counted], ids: tuple[str, ...], total: int) -> RunInfo:
    """The run of `row`, or what it stands for: the runs `ids` with `total` trials."""
    counted = [counts.get(run_id, NOTHING) for run_id in ids]
    return RunInfo(
        id=row.id,
        created=row.created,
        title=row.title,
        template=row.template,
        total=total,
        origin=Origin(**json.loads(row.origin)),
        done=sum(one.done for one in counted),
        failed=sum(one.failed for one in counted),
        models=tuple(dict.fromkeys(model for one in counted for model in one.models)),
        table=any(one.table for one in counted),
        made_for=MadeFor(row.kind, row.made_for, row.batch),
        name=row.name,
        pinned=bool(row.pinned),
        deleted=row.deleted,
        parts=ids if len(ids) > 1 else (),
    )
