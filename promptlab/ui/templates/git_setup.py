"""Sets git up for saving versions: creates a repository, and asks for the name and e-mail address of the author."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import streamlit as st

from promptlab import versions
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import note
from promptlab.workspace import Workspace

COMMANDS = ('git config --global user.name "Your Name"', "git config --global user.email you@example.org")


class Press(Protocol):
    """Draws a button of the dialog. `do` returns a message to show after closing, or "" to keep the dialog open."""

    def __call__(self, label: str, do: Callable[[], str], *, key: str, primary: bool = False) -> None: ...


def ready(workspace: Workspace, state: versions.RepositoryState, press: Press) -> bool:
    """True if git can save a version; if not, this shows how to set it up."""
    if not state.repository:
        note(
            "info",
            "This folder is not in a git repository yet",
            "Git keeps the versions of a template, on this machine. Create a repository here (git init), and every "
            "saved version can be found and restored.",
        )
        press("Create a repository here", partial(_init, workspace), key="saving-init", primary=True)
        return False
    if not state.identity:
        _ask_author(workspace, press)
        return False
    return True


def _ask_author(workspace: Workspace, press: Press) -> None:
    note(
        "warn",
        "Git needs your name and e-mail address to save versions",
        "Each version names its author. Enter them for this repository:",
    )
    st.text_input("Your name", key="saving-name", autocomplete="name")
    st.text_input("Your e-mail address", key="saving-address", placeholder="you@example.org", autocomplete="email")
    press("Use these in this repository", partial(_introduce, workspace), key="saving-introduce", primary=True)
    widgets.small("Or set them for all your repositories: run these commands in a terminal, then press Check again.")
    widgets.mono("\n".join(COMMANDS), key="saving-identity")
    st.button("Check again", icon=":material/refresh:", key="saving-again")


def _init(workspace: Workspace) -> str:
    versions.init_repository(workspace)
    return ""


def _introduce(workspace: Workspace) -> str:
    name, address = (str(st.session_state.get(f"saving-{part}", "")) for part in ("name", "address"))
    versions.set_identity(workspace, name, address)
    return ""


__all__ = ["ready"]
