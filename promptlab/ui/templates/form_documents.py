"""The part of the form for documents: which ones, in which order, and which passages of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from promptlab import templates
from promptlab.ui.components import label_chip
from promptlab.ui.components.bound_fields import Fields
from promptlab.ui.components.widgets import plain, small
from promptlab.ui.documents import add, context_entry
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session


def draw(session: Session, opened: Opened, fields: Fields, values: Mapping[str, Any]) -> None:
    """Show every document, and the ways to add one."""
    paths = listed(session, opened, fields, values, templates.sample_inputs(opened.template))
    if not paths:
        small("No documents. Add the text that the answer should come from.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        pick(session, fields, paths)
    adding = st.expander("Upload or paste a document", key="documents-upload", type="compact", on_change="rerun")
    if adding.open:
        with adding:
            stored = add.draw(session, key="form-document")
        if stored and stored not in paths:
            fields.edit(lambda current: {"context": [*current["context"], stored]})
            st.rerun()


def in_place(
    session: Session, opened: Opened, fields: Fields, values: Mapping[str, Any], inputs: Mapping[str, Any]
) -> None:
    """The documents and the ways to add one, in the little room of the workbench."""
    paths = listed(session, opened, fields, values, inputs)
    stored = add.drop(session, key="bench-document")
    with st.popover("Paste or pick a document", icon=":material/add:", type="tertiary", key="bench-document-more"):
        pick(session, fields, paths)
        pasted = add.paste(session, key="bench-pasted")
        small(f"New documents are confidential. {label_chip.allows(session, 'confidential')}")
    new = [path for path in (*stored, pasted) if path and path not in paths]
    if stored or new:
        fields.edit(lambda current: {"context": [*current["context"], *dict.fromkeys(new)]})
        st.rerun()


def listed(
    session: Session, opened: Opened, fields: Fields, values: Mapping[str, Any], inputs: Mapping[str, Any]
) -> list[str]:
    """Show every document, with buttons to move and to remove it; returns their paths."""
    paths = [_path(entry) for entry in values["context"]]
    for number, path in enumerate(paths):
        with st.container(horizontal=True, wrap=False, vertical_alignment="top", gap="small", key=f"doc-{number}"):
            with st.container(gap="xsmall"):
                before = opened.template.passages.get(path)
                choice = context_entry.draw(session, path, before, inputs, key=f"context-{number}-{plain(path)}")
                if choice != before and path in opened.template.context:
                    context = templates.context_with_passages(opened.template, path, choice, original=opened.original)
                    fields.edit(lambda _, context=context: {"context": context})  # type: ignore[misc]  # bound here
                    st.rerun()
            with st.container(horizontal=True, gap="small", width="content"):
                _press(fields, "Move up", ":material/arrow_upward:", number, path, off=number == 0)
                _press(fields, "Remove", ":material/close:", number, path)
    return paths


def pick(session: Session, fields: Fields, paths: Collection[str]) -> None:
    """A list of the workspace's other documents, to add one of them."""
    others = [path for path in session.documents().paths if path not in paths]
    st.selectbox(
        "Add a document",
        others,
        index=None,
        placeholder="choose one of the workspace" if others else "no other document in the workspace",
        format_func=lambda path: f"{PurePosixPath(path).name} · {PurePosixPath(path).parent}",
        key="documents-pick",
        on_change=_picked,
        args=(fields,),
    )


def _path(entry: Any) -> str:
    return str(entry["path"]) if isinstance(entry, Mapping) else str(entry)


def _picked(fields: Fields) -> None:
    path = st.session_state.get("documents-pick")
    st.session_state["documents-pick"] = None
    if path:
        fields.edit(lambda current: {"context": [*current["context"], path]})


def _press(fields: Fields, action: str, icon: str, number: int, path: str, *, off: bool = False) -> None:
    def changes(values: dict[str, Any]) -> dict[str, Any]:
        entries = list(values["context"])
        if number >= len(entries) or _path(entries[number]) != path:
            return {}  # another tab changed the list meanwhile
        entry = entries.pop(number)
        if action == "Move up":
            entries.insert(number - 1, entry)
        return {"context": [_plain_entry(entry) for entry in entries]}

    st.button(
        "",
        icon=icon,
        type="tertiary",
        key=f"document-{action.lower().replace(' ', '-')}-{number}",
        help=f"{action}: {plain(path)}",
        disabled=off,
        on_click=fields.edit,
        args=(changes,),
    )


def _plain_entry(entry: Any) -> Any:
    return dict(entry) if isinstance(entry, Mapping) else entry
