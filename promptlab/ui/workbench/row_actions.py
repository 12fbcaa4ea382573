"""What can be done with a run: fold, pin, name, link, export, delete and bring back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from promptlab.runs import RunInfo
from promptlab.ui.components import frame, links
from promptlab.ui.components.widgets import note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import export_answers

_NAMING, _LINK, _GONE, _GO = "naming-open", "link-open", "run-deleted", "run-to-open"
PIN, UNPIN, NAME, LINK, PAGE, EXPORT, DELETE = (
    "Pin to the top",
    "Unpin",
    "Name",
    "Copy link",
    "Everything about this run",
    "Export",
    "Delete",
)


@dataclass(frozen=True)
class _Gone:
    """A run that was deleted from this tab last."""

    id: str
    heading: str


def key_of(run: RunInfo) -> str:
    """The part of the widgets' keys that is the run's own."""
    return run.id[:12]


def is_open(run: RunInfo, *, usual: bool) -> bool:
    """Whether the row is unfolded: as the person left it, `usual` if they did not touch it."""
    return bool(st.session_state.get(f"unfolded-{key_of(run)}", usual))


def fold_button(run: RunInfo, *, opened: bool) -> None:
    """The button that folds or unfolds the row."""
    with st.container(key=f"icon-fold-{key_of(run)}", width="content"):
        st.button(
            f"Fold {plain(run.heading)}" if opened else f"Unfold {plain(run.heading)}",
            icon=":material/keyboard_arrow_down:" if opened else ":material/chevron_right:",
            type="tertiary",
            key=f"fold-{key_of(run)}",
            on_click=_fold,
            args=(run, not opened),
        )


def _fold(run: RunInfo, opened: bool) -> None:
    st.session_state[f"unfolded-{key_of(run)}"] = opened


def menu(session: Session, run: RunInfo, *, on_page: bool = False) -> None:
    """The menu of a row. With `on_page` the run has its page open already."""
    actions: Mapping[str, Callable[[], None]] = {
        UNPIN if run.pinned else PIN: lambda: session.store.pin(run.id, not run.pinned),
        NAME: lambda: st.session_state.update({_NAMING: run.id}),
        LINK: lambda: st.session_state.update({_LINK: run.id}),
        **({} if on_page else {PAGE: lambda: st.session_state.update({_GO: run.id})}),
        EXPORT: lambda: export_answers.open_dialog([run]),
        **({} if run.made_for.kind else {DELETE: lambda: _delete(session, run)}),
    }
    key = f"menu-of-{key_of(run)}"
    with st.container(key=f"icon-menu-{key_of(run)}", width="content"):
        st.menu_button(
            f"More for {plain(run.heading)}",
            list(actions),
            icon=":material/more_horiz:",
            type="tertiary",
            key=key,
            on_click=_do,
            args=(key, actions),
        )


def _do(key: str, actions: Mapping[str, Callable[[], None]]) -> None:
    action = actions.get(str(st.session_state.get(key)))
    if action:
        action()


def _delete(session: Session, run: RunInfo) -> None:
    session.store.delete(run.id)
    st.session_state[_GONE] = _Gone(run.id, run.heading)


def deleted_note(session: Session) -> None:
    """The line that says what was deleted, with Undo."""
    gone: _Gone | None = st.session_state.get(_GONE)
    if gone is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="deleted-run"):
        note(
            "info", f"Deleted: {gone.heading}", "It is kept on the page Runs, under Deleted, until it is removed there."
        )
        st.button("Undo", icon=":material/undo:", key="delete-undo", on_click=_undo, args=(session, gone.id))


def _undo(session: Session, run_id: str) -> None:
    session.store.restore(run_id)
    st.session_state.pop(_GONE, None)


def forget_deleted() -> None:
    """Offer Undo no more: the run is removed, or was brought back elsewhere."""
    st.session_state.pop(_GONE, None)


# Dialogs


def dialogs(session: Session, run: RunInfo) -> None:
    """What the menu asked for: the dialog of this run, or its page."""
    if st.session_state.get(_GO) == run.id:
        del st.session_state[_GO]  # a callback cannot switch pages
        links.go("runs", run=key_of(run))
    if st.session_state.get(_NAMING) == run.id:
        st.dialog("Name this run", on_dismiss=_close)(frame.guarded(_naming))(session, run)
    if st.session_state.get(_LINK) == run.id:
        st.dialog("Link to this run", on_dismiss=_close)(frame.guarded(_link))(run)


def _close() -> None:
    for key in (_NAMING, _LINK):
        st.session_state.pop(key, None)


def _naming(session: Session, run: RunInfo) -> None:
    if st.session_state.get(_NAMING) != run.id:
        st.rerun()
        return
    key = f"run-name-{key_of(run)}"
    st.text_input("Name", value=run.name, key=key, placeholder=run.title)
    small("An empty name brings the title back, which says what was changed.")
    with st.container(horizontal=True, gap="small"):
        st.button("Save", type="primary", key="run-name-save", on_click=_rename, args=(session, run, key))
        st.button("Cancel", key="run-name-cancel", on_click=_close)


def _rename(session: Session, run: RunInfo, key: str) -> None:
    session.store.rename(run.id, str(st.session_state[key]))
    _close()


def _link(run: RunInfo) -> None:
    if st.session_state.get(_LINK) != run.id:
        st.rerun()
        return
    st.code(address_of(run), language=None, wrap_lines=True)
    small(
        "The button at the right of the address copies it. It opens this run for everyone who reaches this promptlab."
    )


def address_of(run: RunInfo) -> str:
    """The address that opens a run."""
    here = st.context.url or ""
    origin = "/".join(here.split("/")[:3]) if "://" in here else ""
    return f"{origin}/runs?run={key_of(run)}"


__all__ = [
    "address_of",
    "deleted_note",
    "dialogs",
    "fold_button",
    "forget_deleted",
    "is_open",
    "key_of",
    "menu",
]
