"""The file of a template as text: for settings without a field in the form, and to fix an invalid file."""

from __future__ import annotations

import streamlit as st

from promptlab.ui.state.session import Session


def draw(session: Session, path: str, text: str, base: str | None) -> None:
    """A text area with the whole file; typed text becomes the draft."""
    key = f"text-file-{path}"
    shown = st.session_state.get("template-text-shown")
    if key not in st.session_state or shown != (path, text):
        st.session_state[key] = text
    st.session_state["template-text-shown"] = (path, text)
    st.text_area(
        "The file",
        height=420,
        key=key,
        persist_state="page",
        help="The whole YAML file, comments included. Press Ctrl+Enter or click elsewhere to apply your changes.",
        on_change=_typed,
        args=(session, path, key, base),
    )


def _typed(session: Session, path: str, key: str, base: str | None) -> None:
    text = st.session_state[key]
    st.session_state["template-text-shown"] = (path, text)
    session.drafts.write(path, text, base)
