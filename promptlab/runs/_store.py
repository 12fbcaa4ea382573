"""The run history and the answer cache: one SQLite file, `.promptlab/runs.sqlite`.

A run is a set of trials asked together; each trial is written when it ends (`runs/_tables.py` has the rows). The
cache is a question to the same tables: a result that was answered, live and to its end, under the same key.

The schema has a version; a file of an older version is brought up step by step, a newer one is refused.
Several processes may use the file at once (WAL); killing one loses at most what it had not yet written.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from promptlab._util import disk_errors as faults
from promptlab._util import read_only_sqlite as read_only
from promptlab._util import state_folder
from promptlab.errors import StoreError
from promptlab.runs import _tables as tables
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
SCHEMA_VERSION = 2
KNOWN_TEXTS = 4_000
"""Hashes of texts that are remembered as written: most prompts repeat most of their texts."""
RECENT = 200
"""Runs that are looked at to say when something was last used."""

# A cached answer never comes from a failed, stopped or itself cached one, nor from one of which nobody knows whether it
# is whole: its server gave no reason for its end, or one we do not know.
_LIVE = sa.and_(
    tables.results.c.status == "ok",
    tables.results.c.cached.is_(False),
    tables.results.c.finish_reason.not_in(("stopped", "unknown")),
)

# Asked once for every trial: put together once, it costs half as much processor time.
_FIND = (
    sa.select(tables.results)
    .where(tables.results.c.request_key == sa.bindparam("key"), _LIVE)
    .order_by(tables.results.c.created, tables.results.c.position, tables.results.c.id)
    .limit(1)
)


@dataclass(frozen=True)
class RunInfo:
    """A run in the history. `total` trials were planned, `done` have ended, `failed` of them with an error."""

    id: str
    created: str
    title: str
    template: str
    total: int
    origin: Origin
    done: int = 0
    failed: int = 0
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stored:
    """An answer in the store, with its time and its run."""

    completion: Completion
    created: str
    run_id: str


def history_file(workspace: Workspace) -> Path:
    """The path of the run history of `workspace`. The file may not exist yet."""
    return workspace.state / FILE


class Store:
    """The history file at `path`; made, with its folder, when first opened. Safe to use from several threads."""

    @classmethod
    def of(cls, workspace: Workspace) -> Store:
        """The history of `workspace`."""
        return cls(history_file(workspace))

    def __init__(self, path: Path) -> None:
        self.path = path
        self._write_lock = threading.Lock()
        self._read_only = ""
        self._known: set[str] = set()
        try:
            state_folder.private_file(path)
            self._connect(str(path))
        except (OSError, sa.exc.SQLAlchemyError) as exc:
            fault = exc if isinstance(exc, OSError) else faults.write_error(path.parent)
            if not faults.advice(fault) or fault is None:
                raise self._unopened(exc) from exc
            self._read_only = faults.advice(fault)  # nothing can be written; what is there can still be read
            try:
                self._connect(read_only.temporary_copy(path, fault))
            except (OSError, sa.exc.SQLAlchemyError) as again:
                raise self._unopened(again) from again

    def _connect(self, path: str) -> None:
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        sa.event.listen(self._engine, "connect", _on_connect)
        sa.event.listen(self._engine, "begin", _on_begin)
        self._open()

    def _unopened(self, exc: Exception) -> StoreError:
        hint = self._read_only or faults.advice(exc) or "if the file is damaged, move it aside; a new one is made"
        return StoreError(f"the run history {self.path} cannot be opened: {_reason(exc)}", hint=hint)

    def _open(self) -> None:
        # One transaction that takes the writer's lock first: of two processes that open a new file, one makes the
        # tables and the other finds them whole.
        with self._writing() as db:
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
            if isinstance(found, int) and 1 <= found < SCHEMA_VERSION:
                for version in range(found + 1, SCHEMA_VERSION + 1):
                    for step in tables.STEPS[version]:
                        db.exec_driver_sql(step)
                db.execute(tables.schema_version.update().values(version=SCHEMA_VERSION))
                found = SCHEMA_VERSION
        if not isinstance(found, int) or found < 1:
            raise StoreError(
                f"the run history {self.path} does not say which schema it has",
                hint="if the file is damaged, move it aside; a new one is made",
            )
        if found > SCHEMA_VERSION:
            raise StoreError(
                f"the run history {self.path} was written by a newer promptlab (schema {found}, this one knows "
                f"{SCHEMA_VERSION})",
                hint="upgrade promptlab, or move the file aside to start a new history",
            )

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

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
                (_ignore(tables.texts), list(texts.values())),
                (_ignore(tables.requests), list(requests.values())),
                (_ignore(tables.messages), messages),
                (tables.results.insert(), rows),
            ]
        )
        if len(self._known) > KNOWN_TEXTS:
            self._known.clear()
        self._known.update(texts)

    def _write(self, steps: Sequence[tuple[Any, list[dict[str, Any]]]]) -> None:
        if self._read_only:
            raise StoreError(f"the run history {self.path} cannot be written", hint=self._read_only)
        try:
            # One writer at a time in this process; SQLite's own lock, with its time-out, orders the processes.
            with self._write_lock, self._writing() as db:
                for statement, rows in steps:
                    if rows:
                        db.execute(statement, rows)
        except sa.exc.SQLAlchemyError as exc:
            self._known.clear()  # should the file be another one by now, the next try writes everything
            raise StoreError(
                f"the run history {self.path} cannot be written: {_reason(exc)}",
                hint=faults.advice(faults.write_error(self.path.parent))
                or "if the file is damaged, move it aside; a new one is made",
            ) from exc

    def _writing(self) -> AbstractContextManager[sa.Connection]:
        return self._engine.execution_options(**_WRITES).begin()

    # Reading

    def _rows(self, query: Any, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        try:
            with self._engine.connect() as db:
                return db.execute(query, values).fetchall()
        except sa.exc.SQLAlchemyError as exc:
            raise StoreError(
                f"the run history {self.path} cannot be read: {_reason(exc)}",
                hint="if the file is damaged, move it aside; a new one is made",
            ) from exc

    def find(self, key: str) -> Stored | None:
        """The first live, complete answer given to the request with this key."""
        rows = self._rows(_FIND, {"key": key})
        return Stored(tables.completion_from(rows[0]), rows[0].created, rows[0].run_id) if rows else None

    def fingerprint(self, key: str) -> str:
        """The fingerprint of the backend that was asked the request with this key; "" where there is no such one."""
        rows = self._rows(sa.select(tables.requests.c.fingerprint).where(tables.requests.c.key == key))
        return str(rows[0].fingerprint) if rows else ""

    def fingerprints(self, keys: Iterable[str]) -> dict[str, str]:
        """Those of many requests at once, by their keys; one that is not there is left out."""
        query = sa.select(tables.requests.c.key, tables.requests.c.fingerprint)
        parts = _parts(sorted(set(keys)))
        rows = [row for part in parts for row in self._rows(query.where(tables.requests.c.key.in_(part)))]
        return {str(row.key): str(row.fingerprint) for row in rows}

    def runs(
        self,
        *,
        limit: int = 50,
        before: RunInfo | None = None,
        template: str | None = None,
        model: str | None = None,
        text: str | None = None,
        blob: str | None = None,
    ) -> list[RunInfo]:
        """Runs, newest first: of one template, with an answer of one model, with `text` in title, answer or
        message, whatever its case, of one version of a template (`blob`, the git id of its text); for the next
        page, `before` is the last run of this one."""
        query = sa.select(tables.runs).order_by(tables.runs.c.created.desc(), tables.runs.c.id.desc()).limit(limit)
        if before:
            # Not the time alone: of runs begun at the same moment none may fall between two pages.
            query = query.where(
                sa.tuple_(tables.runs.c.created, tables.runs.c.id) < sa.tuple_(before.created, before.id)
            )
        if template:
            query = query.where(tables.runs.c.template == template)
        if blob:
            # As `begin` writes it: canonical JSON has one form.
            part = f'"template_blob":{json.dumps(blob)}'
            query = query.where(tables.runs.c.origin.contains(part, autoescape=True))
        if model:
            query = query.where(
                tables.runs.c.id.in_(sa.select(tables.results.c.run_id).where(tables.results.c.model == model))
            )
        if text:
            query = query.where(sa.or_(_holds(tables.runs.c.title, text), tables.runs.c.id.in_(_runs_holding(text))))
        found = self._rows(query)
        counts = self._counts([row.id for row in found])
        return [_run_info(row, counts) for row in found]

    def answers_by_version(self, blobs: Sequence[str]) -> dict[str, int]:
        """How many answers are stored for each version of a template, by the git id of its text; none is left out."""
        blob = sa.func.json_extract(tables.runs.c.origin, "$.template_blob")
        query = (
            sa.select(blob.label("blob"), sa.func.count())
            .select_from(tables.runs.join(tables.results, tables.results.c.run_id == tables.runs.c.id))
            .group_by(blob)
        )
        rows = [row for part in _parts(blobs) for row in self._rows(query.where(blob.in_(part)))]
        return {str(found): int(count) for found, count in rows}

    def run(self, run_id: str) -> RunInfo:
        """One run; a unique beginning of its id is enough."""
        rows = self._rows(sa.select(tables.runs).where(tables.runs.c.id.startswith(run_id, autoescape=True)).limit(2))
        if not rows or not run_id:
            raise StoreError(f"there is no run `{run_id}`", hint="`promptlab runs` lists them")
        if len(rows) > 1:
            raise StoreError(f"more than one run begins with `{run_id}`", hint="give more of the id")
        return _run_info(rows[0], self._counts([rows[0].id]))

    def results(self, run_id: str, *, among: range | None = None) -> list[Result]:
        """What has ended of a run, in the order of its trials, each with the request that was sent; `among` names the
        trials, by their number, that are wanted."""
        query = sa.select(tables.results).where(tables.results.c.run_id == run_id)
        if among is not None:
            query = query.where(tables.results.c.position >= among.start, tables.results.c.position < among.stop)
        rows = self._rows(query.order_by(tables.results.c.position))
        requests = self._requests({row.request_key for row in rows if row.request_key})
        return [tables.result_from(row, requests.get(row.request_key)) for row in rows]

    def last_used(self, section: Section, *, among: int = RECENT) -> list[Use]:
        """When each source of `section` was last part of a prompt, and with which content, by its name.

        Only the newest `among` runs are looked at, so that a long history costs no more than a short one.
        """
        recent = sa.select(tables.runs.c.id).order_by(tables.runs.c.created.desc()).limit(among)
        source = sa.func.json_each(tables.results.c.spans, "$.sources").table_valued("value", name="source")
        # In SQLite the other columns are those of the row that has the maximum.
        newest = sa.func.max(tables.results.c.created).label("newest")
        query = (
            sa.select(source.c.value, tables.results.c.run_id, newest)
            .select_from(tables.results.join(source, sa.true()))
            .where(tables.results.c.run_id.in_(recent), sa.func.json_extract(source.c.value, "$[0]") == section)
            .group_by(sa.func.json_extract(source.c.value, "$[1]"))
        )
        found = [Use(Source.of(*json.loads(row.value)), row.run_id, row.newest) for row in self._rows(query)]
        return sorted(found, key=lambda use: use.source.name)

    def requests_answered_by(self, model: str, *, limit: int) -> list[tuple[Request, str]]:
        """The requests that `model` answered last, newest first, each with the fingerprint of the backend."""
        rows = self._rows(
            sa.select(tables.requests)
            .join(tables.results, tables.results.c.request_key == tables.requests.c.key)
            .where(tables.results.c.model == model, _LIVE)
            .order_by(tables.results.c.created.desc())
            .limit(limit)
        )
        requests = self._requests({row.key for row in rows})
        return [(requests[key], fingerprint) for key, fingerprint in {row.key: row.fingerprint for row in rows}.items()]

    def _counts(self, run_ids: Sequence[str]) -> dict[str, tuple[int, int, tuple[str, ...]]]:
        failed = sa.func.sum(sa.case((tables.results.c.status == "error", 1), else_=0))
        query = (
            sa.select(tables.results.c.run_id, tables.results.c.model, sa.func.count(), failed)
            .group_by(tables.results.c.run_id, tables.results.c.model)
            .order_by(sa.func.min(tables.results.c.position))
        )
        rows = [row for part in _parts(run_ids) for row in self._rows(query.where(tables.results.c.run_id.in_(part)))]
        found: dict[str, tuple[int, int, tuple[str, ...]]] = {}
        for run_id, model, count, bad in rows:
            done, failures, models = found.get(run_id, (0, 0, ()))
            found[run_id] = (done + count, failures + bad, (*models, model))
        return found

    def _requests(self, keys: set[str]) -> dict[str, Request]:
        """Requests by key, spans left out (they belong to a result: two templates may give the same text)."""
        rows = [
            row
            for part in _parts(sorted(keys))
            for row in self._rows(sa.select(tables.requests).where(tables.requests.c.key.in_(part)))
        ]
        messages = sa.select(tables.messages).order_by(tables.messages.c.request_key, tables.messages.c.position)
        refs: dict[str, list[tuple[Any, str]]] = {row.key: [] for row in rows}
        for part in _parts(sorted(refs)):
            for row in self._rows(messages.where(tables.messages.c.request_key.in_(part))):
                refs[row.request_key].append((row.role, row.text_sha256))
        wanted = sorted({digest for found in refs.values() for _, digest in found})
        texts = {
            row.sha256: row.text
            for part in _parts(wanted)
            for row in self._rows(sa.select(tables.texts).where(tables.texts.c.sha256.in_(part)))
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


def _on_connect(connection: Any, _record: Any) -> None:
    # WAL lets the browser read while a run writes. NORMAL survives a killed process; a power cut may lose the
    # last transactions, never the file.
    connection.isolation_level = None  # the driver would begin late, after DDL and reads; `_on_begin` does it
    for setting in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")
    connection.create_function("holds", 2, _text_holds, deterministic=True)


def _on_begin(db: sa.Connection) -> None:
    # A writer takes the lock before it reads: one that wants it later is refused at once if another was quicker.
    writes = db.get_execution_options().get("promptlab_writes")
    db.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_WRITES: Mapping[str, Any] = {"promptlab_writes": True}


def _text_holds(stored: bytes | str, wanted: str) -> bool:
    # SQLite's own LIKE folds case for ASCII only and stops at NUL.
    text = stored.decode("utf-8", "surrogatepass") if isinstance(stored, bytes) else stored
    return wanted in text.casefold()


def _reason(exc: Exception) -> str:
    return str(getattr(exc, "orig", None) or exc)


def _ignore(table: sa.Table) -> Any:
    return table.insert().prefix_with("OR IGNORE")


def _parts(items: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    """SQLite takes a limited number of values in one statement."""
    return [items[i : i + size] for i in range(0, len(items), size)]


def _holds(column: Any, text: str) -> Any:
    # The type of a parameter follows the column's; `holds` wants text.
    return sa.func.holds(column, sa.literal(text.casefold(), tables.Words)) == 1


def _runs_holding(text: str) -> Any:
    """Ids of runs with `text` in an answer or a message. Each text is looked at once, however often it was sent."""
    texts = sa.select(tables.texts.c.sha256).where(_holds(tables.texts.c.text, text))
    sent = sa.select(tables.messages.c.request_key).where(tables.messages.c.text_sha256.in_(texts))
    return sa.select(tables.results.c.run_id).where(
        sa.or_(_holds(tables.results.c.text, text), tables.results.c.request_key.in_(sent))
    )


def _run_info(row: Any, counts: dict[str, tuple[int, int, tuple[str, ...]]]) -> RunInfo:
    done, failed, models = counts.get(row.id, (0, 0, ()))
    return RunInfo(
        id=row.id,
        created=row.created,
        title=row.title,
        template=row.template,
        total=row.total,
        origin=Origin(**json.loads(row.origin)),
        done=done,
        failed=failed,
        models=models,
    )
