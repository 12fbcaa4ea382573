"""The page Documents: the list, and one document with its label, its text and a trial of its passages."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from promptlab import documents
from promptlab.documents import DocumentEntry, PassageChoice
from promptlab.errors import DocumentError
from promptlab.types import LABELS, Document, sha256
from promptlab.ui.components import label_chip, links
from promptlab.ui.components.sizes import Counter, of_bytes, sentence, word_count
from promptlab.ui.components.widgets import chip, escape, literal, markup, note, plain, small
from promptlab.ui.documents import add, changes, document_notes, passages
from promptlab.ui.state.session import Session

PAGE = 25
"""Documents on one page of the list."""
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
    st.subheader("Documents", anchor=False)
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
    first = _first(matches, (text, only))
    for path in matches[first : first + PAGE]:
        _line(known.entry(path))
    _turn(len(matches), first)


def _first(matches: list[str], search: Any) -> int:
    """The index of the first document on the page; a new search starts at 0."""
    if st.session_state.get("documents-asked") != search:
        st.session_state["documents-asked"], st.session_state["documents-first"] = search, 0
    first: int = st.session_state["documents-first"]
    return first if first < len(matches) else 0


def _line(entry: DocumentEntry) -> None:
    name = PurePosixPath(entry.path)
    key = _key(entry.path)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"doc-{key}"):
        markup(
            f'<div class="pl-doc"><span class="pl-break"><b>{escape(name.name)}</b> '
            f'<span class="pl-small">{escape(str(name.parent))}</span></span>'
            f"<span>{_label_mark(entry)}</span>"
            f'<span class="pl-muted pl-num pl-right">{escape(_extent(entry))}</span>'
            f'<span class="pl-muted pl-break">{_users(entry)}</span></div>'
        )
        st.button(
            "Open",
            key=f"open-doc-{key}",
            type="tertiary",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=_open,
            args=(entry.path,),
        )


def _key(path: str) -> str:
    """A part of a widget's key, unique for each document."""
    return sha256(path)[:12]


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


def _turn(count: int, first: int) -> None:
    if count <= PAGE:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Previous", icon=":material/chevron_left:", key="documents-before", disabled=first == 0):
            st.session_state["documents-first"] = max(0, first - PAGE)
            st.rerun()
        if st.button("Next", icon=":material/chevron_right:", key="documents-next", disabled=first + PAGE >= count):
            st.session_state["documents-first"] = first + PAGE
            st.rerun()
        small(f"{first + 1:,} to {min(first + PAGE, count):,} of {count:,}")


def _open(path: str) -> None:
    links.address(document=path)


def _close() -> None:
    links.address()


# One document


def _one(session: Session, path: str) -> None:
    st.button("All documents", icon=":material/arrow_back:", type="tertiary", key="documents-all", on_click=_close)
    st.subheader(plain(PurePosixPath(path).name), anchor=False)
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
        session, document.path, before, {"question": question}, key=f"passages-{_key(document.path)}"
    )
    st.session_state["document-passages-chosen"] = (document.path, after)


__all__ = ["page"]
