"""The tables of the run history, and how nouns become rows and rows nouns again. `runs/_store.py` asks the questions.

A run is a row of `runs`, each ended trial a row of `results`. A request is kept once under its key, and every
message text once under its hash, so a thousand questions about one article hold the article once.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from promptlab._util.sql_dialects import Exact, NoBytes, Text, Words, add_column, with_functions
from promptlab.types import (
    Completion,
    Params,
    Prompt,
    Request,
    Result,
    Score,
    Source,
    Span,
    TableCell,
    Timings,
    Usage,
    canonical_json,
)

metadata = with_functions(sa.MetaData())
schema_version = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, nullable=False))
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("created", Text, nullable=False, index=True),
    sa.Column("title", Words, nullable=False),
    sa.Column("template", Words, nullable=False, index=True),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("origin", Text, nullable=False),
    # Added in version 3: what the run was asked for, and what a person did with it.
    sa.Column("kind", Text, nullable=False, server_default=""),
    sa.Column("made_for", Words, nullable=False, server_default=""),
    sa.Column("batch", Text, nullable=False, server_default=""),
    sa.Column("name", Words, nullable=False, server_default=""),
    sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("deleted", Text, nullable=False, server_default=""),
    sa.Index("runs_by_batch", "batch", "kind", "created", "id"),
    sa.Index("runs_by_deletion", "deleted"),
)
texts = sa.Table(
    "texts", metadata, sa.Column("sha256", Text, primary_key=True), sa.Column("text", Exact, nullable=False)
)
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("key", Text, primary_key=True),
    sa.Column("model", Words, nullable=False, index=True),
    sa.Column("fingerprint", Words, nullable=False),
    sa.Column("params", Text, nullable=False),
    sa.Column("json_schema", Text),
    sa.Column("repeat", sa.Integer, nullable=False),
)
messages = sa.Table(
    "messages",
    metadata,
    sa.Column("request_key", Text, sa.ForeignKey("requests.key"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("role", Text, nullable=False),
    sa.Column("text_sha256", Text, sa.ForeignKey("texts.sha256"), nullable=False, index=True),
)
results = sa.Table(
    "results",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("run_id", Text, sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("model", Words, nullable=False),
    sa.Column("case_id", Words, nullable=False),
    sa.Column("without", Text, nullable=False),
    sa.Column("request_key", Text, nullable=False),
    sa.Column("spans", Text, nullable=False),
    sa.Column("status", Text, nullable=False),
    sa.Column("text", Exact, nullable=False),
    sa.Column("finish_reason", Text, nullable=False),
    sa.Column("tokens_read", sa.Integer),
    sa.Column("tokens_reused", sa.Integer),
    sa.Column("tokens_written", sa.Integer),
    sa.Column("waited_s", sa.Float),
    sa.Column("first_token_s", sa.Float),
    sa.Column("total_s", sa.Float),
    sa.Column("fingerprint", Words, nullable=False),
    sa.Column("details", Text, nullable=False),
    sa.Column("error", Words, nullable=False),
    sa.Column("error_kind", Text, nullable=False),
    sa.Column("hint", Words, nullable=False),
    sa.Column("cached", sa.Boolean, nullable=False),
    sa.Column("scores", Text, nullable=False),
    sa.Column("created", Text, nullable=False),
    # Added in version 2, at the end, where adding puts them.
    sa.Column("thinking", Exact, nullable=False, server_default=NoBytes()),
    sa.Column("tokens_thinking", sa.Integer),
    # Added in version 3: the place in a table of answers, when a stored answer was given, the expected answer as JSON
    # (null if there was none).
    sa.Column("cell", Text),
    sa.Column("answered_at", Text),
    sa.Column("expected", Text),
    sa.Index("results_by_run", "run_id", "position"),
    sa.Index("results_by_key", "request_key", "status", "cached"),
    sa.Index("results_by_model", "model", "run_id"),
)
ratings = sa.Table(  # since version 3
    "ratings",
    metadata,
    sa.Column("result_id", Text, sa.ForeignKey("results.id"), primary_key=True),
    sa.Column("verdict", Text, nullable=False),
    sa.Column("comment", Words, nullable=False),
    sa.Column("corrected", Exact),
    sa.Column("created", Text, nullable=False),
)
votes = sa.Table(  # since version 4
    "votes",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("voter", Words, nullable=False),
    sa.Column("pair", Text, nullable=False),
    sa.Column("left_result", Text, sa.ForeignKey("results.id"), nullable=False),
    sa.Column("right_result", Text, sa.ForeignKey("results.id"), nullable=False),
    sa.Column("choice", Text, nullable=False),
    sa.Column("created", Text, nullable=False),
    sa.Index("votes_by_left", "left_result"),
    sa.Index("votes_by_right", "right_result"),
)

STEPS: dict[int, tuple[sa.Column[Any], ...]] = {
    2: (results.c.thinking, results.c.tokens_thinking),  # thinking, kept apart from the answer
    3: (
        runs.c.kind,
        runs.c.made_for,
        runs.c.batch,
        runs.c.name,
        runs.c.pinned,
        runs.c.deleted,
        results.c.cell,
        results.c.answered_at,
        results.c.expected,
    ),
    4: (),  # votes, a new table
}
"""The columns that each version added to the one before. New tables and indexes are made besides."""

OLD_KINDS = {"suite record ": "suite", "suite rerun ": "suite", "suite judge ": "judge", "suite causes ": "causes"}
"""How the titles of runs of a suite begin that were asked before version 3, and their kind."""


def bring_up(db: sa.Connection, version: int) -> None:
    """Bring the tables of the version before `version` up to it."""
    for column in STEPS[version]:
        add_column(db, column)
    if version == 3:
        for index in (*runs.indexes, *results.indexes):
            index.create(db, checkfirst=True)
        ratings.create(db, checkfirst=True)
        for title, kind in OLD_KINDS.items():
            db.execute(runs.update().where(runs.c.title.startswith(title, autoescape=True)).values(kind=kind))
    if version == 4:
        votes.create(db, checkfirst=True)


def request_row(request: Request, key: str, fingerprint: str) -> dict[str, Any]:
    """A request as a row of `requests`; its messages are rows of their own."""
    return {
        "key": key,
        "model": request.model,
        "fingerprint": fingerprint,
        "params": canonical_json(request.body()["params"]),
        "json_schema": request.schema,
        "repeat": request.repeat,
    }


def result_row(position: int, result: Result) -> dict[str, Any]:
    """A result as a row of `results`; `position` is its trial's number in the run."""
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
        "text": result.text,
        "thinking": done.thinking,
        "finish_reason": done.finish_reason if result.ok else "",
        "tokens_read": done.usage.read,
        "tokens_reused": done.usage.reused,
        "tokens_written": done.usage.written,
        "tokens_thinking": done.usage.thinking,
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
        "cell": _cell_text(result.cell),
        "answered_at": result.answered_at or None,
        "expected": None if result.expected is None else json.dumps(result.expected, default=str),
    }


