"""The line of the workbench that says how much of the prompt is read before Run is pressed, and its switch."""

from __future__ import annotations

import streamlit as st

from promptlab.ui.components import frame
from promptlab.ui.components.widgets import escape
from promptlab.ui.state.read_ahead import VARIABLE, Progress
from promptlab.ui.state.session import Session
from promptlab.ui.workbench.request import Bench

POLL = 0.5  # seconds between two updates while it reads
KEY = "read-ahead"
HELP = (
    "The part of the prompt that stays the same whatever the inputs are is read by the local models now, so that the "
    "answer begins at once. Whatever you ask goes first. Only text that is public is read ahead."
)


def draw(session: Session, now: Bench) -> None:
    """Have the beginning of the prompt read ahead, and say how far that is. Nothing is drawn if no chosen model can."""
    trials = [] if now.problem else now.first_trials()
    local = {status.name for status in now.statuses if status.backend == "llama"}
    session.ahead.want([trial for trial in trials if trial.model in local])
    if not local.intersection(now.models):
        return
    polled = POLL if session.ahead.busy else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="read-ahead-line"):
        st.session_state[KEY] = session.ahead.on
        st.toggle(
            "Read ahead",
            key=KEY,
            persist_state="page",
            help=HELP if session.ahead.allowed else f"Off by the environment variable {VARIABLE}.",
            disabled=not session.ahead.allowed,
            on_change=lambda: session.ahead.switch(bool(st.session_state[KEY])),
        )
        st.fragment(frame.guarded(_progress), run_every=polled)(session, polled is not None)


def _progress(session: Session, polled: bool) -> None:
    dialog = any(str(key).endswith("-open") and st.session_state[key] for key in st.session_state)
    if polled and not session.ahead.busy and not dialog:
        st.rerun()  # so that it is not drawn again and again
    lines = "".join(f"<div>{escape(words_of(progress))}</div>" for progress in session.ahead.progress())
    style = "line-height: 1.35; overflow-wrap: anywhere"
    st.html(f'<div class="pl-small pl-num" role="status" style="{style}">{lines}</div>', width="content")


def words_of(progress: Progress) -> str:
    """`gemma-3-270m: 1,792 of 2,512 tokens read ahead`."""
    if progress.state == "read" or progress.state == "reading":
        of = f"{progress.done:,}" if progress.state == "read" else f"{progress.done:,} of {progress.total:,}"
        return f"{progress.model}: {of} tokens read ahead"
    if progress.state == "not read":
        return f"{progress.model}: not read ahead, {progress.note}"
    return f"{progress.model}: {'loading' if progress.state == 'loading' else 'waiting'}"
