"""One item of a suite run: its verdict and causes, both answers, scores, marks, both prompts, and accept."""

from __future__ import annotations

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.suites import (
    AskedCase,
    Cause,
    ItemDetail,
    ItemRow,
    MatrixCell,
    MatrixLine,
    Recording,
    Suite,
    SuiteRun,
)
from promptlab.types import Request
from promptlab.ui.components import diff_view as comparison
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import escape, markup, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites import accept as suite_accept
from promptlab.ui.suites import item_answers, item_scores
from promptlab.ui.suites.matrix import open_item
from promptlab.ui.suites.wording import run_words, verdict_chip


def draw(session: Session, suite: Suite, run: SuiteRun, position: int) -> None:
    """Draw the item at a position of a run."""
    st.button(
        f"Back to {plain(suite.name)}", icon=":material/arrow_back:", type="tertiary", key="case-back", on_click=_back
    )
    row = suites.row_at(session.suites.log, run, position) if run.suite == suite.path else None
    if row is None:
        note("warn", "This run has no such item", "It was not asked yet, or the address belongs to another suite.")
        return
    with (
        session.suites.recording(session.workspace, suite) as recorded,
        st.spinner("Reading the item", show_time=False),
    ):
        seen = suites.item_detail(session.workspace, suite, session.suites.log, session.store, run, row, recorded)
        asked = _asked(session, suite, run, row, recorded)
    _head(session, run, row)
    _why(row, seen)
    if run.verb != "replay" and seen.answer is not None:
        st.button(
            "Accept this answer …",
            icon=":material/done:",
            key="accept-one",
            help="Shows the change to the recording before it is written.",
            on_click=suite_accept.open_for,
            args=(run.id, None, "", position),
        )
    item_answers.draw(session, suite, seen, asked)
    item_scores.draw(session, suite, run, seen)
    _prompts(seen)
    suite_accept.draw(session, suite)


def _asked(session: Session, suite: Suite, run: SuiteRun, row: ItemRow, recorded: Recording | None) -> AskedCase:
    """The inputs as they were asked, and what is expected now."""
    lines = [MatrixLine(row.key.case, {("", ""): MatrixCell((row,))})]
    try:
        cases = session.suites.cases(session.workspace, suite)
    except PromptlabError as exc:
        note("warn", "The cases of the suite cannot be read now", exc.message, exc.hint)
        cases = {}
    find = recorded.find if recorded else lambda _key: None
    texts = suites.page_texts(session.suites.log, session.store, run, lines, cases, find)
    return texts.cases[row.key.case]


def _back() -> None:
    kept = {name: value for name, value in st.query_params.to_dict().items() if name not in ("run", "item")}
    links.address(**kept)


def _head(session: Session, run: SuiteRun, row: ItemRow) -> None:
    st.subheader(plain(row.key.id), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<span class="pl-small pl-num">{escape(run_words(run))}</span>', width="content")
        # The row itself with the one before and the one after it, as far as they exist.
        neighbours = session.suites.log.rows(run, after=row.position - 2, limit=3)
        for name, label, step in (("case-previous", "Previous item", -1), ("case-next", "Next item", 1)):
            exists = any(neighbour.position == row.position + step for neighbour in neighbours)
            st.button(
                label,
                type="tertiary",
                icon=":material/chevron_left:" if step < 0 else ":material/chevron_right:",
                icon_position="left" if step < 0 else "right",
                key=name,
                disabled=not exists,
                on_click=open_item,
                args=(run.id, row.position + step),
            )


def _why(row: ItemRow, seen: ItemDetail) -> None:
    reason = row.details.said
    lines = "".join(map(_cause, row.details.causes))
    markup(
        f'<div class="pl-model">{verdict_chip(row.verdict)}'
        f'<span class="pl-plain pl-break">{escape(reason)}</span></div>'
        + (f'<ul class="pl-checks" aria-label="Causes">{lines}</ul>' if lines else "")
    )
    if seen.error and seen.error not in reason:
        note("bad", "No answer" if row.verdict == "cannot tell" else "Cannot be compared", seen.error)
    if seen.hint:
        small(seen.hint)


def _cause(cause: Cause) -> str:
    """A cause in words; its hashes are there on demand."""
    told = suites.cause_in_words(cause)
    exact = f"<details><summary>Exact text</summary><code>{escape(told.exact)}</code></details>" if told.exact else ""
    return f'<li class="pl-break">{escape(told.words)}{exact}</li>'


# Prompts


def _prompts(seen: ItemDetail) -> None:
    before = seen.stored or seen.nearest
    if before is None and seen.request is None:
        return
    st.markdown("#### The prompt")
    if before and seen.request:
        nearest = "" if seen.stored else f" This case is not recorded; the nearest recorded one is {before.key.id}."
        changes = comparison.prompt_html(before.request, seen.request)
        if changes:
            st.html(f'<div class="pl-small pl-break">From the recorded prompt to the new one.{escape(nearest)}</div>')
            markup(changes)
        elif before.request.messages == seen.request.messages:
            small(f"The prompt is byte for byte the same.{nearest}")
        else:
            small(f"The text is the same, but roles or the ends of messages differ.{nearest}")
    _whole("Recorded prompt", before.request if before else None, key="prompt-recorded")
    if before is None or seen.request is None or before.request.messages != seen.request.messages:
        _whole("New prompt", seen.request, key="prompt-new")


def _whole(title: str, request: Request | None, *, key: str) -> None:
    if request is None:
        return
    opened = st.expander(title, key=key, type="compact", on_change="rerun")
    if opened.open:
        with opened:
            markup(widgets.messages_html(request.prompt))
            params = " · ".join(f"{name} {value}" for name, value in request.body()["params"].items())
            small(params)
