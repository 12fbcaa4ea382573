"""A training that runs: how far it is, the time that is left, Stop, and the losses so far.

It runs in a process of its own: a reload, another tab, leaving the page or closing promptlab changes nothing.
"""

from __future__ import annotations

import streamlit as st

from promptlab.finetune import find_training, progress_words, read_curve, request_stop
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import small
from promptlab.ui.finetune import curve
from promptlab.ui.finetune.wording import left_words
from promptlab.ui.state.session import Session
from promptlab.ui.suites import progress as suite_progress

POLL = 1.0
"""Seconds between two updates."""


def draw(session: Session, model: str) -> None:
    """Draw the progress until the training ends."""
    st.fragment(frame.guarded(_live), run_every=POLL)(session, model)


def _live(session: Session, model: str) -> None:
    training = find_training(session.workspace, model)
    if training is None or not training.is_running:
        st.rerun()
        return
    state = training.state
    done, total = (state.step, state.steps) if state is not None else (0, 0)
    words = f"{progress_words(training)}{left_words(training)}"
    with st.container(key="training-progress", gap="xsmall"):
        suite_progress.bar(done, total if done else 0, words, "Steps")  # the first step is preceded by loading
        st.button(
            "Stop",
            icon=":material/stop:",
            key="training-stop",
            disabled=training.is_stopping,
            help="Stop after the step that is computed now. What was learned is kept, and you can continue later.",
            on_click=request_stop,
            args=(session.workspace, model),
        )
    small("It goes on if you leave this page, and also if promptlab is closed.")
    if (state is not None and state.step) or training.record is None:
        curve.draw(read_curve(session.workspace, model), live=True)


__all__ = ["draw"]
