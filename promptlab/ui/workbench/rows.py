"""The rows of runs that have ended: each with its question and its answers, folded or open; many answers are a line."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import streamlit as st

from promptlab import runs, suites
from promptlab._util.text import value_in_words
from promptlab.models import ModelStatus, price
from promptlab.runs import Rating, RunInfo, costs_text, shown_inputs
from promptlab.types import Result
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import chip, escape, note
from promptlab.ui.examples.rows import clipped
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import answers, row_actions, tables

FOLDED = 6
"""Different answers that a folded row shows."""
LONGEST = 600
"""Characters of a question that a row shows; the whole one is under “What was sent”."""


@dataclass(frozen=True)
class Row:
    """How a row is drawn.

    Each of the `unready` models gets a line that says what to do. `usual_open` is whether it is unfolded as long as
    nobody folds it. `beside` draws at the right of the head. `more` are facts for the head, such as the template.
    `on_page` is true on the page of this run alone.
    """

    run: RunInfo
    results: Sequence[Result] = ()
    ratings: Mapping[str, Rating] = field(default_factory=dict)
    unready: Sequence[ModelStatus] = ()
    usual_open: bool = True
    beside: Callable[[], None] | None = None
    more: tuple[str, ...] = ()
    on_page: bool = False


def draw(session: Session, row: Row) -> None:
    """A row: its head, and its answers if it is open. The answers of a run with many are never read for it."""
    run = row.run
    key = row_actions.key_of(run)
    with st.container(key=f"row-{key}", gap="xsmall"):
        if run.many:
            _line_of_many(session, row, key)
        else:
            opened = row_actions.is_open(run, usual=row.usual_open)
            _head(session, row, key, opened=opened)
            if opened:
                row_body(session, run, row.results, row)
            else:
                st.html(f'<div class="pl-folded">{_short_answers(row.results)}</div>')
        row_actions.dialogs(session, run)


def row_body(session: Session, run: RunInfo, results: Sequence[Result], row: Row) -> None:
    """The answers of an open row, side by side; several answers to a question, or several inputs, are a table."""
    missing = run.total - len(results)
    draw_card = functools.partial(_card, session, row)
    if tables.draw_stored(session, run.id[:12], results, draw_card):
        if missing:
            _interrupted(missing, run.total)
        answers.unready_lines(row.unready)
        return
    columns = st.columns(max(1, len(results) + bool(missing)))
    alike = same_question(results)
    for column, result in zip(columns, results, strict=False):
        with column:
            if not alike:
                st.html(f'<div class="pl-asked">{question_html(result)}</div>')
            draw_card(result)
    if missing:
        with columns[len(results)]:
            _interrupted(missing, run.total)
    answers.unready_lines(row.unready)


def _card(session: Session, row: Row, result: Result) -> None:
    answers.answer(result, session, row.ratings.get(result.id))


def _interrupted(missing: int, total: int) -> None:
    note(
        "warn",
        f"Interrupted: {missing} of {total} answers were not recorded",
        "promptlab ended while they were being written, or another process is still writing them.",
        "Run again to get them.",
    )


def _head(session: Session, row: Row, key: str, *, opened: bool) -> None:
    run, results = row.run, row.results
    cost = costs_text(runs.cost_of_all(results, session.catalogue))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"head-{key}"):
        row_actions.fold_button(run, opened=opened)
        known = next((result for result in results if shown_inputs(result)), None)
        asked = question_html(known) if known and same_question(results) else ""
        st.html(f'{_title_html(run, run.heading, *row.more, cost)}<div class="pl-asked">{asked}</div>')
        if row.beside:
            row.beside()
        row_actions.menu(session, run, on_page=row.on_page)


def _title_html(run: RunInfo, title: str, *more: str) -> str:
    marks = chip("pinned") if run.pinned else ""
    if run.failed:
        marks += chip(f"{run.failed} of {run.total} failed", "bad")
    if run.name and run.title and title == run.name:
        more = (run.title, *more)
    rest = "".join(f'<span class="pl-small pl-num">{escape(text)}</span>' for text in more if text)
    when = f'<span class="pl-small pl-num">{escape(widgets.clock(run.created))}</span>'
    return f'<div class="pl-rowhead"><b>{escape(title)}</b>{when}{rest}{marks}</div>'


# The question


def same_question(results: Sequence[Result]) -> bool:
    """Whether all results have the same inputs and the same expected answer, as far as their inputs are known: a
    request that was refused before it was rendered, or whose template changed its inputs, does not show them."""
    asked = [(inputs, result.expected) for result in results if (inputs := shown_inputs(result))]
    return all(other == asked[0] for other in asked[1:])


def question_html(result: Result) -> str:
    """The inputs of a result, and the answer that was expected."""
    inputs = shown_inputs(result)
    parts = []
    if len(inputs) == 1:
        parts.append(f'<span class="pl-question">{escape(_cut(next(iter(inputs.values()))))}</span>')
    else:
        parts += [
            f'<span class="pl-question"><span class="pl-muted">{escape(name)}:</span> {escape(_cut(value))}</span>'
            for name, value in inputs.items()
        ]
    if result.case:
        parts.insert(0, f'<span class="pl-muted">case {escape(result.case)}</span>')
    if result.expected is not None:
        expected = result.expected if isinstance(result.expected, str) else value_in_words(result.expected)
        parts.append(
            f'<span class="pl-expected"><span class="pl-muted">expected:</span> {escape(_cut(expected))}</span>'
        )
    return "".join(parts)


def _cut(text: str) -> str:
    line = " ".join(text[: 4 * LONGEST].split())
    return line if len(line) <= LONGEST and len(text) <= 4 * LONGEST else f"{line[:LONGEST]} …"


def _short_answers(results: Sequence[Result]) -> str:
    """The answers of a folded row, a few words of each; of equal ones their number, the most frequent first."""
    words = Counter((result.model, clipped(result.text.strip() or result.error or "(empty)")) for result in results)
    shown = words.most_common(FOLDED) if len(words) > FOLDED else words.items()
    more = f'<span class="pl-muted">and {len(words) - FOLDED} more</span>' if len(words) > FOLDED else ""
    parts = [
        f'<span><span class="pl-muted">{escape(model)}:</span> {_times(count)}{escape(text)}</span>'
        for (model, text), count in shown
    ]
    return "".join(parts) + more


def _times(count: int) -> str:
    return f"{count} × " if count > 1 else ""


# Many answers


def _line_of_many(session: Session, row: Row, key: str) -> None:
    """One line for a run of many answers. Only what is counted in the database is read for it."""
    run = row.run
    count = f"{run.done:,} answer{'s' if run.done != 1 else ''}"
    left = f"{run.total - run.done:,} not asked or not recorded" if run.done < run.total else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"head-{key}"):
        st.html(
            _title_html(
                run, f"{title_of_many(run)}, {count}", left, ", ".join(run.models), *row.more, _cost(session, run)
            )
        )
        if row.beside:
            row.beside()
        path = suite_of(session, run)
        if path:
            links.to("suites", "Open the suite", icon=":material/fact_check:", suite=path)
        elif not row.on_page:
            links.to("runs", "Show the answers", icon=":material/list:", run=key)
        row_actions.menu(session, run, on_page=row.on_page)


def title_of_many(run: RunInfo) -> str:
    """`suite world-cup` for a run of a suite, else the heading of the run."""
    if run.made_for.kind != "suite" or run.name:
        return run.heading
    return f"suite {_suite_name(run)}"


def _suite_name(run: RunInfo) -> str:
    if run.made_for.path:
        return PurePosixPath(run.made_for.path).stem
    # Before the history knew the suite of a run, its title had the name.
    return run.title.removeprefix("suite record ").removeprefix("suite rerun ")


def suite_of(session: Session, run: RunInfo) -> str:
    """The path of the suite that the run was asked for; "" if there is none, or its file is gone."""
    if run.made_for.kind != "suite":
        return ""
    paths = suites.suite_paths(session.workspace)
    if run.made_for.path:
        return run.made_for.path if run.made_for.path in paths else ""
    return next((path for path in paths if PurePosixPath(path).stem == _suite_name(run)), "")


def _cost(session: Session, run: RunInfo) -> str:
    """What the answers cost that were asked for this run, by today's prices."""
    costs = [
        price(session.catalogue, taken.model, taken.prompt, taken.new)
        for taken in session.store.taken(run.ids)
        if taken.model in session.catalogue.names()
    ]
    known = [cost for cost in costs if cost is not None]
    return runs.cost_text(sum(known)) if known else ""
