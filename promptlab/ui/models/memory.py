"""The memory and the speed of a local model on its card: expected, beside what was measured."""

from __future__ import annotations

import streamlit as st

from promptlab import sizing
from promptlab.errors import PromptlabError
from promptlab.models import Measured, ModelStatus
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import small
from promptlab.ui.state.session import Session


def draw(session: Session, status: ModelStatus) -> None:
    """The lines of memory and speed. llama.cpp is asked in the background, once for each file and context."""
    if status.backend != "llama" or status.file is None or not status.ready:
        return
    try:
        soon = sizing.expected_soon(session.catalogue, status.name)
        if not soon.done():
            st.fragment(frame.guarded(_wait), run_every=0.5)(session, status)
            return
        need = soon.result()
    except PromptlabError as exc:
        small(f"Memory expected: not known, {exc.message}")
        return
    small(f"Memory expected: {sizing.expected_words(need)}")
    kept = session.catalogue.measured(status.name)
    if status.memory is not None:
        live = Measured("", status.memory)
        small(f"Memory now: {sizing.measured_words(need, live)}")
    elif kept is not None and kept.memory is not None:
        small(f"Memory measured: {sizing.measured_words(need, kept)}")
    else:
        small("Memory measured: not yet; it is once the model is loaded, or with promptlab models check")
    speed = sizing.expected_speed(session.catalogue, status.name)
    small(f"Speed of writing: {sizing.expected_speed_words(speed)}")


def _wait(session: Session, status: ModelStatus) -> None:
    if sizing.expected_soon(session.catalogue, status.name).done():
        st.rerun()
    small("Memory expected: being asked of llama.cpp")
