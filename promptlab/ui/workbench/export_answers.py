"""Export answers: of one run, or of all that are shown, as CSV, JSON or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from promptlab import runs
from promptlab.runs import ANSWER_FORMATS, RunInfo
from promptlab.ui.components import frame, widgets
from promptlab.ui.components.widgets import note, small
from promptlab.ui.state.session import Session

_OPEN = "export-answers-open"
_TITLES = {"csv": "CSV", "json": "JSON", "markdown": "Markdown"}
SHOWN = 4_000
"""Characters of the file that are shown before the download."""


@dataclass
class _Export:
    runs: tuple[RunInfo, ...]


def open_dialog(chosen: Sequence[RunInfo]) -> None:
    """Open the dialog for these runs at the next run of the page."""
    st.session_state[_OPEN] = _Export(tuple(chosen))


def dialog(session: Session) -> None:
    """The dialog, if it is open. A page draws it once."""
    opened: _Export | None = st.session_state.get(_OPEN)
    if opened:
        st.dialog("Export answers", width="medium", on_dismiss=_close)(frame.guarded(_draw))(session, opened)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, opened: _Export) -> None:
    if st.session_state.get(_OPEN) is not opened:
        st.rerun()
        return
    format_ = st.segmented_control(
        "Format", list(ANSWER_FORMATS), default="csv", required=True, format_func=_TITLES.get, key="export-answers-as"
    )
    answers = list(runs.read_answers(session.store, opened.runs, session.workspace, session.catalogue))
    file = runs.write_answers(answers, format_)
    count = f"{len(answers):,} answer{'s' if len(answers) != 1 else ''}"
    several = f" of {len(opened.runs)} runs" if len(opened.runs) > 1 else ""
    small(f"{count}{several}, with inputs, expected answers, ratings, costs and labels.")
    if file.label != "public":
        note("warn", f"The text is {file.label}", "Anyone who gets the file can read it.")
    for line in file.notes:
        note("info", "Written otherwise", line)
    more = len(file.text) - SHOWN
    shown = file.text[:SHOWN] + (f"\n… {more:,} more characters in the file" if more > 0 else "")
    st.code(widgets.shown(shown), language=None, height=260, wrap_lines=True)
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Download",
            file.content,
            ANSWER_FORMATS[format_],
            icon=":material/download:",
            key="export-answers-get",
            on_click="ignore",
        )
        st.button("Close", key="export-answers-close", on_click=_close)


__all__ = ["dialog", "open_dialog"]
