"""One document of a template: its label, the passages that the prompt takes, and its text.

choice = context_entry.draw(session, path, template.passages.get(path), inputs, key=f"context-{number}")
if choice != template.passages.get(path):
    changes = {"context": templates.with_passages(template, path, choice, original=file)}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab import documents
from promptlab.documents import PassageChoice
from promptlab.errors import PromptlabError
from promptlab.ui.components import label_chip
from promptlab.ui.components.sizes import word_count
from promptlab.ui.components.widgets import escape, literal, markup, note
from promptlab.ui.documents import document_notes, passages
from promptlab.ui.state.session import Session

SHOWN = 60_000
"""Characters shown here; the page Documents has the rest."""


def draw(
    session: Session, path: str, choice: PassageChoice | None, inputs: Mapping[str, Any], *, key: str
) -> PassageChoice | None:
    """Show the document `path`, of which the template takes `choice`; returns the choice as the person changed it."""
    try:
        document = documents.read_document(session.workspace, path)
    except PromptlabError as exc:
        note("bad", "This document cannot be read", exc.message, exc.hint)
        return choice
    markup(
        f'<div class="pl-mono pl-break">{escape(path)}</div>'
        f'<div class="pl-small pl-num">{word_count(len(document.text.split()))}; the prompt takes '
        f"{escape(documents.choice_in_words(choice))}</div>"
    )
    document_notes.draw(document)
    label_chip.draw(session, path, key=f"{key}-label")
    # The expander's label must not name the choice: with another label it would be a new, closed expander.
    choosing = st.expander("Choose passages", key=f"{key}-taking", type="compact", on_change="rerun")
    if choosing.open:
        with choosing:
            choice = passages.choose(session, path, choice, inputs, key=f"{key}-passages")
    reading = st.expander("Show the text", key=f"{key}-reading", type="compact", on_change="rerun")
    if reading.open:
        with reading:
            rest = len(document.text) - SHOWN
            more = f'<span class="pl-control">{rest:,} more characters on the page Documents</span>' if rest > 0 else ""
            markup(f'<pre class="pl-prompt" tabindex="0">{literal(document.text[:SHOWN])}{more}</pre>')
    return choice


__all__ = ["draw"]
