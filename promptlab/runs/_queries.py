"""What the run history is asked, as statements for SQLite and PostgreSQL. `runs/_store.py` executes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from promptlab._util.sql_dialects import Text, holds, insert_missing, insert_or_replace, json_items, json_value
from promptlab.runs._list import Listed
from promptlab.runs._tables import messages, ratings, requests, results, runs, texts, votes
from promptlab.types import Section

# A cached answer never comes from a failed, stopped or itself cached one, nor from one that may be incomplete, because
# its server gave no reason for its end, or one we do not know; nor from a run that a person deleted.
LIVE = sa.and_(
    results.c.status == "ok",
    results.c.cached.is_(False),
    results.c.finish_reason.not_in(("stopped", "unknown")),
    results.c.run_id.not_in(sa.select(runs.c.id).where(runs.c.deleted != "")),
)

# Asked once for every trial: put together once, it costs half as much processor time.
FIRST_ANSWER = (
    sa.select(results)
    .where(results.c.request_key == sa.bindparam("key"), LIVE)
    .order_by(results.c.created, results.c.position, results.c.id)
    .limit(1)
)


NEW_TEXTS, NEW_REQUESTS, NEW_MESSAGES = insert_missing(texts), insert_missing(requests), insert_missing(messages)


def newest_runs(listed: Listed, *, limit: int, before: tuple[str, str] | None = None) -> sa.Select[Any]:
    """Runs, newest first; `before` is the time and the id of a run."""
    query = sa.select(runs).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(limit)
    if before:
        # Not the time alone: of runs begun at the same moment none may fall between two pages.
        query = query.where(sa.tuple_(runs.c.created, runs.c.id) < sa.tuple_(*before))
    return query.where(*_wanted(listed))


def count_of_runs(listed: Listed) -> sa.Select[int]:
    """How many runs are listed."""
    return sa.select(sa.func.count()).select_from(runs).where(*_wanted(listed))


def _wanted(listed: Listed) -> list[sa.ColumnElement[bool]]:
    columns = runs.c
    wanted: list[sa.ColumnElement[bool]] = [columns.deleted != "" if listed.deleted else columns.deleted == ""]
    if listed.template:
        wanted.append(columns.template == listed.template)
    if listed.blob:
        # As `Store.begin` writes it: canonical JSON has one form.
        wanted.append(columns.origin.contains(f'"template_blob":{json.dumps(listed.blob)}', autoescape=True))
    if listed.model:
        wanted.append(columns.id.in_(sa.select(results.c.run_id).where(results.c.model == listed.model)))
    if listed.text:
        inside = columns.id.in_(_runs_holding(listed.text))
        wanted.append(sa.or_(holds(columns.title, listed.text), holds(columns.name, listed.text), inside))
    if listed.since:
        wanted.append(columns.created >= listed.since)
    if listed.until:
        wanted.append(columns.created < listed.until)
    if listed.kinds is not None:
        wanted.append(columns.kind.in_(listed.kinds))
    if listed.pinned is not None:
        wanted.append(columns.pinned.is_(listed.pinned))
    if listed.together:
        wanted.append(sa.or_(columns.batch == "", ~_newer_of_batch()))
    return wanted


def _newer_of_batch() -> sa.Exists:
    """Whether another run that was asked together with a run is newer: then that one stands for both."""
    other = runs.alias("other")
    same = other.c.batch == runs.c.batch, other.c.kind == runs.c.kind
    newer = sa.tuple_(other.c.created, other.c.id) > sa.tuple_(runs.c.created, runs.c.id)
    return sa.exists().where(*same, newer)


def runs_of_batches(batches: Sequence[str]) -> sa.Select[Any]:
    """All runs of these batches: batch, kind, id, number of trials."""
    columns = runs.c
    return (
        sa.select(columns.batch, columns.kind, columns.id, columns.total)
        .where(columns.batch.in_(batches))
        .order_by(columns.created, columns.id)
    )


TEMPLATES_OF_RUNS = sa.select(runs.c.template).distinct().order_by(runs.c.template)
MODELS_OF_RUNS = sa.select(results.c.model).distinct().order_by(results.c.model)


# What a person does with runs

CHANGE_RUN = runs.update().where(runs.c.id == sa.bindparam("run"))

RATE = insert_or_replace(ratings)
REMOVE_RATING = ratings.delete().where(ratings.c.result_id == sa.bindparam("result"))


def ratings_of(result_ids: Sequence[str]) -> sa.Select[Any]:
    """The ratings of these results."""
    return sa.select(ratings).where(ratings.c.result_id.in_(result_ids))


def rated_runs() -> sa.Select[Any]:
    """The runs with a rated answer, oldest first."""
    rated = sa.select(results.c.run_id).join(ratings, ratings.c.result_id == results.c.id)
    return (
        sa.select(runs.c.id.label("run_id"))
        .where(runs.c.deleted == "", runs.c.id.in_(rated))
        .order_by(runs.c.created, runs.c.id)
    )


ADD_VOTE = votes.insert()
_DELETED_ANSWERS = sa.select(results.c.id).where(results.c.run_id.in_(sa.select(runs.c.id).where(runs.c.deleted != "")))
EVERY_VOTE = (
    sa.select(votes)
    .where(votes.c.left_result.not_in(_DELETED_ANSWERS), votes.c.right_result.not_in(_DELETED_ANSWERS))
    .order_by(votes.c.number)
)


def votes_on(result_ids: Sequence[str]) -> sa.Select[Any]:
    """The votes whose left answer is one of these results, the oldest first."""
    return sa.select(votes).where(votes.c.left_result.in_(result_ids)).order_by(votes.c.number)


def removal() -> list[sa.Delete]:
    """Statements that remove deleted runs, and then every text that no result needs any more."""
    gone = sa.select(runs.c.id).where(runs.c.deleted != "", runs.c.kind == "")
    answers = sa.select(results.c.id).where(results.c.run_id.in_(gone))
    needed = sa.select(results.c.request_key)
    return [
        votes.delete().where(sa.or_(votes.c.left_result.in_(answers), votes.c.right_result.in_(answers))),
        ratings.delete().where(ratings.c.result_id.in_(answers)),
        results.delete().where(results.c.run_id.in_(gone)),
        runs.delete().where(runs.c.deleted != "", runs.c.kind == ""),
        messages.delete().where(messages.c.request_key.not_in(needed)),
        requests.delete().where(requests.c.key.not_in(needed)),
        texts.delete().where(texts.c.sha256.not_in(sa.select(messages.c.text_sha256))),
    ]


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
    """How many trials of each run and model have ended, how many with an error, and how many have a place in a table;
    models in the order asked."""
    failed = sa.func.sum(sa.case((results.c.status == "error", 1), else_=0))
    return (
        sa.select(results.c.run_id, results.c.model, sa.func.count(), failed, sa.func.count(results.c.cell))
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
