"""Adding, changing and removing a model in the page: the form, the lines of promptlab.yaml that change, and Write.

The address says what is open: `?add=openai`, `?edit=gpt`, `?remove=gpt`. So a link can open a form, and Back closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from promptlab import suites, workspace
from promptlab.errors import InputError, PromptlabError
from promptlab.models import check_new_entry
from promptlab.ui.components import links
from promptlab.ui.components.widgets import note, plain, shown, small
from promptlab.ui.models import form
from promptlab.ui.state.session import Session
from promptlab.workspace import ModelsEdit, Permission

_KIND, _MESSAGE, _DONE = "model-kind", "model-message", "model-done"
_ADD, _EDIT, _REMOVE = "add", "edit", "remove"


def add_button() -> None:
    """The button "Add a model"."""
    st.button(
        "Add a model", type="primary", icon=":material/add:", key="model-add", on_click=_open, args=(_ADD, "openai")
    )


def edit_button(name: str) -> None:
    """The button that opens the form of the model `name`."""
    _small_button("Edit", ":material/edit:", f"model-edit-{name}", _EDIT, name)


def remove_button(name: str) -> None:
    """The button that opens the removal of the model `name`."""
    _small_button("Remove", ":material/delete:", f"model-remove-{name}", _REMOVE, name)


def _small_button(label: str, icon: str, key: str, what: str, name: str) -> None:
    st.button(
        label, icon=icon, type="tertiary", key=key, help=f"{label} {plain(name)}", on_click=_open, args=(what, name)
    )


def draw(session: Session) -> None:
    """Draw what the address opens, if anything, and say what was done last."""
    if done := st.session_state.pop(_DONE, None):
        note("info", done)
    query = st.query_params
    if (name := query.get(_EDIT)) is not None:
        _edit(session, name)
    elif (name := query.get(_REMOVE)) is not None:
        _remove(session, name)
    elif _ADD in query:
        _add(session, query[_ADD])


def _open(what: str, value: str) -> None:
    links.address(**{what: value})
    st.session_state.pop(_MESSAGE, None)
    st.session_state.pop(_KIND, None)
    form.forget("" if what == _ADD else value)


def _close(name: str) -> None:
    links.address()
    st.session_state.pop(_MESSAGE, None)
    form.forget(name)


# Add and edit


def _add(session: Session, wanted: str) -> None:
    with st.container(border=True, key="model-form"):
        st.markdown("**Add a model**")
        start = wanted if wanted in form.KINDS else "openai"
        st.session_state.setdefault(_KIND, start)
        kind = st.segmented_control(
            "Kind of model",
            list(form.KINDS),
            format_func=form.KINDS.__getitem__,
            required=True,
            key=_KIND,
            persist_state="page",
        )
        form.draw(session, kind, "", {})
        _change(session, kind, "")


def _edit(session: Session, name: str) -> None:
    entry = session.workspace.models.get(name)
    if entry is None:
        note("warn", f"There is no model {name} in promptlab.yaml", "It may have been removed in the meantime.")
        return
    with st.container(border=True, key="model-form"):
        st.markdown(f"**Edit {plain(name)}**")
        written = entry.model_dump(exclude_unset=True)
        form.draw(session, form.kind_of(entry), name, written)
        _change(session, form.kind_of(entry), name)


def _change(session: Session, kind: str, name: str) -> None:
    """The lines that change, and Write; or what is still missing or wrong."""
    edit: ModelsEdit | None = None
    wanted: tuple[Permission, ...] = ()
    with st.container(gap="small"):  # one place, however much stands in it: the buttons below keep theirs
        try:
            edit = _planned(session, kind, name)
            wanted = _to_trust(edit)
        except PromptlabError as exc:
            blank = not name and not form.new_name()
            note("info" if blank else "warn", _sentence(exc), exc.hint)
        if message := st.session_state.pop(_MESSAGE, None):
            note("warn", *message)
        if edit is not None:
            _show(edit)
            if wanted:
                note("info", "Writing it also trusts this workspace with this", *(ask.words for ask in wanted))
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Write to promptlab.yaml",
            type="primary",
            icon=":material/save:",
            key="model-write",
            disabled=edit is None or not edit.diff,
            on_click=_write,
            args=(session, kind, name, edit, wanted),
        )
        st.button("Cancel", type="tertiary", key="model-cancel", on_click=_close, args=(name,))


def _planned(session: Session, kind: str, name: str) -> ModelsEdit:
    edit = workspace.plan_model(session.workspace, name or form.new_name(), form.settings(kind, name), new=not name)
    check_new_entry(edit.workspace, edit.name)
    return edit


def _to_trust(edit: ModelsEdit) -> tuple[Permission, ...]:
    """What the entry needs, if the workspace is not trusted with all of it yet."""
    entry = edit.workspace.models[edit.name]
    if workspace.model_trust_problem(edit.workspace, edit.name, entry) is None:
        return ()
    return tuple(workspace.permissions_of_model(edit.name, entry))


def _write(session: Session, kind: str, name: str, seen: ModelsEdit | None, wanted: Sequence[Permission]) -> None:
    """Write what the person has seen. A field that was left with this very click makes another change: it is shown
    first."""
    try:
        edit = _planned(session, kind, name)
        if seen is None or edit.diff != seen.diff:
            st.session_state[_MESSAGE] = (
                "Look at the change again",
                "It is not the one that was shown; nothing was written.",
            )
            return
        workspace.write_models_edit(edit)
        if wanted:
            session.trust(tuple(wanted))
    except (PromptlabError, OSError) as exc:
        st.session_state[_MESSAGE] = _message(exc)
        return
    _close(name)
    st.session_state[_DONE] = f"{edit.name} was {'changed' if name else 'added'} in promptlab.yaml"


# Remove


def _remove(session: Session, name: str) -> None:
    with st.container(border=True, key="model-form"):
        st.markdown(f"**Remove {plain(name)}**")
        try:
            edit = workspace.plan_removal(session.workspace, name)
        except PromptlabError as exc:
            note("warn", _sentence(exc), exc.hint)
            st.button("Cancel", type="tertiary", key="model-cancel", on_click=_close, args=(name,))
            return
        uses = suites.uses_of_model(session.workspace, name)
        anyway = True
        if uses:
            note("warn", f"Suites name {name}", *(f"{use.suite} {use.how}" for use in uses))
            anyway = st.checkbox("Remove it anyway; asking it in these suites will then fail", key="model-anyway")
        if message := st.session_state.pop(_MESSAGE, None):
            note("warn", *message)
        small("Recorded answers, the history and the model's file stay.")
        _show(edit)
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Remove from promptlab.yaml",
                type="primary",
                icon=":material/delete:",
                key="model-write",
                disabled=not anyway,
                on_click=_take_out,
                args=(edit,),
            )
            st.button("Cancel", type="tertiary", key="model-cancel", on_click=_close, args=(name,))


def _take_out(edit: ModelsEdit) -> None:
    try:
        workspace.write_models_edit(edit)
    except (PromptlabError, OSError) as exc:
        st.session_state[_MESSAGE] = _message(exc)
        return
    _close(edit.name)
    st.session_state[_DONE] = f"{edit.name} was removed from promptlab.yaml"


# What is shown


def _show(edit: ModelsEdit) -> None:
    if not edit.diff:
        small("Nothing is changed yet.")
        return
    small("What changes in promptlab.yaml:")
    with st.container(key="model-diff"):
        st.code(shown(edit.diff), language="diff", wrap_lines=True)


def _sentence(exc: PromptlabError) -> str:
    message = exc.what if isinstance(exc, InputError) else exc.message
    field = exc.field.rpartition(".")[2] if isinstance(exc, InputError) else ""
    message = f"{field}: {message}" if field and field not in message else message
    return message[:1].upper() + message[1:]


def _message(exc: Exception) -> tuple[Any, ...]:
    return (_sentence(exc), exc.hint) if isinstance(exc, PromptlabError) else (str(exc),)
