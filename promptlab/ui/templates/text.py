"""The file of a template as text: for what the form has no field for, and to mend one that cannot be read."""

from __future__ import annotations

import streamlit as st

from promptlab.ui.state.session import Session


def draw(session: Session, path: str, text: str, base: str | None) -> None:
    """The file's text; what is typed becomes the draft."""
    key = f"text-file-{path}"
    shown = st.session_state.get("template-text-shown")
    if key not in st.session_state or shown != (path, text):
        st.session_state[key] = text
    st.session_state["template-text-shown"] = (path, text)
    st.text_area(
        "The file",
        height=420,
        key=key,
        help="The whole YAML file, comments included. Ctrl+Enter, or a click elsewhere, takes what you typed.",
        on_change=_typed,
        args=(session, path, key, base),
    )


def _typed(session: Session, path: str, key: str, base: str | None) -> None:
    text = st.session_state[key]
    st.session_state["template-text-shown"] = (path, text)
    session.drafts.write(path, text, base)
