"""The dialog that accepts new answers: it shows what would change in the recording, then writes it."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.runs import text_changes
from promptlab.suites import BaselineChange, ItemKey, RunAnswers, Show, Suite, baseline_changes, write_recording
from promptlab.ui.components import diff_view as comparison
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import chip, escape, literal, markup, note, small
from promptlab.ui.state.session import Session

MESSAGE = "suite-accept-message"
"""Where the message for the page is kept once the recording is written."""
_OPEN = "suite-accept-open"
MAX_SHOWN = 20
"""The most changes that are drawn. The rest is only counted, so that the dialog opens fast on a long suite."""


@dataclass
class _Accepting:
    """The answers of a run to accept: those that a filter shows, those of some cases, or the one at a position.

    `keys` and `preview` are None and empty until the answers were compared with the recording.
    """

    run: str
    show: Show | None
    case: str
    position: int | None
    keys: set[ItemKey] | None = None
    failing: int = 0
    not_judged: int = 0
    preview: list[BaselineChange] = field(default_factory=list)
    error: PromptlabError | None = None


def open_for(run_id: str, show: Show | None, case: str, position: int | None) -> None:
    """Open the dialog for all answers that the filter shows, or for the one at `position`."""
    st.session_state[_OPEN] = _Accepting(run_id, show, case, position)


def draw(session: Session, suite: Suite) -> None:
    """Draw the dialog if it is open."""
    accepting: _Accepting | None = st.session_state.get(_OPEN)
    if accepting:
        st.dialog("Accept answers", width="large", on_dismiss=_dismissed)(frame.guarded(_draw))(
            session, suite, accepting
        )


def _dismissed() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, suite: Suite, accepting: _Accepting) -> None:
    if st.session_state.get(_OPEN) is not accepting:  # closed, or opened anew for other answers
        st.rerun()
    if accepting.keys is None:
        with st.spinner("Comparing the answers with the recording"):
            _compare(session, suite, accepting)
    if accepting.error:
        note("bad", "Nothing was written", accepting.error.message, accepting.error.hint)
    keys = accepting.keys or set()
    if not keys:
        note("info", "Nothing would change", "These answers are recorded already, or the items have no answer.")
        return
    small(f"{len(keys):,} {'answer' if len(keys) == 1 else 'answers'} would be recorded:")
    _warning(accepting, len(keys))
    for change in accepting.preview:
        _change(change)
    if len(keys) > len(accepting.preview):
        small(f"… and {len(keys) - len(accepting.preview):,} more")
    anyway = ", although it fails" if accepting.failing == len(keys) == 1 else ""
    anyway = f", although {accepting.failing:,} fail" if accepting.failing and len(keys) > 1 else anyway
    st.button(
        f"Record {'this answer' if len(keys) == 1 else f'these {len(keys):,} answers'}{anyway}",
        type="secondary" if anyway else "primary",
        icon=":material/done_all:",
        key="accept-do",
        on_click=_accept,
        args=(session, suite, accepting),
    )


def _warning(accepting: _Accepting, count: int) -> None:
    """Warn if an answer fails or is not judged: it would become what later answers are compared with."""
    if accepting.failing:
        one = count == 1
        note(
            "warn",
            "This answer fails" if one else f"{accepting.failing:,} of these answers fail",
            *(accepting.preview[0].failed if one else ()),
            "Later answers are compared with what you record: one that fails in the same way is then not called worse.",
        )
    if accepting.not_judged:
        title = (
            "This answer is not judged" if count == 1 else f"{accepting.not_judged:,} of these answers are not judged"
        )
        note("warn", title, *([accepting.preview[0].not_judged] if count == 1 else []))


def _compare(session: Session, suite: Suite, accepting: _Accepting) -> None:
    log = session.suites.log
    run = log.run(accepting.run)
    if accepting.position is not None:
        row = suites.row_at(log, run, accepting.position)
        wanted = {row.key.id} if row else set()
    else:
        rows = suites.matching_rows(log, run, show=accepting.show, case=accepting.case)
        wanted = {row.key.id for row in rows}
    accepting.keys = set()
    if not wanted:
        return
    for change in baseline_changes(session.workspace, suite, RunAnswers(session.store, log, run), wanted=wanted):
        accepting.keys.add(change.key)
        accepting.failing += bool(change.failed)
        accepting.not_judged += bool(change.not_judged)
        if len(accepting.preview) < MAX_SHOWN:
            accepting.preview.append(change)


def _change(change: BaselineChange) -> None:
    old, new = change.old, change.new
    marks = [chip("new")] if old is None else []
    marks += [chip("fails", "bad")] if change.failed else []
    marks += [chip("not judged", "warn")] if change.not_judged else []
    if old and old.request.messages != new.request.messages:
        marks.append(chip("prompt differs", "warn"))
    if old is None:
        body = literal(new.completion.text)
    elif old.completion.text == new.completion.text:
        body, marks = literal(new.completion.text), [*marks, chip("same answer")]
    else:
        body = comparison.changes_html(text_changes(old.completion.text, new.completion.text))
    reasons = "".join(f'<div class="pl-small pl-break">{escape(reason)}</div>' for reason in change.failed)
    markup(
        f'<div class="pl-model"><span class="pl-break">{escape(change.key.id)}</span>{"".join(marks)}</div>{reasons}'
        f'<pre class="pl-prompt pl-short" tabindex="0">{body}</pre>'
    )


def _accept(session: Session, suite: Suite, accepting: _Accepting) -> None:
    accepting.error = None
    try:
        log = session.suites.log
        answers = RunAnswers(session.store, log, log.run(accepting.run))
        count = write_recording(session.workspace, suite, answers, only=accepting.keys)
    except PromptlabError as exc:
        accepting.error = exc
        return
    st.session_state[MESSAGE] = f"{count:,} item{'' if count == 1 else 's'} recorded in {suite.recording}"
    _dismissed()
