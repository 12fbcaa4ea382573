"""The documents of a template: which, in what order, and what is taken of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from promptlab import templates
from promptlab.ui.components.bound_fields import Fields
from promptlab.ui.components.widgets import plain, small
from promptlab.ui.documents import add as document_add
from promptlab.ui.documents import context_entry as context_view
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session


def draw(session: Session, opened: Opened, fields: Fields, values: Mapping[str, Any]) -> None:
    """Every document, and the ways to add one."""
    paths = [_path(entry) for entry in values["context"]]
    if not paths:
        small("No document. Add the text that the answer should come from.")
    inputs = templates.sample_inputs(opened.template)
    for number, path in enumerate(paths):
        with st.container(horizontal=True, wrap=False, vertical_alignment="top", gap="small", key=f"doc-{number}"):
            with st.container(gap="xsmall"):
                taken = opened.template.passages.get(path)
                choice = context_view.draw(session, path, taken, inputs, key=f"context-{number}-{plain(path)}")
                if choice != taken and path in opened.template.context:
                    context = templates.with_passages(opened.template, path, choice, original=opened.original)
                    fields.edit(lambda _, context=context: {"context": context})  # type: ignore[misc]  # bound here
                    st.rerun()
            with st.container(horizontal=True, gap="small", width="content"):
                _press(fields, "Move up", ":material/arrow_upward:", number, path, off=number == 0)
                _press(fields, "Remove", ":material/close:", number, path)
    known = [path for path in session.documents().paths if path not in paths]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            "Add a document",
            known,
            index=None,
            placeholder="choose one of the workspace" if known else "there is no other in the workspace",
            format_func=lambda path: f"{PurePosixPath(path).name} · {PurePosixPath(path).parent}",
            key="documents-pick",
            on_change=_picked,
            args=(fields,),
        )
    adding = st.expander("Upload or paste one", key="documents-upload", type="compact", on_change="rerun")
    if adding.open:
        with adding:
            stored = document_add.draw(session, key="form-document")
        if stored and stored not in paths:
            fields.edit(lambda now: {"context": [*now["context"], stored]})
            st.rerun()


def _path(entry: Any) -> str:
    return str(entry["path"]) if isinstance(entry, Mapping) else str(entry)


def _picked(fields: Fields) -> None:
    path = st.session_state.get("documents-pick")
    st.session_state["documents-pick"] = None
    if path:
        fields.edit(lambda now: {"context": [*now["context"], path]})


def _press(fields: Fields, what: str, icon: str, number: int, path: str, *, off: bool = False) -> None:
    def make(values: dict[str, Any]) -> dict[str, Any]:
        entries = list(values["context"])
        if number >= len(entries) or _path(entries[number]) != path:
            return {}  # another tab changed the list meanwhile
        entry = entries.pop(number)
        if what == "Move up":
            entries.insert(number - 1, entry)
        return {"context": [_whole(one) for one in entries]}

    st.button(
        "",
        icon=icon,
        type="tertiary",
        key=f"document-{what.lower().replace(' ', '-')}-{number}",
        help=f"{what}: {plain(path)}",
        disabled=off,
        on_click=fields.edit,
        args=(make,),
    )


def _whole(entry: Any) -> Any:
    return dict(entry) if isinstance(entry, Mapping) else entry
