"""The run history and the answer cache: one SQLite file, `.promptlab/runs.sqlite`.

A run is a set of trials asked together; each trial ends as one row of `results`, written when it ends. A
request is kept once under its key, and every message text once under its hash, so a thousand questions
about one article hold the article once. The cache is a question to the same tables: a result that was
answered, live and to its end, under the same key.

The schema has a version; a file of an older version is brought up step by step, a newer one is refused.
Several processes may use the file at once (WAL); killing one loses at most what it had not yet written.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from promptlab.errors import StoreError
from promptlab.types import (
    Completion,
    Message,
    Origin,
    Params,
    Prompt,
    Request,
    Result,
    Score,
    Source,
    Span,
    Timings,
    Usage,
    canonical_json,
    sha256,
)

SCHEMA_VERSION = 1

_meta = sa.MetaData()
_version = sa.Table("schema_version", _meta, sa.Column("version", sa.Integer, nullable=False))
_runs = sa.Table(
    "runs",
    _meta,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("created", sa.Text, nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False, index=True),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
)
_texts = sa.Table(
    "texts", _meta, sa.Column("sha256", sa.Text, primary_key=True), sa.Column("text", sa.LargeBinary, nullable=False)
)
_requests = sa.Table(
    "requests",
    _meta,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False, index=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("messages", sa.Text, nullable=False),
    sa.Column("params", sa.Text, nullable=False),
    sa.Column("json_schema", sa.Text),
    sa.Column("repeat", sa.Integer, nullable=False),
)
_results = sa.Table(
    "results",
    _meta,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("without", sa.Text, nullable=False),
    sa.Column("request_key", sa.Text, nullable=False),
    sa.Column("spans", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("text", sa.LargeBinary, nullable=False),
    sa.Column("finish_reason", sa.Text, nullable=False),
    sa.Column("tokens_read", sa.Integer),
    sa.Column("tokens_reused", sa.Integer),
    sa.Column("tokens_written", sa.Integer),
    sa.Column("waited_s", sa.Float),
    sa.Column("first_token_s", sa.Float),
    sa.Column("total_s", sa.Float),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("error_kind", sa.Text, nullable=False),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("cached", sa.Boolean, nullable=False),
    sa.Column("scores", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Index("results_by_run", "run_id", "position"),
    sa.Index("results_by_key", "request_key", "status", "cached"),
)

# Never compute what a cached answer needs from a failed, stopped or itself cached one.
_LIVE = sa.and_(_results.c.status == "ok", _results.c.cached.is_(False), _results.c.finish_reason != "stopped")


@dataclass(frozen=True)
class RunInfo:
    """A run as the history lists it. `total` trials were planned, `done` have ended, `failed` with an error."""

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
    """An answer found in the cache, and when and where it was given."""

    completion: Completion
    created: str
    run_id: str


@dataclass(frozen=True)
class Explanation:
    """Why a request was or was not answered from the store; `differences` are against the nearest stored request."""

    hit: bool
    sentence: str
    differences: tuple[str, ...] = field(default=())


class Store:
    """The history file at `path`; made, with its folder, when first opened. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._write_lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
            sa.event.listen(self._engine, "connect", _on_connect)
            self._open()
        except (OSError, sa.exc.SQLAlchemyError) as exc:
            raise StoreError(
                f"the run history {path} cannot be opened: {_reason(exc)}",
                hint="if the file is damaged, move it aside; a new one is made",
            ) from exc

    def _open(self) -> None:
        with self._engine.begin() as db:
            if not sa.inspect(db).has_table("schema_version"):
                _meta.create_all(db)
                if db.execute(sa.select(sa.func.count()).select_from(_version)).scalar_one() == 0:
                    db.execute(_version.insert().values(version=SCHEMA_VERSION))
            found = db.execute(sa.select(sa.func.max(_version.c.version))).scalar_one()
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
        self._write([(_runs.insert(), [row])])

    def add(self, results: Iterable[tuple[int, Result, str]]) -> None:
        """Write ended trials in one transaction: (position in the run, result, fingerprint of the backend)."""
        texts: dict[str, bytes] = {}
        requests: dict[str, dict[str, Any]] = {}
        rows = []
        for position, result, fingerprint in results:
            if result.request is not None and result.request_id:
                requests[result.request_id] = _request_row(result.request, result.request_id, fingerprint, texts)
            rows.append(_result_row(position, result))
        steps: list[tuple[Any, list[dict[str, Any]]]] = []
        if texts:
            steps.append((_ignore(_texts), [{"sha256": k, "text": v} for k, v in texts.items()]))
        if requests:
            steps.append((_ignore(_requests), list(requests.values())))
        self._write([*steps, (_results.insert(), rows)])

    def _write(self, steps: Sequence[tuple[Any, list[dict[str, Any]]]]) -> None:
        try:
            # One writer at a time in this process; SQLite's own lock, with its time-out, orders the processes.
            with self._write_lock, self._engine.begin() as db:
                for statement, rows in steps:
                    if rows:
                        db.execute(statement, rows)
        except sa.exc.SQLAlchemyError as exc:
            raise StoreError(
                f"the run history {self.path} cannot be written: {_reason(exc)}",
                hint="is the disk full, or the folder read-only?",
            ) from exc

    # Reading

    def _rows(self, query: Any) -> Sequence[Any]:
        try:
            with self._engine.connect() as db:
                return db.execute(query).fetchall()
        except sa.exc.SQLAlchemyError as exc:
            raise StoreError(f"the run history {self.path} cannot be read: {_reason(exc)}") from exc

    def find(self, key: str) -> Stored | None:
        """The first live, complete answer given to the request with this key."""
        rows = self._rows(
            sa.select(_results).where(_results.c.request_key == key, _LIVE).order_by(_results.c.created).limit(1)
        )
        return Stored(_completion(rows[0]), rows[0].created, rows[0].run_id) if rows else None

    def runs(
        self,
        *,
        limit: int = 50,
        before: str | None = None,
        template: str | None = None,
        model: str | None = None,
        text: str | None = None,
    ) -> list[RunInfo]:
        """Runs, newest first: of one template, with an answer of one model, with `text` in title, answer or
        message; `before` a creation time, for the next page."""
        query = sa.select(_runs).order_by(_runs.c.created.desc(), _runs.c.id).limit(limit)
        if before:
            query = query.where(_runs.c.created < before)
        if template:
            query = query.where(_runs.c.template == template)
        if model:
            query = query.where(_runs.c.id.in_(sa.select(_results.c.run_id).where(_results.c.model == model)))
        if text:
            query = query.where(sa.or_(_runs.c.title.icontains(text, autoescape=True), _runs.c.id.in_(_holding(text))))
        found = self._rows(query)
        counts = self._counts([row.id for row in found])
        return [_run_info(row, counts) for row in found]

    def run(self, run_id: str) -> RunInfo:
        """One run; a unique beginning of its id is enough."""
        rows = self._rows(sa.select(_runs).where(_runs.c.id.startswith(run_id, autoescape=True)).limit(2))
        if not rows:
            raise StoreError(f"there is no run `{run_id}`", hint="`promptlab runs` lists them")
        if len(rows) > 1:
            raise StoreError(f"more than one run begins with `{run_id}`", hint="give more of the id")
        return _run_info(rows[0], self._counts([rows[0].id]))

    def results(self, run_id: str) -> list[Result]:
        """What has ended of a run, in the order of its trials, each with the request that was sent."""
        rows = self._rows(sa.select(_results).where(_results.c.run_id == run_id).order_by(_results.c.position))
        requests = self._requests({row.request_key for row in rows if row.request_key})
        return [_result(row, requests.get(row.request_key)) for row in rows]

    def explain(self, request: Request, fingerprint: str) -> Explanation:
        """Why `request` is, or is not, answered from the store."""
        stored = self.find(request.key(fingerprint))
        if stored:
            return Explanation(True, f"the same request was answered on {stored.created} in run {stored.run_id}")
        rows = self._rows(
            sa.select(_requests)
            .join(_results, _results.c.request_key == _requests.c.key)
            .where(_requests.c.model == request.model, _LIVE)
            .order_by(_results.c.created.desc())
            .limit(200)
        )
        if not rows:
            return Explanation(False, f"{request.model} has no stored answer yet")
        candidates = self._requests({row.key for row in rows})
        prints = {row.key: row.fingerprint for row in rows}
        nearest = min((_differences(request, fingerprint, r, prints[k]) for k, r in candidates.items()), key=len)
        return Explanation(False, f"no stored answer: the nearest request differs in {'; '.join(nearest)}", nearest)

    def _counts(self, run_ids: Sequence[str]) -> dict[str, tuple[int, int, tuple[str, ...]]]:
        failed = sa.func.sum(sa.case((_results.c.status == "error", 1), else_=0))
        query = (
            sa.select(_results.c.run_id, _results.c.model, sa.func.count(), failed)
            .where(_results.c.run_id.in_(run_ids))
            .group_by(_results.c.run_id, _results.c.model)
            .order_by(sa.func.min(_results.c.position))
        )
        found: dict[str, tuple[int, int, tuple[str, ...]]] = {}
        for run_id, model, count, bad in self._rows(query):
            done, failures, models = found.get(run_id, (0, 0, ()))
            found[run_id] = (done + count, failures + bad, (*models, model))
        return found

    def _requests(self, keys: set[str]) -> dict[str, Request]:
        """Requests by key, spans left out (they belong to a result: two templates may give the same text)."""
        rows = [
            row for part in _parts(sorted(keys)) for row in self._rows(_select_in(_requests, _requests.c.key, part))
        ]
        wanted = sorted({sha for row in rows for _, sha in json.loads(row.messages)})
        texts = {
            row.sha256: bytes(row.text).decode("utf-8", "surrogatepass")
            for part in _parts(wanted)
            for row in self._rows(_select_in(_texts, _texts.c.sha256, part))
        }
        return {
            row.key: Request(
                model=row.model,
                prompt=Prompt(tuple(Message(role, texts[sha]) for role, sha in json.loads(row.messages))),
                params=_params(json.loads(row.params)),
                schema=row.json_schema,
                repeat=row.repeat,
            )
            for row in rows
        }


