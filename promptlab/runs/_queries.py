"""What the run history is asked, as statements for SQLite and PostgreSQL. `runs/_store.py` executes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from promptlab._util.sql_dialects import Text, holds, insert_missing, json_items, json_value
from promptlab.runs._tables import messages, requests, results, runs, texts
from promptlab.types import Section

# A cached answer never comes from a failed, stopped or itself cached one, nor from one that may be incomplete, because
# its server gave no reason for its end, or one we do not know.
LIVE = sa.and_(
    results.c.status == "ok",
    results.c.cached.is_(False),
    results.c.finish_reason.not_in(("stopped", "unknown")),
)

# Asked once for every trial: put together once, it costs half as much processor time.
FIRST_ANSWER = (
    sa.select(results)
    .where(results.c.request_key == sa.bindparam("key"), LIVE)
    .order_by(results.c.created, results.c.position, results.c.id)
    .limit(1)
)


NEW_TEXTS, NEW_REQUESTS, NEW_MESSAGES = insert_missing(texts), insert_missing(requests), insert_missing(messages)


def newest_runs(
    *,
    limit: int,
    before: tuple[str, str] | None = None,
    template: str | None = None,
    model: str | None = None,
    text: str | None = None,
    blob: str | None = None,
) -> sa.Select[Any]:
    """Runs, newest first, as `Store.runs` describes them; `before` is the time and the id of a run."""
    query = sa.select(runs).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(limit)
    if before:
        # Not the time alone: of runs begun at the same moment none may fall between two pages.
        query = query.where(sa.tuple_(runs.c.created, runs.c.id) < sa.tuple_(*before))
    if template:
        query = query.where(runs.c.template == template)
    if blob:
        # As `Store.begin` writes it: canonical JSON has one form.
        query = query.where(runs.c.origin.contains(f'"template_blob":{json.dumps(blob)}', autoescape=True))
    if model:
        query = query.where(runs.c.id.in_(sa.select(results.c.run_id).where(results.c.model == model)))
    if text:
        query = query.where(sa.or_(holds(runs.c.title, text), runs.c.id.in_(_runs_holding(text))))
    return query


def runs_naming(path: str) -> sa.Select[Any]:
    """Runs of the template at `path`."""
    return sa.select(runs.c.id, runs.c.origin).where(runs.c.template == path)


def results_naming(path: str) -> sa.Select[Any]:
    """Results whose spans and sources have the text of `path`, perhaps as a part of another one."""
    return sa.select(results.c.id, results.c.spans).where(
        results.c.spans.contains(json.dumps(path)[1:-1], autoescape=True)
    )


RENAME_RUN = (
    runs.update()
    .where(runs.c.id == sa.bindparam("run"))
    .values(template=sa.bindparam("to"), origin=sa.bindparam("now"))
)
RENAME_RESULT = results.update().where(results.c.id == sa.bindparam("result")).values(spans=sa.bindparam("now"))


def _runs_holding(text: str) -> sa.Select[Any]:
    """Ids of runs with `text` in an answer or a message. Each text is looked at once, however often it was sent."""
    found = sa.select(texts.c.sha256).where(holds(texts.c.text, text))
    sent = sa.select(messages.c.request_key).where(messages.c.text_sha256.in_(found))
    return sa.select(results.c.run_id).where(sa.or_(holds(results.c.text, text), results.c.request_key.in_(sent)))


def counts_by_model() -> sa.Select[Any]:
    """How many trials of each run and model have ended, and how many with an error; models in the order asked."""
    failed = sa.func.sum(sa.case((results.c.status == "error", 1), else_=0))
    return (
        sa.select(results.c.run_id, results.c.model, sa.func.count(), failed)
        .group_by(results.c.run_id, results.c.model)
        .order_by(sa.func.min(results.c.position))
    )


def tokens_by_model() -> sa.Select[Any]:
    """What answers took, by model: tokens of prompts, new tokens, the time of the last, tokens from a prompt cache, how
    many answers, and how many of them did not say. Answers from the store took nothing."""
    c = results.c
    uncounted = sa.case((sa.or_(c.tokens_read.is_(None), c.tokens_written.is_(None)), 1), else_=0)
    return (
        sa.select(
            c.model,
            sa.func.sum(sa.func.coalesce(c.tokens_read, 0) + sa.func.coalesce(c.tokens_reused, 0)),
            sa.func.sum(sa.func.coalesce(c.tokens_written, 0)),
            sa.func.max(c.created),
            sa.func.sum(sa.func.coalesce(c.tokens_reused, 0)),
            sa.func.count(),
            sa.func.sum(uncounted),
        )
        .where(c.status == "ok", c.cached == sa.false())
        .group_by(c.model)
    )


def answers_by_version(blobs: Sequence[str]) -> sa.Select[str, int]:
    """How many answers there are for each of these versions of a template."""
    blob = json_value(runs.c.origin, "template_blob")
    return (
        sa.select(blob, sa.func.count())
        .select_from(runs.join(results, results.c.run_id == runs.c.id))
        .where(blob.in_(blobs))
        .group_by(blob)
    )


def last_uses(section: Section, *, among: int) -> sa.Select[str]:
    """The newest use of each source of `section` in the newest `among` runs: its time, its run and the source as JSON,
    a line each."""
    recent = sa.select(runs.c.id).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(among)
    source = json_items(results.c.spans, "sources", name="source")
    # The greatest text is the newest use, because the time stands first. A window over all uses takes twice as long.
    use = results.c.created + "\n" + results.c.run_id + "\n" + sa.cast(source.c.value, Text)
    return (
        sa.select(sa.func.max(use))
        .select_from(results.join(source, sa.true()))
        .where(results.c.run_id.in_(recent), json_value(source.c.value, 0) == section)
        .group_by(json_value(source.c.value, 1))
    )


def answered_requests(model: str, *, limit: int) -> sa.Select[Any]:
    """The requests that `model` answered, the newest answer first."""
    return (
        sa.select(requests)
        .join(results, results.c.request_key == requests.c.key)
        .where(results.c.model == model, LIVE)
        .order_by(results.c.created.desc(), results.c.id.desc())
        .limit(limit)
    )
