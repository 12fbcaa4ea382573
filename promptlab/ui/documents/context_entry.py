"""One document of a template, where a prompt is composed: its label, what is taken of it, and its text.

choice = context_view.draw(session, path, template.passages.get(path), inputs, key=f"context-{number}")
if choice != template.passages.get(path):
    changes = {"context": template_edit.with_passages(template, path, choice, original=file)}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab import documents
from promptlab.errors import PromptlabError
from promptlab.types import PassageChoice
from promptlab.ui.components import label_chip as document_label
from promptlab.ui.components.sizes import words
from promptlab.ui.components.widgets import escape, literal, markup, note
from promptlab.ui.documents import passages as passages_view
from promptlab.ui.state.session import Session

READ = 60_000
"""Characters shown here; the Documents page has the rest."""


def draw(
    session: Session, path: str, choice: PassageChoice | None, inputs: Mapping[str, Any], *, key: str
) -> PassageChoice | None:
    """The document `path` of a template that takes `choice` of it; what it should take."""
    try:
        document = documents.read_document(session.workspace, path)
    except PromptlabError as exc:
        note("bad", "This document cannot be read", exc.message, exc.hint)
        return choice
    markup(
        f'<div class="pl-mono pl-break">{escape(path)}</div>'
        f'<div class="pl-small pl-num">{words(len(document.text.split()))}, of which the prompt takes '
        f"{escape(documents.choice_in_words(choice))}</div>"
    )
    document_label.draw(session, path, key=f"{key}-label")
    # Its label says nothing of the choice: an expander of another label is another one, and closed.
    taking = st.expander("Choose passages", key=f"{key}-taking", type="compact", on_change="rerun")
    if taking.open:
        with taking:
            choice = passages_view.choose(session, path, choice, inputs, key=f"{key}-passages")
    reading = st.expander("Read it", key=f"{key}-reading", type="compact", on_change="rerun")
    if reading.open:
        with reading:
            rest = len(document.text) - READ
            more = f'<span class="pl-control">{rest:,} more characters: see Documents</span>' if rest > 0 else ""
            markup(f'<pre class="pl-prompt" tabindex="0">{literal(document.text[:READ])}{more}</pre>')
    return choice


__all__ = ["draw"]