def _on_connect(connection: Any, _record: Any) -> None:
    # WAL lets the browser read while a run writes. NORMAL survives a killed process; a power cut may lose the
    # last transactions, never the file.
    for setting in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {setting}")


def _reason(exc: Exception) -> str:
    return str(getattr(exc, "orig", None) or exc)


def _ignore(table: sa.Table) -> Any:
    return table.insert().prefix_with("OR IGNORE")


def _parts(items: list[str], size: int = 500) -> list[list[str]]:
    """SQLite takes a limited number of values in one statement."""
    return [items[i : i + size] for i in range(0, len(items), size)]


def _select_in(table: sa.Table, column: Any, values: list[str]) -> Any:
    return sa.select(table).where(column.in_(values))


def _holding(text: str) -> Any:
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"

    def like(column: Any) -> Any:
        return sa.cast(column, sa.Text).like(pattern, escape="\\")

    with_message = sa.select(_requests.c.key).where(
        sa.exists().where(like(_texts.c.text), sa.func.instr(_requests.c.messages, _texts.c.sha256) > 0)
    )
    return sa.select(_results.c.run_id).where(sa.or_(like(_results.c.text), _results.c.request_key.in_(with_message)))


def _request_row(request: Request, key: str, fingerprint: str, texts: dict[str, bytes]) -> dict[str, Any]:
    refs = []
    for message in request.messages:
        digest = sha256(message.content)
        texts[digest] = message.content.encode("utf-8", "surrogatepass")
        refs.append([message.role, digest])
    return {
        "key": key,
        "model": request.model,
        "fingerprint": fingerprint,
        "messages": json.dumps(refs),
        "params": canonical_json(request.body()["params"]),
        "json_schema": request.schema,
        "repeat": request.repeat,
    }


