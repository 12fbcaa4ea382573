"""Which passages of a document a template uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["lines", "words", "characters"]
"""The unit of a range in a document."""


@dataclass(frozen=True, slots=True)
class PassageChoice:
    """Which passages of a document go into the prompt, instead of the whole document.

    `heading` takes the sections with these `headings`. `range` takes `unit`s `start` to `end`, counted from 1, both
    included. `bm25` takes the `n` passages most similar to the question, which is the text of the inputs named in
    `query`, or of all inputs. `max_characters` and `max_tokens` (by `documents.estimate_tokens`) limit the selection.
    Passages that do not fit are left out completely and reported.
    """

    by: Literal["heading", "range", "bm25"]
    headings: tuple[str, ...] = ()
    unit: Unit = "lines"
    start: int = 1
    end: int | None = None
    n: int = 3
    query: tuple[str, ...] = ()
    max_characters: int | None = None
    max_tokens: int | None = None
