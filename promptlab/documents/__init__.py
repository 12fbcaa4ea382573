"""documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.documents._index import Changed, Entry, Inventory
    from promptlab.documents._passages import (
        GAP,
        Passage,
        Selection,
        apply,
        choose,
        in_words,
        length,
        question_of,
        sections,
    )
    from promptlab.documents._read import MAX_BYTES, MAX_CONTAINER_BYTES, add, changes, paths, read, read_version
    from promptlab.documents._token_estimate import about

__all__ = [
    "GAP",
    "MAX_BYTES",
    "MAX_CONTAINER_BYTES",
    "Changed",
    "Entry",
    "Inventory",
    "Passage",
    "Selection",
    "about",
    "add",
    "apply",
    "changes",
    "choose",
    "in_words",
    "length",
    "paths",
    "question_of",
    "read",
    "read_version",
    "sections",
]

__getattr__ = lazy(__name__)
