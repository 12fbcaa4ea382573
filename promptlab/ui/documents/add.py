"""Add documents: upload files or paste text. A file that cannot be read is refused, with the reason and a fix."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import streamlit as st

from promptlab import documents
from promptlab.errors import DocumentError, PromptlabError
from promptlab.ui.components.label_chip import allows
from promptlab.ui.components.sizes import sentence
from promptlab.ui.components.theme import UPLOAD_MB
from promptlab.ui.components.widgets import escape, markup, note, plain, small
from promptlab.ui.documents import document_notes
from promptlab.ui.state.session import Session
from promptlab.workspace import UPLOADS_FOLDER

UPLOAD, PASTE = "Upload files", "Paste text"
LIMITS = (
    f"Text, Markdown, HTML and tables up to {documents.MAX_BYTES // 1_000_000} MB; "
    f"PDF, Word and Excel up to {documents.MAX_CONTAINER_BYTES // 1_000_000} MB. "
    "Larger files are rejected and marked red."
)


def draw(session: Session, *, key: str) -> str | None:
    """Show the ways to add a document; returns the path of a document stored just now, else None."""
    way = st.segmented_control(
        "Add a document",
        [UPLOAD, PASTE],
        default=UPLOAD,
        required=True,
        key=f"{key}-way",
        label_visibility="collapsed",
    )
    added = _upload(session, key) if way == UPLOAD else _paste(session, key)
    small(f"New documents are confidential. {allows(session, 'confidential')} You can change the label afterwards.")
    return added


def _upload(session: Session, key: str) -> str | None:
    files = st.file_uploader(
        "Drop documents here, or choose them",
        accept_multiple_files=True,
        max_upload_size=UPLOAD_MB,
        key=f"{key}-files",
    )
    small(LIMITS)
    # The outcome of each uploaded file, by Streamlit's id of the file: a rerun must not store it again.
    outcomes: MutableMapping[str, dict[str, Any]] = st.session_state.setdefault(f"{key}-outcomes", {})
    new_path = None
    for file in files or ():
        if file.file_id not in outcomes:
            with st.spinner(f"Reading {plain(file.name)}"):
                outcomes[file.file_id] = _store(session, file.name, file.getvalue())
            new_path = outcomes[file.file_id].get("path") or new_path
        _show_outcome(outcomes[file.file_id])
    return new_path


def drop(session: Session, *, key: str) -> list[str]:
    """A small place to drop files; returns the paths of the documents stored just now. It is empty again afterwards."""
    turn = st.session_state.setdefault(f"{key}-turn", 0)
    with st.container(key=f"{key}-drop", gap="xsmall"):
        files = st.file_uploader(
            "Drop documents here",
            accept_multiple_files=True,
            max_upload_size=UPLOAD_MB,
            label_visibility="collapsed",
            key=f"{key}-files-{turn}",
        )
    if files:
        outcomes = st.session_state[f"{key}-outcomes"] = [_store(session, file.name, file.getvalue()) for file in files]
        st.session_state[f"{key}-turn"] = turn + 1
        return [outcome["path"] for outcome in outcomes if "path" in outcome]
    for outcome in st.session_state.get(f"{key}-outcomes", ()):
        _show_outcome(outcome)
    return []


def paste(session: Session, *, key: str) -> str | None:
    """Fields for a text to store as a document; returns its path if it was stored just now."""
    return _paste(session, key)


def _paste(session: Session, key: str) -> str | None:
    # After a text was stored the fields must be empty, so each turn gives them new keys.
    turn = st.session_state.setdefault(f"{key}-turn", 0)
    name = st.text_input("Name", key=f"{key}-name-{turn}", placeholder="meeting-notes.md")
    text = st.text_area(
        "Text", key=f"{key}-paste-{turn}", height=180, placeholder="Plain text or Markdown, kept unchanged"
    )
    new_path = None
    if st.button("Add", icon=":material/add:", key=f"{key}-add"):
        outcome = st.session_state[f"{key}-pasted"] = _store(session, name.strip() or "pasted.md", text)
        new_path = outcome.get("path")
        st.session_state[f"{key}-turn"] = turn + 1 if new_path else turn
    if last_outcome := st.session_state.get(f"{key}-pasted"):
        _show_outcome(last_outcome)
    return new_path


def _store(session: Session, name: str, content: bytes | str) -> dict[str, Any]:
    """Store the document; returns the outcome for `_show_outcome`."""
    before = set(documents.document_paths(session.workspace))
    try:
        document = documents.add_document(session.workspace, name, content)
    except DocumentError as exc:
        # Not `exc.message`: it names the path in the workspace, which the person does not know yet.
        return {"refused": name, "what": exc.what, "hint": exc.hint}
    except PromptlabError as exc:
        return {"refused": name, "what": exc.message, "hint": exc.hint}
    return {
        "path": document.path,
        "known": document.path in before,
        "words": len(document.text.split()),
        "label": document.label,
        "notes": document.notes,
    }


def _show_outcome(outcome: dict[str, Any]) -> None:
    if "refused" in outcome:
        note("bad", f"Not added: {outcome['refused']}", sentence(outcome["what"]), sentence(outcome["hint"]))
        return
    name = outcome["path"].removeprefix(f"{UPLOADS_FOLDER}/")
    state = "already exists" if outcome["known"] else "was added"
    markup(
        f'<div class="pl-small" role="status"><b>{escape(name)}</b> {state}: '
        f"{outcome['words']:,} words, {escape(outcome['label'])}.{document_notes.sentences(outcome['notes'])}</div>"
    )


__all__ = ["draw", "drop", "paste"]
