"""Adding documents: files dropped or picked, or text pasted. What cannot be read is refused, with what to do."""

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
from promptlab.ui.state.session import Session
from promptlab.workspace import UPLOADS_FOLDER

UPLOAD, PASTE = "Upload files", "Paste text"
LIMITS = (
    f"Text, Markdown, HTML and tables up to {documents.MAX_BYTES // 1_000_000} MB; "
    f"PDF, Word and Excel up to {documents.MAX_CONTAINER_BYTES // 1_000_000} MB. "
    "A larger file is marked red and not taken."
)


def draw(session: Session, *, key: str) -> str | None:
    """The ways to add a document; the path of one that was stored just now, else None."""
    way = st.segmented_control(
        "Add a document",
        [UPLOAD, PASTE],
        default=UPLOAD,
        required=True,
        key=f"{key}-way",
        label_visibility="collapsed",
    )
    added = _upload(session, key) if way == UPLOAD else _paste(session, key)
    small(f"What you add starts as confidential. {allows(session, 'confidential')} Change the label once it is here.")
    return added


def _upload(session: Session, key: str) -> str | None:
    files = st.file_uploader(
        "Drop documents here, or choose them",
        accept_multiple_files=True,
        max_upload_size=UPLOAD_MB,
        key=f"{key}-files",
    )
    small(LIMITS)
    # What became of each file of the uploader, by Streamlit's id of it: a rerun must not store it again.
    known: MutableMapping[str, dict[str, Any]] = st.session_state.setdefault(f"{key}-outcomes", {})
    fresh = None
    for file in files or ():
        if file.file_id not in known:
            with st.spinner(f"Reading {plain(file.name)}"):
                known[file.file_id] = _stored(session, file.name, file.getvalue())
            fresh = known[file.file_id].get("path") or fresh
        _say(known[file.file_id])
    return fresh


def _paste(session: Session, key: str) -> str | None:
    # A stored text leaves empty fields behind: those of the next turn have keys of their own.
    turn = st.session_state.setdefault(f"{key}-turn", 0)
    name = st.text_input("Name", key=f"{key}-name-{turn}", placeholder="meeting-notes.md")
    text = st.text_area(
        "Text", key=f"{key}-paste-{turn}", height=180, placeholder="Plain text or Markdown, kept as you paste it"
    )
    fresh = None
    if st.button("Add", icon=":material/add:", key=f"{key}-add"):
        outcome = st.session_state[f"{key}-pasted"] = _stored(session, name.strip() or "pasted.md", text)
        fresh = outcome.get("path")
        st.session_state[f"{key}-turn"] = turn + 1 if fresh else turn
    if said := st.session_state.get(f"{key}-pasted"):
        _say(said)
    return fresh


def _stored(session: Session, name: str, content: bytes | str) -> dict[str, Any]:
    """Store it; what became of it, in words."""
    before = set(documents.document_paths(session.workspace))
    try:
        document = documents.add_document(session.workspace, name, content)
    except DocumentError as exc:
        # The path it would have had says nothing to somebody who gave a file.
        return {"refused": name, "what": exc.what, "hint": exc.hint}
    except PromptlabError as exc:
        return {"refused": name, "what": exc.message, "hint": exc.hint}
    return {
        "path": document.path,
        "known": document.path in before,
        "words": len(document.text.split()),
        "label": document.label,
    }


def _say(outcome: dict[str, Any]) -> None:
    if "refused" in outcome:
        note("bad", f"Not added: {outcome['refused']}", sentence(outcome["what"]), sentence(outcome["hint"]))
        return
    name = outcome["path"].removeprefix(f"{UPLOADS_FOLDER}/")
    state = "was here already" if outcome["known"] else "is here"
    markup(
        f'<div class="pl-small" role="status"><b>{escape(name)}</b> {state}: '
        f"{outcome['words']:,} words, {escape(outcome['label'])}.</div>"
    )


__all__ = ["draw"]
