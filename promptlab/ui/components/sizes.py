"""The size of a document in words, tokens and bytes, and error texts of the library as sentences."""

from __future__ import annotations

from promptlab import documents
from promptlab.errors import PromptlabError
from promptlab.types import Document, Message, Prompt, Request, Span
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import request as bench

COUNTED = 200_000
"""Characters up to which the model's own tokenizer counts; a longer text would delay the page, so it is estimated."""


class Counter:
    """Counts tokens with the first model that is ready; estimates them if there is none."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.model = next((status.name for status in session.statuses if status.ready), None)

    def count(self, document: Document) -> tuple[int, bool]:
        """The tokens of `document`, and True if the count is exact."""
        text = document.text
        if self.model and text and len(text) <= COUNTED:
            span = Span(0, 0, len(text), "context", document.path, document.label)
            request = Request(self.model, Prompt((Message("user", text),), (span,)))
            try:
                budget = bench.as_sent(self._session, request).budget
            except PromptlabError:
                pass
            else:
                return budget.by_section.get("context", 0), budget.exact
        return documents.estimate_tokens(text), False

    def describe(self, document: Document) -> str:
        """`2,431 tokens`, or `about 2,539 tokens`."""
        count, exact = self.count(document)
        return f"{'' if exact else 'about '}{count:,} token{'' if count == 1 else 's'}"


def of_bytes(count: int) -> str:
    """Bytes in a readable unit: `512 B`, `12 kB`, `3.4 MB`."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1_000:,.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.1f} MB"


def word_count(count: int) -> str:
    """`1 word`, `1,634 words`."""
    return f"{count:,} word{'' if count == 1 else 's'}"


_VERBS = ("is", "has", "holds", "would", "took", "cannot", "declares")


def sentence(complaint: str) -> str:
    """An error text of the library ("is encrypted", "62.1 MB is more than …") as a sentence about the document."""
    text = f"It {complaint}" if complaint.split(" ", 1)[0] in _VERBS else complaint
    return f"{text[:1].upper()}{text[1:].rstrip('.')}{'' if text.endswith('?') else '.'}" if text else ""
