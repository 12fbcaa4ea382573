"""Accept: what would change in the recording, shown; then written."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.runs import text_changes
from promptlab.suites import BaselineChange, ItemKey, RunAnswers, Suite, baseline_changes, write_recording
from promptlab.ui.components import diff_view as comparison
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import chip, escape, literal, markup, note, small
from promptlab.ui.state.session import Session

SAID = "suite-accept-said"
_OPEN = "suite-accept-open"
SHOWN = 20
"""Changes that are drawn; the others are counted."""


@dataclass
class _Accepting:
    """Which answers of a run are meant: of a verdict, of some cases, or the item at a position."""

    run: str
    verdict: str | None
    case: str
    position: int | None
    keys: set[ItemKey] | None = None
    first: list[BaselineChange] = field(default_factory=list)
    trouble: PromptlabError | None = None


def open_for(run_id: str, verdict: str | None, case: str, position: int | None) -> None:
    """Open the dialog for the answers that a filter shows, or for one."""
    st.session_state[_OPEN] = _Accepting(run_id, verdict, case, position)


def draw(session: Session, suite: Suite) -> None:
    """The dialog, where it is open."""
    accepting: _Accepting | None = st.session_state.get(_OPEN)
    if accepting:
        st.dialog("Accept as recorded", width="large", on_dismiss=_dismissed)(frame.guarded(_draw))(
            session, suite, accepting
        )


def _dismissed() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, suite: Suite, accepting: _Accepting) -> None:
    if st.session_state.get(_OPEN) is not accepting:
        st.rerun()
    if accepting.keys is None:
        with st.spinner("Holding the answers against the recording"):
            _find(session, suite, accepting)
    if accepting.trouble:
        note("bad", "Nothing was written", accepting.trouble.message, accepting.trouble.hint)
    keys = accepting.keys or set()
    if not keys:
        note("info", "Nothing would change", "These answers are what is recorded, or they are no answers.")
        return
    small(f"{len(keys):,} recorded answer{'' if len(keys) == 1 else 's'} would become what is new here:")
    for change in accepting.first:
        _change(change)
    if len(keys) > len(accepting.first):
        small(f"… and {len(keys) - len(accepting.first):,} more")
    st.button(
        f"Record {'this answer' if len(keys) == 1 else f'these {len(keys):,} answers'}",
        type="primary",
        icon=":material/done_all:",
        key="accept-do",
        on_click=_accept,
        args=(session, suite, accepting),
    )


def _find(session: Session, suite: Suite, accepting: _Accepting) -> None:
    log = session.suites.log
    run = log.run(accepting.run)
    if accepting.position is not None:
        row = suites.row_at(log, run, accepting.position)
        meant = {row.key.id} if row else set()
    else:
        rows = suites.matching_rows(log, run, verdict=accepting.verdict, case=accepting.case)
        meant = {row.key.id for row in rows}
    accepting.keys = set()
    if not meant:
        return
    for change in baseline_changes(session.workspace, suite, RunAnswers(session.store, log, run), wanted=meant):
        accepting.keys.add(change.key)
        if len(accepting.first) < SHOWN:
            accepting.first.append(change)


def _change(change: BaselineChange) -> None:
    old, new = change.old, change.new
    marks = [chip("new")] if old is None else []
    if old and old.request.messages != new.request.messages:
        marks.append(chip("another prompt", "warn"))
    if old is None:
        body = literal(new.completion.text)
    elif old.completion.text == new.completion.text:
        body, marks = literal(new.completion.text), [*marks, chip("the same answer")]
    else:
        body = comparison.changes_html(text_changes(old.completion.text, new.completion.text))
    markup(
        f'<div class="pl-model"><span class="pl-break">{escape(change.key.id)}</span>{"".join(marks)}</div>'
        f'<pre class="pl-prompt pl-short" tabindex="0">{body}</pre>'
    )


def _accept(session: Session, suite: Suite, accepting: _Accepting) -> None:
    accepting.trouble = None
    try:
        log = session.suites.log
        answers = RunAnswers(session.store, log, log.run(accepting.run))
        taken = write_recording(session.workspace, suite, answers, only=accepting.keys)
    except PromptlabError as exc:
        accepting.trouble = exc
        return
    st.session_state[SAID] = f"{taken:,} item{'' if taken == 1 else 's'} recorded in {suite.recording}"
    _dismissed()
