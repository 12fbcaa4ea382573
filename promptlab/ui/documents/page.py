"""The page Documents: the list, and one document with its label, its text and a trial of its passages."""

from __future__ import annotations

from pathlib import PurePosixPath

import streamlit as st

from promptlab import documents
from promptlab.documents import DocumentEntry, PassageChoice
from promptlab.errors import DocumentError
from promptlab.types import LABELS, Document
from promptlab.ui.components import file_menu, folders, label_chip, links
from promptlab.ui.components.sizes import Counter, of_bytes, sentence, word_count
from promptlab.ui.components.widgets import chip, escape, literal, markup, note, plain, small
from promptlab.ui.documents import add, changes, document_notes, passages
from promptlab.ui.state.session import Session

PART = 60_000
"""Characters of a text that are shown at a time."""


def page(session: Session) -> None:
    """Draw the list, or the document that the address of the page names."""
    wanted = st.query_params.get("document")
    if wanted:
        _one(session, wanted)
    else:
        _list(session)


# The list


def _list(session: Session) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Documents", anchor=False, width="content")
        file_menu.trash(session, "document")
    file_menu.outcome(session)
    if add.draw(session, key="documents-add"):
        st.rerun()
    known = session.documents()
    if not known.paths:
        note(
            "info",
            "No documents yet",
            "Add one above. A template can then name it, and its text goes into the prompt.",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Search",
            key="documents-text",
            icon=":material/search:",
            placeholder="part of a name or folder",
            persist_state="session",
        )
        only = st.selectbox(
            "Label",
            ["", *LABELS],
            key="documents-label",
            format_func=lambda label: label or "any",
            width=200,
            persist_state="session",
        )
    matches = known.find(text, only or None)
    if not matches:
        note("info", "No document matches", "Try fewer words, or another label.")
        return
    looking = bool(text.strip() or only)
    folders.draw(
        "documents",
        matches,
        lambda path: _line(known.entry(path)),
        search=(text, only),
        home="documents",
        unfold=looking,
    )


def _line(entry: DocumentEntry) -> None:
    name = PurePosixPath(entry.path)
    key = folders.key_of(entry.path)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"doc-{key}"):
        markup(
            f'<div class="pl-doc"><span class="pl-break"><b>{escape(name.name)}</b> '
            f'<span class="pl-small">{escape(str(name.parent))}</span></span>'
            f"<span>{_label_mark(entry)}</span>"
            f'<span class="pl-muted pl-num pl-right">{escape(_extent(entry))}</span>'
            f'<span class="pl-muted pl-break">{_users(entry)}</span></div>'
        )
        folders.open_button(name.name, f"doc-{key}", _open, entry.path)


def _label_mark(entry: DocumentEntry) -> str:
    """The document's label as a chip, as HTML."""
    return chip(entry.label, "" if entry.label == "public" else "warn")


def _extent(entry: DocumentEntry) -> str:
    size = of_bytes(entry.bytes)
    return size if entry.words is None else f"{word_count(entry.words)} · {size}"


def _users(entry: DocumentEntry) -> str:
    if entry.problem:
        return chip("cannot be read", "bad")
    names = [_short(path) for path in entry.templates]
    shown = escape(", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else ""))
    return (shown or "no template") + (" " + chip("changed since used", "warn") if entry.changed else "")


def _short(template: str) -> str:
    return template.removeprefix("templates/").removesuffix(".yaml").removesuffix(".yml")


def _open(path: str) -> None:
    links.address(document=path)


def _close() -> None:
    links.address()


# One document


def _one(session: Session, path: str) -> None:
    st.button("All documents", icon=":material/arrow_back:", type="tertiary", key="documents-all", on_click=_close)
    file_menu.outcome(session)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="document-head"):
        st.subheader(plain(PurePosixPath(path).name), anchor=False, width="content")
        if path in documents.document_paths(session.workspace):
            file_menu.draw(session, "document", path)
    try:
        with st.spinner("Reading the document"):
            document = documents.read_document(session.workspace, path)
    except DocumentError as exc:
        if path in documents.document_paths(session.workspace):
            label_chip.draw(session, path, key="document-label")
        place = f" (line {exc.line})" if exc.line else ""
        note("bad", f"This document cannot be read: {path}", sentence(f"{exc.what}{place}"), sentence(exc.hint))
        return
    entry = session.documents().entry(path, read=True)
    counter = Counter(session)
    label_chip.draw(session, path, key="document-label")
    by = f" for {counter.model}" if counter.count(document)[1] else ""
    facts = [word_count(entry.words or 0), f"{counter.describe(document)}{by}", of_bytes(entry.bytes), document.path]
    markup(f'<div class="pl-small pl-num pl-break">{escape(" · ".join(facts))}</div>')
    document_notes.draw(document)
    used = ", ".join(map(_short, entry.templates))
    small(f"Used by {used}." if used else "No template uses it yet. Add it to one on the page Templates.")
    if entry.changed:
        changes.draw(session, document, entry.changed)
    view = st.segmented_control(
        "View", ["Text", "Passages"], default="Text", required=True, key="document-view", label_visibility="collapsed"
    )
    if view == "Text":
        _text(document)
    else:
        _passages(session, document)


def _text(document: Document) -> None:
    """The text as a model gets it; a long text is shown in parts, with the total length."""
    text, at = document.text, 0
    if len(text) > PART:
        parts = -(-len(text) // PART)
        part = st.number_input(f"Part, of {parts:,}", 1, parts, step=1, key="document-part", width=160)
        at = (int(part) - 1) * PART
        small(
            f"Characters {at + 1:,} to {min(at + PART, len(text)):,} of {len(text):,}. The prompt gets the whole text."
        )
    markup(f'<pre class="pl-prompt pl-tall" tabindex="0">{literal(text[at : at + PART])}</pre>')


def _passages(session: Session, document: Document) -> None:
    small("Try which passages a template would take. The choice here is not saved: make it in a template to keep it.")
    question = st.text_input("Question", key="document-question", placeholder="passages are ranked by this question")
    stored = st.session_state.get("document-passages-chosen")
    before = stored[1] if stored and stored[0] == document.path else PassageChoice("bm25")
    after = passages.choose(
        session, document.path, before, {"question": question}, key=f"passages-{folders.key_of(document.path)}"
    )
    st.session_state["document-passages-chosen"] = (document.path, after)


__all__ = ["page"]
