"""Documents: what there is to put into a prompt, who may read it, which templates use it, and whether it changed."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from promptlab import documents
from promptlab.documents import DocumentEntry
from promptlab.errors import DocumentError
from promptlab.types import LABELS, Document, PassageChoice, sha256
from promptlab.ui.components import label_chip as document_label
from promptlab.ui.components.sizes import Counter, of_bytes, sentence, words
from promptlab.ui.components.widgets import chip, escape, literal, markup, note, plain, small
from promptlab.ui.documents import add as document_add
from promptlab.ui.documents import changes as document_change
from promptlab.ui.documents import passages as passages_view
from promptlab.ui.state.session import Session

PAGE = 25
PART = 60_000
"""Characters of a text that are shown at a time."""

add = document_add.draw
label = document_label.draw


def page(session: Session) -> None:
    """Draw the list, or the document that the address names."""
    wanted = st.query_params.get("document")
    if wanted:
        _one(session, wanted)
    else:
        _list(session)


# The list


def _list(session: Session) -> None:
    st.subheader("Documents", anchor=False)
    if add(session, key="documents-add"):
        st.rerun()
    known = session.documents()
    if not known.paths:
        note(
            "info",
            "There is no document yet",
            "Drop one above. Then a template can name it, and its text goes into the prompt.",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Search", key="documents-text", icon=":material/search:", placeholder="part of a name or folder"
        )
        only = st.selectbox(
            "Label", ["", *LABELS], key="documents-label", format_func=lambda one: one or "any", width=200
        )
    found = known.find(text, only or None)
    if not found:
        note("info", "No document matches", "Try fewer words, or another label.")
        return
    first = _first(found, (text, only))
    for path in found[first : first + PAGE]:
        _line(known.entry(path))
    _turn(len(found), first)


def _first(found: list[str], asked: Any) -> int:
    """Where the page begins; another search begins at the beginning."""
    if st.session_state.get("documents-asked") != asked:
        st.session_state["documents-asked"], st.session_state["documents-first"] = asked, 0
    first: int = st.session_state["documents-first"]
    return first if first < len(found) else 0


def _line(entry: DocumentEntry) -> None:
    name = PurePosixPath(entry.path)
    key = _key(entry.path)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"doc-{key}"):
        markup(
            f'<div class="pl-doc"><span class="pl-break"><b>{escape(name.name)}</b> '
            f'<span class="pl-small">{escape(str(name.parent))}</span></span>'
            f"<span>{label_chip(entry)}</span>"
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
    """A part of a widget's key for a document: no two paths give the same."""
    return sha256(path)[:12]


def label_chip(entry: DocumentEntry) -> str:
    """The document's label as a small mark, as HTML."""
    return chip(entry.label, "" if entry.label == "public" else "warn")


def _extent(entry: DocumentEntry) -> str:
    size = of_bytes(entry.bytes)
    return size if entry.words is None else f"{words(entry.words)} · {size}"


def _users(entry: DocumentEntry) -> str:
    if entry.problem:
        return chip("cannot be read", "bad")
    names = [_short(path) for path in entry.templates]
    said = escape(", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else ""))
    return (said or "no template") + (" " + chip("changed since used", "warn") if entry.changed else "")


def _short(template: str) -> str:
    return template.removeprefix("templates/").removesuffix(".yaml").removesuffix(".yml")


def _turn(count: int, first: int) -> None:
    if count <= PAGE:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Before", icon=":material/chevron_left:", key="documents-before", disabled=first == 0):
            st.session_state["documents-first"] = max(0, first - PAGE)
            st.rerun()
        if st.button("Next", icon=":material/chevron_right:", key="documents-next", disabled=first + PAGE >= count):
            st.session_state["documents-first"] = first + PAGE
            st.rerun()
        small(f"{first + 1:,} to {min(first + PAGE, count):,} of {count:,}")


def _open(path: str) -> None:
    st.query_params["document"] = path


def _close() -> None:
    st.query_params.pop("document", None)


# One document


def _one(session: Session, path: str) -> None:
    st.button("All documents", icon=":material/arrow_back:", type="tertiary", key="documents-all", on_click=_close)
    st.subheader(plain(PurePosixPath(path).name), anchor=False)
    try:
        with st.spinner("Reading it"):
            document = documents.read_document(session.workspace, path)
    except DocumentError as exc:
        if path in documents.document_paths(session.workspace):
            label(session, path, key="document-label")
        place = f" (line {exc.line})" if exc.line else ""
        note("bad", f"This document cannot be read: {path}", sentence(f"{exc.what}{place}"), sentence(exc.hint))
        return
    entry = session.documents().entry(path, read=True)
    counter = Counter(session)
    label(session, path, key="document-label")
    by = f" for {counter.model}" if counter.count(document)[1] else ""
    facts = [words(entry.words or 0), f"{counter.said(document)}{by}", of_bytes(entry.bytes), document.path]
    markup(f'<div class="pl-small pl-num pl-break">{escape(" · ".join(facts))}</div>')
    used = ", ".join(map(_short, entry.templates))
    small(f"Used by {used}." if used else "No template uses it yet. A template's form has a place for documents.")
    if entry.changed:
        document_change.draw(session, document, entry.changed)
    view = st.segmented_control(
        "View", ["Text", "Passages"], default="Text", required=True, key="document-view", label_visibility="collapsed"
    )
    if view == "Text":
        _text(document)
    else:
        _passages(session, document)


def _text(document: Document) -> None:
    """The text as a model gets it, a part at a time where it is long; how much there is is said."""
    text, at = document.text, 0
    if len(text) > PART:
        parts = -(-len(text) // PART)
        part = st.number_input(f"Part, of {parts:,}", 1, parts, step=1, key="document-part", width=160)
        at = (int(part) - 1) * PART
        small(f"Characters {at + 1:,} to {min(at + PART, len(text)):,} of {len(text):,}. A prompt gets all of them.")
    markup(f'<pre class="pl-prompt pl-tall" tabindex="0">{literal(text[at : at + PART])}</pre>')


def _passages(session: Session, document: Document) -> None:
    small("Try out which passages a template would take. What you choose here is not kept; a template's form keeps it.")
    question = st.text_input("Question", key="document-question", placeholder="what passages are compared with")
    chosen = st.session_state.get("document-passages-chosen")
    before = chosen[1] if chosen and chosen[0] == document.path else PassageChoice("bm25")
    after = passages_view.choose(
        session, document.path, before, {"question": question}, key=f"passages-{_key(document.path)}"
    )
    st.session_state["document-passages-chosen"] = (document.path, after)


__all__ = ["add", "label", "page"]
