"""Documents: the texts that a prompt brings as context, and the passages chosen from them.

document = read_document(workspace, "fixtures/documents/world-cup-2022.md")     # text, Markdown, PDF, Word, Excel
document.label, estimate_tokens(document.text)                                  # "public", 19273

selection = choose_passages(document, PassageChoice("bm25", n=3), "Who won the final?")
selection.passages[0].headings                                                  # ("2022 World Cup", "Final")
selection.document()                                                            # the passages as a document

add_document(workspace, "minutes.docx", raw)                                    # an upload; confidential
document_changes(workspace, result.request.prompt.sources)                      # what changed since a run
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.documents._choice import PassageChoice, Unit
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
        ENDINGS,
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
    "ENDINGS",
    "GAP_MARK",
    "MAX_BYTES",
    "MAX_CONTAINER_BYTES",
    "ChangedUse",
    "DocumentEntry",
    "Inventory",
    "Passage",
    "PassageChoice",
    "PassageSelection",
    "Unit",
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

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
