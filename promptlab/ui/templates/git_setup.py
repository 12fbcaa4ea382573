"""What git still needs before it can take a version: a repository, and to know who saves."""

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
    """Draws a button of the dialog; what it does gives one sentence to say, "" to stay there."""

    def __call__(self, label: str, do: Callable[[], str], *, key: str, primary: bool = False) -> None: ...


def ready(workspace: Workspace, state: versions.RepositoryState, press: Press) -> bool:
    """Whether git can take a version; if not, what to do about it is drawn."""
    if not state.repository:
        note(
            "info",
            "This folder is in no git repository yet",
            "Versions of a template are kept by git, on this machine. Begin a repository here (git init) and every "
            "save can be found again and brought back.",
        )
        press("Begin a repository here", partial(_init, workspace), key="saving-init", primary=True)
        return False
    if not state.identity:
        _who(workspace, press)
        return False
    return True


def _who(workspace: Workspace, press: Press) -> None:
    note(
        "warn",
        "Git does not know who you are, so nothing can be saved yet",
        "A version says who made it. Give your name and address for this repository:",
    )
    st.text_input("Your name", key="saving-name", autocomplete="name")
    st.text_input("Your address", key="saving-address", placeholder="you@example.org", autocomplete="email")
    press("Use these in this repository", partial(_introduce, workspace), key="saving-introduce", primary=True)
    widgets.small("Or, for all your repositories, run these two in a terminal, and look again:")
    widgets.mono("\n".join(COMMANDS), key="saving-identity")
    st.button("Look again", icon=":material/refresh:", key="saving-again")


def _init(workspace: Workspace) -> str:
    versions.init_repository(workspace)
    return ""


def _introduce(workspace: Workspace) -> str:
    name, address = (str(st.session_state.get(f"saving-{part}", "")) for part in ("name", "address"))
    versions.set_identity(workspace, name, address)
    return ""


__all__ = ["ready"]
