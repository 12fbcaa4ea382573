"""The dialog that names a version, such as `production`, moves a name to it, or removes one. A name is a git tag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from promptlab import versions
from promptlab.errors import PromptlabError
from promptlab.ui.components import frame, widgets
from promptlab.ui.components.widgets import escape, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.versions import Version

_OPEN, _NAME = "naming-open", "naming-name"
Finish = Callable[[Callable[[], str]], bool]


@dataclass
class _DialogState:
    path: str
    version: Version
    done: bool = False
    error: PromptlabError | None = None


def open_for(path: str, version: Version) -> None:
    """Open the dialog at the next drawing of the page."""
    st.session_state[_OPEN] = _DialogState(path, version)
    st.session_state[_NAME] = ""


def dialog(session: Session, path: str, *, finish: Finish) -> None:
    """Draw the dialog if it is open for a version of `path`."""
    state: _DialogState | None = st.session_state.get(_OPEN)
    if state is None or state.path != path:
        return
    title = f"Name version {state.version.commit[:7]}"
    st.dialog(title, on_dismiss=_close)(frame.guarded(_draw))(session, finish)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, finish: Finish) -> None:
    state: _DialogState | None = st.session_state.get(_OPEN)
    if state is None:
        st.rerun()
        return
    small(f"{state.version.subject}: {state.version.who}, {widgets.clock(state.version.when)}")
    if state.error:
        note("bad", state.error.message, state.error.hint)
    for tag in state.version.tags:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(f"<b>{escape(tag)}</b>", width="content")
            args = (session, state, finish, tag)
            st.button("Remove", key=f"untag-{tag}", type="tertiary", on_click=_untag, args=args)
    name = st.text_input("Name", key=_NAME, placeholder="production", persist_state="page").strip()
    owner = next((v for v in versions.template_history(session.workspace, state.path) if name and name in v.tags), None)
    moves = owner is not None and owner.commit != state.version.commit
    if owner is not None and moves:
        small(f"{name} now names the version {owner.commit[:7]} ({owner.subject}).")
    small("A name is a git tag. Reading this template by the name gives this version.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Move {plain(name)} here" if moves else "Give it this name",
            key="naming-give",
            type="primary",
            disabled=not name,
            on_click=_give,
            args=(session, state, finish, name, moves),
        )
        st.button("Cancel", key="naming-cancel", type="tertiary", on_click=_close)


def _give(session: Session, state: _DialogState, finish: Finish, name: str, moves: bool) -> None:
    _do(
        state,
        finish,
        lambda: _named(
            versions.tag_version(session.workspace, state.path, state.version.commit, name, move=moves), name
        ),
    )


def _named(version: Version, name: str) -> str:
    return f"{version.commit[:7]} is now named {name}"


def _untag(session: Session, state: _DialogState, finish: Finish, name: str) -> None:
    def do() -> str:
        versions.remove_tag(session.workspace, state.path, name)
        return f"The name {name} was removed"

    _do(state, finish, do)


def _do(state: _DialogState, finish: Finish, do: Callable[[], str]) -> None:
    try:
        message = do()
    except PromptlabError as exc:
        state.error = exc
        return
    finish(lambda: message)
    _close()


__all__ = ["dialog", "open_for"]
