"""What the text of a document does not carry over from its file.

document_notes.draw(document)                       # one small line for each note
"""

from __future__ import annotations

from collections.abc import Iterable

from promptlab.types import Document
from promptlab.ui.components.sizes import sentence
from promptlab.ui.components.widgets import escape, markup


def draw(document: Document) -> None:
    """Show the notes of `document` in the order of the file; nothing if there are none."""
    if document.notes:
        markup(f'<div class="pl-small pl-break" role="note">Read from the file:{sentences(document.notes)}</div>')


def sentences(notes: Iterable[str]) -> str:
    """The notes as HTML, each a sentence, with a blank before it."""
    return "".join(f" {escape(sentence(note))}" for note in notes)


__all__ = ["draw", "sentences"]
