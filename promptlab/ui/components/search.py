"""One search over everything: a button with a shortcut opens a dialog with a field; hits are grouped by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from promptlab import shelf
from promptlab.shelf import Hit
from promptlab.ui.components import key_listener, links, shortcuts
from promptlab.ui.components.widgets import escape, markup, plain, small
from promptlab.ui.state.session import Session

_OPEN, _WORDS = "search-open", "search-words"
HEADS: Mapping[str, str] = {
    "template": "Templates",
    "document": "Documents",
    "pool": "Examples",
    "suite": "Suites",
    "run": "Runs",
    "model": "Models",
}
TARGETS: Mapping[str, tuple[str, str]] = {
    "template": ("templates", "template"),
    "document": ("documents", "document"),
    "pool": ("examples", "pool"),
    "suite": ("suites", "suite"),
    "run": ("runs", "run"),
    "model": ("models", "model"),
}
"""The page of each kind, and the word in its address that names one."""


def tools(session: Session, guarded: Callable[[Callable[[Session], None]], Callable[[Session], None]]) -> None:
    """The buttons above every page: search and keys. They are a fragment, so that opening them draws nothing else.

    `guarded` shows the errors of what it is given on the page.
    """
    with st.container(horizontal=True, gap="small", key="house-tools"):
        st.button(
            "Search",
            icon=":material/search:",
            type="tertiary",
            key="search",
            shortcut=shortcuts.SEARCH.keys,
            on_click=_open,
        )
        shortcuts.button()
    key_listener.draw()
    if st.session_state.get(_OPEN):
        st.dialog("Search", width="medium", on_dismiss=_close)(guarded(_draw))(session)
    else:
        shortcuts.dialog()


def _draw(session: Session) -> None:
    with st.container(key="search-box", gap="xsmall"):
        words = st.text_input(
            "Search templates, documents, examples, suites, runs and models",
            key=_WORDS,
            icon=":material/search:",
            placeholder="words of a name or a text",
            live=True,
        )
        if not (words or "").strip():
            small("Type a word. Arrow keys go through what is found, Enter opens it.")
            return
        found = shelf.search_workspace(session.workspace, words, store=session.store)
        if not found.hits:
            small("Nothing found. Try fewer or shorter words.")
        head = ""
        for number, hit in enumerate(found.hits):
            if hit.kind != head:
                head = hit.kind
                markup(f'<h3 class="pl-role">{HEADS[head]}</h3>')
            _hit(hit, number)
        if not found.complete:
            small("There may be more: the search ended after its time. Another word makes it shorter.")


def _hit(hit: Hit, number: int) -> None:
    with st.container(key=f"hit-{number}", gap=None):
        if st.button(plain(hit.name or hit.place), key=f"hit-open-{number}-{hit.kind}", type="tertiary"):
            _close()
            page, name = TARGETS[hit.kind]
            links.go(page, **{name: hit.place})
        detail = hit.excerpt or (hit.place if hit.place != hit.name else "")
        if detail:
            markup(f'<div class="pl-small pl-break">{escape(detail)}</div>')


def _open() -> None:
    # Only one dialog can be open.
    others = [key for key in st.session_state if str(key).endswith("-open") and key != _OPEN]
    if not any(st.session_state[key] for key in others):
        st.session_state[_OPEN] = True


def _close() -> None:
    st.session_state.pop(_OPEN, None)


__all__ = ["tools"]
