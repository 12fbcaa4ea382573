"""The frame around every page: its style, its side bar, and what becomes of errors.

A `PromptlabError` is shown with its hint. Anything else is a fault of ours: its traceback goes to the log,
the page says so calmly, and the rest of the process goes on.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import uuid
from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from promptlab.errors import PromptlabError, WorkspaceError
from promptlab.models import ModelStatus
from promptlab.ui.components import style
from promptlab.ui.components.widgets import escape, markup, note
from promptlab.ui.state import session

log = logging.getLogger(__name__)
_PLACE = "frame-place"
P = ParamSpec("P")
SHOWN_ASKS = 10
NO_MODELS = "<li><span></span><span>none in promptlab.yaml</span></li>"


def show(page: Callable[[session.Session], None]) -> None:
    """Draw `page` inside the frame."""
    st.html(f"<style>{style.style_sheet()}</style>")
    guarded(_framed)(page)


def _framed(page: Callable[[session.Session], None]) -> None:
    here = session.current()
    try:
        here.reload()  # a label or a model changed in an editor counts from the next thing somebody does
    except WorkspaceError as exc:
        note("bad", "promptlab.yaml cannot be read; what it said before still counts", str(exc.args[0]), exc.hint)
    with contextlib.nullcontext() if here.looked.is_set() else st.spinner("Looking at the models"):
        here.look()
    with st.sidebar:
        _sidebar(here)
    _let_dialogs_go(page)
    _ask_for_trust(here)
    try:
        page(here)
    finally:  # a page may name in the address what it shows
        st.session_state[_PLACE] = _place(page)


def _ask_for_trust(here: session.Session) -> None:
    """What the workspace asks for, until a press says that it may."""
    wanted = here.not_trusted()
    if not wanted:
        return
    lines = [ask.words for ask in wanted[:SHOWN_ASKS]]
    if len(wanted) > SHOWN_ASKS:
        lines.append(f"and {len(wanted) - SHOWN_ASKS} more: promptlab trust --show")
    with st.container(key="trust"):
        note("warn", "This workspace asks for what is off until you trust it", *lines)
        st.button(
            "Trust this workspace", key="trust-it", icon=":material/verified_user:", on_click=here.trust, args=(wanted,)
        )


def _let_dialogs_go(page: Callable[[session.Session], None]) -> None:
    """Close what was left open where one came from: a dialog left through a link in it would lie over the page that
    one comes back to. The state of an open dialog has a name that ends in `-open`.

    The place is kept before the page is drawn: a press on a button of a page that is still being drawn stops the run,
    and the next run must not take the dialog it opened for one of another page.
    """
    if st.session_state.get(_PLACE) != _place(page):
        for key in [key for key in st.session_state if str(key).endswith("-open")]:
            del st.session_state[key]
        st.session_state[_PLACE] = _place(page)


def _place(page: Callable[[session.Session], None]) -> tuple[str, dict[str, str]]:
    return page.__module__, st.query_params.to_dict()


def guarded(draw: Callable[P, None]) -> Callable[P, None]:
    """`draw`, with its errors shown in its place. Fragments need it for themselves: they are run without their page."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            draw(*args, **kwargs)
        except PromptlabError as exc:
            note("bad", str(exc.args[0]), exc.hint)
        except Exception:  # Streamlit's own signals to stop and rerun are BaseExceptions and pass
            reference = uuid.uuid4().hex[:6]
            log.exception("a page failed, reference %s", reference)
            note("bad", "Something went wrong here", f"It is a fault in promptlab; see the log, reference {reference}.")

    return drawn


def _sidebar(here: session.Session) -> None:
    models = "".join(map(_model, here.statuses))
    markup(
        '<div class="pl-small" style="margin-bottom:.25rem">Models</div>'
        f'<ul class="pl-models">{models or NO_MODELS}</ul>'
        f'<div class="pl-small" style="margin-top:1rem">Workspace</div>'
        f'<div class="pl-mono" style="overflow-wrap:anywhere">{escape(here.workspace.root.name)}</div>'
    )


def _model(status: ModelStatus) -> str:
    word = status.reason or "ready"
    dot = f'<span class="pl-ready{"" if status.ready and status.tried else " pl-no"}"></span>'
    return f"<li>{dot}<span>{escape(status.name)}<small>{escape(word)}</small></span></li>"
