"""documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.documents._index import ChangedUse, DocumentEntry, Inventory
    from promptlab.documents._passages import (
        GAP_MARK,
        Passage,
        PassageSelection,
        apply_passage_choice,
        choice_in_words,
        choose_passages,
        count_units,
        markdown_sections,
        question_from_inputs,
    )
    from promptlab.documents._read import (
        MAX_BYTES,
        MAX_CONTAINER_BYTES,
        document_changes,
        document_paths,
        read_document,
        read_document_version,
    )
    from promptlab.documents._token_estimate import estimate_tokens
    from promptlab.documents._upload import add_document

__all__ = [
    "GAP_MARK",
    "MAX_BYTES",
    "MAX_CONTAINER_BYTES",
    "ChangedUse",
    "DocumentEntry",
    "Inventory",
    "Passage",
    "PassageSelection",
    "add_document",
    "apply_passage_choice",
    "choice_in_words",
    "choose_passages",
    "count_units",
    "document_changes",
    "document_paths",
    "estimate_tokens",
    "markdown_sections",
    "question_from_inputs",
    "read_document",
    "read_document_version",
]

__getattr__ = lazy(__name__)
