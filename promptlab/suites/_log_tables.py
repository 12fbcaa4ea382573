"""The tables of the suite log, and what they are asked, as statements for SQLite and PostgreSQL. `suites/_log.py`
executes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from promptlab._util.sql_dialects import Text, insert_or_add, insert_or_replace, not_indexed, row_number

metadata = sa.MetaData()
suite_runs = sa.Table(
    "suite_runs",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("suite", Text, nullable=False),
    sa.Column("verb", Text, nullable=False),
    sa.Column("created", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("options", Text, nullable=False),
    sa.Index("suite_runs_of", "suite", "created"),
)
chunks = sa.Table(
    "chunks",
    metadata,
    row_number(),
    sa.Column("suite_run", Text, nullable=False),
    sa.Column("store_run", Text, primary_key=True),
    sa.Column("keys", Text, nullable=False),
    sa.Index("chunks_of", "suite_run"),
)
item_rows = sa.Table(
    "item_rows",
    metadata,
    sa.Column("suite_run", Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("case_id", Text, nullable=False),
    sa.Column("variant", Text, nullable=False),
    sa.Column("model", Text, nullable=False),
    sa.Column("repeat", sa.Integer, nullable=False),
    sa.Column("verdict", Text, nullable=False),
    sa.Column("passed", sa.Integer),
    sa.Column("score", sa.Double().with_variant(sa.REAL(), "sqlite")),
    sa.Column("was_passed", sa.Integer),
    sa.Column("was_score", sa.Double().with_variant(sa.REAL(), "sqlite")),
    sa.Column("result", Text, nullable=False),
    sa.Column("store_run", Text, nullable=False),
    sa.Column("more", Text, nullable=False),
    sa.Index("rows_by_verdict", "suite_run", "verdict", "position"),
    sa.Index("rows_by_case", "suite_run", "case_id", "position"),
    sqlite_with_rowid=False,
)
counts = sa.Table(
    "counts",
    metadata,
    sa.Column("suite_run", Text, primary_key=True),
    sa.Column("variant", Text, primary_key=True),
    sa.Column("model", Text, primary_key=True),
    sa.Column("verdict", Text, primary_key=True),
    sa.Column("passed", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("items", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Executed for every few answers: put together once, they cost less processor time.
KNOWN_OUTCOMES = sa.select(item_rows.c.variant, item_rows.c.model, item_rows.c.verdict, item_rows.c.passed).where(
    item_rows.c.suite_run == sa.bindparam("run"), item_rows.c.position.in_(sa.bindparam("positions", expanding=True))
)
PUT_ROWS = insert_or_replace(item_rows)
ADD_COUNTS = insert_or_add(counts.c["items"])

_ITEMS_DONE = (
    sa.select(sa.func.coalesce(sa.func.sum(counts.c["items"]), 0))
    .where(counts.c.suite_run == suite_runs.c.id)
    .scalar_subquery()
)
_RUNS = sa.select(suite_runs, _ITEMS_DONE.label("done"))


def run_with(id: str) -> sa.Update:
    """Change a run."""
    return suite_runs.update().where(suite_runs.c.id == id)


def newest_runs(suite: str, verb: str | None, *, limit: int) -> sa.Select[Any]:
    """Runs of a suite, newest first."""
    query = _RUNS.where(suite_runs.c.suite == suite).order_by(suite_runs.c.created.desc()).limit(limit)
    return query if verb is None else query.where(suite_runs.c.verb == verb)


def runs_beginning(id: str) -> sa.Select[Any]:
    """The runs whose id begins so; two are enough to see that there are several."""
    return _RUNS.where(suite_runs.c.id.startswith(id, autoescape=True)).limit(2)


def chunks_of(run: str) -> sa.Select[Any]:
    """The chunks of a run, in the order they were written."""
    return sa.select(chunks.c.store_run, chunks.c["keys"]).where(chunks.c.suite_run == run).order_by(chunks.c.rowid)


def chunks_of_suite(suite: str) -> sa.Select[Any]:
    """The chunks of all runs of a suite."""
    mine = sa.select(suite_runs.c.id).where(suite_runs.c.suite == suite)
    return sa.select(chunks.c.store_run, chunks.c["keys"]).where(chunks.c.suite_run.in_(mine))


def chunk_with(store_run: str) -> sa.Update:
    """Change a chunk."""
    return chunks.update().where(chunks.c.store_run == store_run)


def rename_in_rows(suite: str, old: str, new: str) -> sa.Update:
    """Call the case `old` `new` in the rows of all runs of a suite."""
    mine = sa.select(suite_runs.c.id).where(suite_runs.c.suite == suite)
    return item_rows.update().where(item_rows.c.suite_run.in_(mine), item_rows.c.case_id == old).values(case_id=new)


def rows_of_cases(suite: str, cases: Sequence[str]) -> sa.Select[Any]:
    """How many rows the runs of a suite have of each of `cases`."""
    mine = sa.select(suite_runs.c.id).where(suite_runs.c.suite == suite)
    return (
        sa.select(item_rows.c.case_id, sa.func.count())
        .where(item_rows.c.suite_run.in_(mine), item_rows.c.case_id.in_(cases))
        .group_by(item_rows.c.case_id)
    )


_CHANGED = ("worse", "better", "as good", "broken", "missing", "drifted", "rescored", "unexpected")
"""The verdicts that say that an answer or a prompt is not as it was recorded."""


def showing(show: str) -> sa.ColumnElement[bool]:
    """The rows that a filter of the matrix shows."""
    columns = item_rows.c
    if show == "failing":
        return columns.passed == 0
    if show == "worse":
        return columns.verdict == "worse"
    if show == "not judged":
        return columns.passed.is_(None)
    # Another answer that cannot be compared has a cause, and the JSON of the details has the key only then. In a text
    # of the JSON the quotes would be escaped.
    undecided = sa.and_(columns.verdict == "cannot tell", columns.more.contains('"causes": [[', autoescape=True))
    return sa.or_(columns.verdict.in_(_CHANGED), undecided)


def count_of(run: str, show: str) -> sa.Select[Any]:
    """How many rows a filter shows."""
    return sa.select(sa.func.count()).where(item_rows.c.suite_run == run, showing(show))


def page_of_rows(
    run: str,
    *,
    verdict: str | None = None,
    case: str | None = None,
    show: str | None = None,
    after: int = -1,
    limit: int = 50,
) -> sa.Select[Any]:
    """Rows after position `after`, in the order of the suite: of one verdict, of a filter, or of the cases whose id
    begins with `case`."""
    query = sa.select(item_rows).where(item_rows.c.suite_run == run).limit(limit)
    if show is not None:
        query = query.where(showing(show))
    if case is None:
        query = query.where(item_rows.c.position > after).order_by(item_rows.c.position)
        return query if verdict is None else query.where(item_rows.c.verdict == verdict)
    # A range and not LIKE, because a range can use the index.
    query = query.where(item_rows.c.case_id >= case, item_rows.c.case_id < case + "\U0010ffff")
    position = not_indexed(item_rows.c.position)
    query = query.where(position > after).order_by(position)
    return query if verdict is None else query.where(not_indexed(item_rows.c.verdict) == verdict)


def passes_of(run: str, but: str) -> sa.Select[Any]:
    """How many items of each case, variant and model passed, were judged, and are there, but for one verdict."""
    place = (item_rows.c.case_id, item_rows.c.variant, item_rows.c.model)
    numbers = (sa.func.sum(item_rows.c.passed), sa.func.count(item_rows.c.passed), sa.func.count())
    mine = item_rows.c.suite_run == run, item_rows.c.verdict != but
    return sa.select(*place, *numbers).where(*mine).group_by(*place).order_by(sa.func.min(item_rows.c.position))


def counts_of(run: str) -> sa.Select[Any]:
    """How many items of a run came out in each way."""
    columns = (counts.c.variant, counts.c.model, counts.c.verdict, counts.c.passed, counts.c["items"])
    return sa.select(*columns).where(counts.c.suite_run == run, counts.c["items"] > 0)
