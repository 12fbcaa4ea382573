"""Passages of a long document, chosen in a step of its own, so that the result can be inspected.

    selection = choose_passages(document, PassageChoice("bm25", n=3), "Who won the final?")
    selection.passages[0].headings         # ("2022 World Cup", "Final")
    selection.document().path              # "fixtures/documents/world-cup-2022.md#passages=top3"

A passage is a range of characters of the document, unchanged. The chosen passages are in the order of the document,
with a line `[…]` between passages that are not neighbours. A passage that does not fit the budget is left out
completely and listed in `left_out`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from promptlab._util.bm25 import Index, best, normal
from promptlab.documents import _read as documents
from promptlab.documents import _token_estimate as tokens
from promptlab.documents._choice import PassageChoice, Unit
from promptlab.documents._splitter import Passage, markdown_sections, smallest_sections, split_passages
from promptlab.errors import DocumentError, nearest
from promptlab.types import Document, canonical_json
from promptlab.workspace import PASSAGES_MARK, Workspace

GAP_MARK = "[…]"


@dataclass(frozen=True, slots=True)
class PassageSelection:
    """The passages chosen from the document `whole`, in its order. `considered` is how many there were to choose from;
    `left_out` are those that were chosen but did not fit the budget."""

    whole: Document
    choice: PassageChoice
    passages: tuple[Passage, ...]
    considered: int
    left_out: tuple[Passage, ...] = ()

    @property
    def text(self) -> str:
        return _joined(self.passages)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """Start and end (exclusive) of each passage, in characters of the document."""
        return [(passage.start, passage.end) for passage in self.passages]

    @property
    def gaps(self) -> tuple[Passage, ...]:
        """The rest of the document, in its order, cut at its headings."""
        gaps: list[Passage] = []
        for leaf in smallest_sections(self.whole.text):
            at = leaf.start
            for start, end in (*self.ranges, (leaf.end, leaf.end)):
                if at < min(start, leaf.end):
                    stop = min(start, leaf.end)
                    gaps.append(Passage(at, stop, self.whole.text[at:stop], leaf.headings))
                at = max(at, min(end, leaf.end))
        return tuple(gaps)

    def document(self) -> Document:
        """The selection as a document. Its path names the choice; its label is that of the whole document."""
        path = f"{self.whole.path}{PASSAGES_MARK}{choice_name(self.choice)}"
        return Document(path, self.text, self.whole.label, self.whole.file or self.whole.path, self.whole.notes)


def choice_name(choice: PassageChoice) -> str:
    """A short name of the choice: `top3`, `lines:10-40`, `heading:Final,Group stage`."""
    if choice.by == "bm25":
        return f"top{choice.n}"
    if choice.by == "range":
        return f"{choice.unit}:{choice.start}-{'' if choice.end is None else choice.end}"
    return f"heading:{','.join(choice.headings)}"


def choice_in_words(choice: PassageChoice | None) -> str:
    """The choice in plain words: `all of it`, `the 3 passages most like the question`, `lines 10 to 40`."""
    if choice is None:
        return "all of it"
    if choice.by == "bm25":
        return (
            f"the {choice.n} passages most like the question" if choice.n > 1 else "the passage most like the question"
        )
    if choice.by == "range":
        return f"{choice.unit} {choice.start:,} to {'the end' if choice.end is None else f'{choice.end:,}'}"
    return ", ".join(choice.headings)


def choose_passages(
    document: Document,
    choice: PassageChoice,
    question: str = "",
    *,
    budget: int | None = None,
    count: Callable[[str], int] = len,
) -> PassageSelection:
    """The passages of `document` that `choice` describes, within a budget.

    The budget is `choice.max_characters`, `choice.max_tokens` and `budget`, which is compared with `count` of the
    joined text (for example the tokens of a model). Passages are added while they fit: the most similar first for bm25,
    else in the order of the document. The same arguments give the same selection. Raises `DocumentError` if a heading
    is unknown, a range ends after the document, no passage shares a word with the question, or none fits.
    """
    candidates = _WAYS[choice.by](document, choice, question)
    fitting: list[Passage] = []
    left_out: list[Passage] = []
    for passage in candidates.ranked:
        text = _joined(_in_order([*fitting, passage]))
        fits = (
            (choice.max_characters is None or len(text) <= choice.max_characters)
            and (choice.max_tokens is None or tokens.estimate_tokens(text) <= choice.max_tokens)
            and (budget is None or count(text) <= budget)
        )
        (fitting if fits else left_out).append(passage)
    if not fitting:
        least = min((passage.text for passage in candidates.ranked), key=len)
        size = f"{len(least):,} characters, about {tokens.estimate_tokens(least):,} tokens"
        message = f"no passage fits the budget; the smallest of those chosen has {size}"
        raise DocumentError(message, file=document.path, hint="raise the budget, or choose smaller passages")
    return PassageSelection(document, choice, _in_order(fitting), candidates.considered, _in_order(left_out))


def apply_passage_choice(
    workspace: Workspace, document: Document, choice: PassageChoice, inputs: Mapping[str, Any]
) -> Document:
    """The selection for `inputs` as a document. It is stored, so that a later change of the file can be noticed."""
    selection = choose_passages(document, choice, question_from_inputs(choice, inputs))
    selected = selection.document()
    documents.keep_selection(workspace, selected, document, selection.ranges)
    return selected


def question_from_inputs(choice: PassageChoice, inputs: Mapping[str, Any]) -> str:
    """The question that passages are compared with: the text of the inputs named in `choice.query`, or of all."""
    values = (value for name, value in inputs.items() if not choice.query or name in choice.query)
    return "\n".join(value if isinstance(value, str) else canonical_json(value) for value in values)


@dataclass(frozen=True, slots=True)
class _Ranked:
    ranked: Sequence[Passage]
    considered: int


def _by_similarity(document: Document, choice: PassageChoice, question: str) -> _Ranked:
    pieces, index = _indexed(document.text)
    scores = index.scores(question)
    ranked = [replace(pieces[n], score=scores[n]) for n in best(scores, choice.n) if scores[n] > 0]
    if not ranked:
        hint = "choose by heading or range, or name the inputs to compare with under `query`"
        raise DocumentError("no passage shares a word with the question", file=document.path, hint=hint)
    return _Ranked(ranked, len(pieces))


@lru_cache(maxsize=2)
def _indexed(text: str) -> tuple[list[Passage], Index]:
    """The passages of `text` and their search index. Cached, because the same document is searched at every click."""
    pieces = split_passages(text)
    # The headings are indexed with every passage of their section, not only with the first.
    return pieces, Index([" ".join((*piece.headings, piece.text)) for piece in pieces])


def _by_heading(document: Document, choice: PassageChoice, _question: str) -> _Ranked:
    parts = markdown_sections(document.text)
    spans: list[Passage] = []
    for wanted in choice.headings:
        matches = [part for part in parts if part.headings and _names(wanted, part.headings)]
        if not matches:
            known = [part.headings[-1] for part in parts if part.headings]
            hint = nearest(wanted, known) if known else "it has no headings; choose by range or similarity"
            raise DocumentError(f"there is no heading `{wanted}`", file=document.path, hint=hint)
        spans += matches
    # A section inside another chosen section is not repeated.
    outer = [
        s for s in spans if not any(o.start <= s.start and s.end <= o.end and o is not s and o != s for o in spans)
    ]
    return _Ranked(_in_order(dict.fromkeys(outer)), len(parts))


def _names(wanted: str, headings: tuple[str, ...]) -> bool:
    """True if `wanted` (`Final`, or `Knockout > Final`) is the name of the section with these `headings`."""
    parts = [normal(part) for part in wanted.split(" > ")]
    return [normal(heading) for heading in headings[-len(parts) :]] == parts or normal(wanted) == normal(headings[-1])


def _by_range(document: Document, choice: PassageChoice, _question: str) -> _Ranked:
    text = document.text
    places = None if choice.unit == "characters" else [match.span() for match in _UNITS[choice.unit].finditer(text)]
    total = len(text) if places is None else len(places)
    end = total if choice.end is None else choice.end
    if not 1 <= choice.start <= end <= total:
        message = f"has {total:,} {choice.unit}, and {choice.start:,} to {choice.end or 'the end'} are asked for"
        raise DocumentError(message, file=document.path, hint="choose a range inside the document")
    first, last = (choice.start - 1, end) if places is None else (places[choice.start - 1][0], places[end - 1][1])
    headings = next((p.headings for p in reversed(smallest_sections(text)) if p.start <= first), ())
    return _Ranked([Passage(first, last, text[first:last], headings)], 1)


_UNITS = {"lines": re.compile(r"[^\n]*\n|[^\n]+"), "words": re.compile(r"\S+\s*")}


def count_units(text: str, unit: Unit) -> int:
    """The number of lines, words or characters in `text`."""
    return len(text) if unit == "characters" else sum(1 for _ in _UNITS[unit].finditer(text))


_WAYS: Mapping[str, Callable[[Document, PassageChoice, str], _Ranked]] = {
    "bm25": _by_similarity,
    "heading": _by_heading,
    "range": _by_range,
}


def _in_order(passages: Any) -> tuple[Passage, ...]:
    return tuple(sorted(passages, key=lambda passage: passage.start))


def _joined(passages: Sequence[Passage]) -> str:
    text = ""
    end = None
    for passage in passages:
        if end is not None and passage.start > end:
            text = text.rstrip("\r\n") + f"\n\n{GAP_MARK}\n\n"
        text += passage.text
        end = passage.end
    return text


__all__ = [
    "GAP_MARK",
    "Passage",
    "PassageSelection",
    "apply_passage_choice",
    "choice_in_words",
    "choice_name",
    "choose_passages",
    "count_units",
    "markdown_sections",
    "question_from_inputs",
    "split_passages",
]
