"""Variants of a template: another text on a git branch, to be compared, merged into the template or dropped."""

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
class _DialogState:
    """The open dialog: for a new variant, or for the conflict of a merge."""

    path: str
    name: str = ""
    conflict: Conflict | None = None
    error: PromptlabError | None = None


def known(session: Session, path: str) -> list[Variant]:
    """The variants of the template. Raises `NoRepository`."""
    return versions.list_variants(session.workspace, path)


def text(session: Session, path: str, variant: Variant) -> str:
    """The text of a variant."""
    return versions.variant_text(session.workspace, path, variant.name)


def draw(
    session: Session,
    path: str,
    current: str | None,
    variants: Sequence[Variant],
    compare_box: Callable[[Variant], None],
    *,
    finish: Finish,
) -> None:
    """The list of variants, each with its `compare_box`, and the buttons. `current` is the text for a new variant."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("#### Variants")
        st.button(
            "Save this text as a variant",
            icon=":material/alt_route:",
            key="variant-try",
            disabled=current is None,
            on_click=_open,
            args=(path,),
        )
    _dropped(session, path, finish)
    if not variants:
        small("No variants. A variant is another text of this template, on its own git branch, to merge or drop later.")
    for variant in variants:
        _line(session, path, variant, compare_box, finish)
    state: _DialogState | None = st.session_state.get(_OPEN)
    if state is None or state.path != path:
        return
    if state.conflict:
        title = f"Merge the variant {plain(state.name)}"
        st.dialog(title, width="large", on_dismiss=_close)(frame.guarded(_settle))(session, finish)
    elif current is not None:
        st.dialog("Save as a variant", on_dismiss=_close)(frame.guarded(_new))(session, current, finish)


def _line(
    session: Session, path: str, variant: Variant, compare_box: Callable[[Variant], None], finish: Finish
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"version-try-{variant.name}"):
        compare_box(variant)
        what = f"<b>{escape(variant.name)}</b> {escape(variant.message)}"
        widgets.version_line(what, variant.who, widgets.clock(variant.when), variant.commit[:7])
        args = (session, path, variant, finish)
        help_ = "Merge its changes into the template, as a new version."
        with st.container(horizontal=True, gap="small", width="content"):
            st.button("Merge", key=f"merge-{variant.name}", type="tertiary", help=help_, on_click=_merge, args=args)
            st.button("Drop", key=f"drop-{variant.name}", type="tertiary", on_click=_drop, args=args)
            _more(session, path, variant, finish)


def _more(session: Session, path: str, variant: Variant, finish: Finish) -> None:
    """Another name, or a copy. The menu is one form, so opening it and typing in it draw nothing anew."""
    with (
        st.popover("Name", type="tertiary", key=f"variant-more-{variant.name}"),
        st.form(f"variant-form-{variant.name}", border=False, enter_to_submit=False),
    ):
        st.text_input("New name", value=f"{variant.name}-2", key=f"variant-new-{variant.name}")
        with st.container(horizontal=True, gap="small"):
            for word, act in (("Rename", versions.rename_variant), ("Duplicate", versions.copy_variant)):
                st.form_submit_button(
                    word,
                    key=f"variant-{word.lower()}-{variant.name}",
                    on_click=_named,
                    args=(session, path, variant.name, act, finish),
                )


def _named(session: Session, path: str, name: str, act: Callable[..., Variant], finish: Finish) -> None:
    new = str(st.session_state.get(f"variant-new-{name}", "")).strip()

    def do() -> str:
        made = act(session.workspace, path, name, new)
        return f"The variant {name} is on the branch {made.branch} now"

    finish(do)


def _open(path: str) -> None:
    st.session_state[_OPEN] = _DialogState(path)
    st.session_state[_NAME] = st.session_state[_MESSAGE] = ""


def _close() -> None:
    st.session_state.pop(_OPEN, None)


# A new variant


def _new(session: Session, current: str, finish: Finish) -> None:
    state: _DialogState | None = st.session_state.get(_OPEN)
    if state is None:
        st.rerun()
        return
    small("The template does not change. The text is saved on a new git branch, which is not checked out.")
    if state.error:
        note("bad", state.error.message, state.error.hint)
    name = st.text_input("Name", key=_NAME, placeholder="short", persist_state="page").strip()
    message = st.text_input(
        "What it tries", key=_MESSAGE, placeholder="Ask for one word only", persist_state="page"
    ).strip()
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Save as a variant",
            key="variant-keep",
            type="primary",
            disabled=not (name and message),
            on_click=_keep,
            args=(session, state, name, message, current, finish),
        )
        st.button("Cancel", key="variant-cancel", type="tertiary", on_click=_close)


def _keep(session: Session, state: _DialogState, name: str, message: str, current: str, finish: Finish) -> None:
    def do() -> str:
        variant = versions.save_variant(session.workspace, state.path, name, current, message)
        return f"Saved as the variant {variant.name}, on the branch {variant.branch}"

    _do(state, finish, do)


def _do(state: _DialogState, finish: Finish, do: Callable[[], str]) -> None:
    """Run `do`. An error is shown in the dialog, which stays open, so nothing typed is lost."""
    try:
        message = do()
    except Conflict as exc:
        if state.conflict:
            state.conflict = exc
        state.error = exc
    except PromptlabError as exc:
        state.error = exc
    else:
        finish(lambda: message)
        _close()


# Merge and drop


def _merge(session: Session, path: str, variant: Variant, finish: Finish) -> None:
    def do() -> str:
        return versions.merge_variant(session.workspace, path, variant.name).said

    try:
        message = do()
    except Conflict as exc:
        st.session_state[_OPEN] = _DialogState(path, variant.name, exc)
        st.session_state[_MESSAGE] = f"Merge variant {variant.name}"
    except PromptlabError as exc:
        finish(_raiser(exc))
    else:
        finish(lambda: message)


def _raiser(exc: PromptlabError) -> Callable[[], str]:
    def do() -> str:
        raise exc

    return do


def _settle(session: Session, finish: Finish) -> None:
    state: _DialogState | None = st.session_state.get(_OPEN)
    if state is None or state.conflict is None:
        st.rerun()
        return
    note("warn", "Merge conflict", "Variant and template changed the same place. Nothing was written.")
    if state.error:
        note("bad", state.error.message, state.error.hint)
    merged = conflict_view.draw(state.conflict, NAMES, key=f"merging-{state.name}")
    message = st.text_input("What changed, for the history", key=_MESSAGE, persist_state="page")
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Save the merged text",
            key="variant-settle",
            type="primary",
            disabled=merged is None,
            on_click=_save_settled,
            args=(session, state, merged, message, finish),
        )
        st.button("Cancel", key="variant-cancel", type="tertiary", on_click=_close)


def _save_settled(session: Session, state: _DialogState, merged: str, message: str, finish: Finish) -> None:
    base = state.conflict.theirs if state.conflict else None
    _do(state, finish, lambda: versions.save_template(session.workspace, state.path, merged, message, base=base).said)


def _drop(session: Session, path: str, variant: Variant, finish: Finish) -> None:
    def do() -> str:
        commit = versions.drop_variant(session.workspace, path, variant.name)
        st.session_state[_DROPPED] = (path, variant.name, commit)
        return f"The variant {variant.name} was dropped"

    finish(do)


def _dropped(session: Session, path: str, finish: Finish) -> None:
    """A button that restores the variant that was dropped last."""
    dropped_path, name, commit = st.session_state.get(_DROPPED, ("", "", ""))
    if dropped_path != path:
        return

    def do() -> str:
        versions.restore_variant(session.workspace, path, name, commit)
        st.session_state.pop(_DROPPED)
        return f"The variant {name} was restored"

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        small(f"The variant {name} was dropped.")
        st.button(
            "Restore it", icon=":material/undo:", type="tertiary", key="variant-back", on_click=finish, args=(do,)
        )


__all__ = ["Variant", "draw", "known", "text"]