def _cell_text(cell: TableCell | None) -> str | None:
    return None if cell is None else json.dumps(asdict(cell), default=str)


def _flat(noun: Span | Source) -> list[Any]:
    return [getattr(noun, name) for name in noun.__slots__]


def params_from(stored: dict[str, Any]) -> Params:
    """Parameters from what `Request.body` keeps of them."""
    if "stop" in stored:
        stored["stop"] = tuple(stored["stop"])
    return Params(**stored)


def completion_from(row: Any) -> Completion:
    """The answer a row of `results` holds."""
    return Completion(
        text=row.text,
        finish_reason=row.finish_reason,
        usage=Usage(row.tokens_read, row.tokens_reused, row.tokens_written, row.tokens_thinking),
        timings=Timings(row.waited_s or 0.0, row.first_token_s, row.total_s or 0.0),
        fingerprint=row.fingerprint,
        details=json.loads(row.details),
        thinking=row.thinking,
    )


def result_from(row: Any, request: Request | None) -> Result:
    """The result a row of `results` holds; `request` is what `requests` and `messages` hold of it."""
    if request is not None:
        kept = json.loads(row.spans)
        # Two names of one model share requests, so the name is the result's.
        request = Request(
            model=row.model,
            prompt=Prompt(
                request.messages,
                tuple(Span(*fields) for fields in kept["spans"]),
                tuple(Source.of(*fields) for fields in kept["sources"]),
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
        completion=completion_from(row) if row.status == "ok" else None,
        error=row.error,
        error_kind=row.error_kind,
        hint=row.hint,
        cached=row.cached,
        partial="" if row.status == "ok" else row.text,
        scores=tuple(Score(**s) for s in json.loads(row.scores)),
        case=row.case_id,
        without=tuple(json.loads(row.without)),
        created=row.created,
        cell=TableCell(**json.loads(row.cell)) if row.cell else None,
        answered_at=row.answered_at or "",
        expected=None if row.expected is None else json.loads(row.expected),
    )