def _result_row(position: int, result: Result) -> dict[str, Any]:
    done = result.completion or Completion("", "unknown")
    prompt = result.request.prompt if result.request else Prompt(())
    return {
        "id": result.id,
        "run_id": result.run_id,
        "position": position,
        "model": result.model,
        "case_id": result.case,
        "without": json.dumps(result.without),
        "request_key": result.request_id,
        "spans": json.dumps({"spans": [_flat(s) for s in prompt.spans], "sources": [_flat(s) for s in prompt.sources]}),
        "status": "ok" if result.ok else "error",
        "text": result.text.encode("utf-8", "surrogatepass"),
        "finish_reason": done.finish_reason if result.ok else "",
        "tokens_read": done.usage.read,
        "tokens_reused": done.usage.reused,
        "tokens_written": done.usage.written,
        "waited_s": done.timings.waited,
        "first_token_s": done.timings.first_token,
        "total_s": done.timings.total,
        "fingerprint": done.fingerprint,
        "details": json.dumps(dict(done.details), default=str),
        "error": result.error,
        "error_kind": result.error_kind,
        "hint": result.hint,
        "cached": result.cached,
        "scores": json.dumps([asdict(s) for s in result.scores]),
        "created": result.created,
    }


def _flat(noun: Span | Source) -> list[Any]:
    return list(asdict(noun).values())


