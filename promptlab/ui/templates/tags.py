"""The dialog that gives a version a name such as `production`, moves one there, or takes one away."""

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
class _Open:
    path: str
    version: Version
    done: bool = False
    trouble: PromptlabError | None = None


def open_for(path: str, version: Version) -> None:
    """Open the dialog when the page is drawn next."""
    st.session_state[_OPEN] = _Open(path, version)
    st.session_state[_NAME] = ""


def dialog(session: Session, path: str, *, finish: Finish) -> None:
    """The dialog, where it was opened for a version of `path`."""
    here: _Open | None = st.session_state.get(_OPEN)
    if here is None or here.path != path:
        return
    title = f"Name version {here.version.commit[:7]}"
    st.dialog(title, on_dismiss=_close)(frame.guarded(_draw))(session, finish)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, finish: Finish) -> None:
    here: _Open | None = st.session_state.get(_OPEN)
    if here is None:
        st.rerun()
        return
    small(f"{here.version.subject}: {here.version.who}, {widgets.clock(here.version.when)}")
    if here.trouble:
        note("bad", here.trouble.message, here.trouble.hint)
    for tag in here.version.tags:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(f"<b>{escape(tag)}</b>", width="content")
            args = (session, here, finish, tag)
            st.button("Take away", key=f"untag-{tag}", type="tertiary", on_click=_untag, args=args)
    name = st.text_input("Name", key=_NAME, placeholder="production").strip()
    owner = next((v for v in versions.template_history(session.workspace, here.path) if name and name in v.tags), None)
    moves = owner is not None and owner.commit != here.version.commit
    if owner is not None and moves:
        small(f"{name} is the version {owner.commit[:7]} now ({owner.subject}).")
    small("A name is a git tag. Whatever reads this template by that name gets this version.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Move {plain(name)} here" if moves else "Give it this name",
            key="naming-give",
            type="primary",
            disabled=not name,
            on_click=_give,
            args=(session, here, finish, name, moves),
        )
        st.button("Cancel", key="naming-cancel", type="tertiary", on_click=_close)


def _give(session: Session, here: _Open, finish: Finish, name: str, moves: bool) -> None:
    _do(
        here,
        finish,
        lambda: _said(versions.tag_version(session.workspace, here.path, here.version.commit, name, move=moves), name),
    )


def _said(version: Version, name: str) -> str:
    return f"{version.commit[:7]} is {name}"


def _untag(session: Session, here: _Open, finish: Finish, name: str) -> None:
    def do() -> str:
        versions.remove_tag(session.workspace, here.path, name)
        return f"No version is called {name} any more"

    _do(here, finish, do)


def _do(here: _Open, finish: Finish, do: Callable[[], str]) -> None:
    try:
        said = do()
    except PromptlabError as exc:
        here.trouble = exc
        return
    finish(lambda: said)
    _close()


__all__ = ["dialog", "open_for"]
