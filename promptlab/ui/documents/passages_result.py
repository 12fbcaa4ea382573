"""Shows which text of a document a choice of passages takes and which it leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from promptlab import documents
from promptlab.documents import Passage, PassageChoice, PassageSelection
from promptlab.errors import DocumentError
from promptlab.types import Document
from promptlab.ui.components.sizes import Counter, sentence, word_count
from promptlab.ui.components.widgets import escape, literal, markup, note, small
from promptlab.ui.state.session import Session

SHOWN = 20_000
"""Characters shown of one passage or gap; the rest is counted."""


def draw(
    session: Session, document: Document, choice: PassageChoice | None, inputs: Mapping[str, Any], *, key: str
) -> None:
    """Show what `choice` takes of `document` for `inputs`."""
    counter = Counter(session)
    if choice is None:
        small(f"The whole document goes into the prompt: {_size(document, counter)}.")
        return
    question = documents.question_from_inputs(choice, inputs)
    if choice.by == "bm25" and not question.strip():
        note("info", "No question yet", "Type one to see the passages that match it best.")
        return
    try:
        selection = documents.choose_passages(document, choice, question)
    except DocumentError as exc:
        note("bad", "No passage chosen", sentence(exc.what), sentence(exc.hint))
        return
    _summary(selection, counter)
    _left_out(selection)
    everything = bool(selection.gaps) and st.toggle("Show omitted text too", key=key, persist_state="session")
    markup(f'<pre class="pl-prompt" tabindex="0">{selection_html(selection, everything=everything)}</pre>')


def _size(document: Document, counter: Counter) -> str:
    by = f" as counted by {counter.model}" if counter.count(document)[1] else ""
    return f"{word_count(len(document.text.split()))}, {counter.describe(document)}{by}"


def _summary(selection: PassageSelection, counter: Counter) -> None:
    count = f"{len(selection.passages)} of {selection.considered} passages"
    summary = count if selection.choice.by == "bm25" else documents.choice_in_words(selection.choice)
    share = 100 * sum(end - start for start, end in selection.ranges) / len(selection.whole.text)
    markup(
        f'<div class="pl-map" role="img" aria-label="{escape(_places(selection))}">{_map(selection)}</div>'
        f'<div class="pl-barline"><span>{escape(summary)} · {share:.0f} % of the document</span>'
        f'<span class="pl-num">{escape(_tokens(selection, counter))}</span></div>'
    )


def _tokens(selection: PassageSelection, counter: Counter) -> str:
    (chosen, exact), (whole, whole_exact) = counter.count(selection.document()), counter.count(selection.whole)
    about = "" if exact else "about "
    of = "about " if exact and not whole_exact else ""
    model = f" · {counter.model}" if exact else ""
    return f"{about}{chosen:,} of {of}{whole:,} tokens{model}"


def _places(selection: PassageSelection) -> str:
    ranges = ", ".join(f"{start:,} to {end:,}" for start, end in selection.ranges)
    return f"characters {ranges} of {len(selection.whole.text):,}"


def _map(selection: PassageSelection) -> str:
    """A strip that stands for the document, with the chosen ranges marked."""
    whole = len(selection.whole.text)
    return "".join(
        f'<span style="left:{100 * start / whole:.2f}%;width:{100 * (end - start) / whole:.2f}%"></span>'
        for start, end in selection.ranges
    )


def _left_out(selection: PassageSelection) -> None:
    """Warn about passages that were chosen but do not fit the budget."""
    if not selection.left_out:
        return
    count = len(selection.left_out)
    lines = [
        f"{_place(passage, selection)}: {word_count(len(passage.text.split()))}{_score(passage)}"
        for passage in selection.left_out[:8]
    ]
    more = [f"and {count - len(lines)} more"] if count > len(lines) else []
    title = f"{count} chosen passage{'' if count == 1 else 's'} left out: over the budget"
    note("warn", title, *lines, *more)


def selection_html(selection: PassageSelection, *, everything: bool) -> str:
    """The chosen passages in their order. A gap shows its number of words, and its text too if `everything`."""
    parts = [(True, passage) for passage in selection.passages] + [(False, passage) for passage in selection.gaps]
    parts.sort(key=lambda part: part[1].start)
    body: list[str] = []
    gap: list[Passage] = []
    for is_chosen, passage in parts:
        if not is_chosen:
            gap.append(passage)
            continue
        body += [_gap_html(gap, everything=everything), _passage_html(passage, selection)]
        gap = []
    return "".join([*body, _gap_html(gap, everything=everything)])


def _passage_html(passage: Passage, selection: PassageSelection) -> str:
    head = f'<span class="pl-passage">{escape(_place(passage, selection))}{escape(_score(passage))}</span>'
    return f'{head}<mark class="pl-context">{_shortened(passage.text)}</mark>'


def _gap_html(parts: list[Passage], *, everything: bool) -> str:
    count = sum(len(passage.text.split()) for passage in parts)
    if not count:
        return ""
    names = list(dict.fromkeys(passage.headings[-1] for passage in parts if passage.headings))
    under = f": {_few(names)}" if names else ""
    line = f'<span class="pl-gap">{documents.GAP_MARK} {escape(word_count(count))} left out{escape(under)}</span>'
    if not everything:
        return line
    return f'{line}<span class="pl-out">{_shortened("".join(passage.text for passage in parts))}</span>'


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:4])} and {len(names) - 4} more"


def _shortened(text: str) -> str:
    if len(text) <= SHOWN:
        return literal(text)
    return f'{literal(text[:SHOWN])}<span class="pl-control">{len(text) - SHOWN:,} more characters</span>'


def _place(passage: Passage, selection: PassageSelection) -> str:
    headings: Iterable[str] = passage.headings or ("before the first heading" if _has_headings(selection) else "",)
    name = " > ".join(part for part in headings if part)
    return name or f"characters {passage.start + 1:,} to {passage.end:,}"


def _has_headings(selection: PassageSelection) -> bool:
    return bool(documents.markdown_sections(selection.whole.text))


def _score(passage: Passage) -> str:
    return "" if passage.score is None else f" · score {passage.score:.1f}"


__all__ = ["draw", "selection_html"]