def _params(stored: dict[str, Any]) -> Params:
    if "stop" in stored:
        stored["stop"] = tuple(stored["stop"])
    return Params(**stored)


def _completion(row: Any) -> Completion:
    return Completion(
        text=bytes(row.text).decode("utf-8", "surrogatepass"),
        finish_reason=row.finish_reason,
        usage=Usage(row.tokens_read, row.tokens_reused, row.tokens_written),
        timings=Timings(row.waited_s or 0.0, row.first_token_s, row.total_s or 0.0),
        fingerprint=row.fingerprint,
        details=json.loads(row.details),
    )


def _result(row: Any, request: Request | None) -> Result:
    if request is not None:
        kept = json.loads(row.spans)
        request = Request(
            model=request.model,
            prompt=Prompt(
                request.messages,
                tuple(Span(*fields) for fields in kept["spans"]),
                tuple(Source(*fields) for fields in kept["sources"]),
            ),
            params=request.params,
            schema=request.schema,
            repeat=request.repeat,
        )
    return Result(
        id=row.id,
        run_id=row.run_id,
        model=row.model,
        request=request,
        request_id=row.request_key,
        completion=_completion(row) if row.status == "ok" else None,
        error=row.error,
        error_kind=row.error_kind,
        hint=row.hint,
        cached=row.cached,
        partial="" if row.status == "ok" else bytes(row.text).decode("utf-8", "surrogatepass"),
        scores=tuple(Score(**s) for s in json.loads(row.scores)),
        case=row.case_id,
        without=tuple(json.loads(row.without)),
        created=row.created,
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


def _differences(request: Request, fingerprint: str, other: Request, other_fingerprint: str) -> tuple[str, ...]:
    """What sets two requests apart, in words."""
    found = [] if fingerprint == other_fingerprint else [f"the model ({other_fingerprint} → {fingerprint})"]
    mine, theirs = request.body(), other.body()
    for name in sorted({*mine["params"], *theirs["params"]}):
        before, after = theirs["params"].get(name), mine["params"].get(name)
        if before != after:
            found.append(f"{name} ({before} → {after})")
    if mine["schema"] != theirs["schema"]:
        found.append("the JSON schema")
    if mine["repeat"] != theirs["repeat"]:
        found.append(f"the repeat ({theirs['repeat']} → {mine['repeat']})")
    if len(mine["messages"]) != len(theirs["messages"]):
        found.append(f"the number of messages ({len(theirs['messages'])} → {len(mine['messages'])})")
    else:
        pairs = enumerate(zip(theirs["messages"], mine["messages"], strict=True), 1)
        found += [f"message {n} ({new['role']})" for n, (old, new) in pairs if old != new]
    return tuple(found)
