"""Restore an earlier version of a template: the dialog shows what will change, and asks for a message, as Save does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

import streamlit as st

from promptlab import versions
from promptlab.errors import PromptlabError
from promptlab.ui.components import frame, version_diff, widgets
from promptlab.ui.components.widgets import note, plain, small
from promptlab.ui.state.session import Session
from promptlab.versions import Version

_OPEN, _MESSAGE = "restore-open", "restore-message"
Finish = Callable[[Callable[[], str]], bool]


@dataclass
class _Dialog:
    """The open dialog: the template and the version to restore, and the last error."""

    path: str
    version: Version
    error: PromptlabError | None = None


def open_for(path: str, version: Version) -> None:
    """Open the dialog for `version` of the template at `path`."""
    st.session_state[_OPEN] = _Dialog(path, version)
    when = widgets.clock(version.when)
    st.session_state[_MESSAGE] = f"Restore {PurePosixPath(path).stem} as of {version.commit[:8]} ({when})"


def dialog(session: Session, path: str, draft_text: str | None, *, finish: Finish) -> None:
    """The dialog, if it is open. `draft_text` is the unsaved text of this tab, None if there is none."""
    state: _Dialog | None = st.session_state.get(_OPEN)
    if state is not None and state.path == path:
        title = f"Restore {plain(state.version.subject)[:60]} ({state.version.commit[:7]})"
        st.dialog(title, width="medium", on_dismiss=_close)(frame.guarded(_draw))(session, draft_text, finish)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, draft_text: str | None, finish: Finish) -> None:
    state: _Dialog | None = st.session_state.get(_OPEN)
    if state is None:
        st.rerun()
        return
    if state.error:
        note("bad", state.error.message, state.error.hint)
    now = versions.text_on_disk(session.workspace, state.path)
    then = versions.version_text(session.workspace, state.version)
    small("The text of this version is saved as the newest one. The history keeps all versions.")
    if draft_text is not None:
        note(
            "warn",
            "Your unsaved changes stay a draft",
            "They were made to the text before. Save to git then shows both texts, and you choose or merge.",
        )
    if now == then:
        note("info", "Nothing would change", "The file has the text of this version already.")
    else:
        version_diff.file("What will change in the file", now or "", then)
        st.text_area("What changed, for the history", key=_MESSAGE, height=68, persist_state="page")
        who = versions.repository_state(session.workspace)
        branch = f"on the branch {who.branch}" if who.branch else "on no branch (detached HEAD)"
        small(f"Author: {who.identity}, {branch}.")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Restore", type="primary", key="restore-now", disabled=now == then, on_click=_restore,
            args=(session, state, finish),
        )  # fmt: skip
        st.button("Cancel", type="tertiary", key="restore-cancel", on_click=_close)


def _restore(session: Session, state: _Dialog, finish: Finish) -> None:
    message = str(st.session_state.get(_MESSAGE, ""))
    try:
        saved = versions.restore_version(session.workspace, state.path, state.version.commit, message=message)
    except PromptlabError as exc:
        state.error = exc
        return
    finish(lambda: saved.said)
    _close()


__all__ = ["dialog", "open_for"]
