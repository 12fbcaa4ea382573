"""The keys of the workbench, in one table: buttons take theirs from it, and the dialog Keys lists them.

    st.button("Run", shortcut=shortcuts.RUN.keys)

Streamlit knows keys with letters, digits and names. `?`, and the arrows in the search, are heard by `key_listener.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from promptlab.ui.components.widgets import escape, markup, small

_OPEN = "keys-open"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Keys, as Streamlit writes them, and what they do. `shown` is how people read them."""

    keys: str
    does: str
    where: str = "everywhere"
    shown: str = ""

    @property
    def words(self) -> str:
        """The keys as a person reads them."""
        return self.shown or self.keys.replace("Mod", "Ctrl or ⌘").replace("+", " + ")


RUN = Shortcut("Mod+Enter", "Run: ask the chosen models", "Workbench")
SEARCH = Shortcut("Mod+K", "Search everything")
HELP = Shortcut("F1", "This list of keys", shown="? or F1")
UNDO_VOTE = Shortcut("U", "Take back the last vote", "Votes")
TABLE = (
    RUN,
    SEARCH,
    HELP,
    Shortcut("Down", "The next thing found; Up: the one before", "Search", "↓ ↑"),
    Shortcut("Enter", "Open the first thing found", "Search", "Enter"),
    Shortcut("Left", "A is better; → B is better, ↓ tie, N both bad, S skip", "Votes", "← → ↓ N S"),
    UNDO_VOTE,
    Shortcut("Escape", "Close a dialog or a menu", "everywhere", "Esc"),
    Shortcut("Tab", "The next control; with Shift the one before", "everywhere", "Tab"),
    Shortcut("Mod+Enter", "Apply what is typed without leaving the field", "Text fields"),
)


def button() -> None:
    """The button that lists the keys."""
    st.button(
        "Keys",
        icon=":material/keyboard:",
        type="tertiary",
        key="keys",
        shortcut=HELP.keys,
        on_click=_open,
    )


def dialog() -> None:
    """The list of keys, if it is open."""
    if st.session_state.get(_OPEN):
        st.dialog("Keys", on_dismiss=_close)(_draw)()


def _draw() -> None:
    rows = "".join(
        f"<tr><td><kbd>{escape(key.words)}</kbd></td><td>{escape(key.does)}</td><td>{escape(key.where)}</td></tr>"
        for key in TABLE
    )
    markup(f'<table class="pl-keys"><tr><th>Keys</th><th>What they do</th><th>Where</th></tr>{rows}</table>')
    small("Single keys work while no text field has the focus.")


def _open() -> None:
    st.session_state[_OPEN] = True


def _close() -> None:
    st.session_state.pop(_OPEN, None)


__all__ = ["HELP", "RUN", "SEARCH", "TABLE", "UNDO_VOTE", "Shortcut", "button", "dialog"]
