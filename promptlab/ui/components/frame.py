"""The frame around every page: the style sheet, the side bar, the question of trust, and the error handling."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

import streamlit as st

from promptlab.errors import WorkspaceError
from promptlab.models import ModelStatus
from promptlab.ui.components import links, search, style
from promptlab.ui.components.guarded import guarded as guarded
from promptlab.ui.components.widgets import escape, markup, note
from promptlab.ui.state.session import Session, current
from promptlab.ui.state.tabs import this_tab

_PLACE = "frame-place"
SHOWN_ASKS = 10
NO_MODELS = "<li><span></span><span>none in promptlab.yaml</span></li>"


def show(page: Callable[[Session], None]) -> None:
    """Draw `page` inside the frame."""
    st.html(f"<style>{style.style_sheet()}</style>")
    guarded(_framed)(page)


def _framed(page: Callable[[Session], None]) -> None:
    try:
        session = current()
    except WorkspaceError as exc:
        _unreadable(exc)
        return
    try:
        session.reload()  # so that a label or a model changed in an editor counts from the next rerun on
    except WorkspaceError as exc:
        note("bad", "promptlab.yaml cannot be read; its last valid content is used", str(exc.args[0]), exc.hint)
    with contextlib.nullcontext() if session.looked.is_set() else st.spinner("Checking the models"):
        session.look()
    with st.sidebar:
        _sidebar(session)
    _close_stale_dialogs(page)
    st.fragment(guarded(search.tools))(session, guarded)
    _ask_for_trust(session)
    try:
        page(session)
    finally:  # the page may have changed the address to name what it shows
        # The browser may complete the address late, or not at all: both are the same place.
        st.session_state[_PLACE] = (_place(page), _place(page, links.take_completed()))


def _unreadable(exc: WorkspaceError) -> None:
    """promptlab.yaml has an error, and was never read without one: nothing can be shown before it is mended."""
    note("bad", "promptlab.yaml cannot be read, so this workspace cannot be opened", str(exc.args[0]), exc.hint)
    st.button("Read it again", icon=":material/refresh:", key="workspace-again", type="primary")


def _ask_for_trust(session: Session) -> None:
    """List what the workspace asks for, until the person trusts it."""
    requests = session.not_trusted()
    if not requests:
        return
    lines = [ask.words for ask in requests[:SHOWN_ASKS]]
    if len(requests) > SHOWN_ASKS:
        lines.append(f"and {len(requests) - SHOWN_ASKS} more: promptlab trust --show")
    with st.container(key="trust"):
        note("warn", "This workspace asks for these; they are off until you trust it", *lines)
        st.button(
            "Trust this workspace",
            key="trust-it",
            icon=":material/verified_user:",
            on_click=session.trust,
            args=(requests,),
        )


def _close_stale_dialogs(page: Callable[[Session], None]) -> None:
    """Close dialogs that were left open on another page, for instance through a link in the dialog, and forget what
    the page that was left showed of a template.

    The key of an open dialog in the session state ends in `-open`. The place is stored before the page is drawn,
    because a click on a page that is still being drawn stops the run: the next run must not close the dialog that
    this click opened.
    """
    if _place(page) not in st.session_state.get(_PLACE, ()):
        for key in [key for key in st.session_state if str(key).endswith("-open")]:
            del st.session_state[key]
        tab = this_tab()
        if tab:
            tab.leave()
        st.session_state[_PLACE] = (_place(page),)


def _place(page: Callable[[Session], None], completed: Mapping[str, str] = {}) -> tuple[str, dict[str, str]]:
    return page.__module__, {**st.query_params.to_dict(), **completed}


def _sidebar(session: Session) -> None:
    models = "".join(map(_model, session.statuses))
    markup(
        '<div class="pl-small" style="margin-bottom:.25rem">Models</div>'
        f'<ul class="pl-models">{models or NO_MODELS}</ul>'
        f'<div class="pl-small" style="margin-top:1rem">Workspace</div>'
        f'<div class="pl-mono" style="overflow-wrap:anywhere">{escape(session.workspace.root.name)}</div>'
    )


def _model(status: ModelStatus) -> str:
    """A model in the side bar, by its last real result: `● gemma tried 12:15 …`, `✗ gpt 401: the key was refused`."""
    failed = status.last if status.ready and status.last is not None and not status.last.ok else None
    look, word = ("fails", "failed") if failed else ("works", "works") if status.works else ("no", "not tried")
    if not status.ready:
        word = "not ready"
    said = failed.reason if failed else status.words.replace(", answered in ", " · ")  # the side bar is narrow
    dot = f'<span class="pl-ready pl-{look}" role="img" aria-label="{word}"></span>'
    return f"<li>{dot}<span>{escape(status.name)}<small>{escape(said)}</small></span></li>"
