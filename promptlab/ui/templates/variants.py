"""Variants of a template: another text tried beside the one in use, merged into it or dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from promptlab import versions
from promptlab.errors import Conflict, PromptlabError
from promptlab.ui.components import conflict_view, frame, widgets
from promptlab.ui.components.widgets import escape, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.versions import Variant

_OPEN, _NAME, _MESSAGE, _DROPPED = "variant-open", "variant-name", "variant-message", "variant-dropped"
NAMES = conflict_view.Names("the variant's", "the template's", "What the variant changed", "What the template changed")
Finish = Callable[[Callable[[], str]], bool]


@dataclass
class _Open:
    """The dialog that is open: trying `text` as a new variant, or settling what clashed when one was merged."""

    path: str
    name: str = ""
    conflict: Conflict | None = None
    trouble: PromptlabError | None = None


def known(session: Session, path: str) -> list[Variant]:
    """The variants of the template. Raises `NoRepository`."""
    return versions.list_variants(session.workspace, path)


def text(session: Session, path: str, one: Variant) -> str:
    """The text of a variant."""
    return versions.variant_text(session.workspace, path, one.name)


def draw(
    session: Session,
    path: str,
    now: str | None,
    found: Sequence[Variant],
    pick: Callable[[Variant], None],
    *,
    finish: Finish,
) -> None:
    """The variants, each with `pick` at its head, and what can be done with them. `now` is the text to try."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("#### Variants")
        st.button(
            "Try this text as a variant",
            icon=":material/alt_route:",
            key="variant-try",
            disabled=now is None,
            on_click=_open,
            args=(path,),
        )
    _dropped(session, path, finish)
    if not found:
        small("None. A variant keeps another text on a branch of its own, beside the one in use, until you decide.")
    for one in found:
        _line(session, path, one, pick, finish)
    here: _Open | None = st.session_state.get(_OPEN)
    if here is None or here.path != path:
        return
    if here.conflict:
        title = f"Merge the variant {plain(here.name)}"
        st.dialog(title, width="large", on_dismiss=_close)(frame.guarded(_settle))(session, finish)
    elif now is not None:
        st.dialog("Try as a variant", on_dismiss=_close)(frame.guarded(_new))(session, now, finish)


def _line(session: Session, path: str, one: Variant, pick: Callable[[Variant], None], finish: Finish) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"version-try-{one.name}"):
        pick(one)
        what = f"<b>{escape(one.name)}</b> {escape(one.message)}"
        widgets.version_line(what, one.who, widgets.clock(one.when), one.commit[:7])
        args = (session, path, one, finish)
        help_ = "Bring what it changed into the template, as a new version."
        with st.container(horizontal=True, gap="small", width="content"):
            st.button("Merge", key=f"merge-{one.name}", type="tertiary", help=help_, on_click=_merge, args=args)
            st.button("Drop", key=f"drop-{one.name}", type="tertiary", on_click=_drop, args=args)


def _open(path: str) -> None:
    st.session_state[_OPEN] = _Open(path)
    st.session_state[_NAME] = st.session_state[_MESSAGE] = ""


def _close() -> None:
    st.session_state.pop(_OPEN, None)


# A new one


def _new(session: Session, now: str, finish: Finish) -> None:
    here: _Open | None = st.session_state.get(_OPEN)
    if here is None:
        st.rerun()
        return
    small("The template stays as it is. The text is kept on a branch of its own, and nothing is checked out.")
    if here.trouble:
        note("bad", here.trouble.message, here.trouble.hint)
    name = st.text_input("Name", key=_NAME, placeholder="short").strip()
    message = st.text_input("What is tried", key=_MESSAGE, placeholder="Ask for one word only").strip()
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Keep as a variant",
            key="variant-keep",
            type="primary",
            disabled=not (name and message),
            on_click=_keep,
            args=(session, here, name, message, now, finish),
        )
        st.button("Cancel", key="variant-cancel", type="tertiary", on_click=_close)


def _keep(session: Session, here: _Open, name: str, message: str, now: str, finish: Finish) -> None:
    def do() -> str:
        made = versions.save_variant(session.workspace, here.path, name, now, message)
        return f"Kept as the variant {made.name}, on the branch {made.branch}"

    _do(here, finish, do)


def _do(here: _Open, finish: Finish, do: Callable[[], str]) -> None:
    """In a dialog: what goes wrong is said there, and nothing typed is lost."""
    try:
        said = do()
    except Conflict as exc:
        if here.conflict:
            here.conflict = exc
        here.trouble = exc
    except PromptlabError as exc:
        here.trouble = exc
    else:
        finish(lambda: said)
        _close()


# Merge and drop


def _merge(session: Session, path: str, one: Variant, finish: Finish) -> None:
    def do() -> str:
        return versions.merge_variant(session.workspace, path, one.name).said

    try:
        said = do()
    except Conflict as exc:
        st.session_state[_OPEN] = _Open(path, one.name, exc)
        st.session_state[_MESSAGE] = f"Merge variant {one.name}"
    except PromptlabError as exc:
        finish(_raiser(exc))
    else:
        finish(lambda: said)


def _raiser(exc: PromptlabError) -> Callable[[], str]:
    def do() -> str:
        raise exc

    return do


def _settle(session: Session, finish: Finish) -> None:
    here: _Open | None = st.session_state.get(_OPEN)
    if here is None or here.conflict is None:
        st.rerun()
        return
    note("warn", "Both changed the same place", "Nothing has been written; variant and template stay as they are.")
    if here.trouble:
        note("bad", here.trouble.message, here.trouble.hint)
    together = conflict_view.draw(here.conflict, NAMES, key=f"merging-{here.name}")
    message = st.text_input("What changed, for the history", key=_MESSAGE)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Save the two together",
            key="variant-settle",
            type="primary",
            disabled=together is None,
            on_click=_save_settled,
            args=(session, here, together, message, finish),
        )
        st.button("Cancel", key="variant-cancel", type="tertiary", on_click=_close)


def _save_settled(session: Session, here: _Open, together: str, message: str, finish: Finish) -> None:
    base = here.conflict.theirs if here.conflict else None
    _do(here, finish, lambda: versions.save_template(session.workspace, here.path, together, message, base=base).said)


def _drop(session: Session, path: str, one: Variant, finish: Finish) -> None:
    def do() -> str:
        commit = versions.drop_variant(session.workspace, path, one.name)
        st.session_state[_DROPPED] = (path, one.name, commit)
        return f"The variant {one.name} is gone"

    finish(do)


def _dropped(session: Session, path: str, finish: Finish) -> None:
    """The way back from the last Drop."""
    of, name, commit = st.session_state.get(_DROPPED, ("", "", ""))
    if of != path:
        return

    def do() -> str:
        versions.restore_variant(session.workspace, path, name, commit)
        st.session_state.pop(_DROPPED)
        return f"The variant {name} is back"

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        small(f"The variant {name} was dropped.")
        st.button(
            "Bring it back", icon=":material/undo:", type="tertiary", key="variant-back", on_click=finish, args=(do,)
        )


__all__ = ["Variant", "draw", "known", "text"]
