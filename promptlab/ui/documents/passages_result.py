"""What a choice of passages takes of a document, and what it leaves out: nothing is cut unseen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from promptlab import documents
from promptlab.documents import Passage, PassageSelection
from promptlab.errors import DocumentError
from promptlab.types import Document, PassageChoice
from promptlab.ui.components.sizes import Counter, sentence, words
from promptlab.ui.components.widgets import escape, literal, markup, note, small
from promptlab.ui.state.session import Session

SHOWN = 20_000
"""Characters shown of one stretch; how many more there are is said."""


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
        note("info", "There is no question yet", "Type one, and the passages most like it are shown here.")
        return
    try:
        found = documents.choose_passages(document, choice, question)
    except DocumentError as exc:
        note("bad", "Nothing is taken", sentence(exc.what), sentence(exc.hint))
        return
    _summary(found, counter)
    _left_out(found)
    everything = bool(found.gaps) and st.toggle("Show what is left out as well", key=key, persist_state="session")
    markup(f'<pre class="pl-prompt" tabindex="0">{selection_html(found, everything=everything)}</pre>')


def _size(document: Document, counter: Counter) -> str:
    by = f" as {counter.model} counts them" if counter.count(document)[1] else ""
    return f"{words(len(document.text.split()))}, {counter.said(document)}{by}"


def _summary(found: PassageSelection, counter: Counter) -> None:
    many = f"{len(found.passages)} of {found.considered} passages"
    taken = many if found.choice.by == "bm25" else documents.choice_in_words(found.choice)
    share = 100 * sum(end - start for start, end in found.ranges) / len(found.whole.text)
    markup(
        f'<div class="pl-map" role="img" aria-label="{escape(_places(found))}">{_map(found)}</div>'
        f'<div class="pl-barline"><span>{escape(taken)} · {share:.0f} % of the document</span>'
        f'<span class="pl-num">{escape(_tokens(found, counter))}</span></div>'
    )


def _tokens(found: PassageSelection, counter: Counter) -> str:
    (taken, exact), (whole, whole_exact) = counter.count(found.document()), counter.count(found.whole)
    about = "" if exact else "about "
    of = "about " if exact and not whole_exact else ""
    model = f" · {counter.model}" if exact else ""
    return f"{about}{taken:,} of {of}{whole:,} tokens{model}"


def _places(found: PassageSelection) -> str:
    ranges = ", ".join(f"{start:,} to {end:,}" for start, end in found.ranges)
    return f"taken are characters {ranges} of {len(found.whole.text):,}"


def _map(found: PassageSelection) -> str:
    """The document as a strip: where what is taken stands in it."""
    whole = len(found.whole.text)
    return "".join(
        f'<span style="left:{100 * start / whole:.2f}%;width:{100 * (end - start) / whole:.2f}%"></span>'
        for start, end in found.ranges
    )


def _left_out(found: PassageSelection) -> None:
    """What was chosen and does not fit the budget."""
    if not found.left_out:
        return
    many = len(found.left_out)
    lines = [f"{_under(one, found)}: {words(len(one.text.split()))}{_score(one)}" for one in found.left_out[:8]]
    more = [f"and {many - len(lines)} more"] if many > len(lines) else []
    title = f"{many} passage{'' if many == 1 else 's'} chosen do{'es' if many == 1 else ''} not fit the budget"
    note("warn", f"{title}, left out whole", *lines, *more)


def selection_html(found: PassageSelection, *, everything: bool) -> str:
    """What is taken, in its order, and in place of each gap how much is left out there, or all of it."""
    parts = [(True, one) for one in found.passages] + [(False, one) for one in found.gaps]
    parts.sort(key=lambda part: part[1].start)
    body: list[str] = []
    gap: list[Passage] = []
    for taken, one in parts:
        if not taken:
            gap.append(one)
            continue
        body += [_gap(gap, everything=everything), _taken(one, found)]
        gap = []
    return "".join([*body, _gap(gap, everything=everything)])


def _taken(one: Passage, found: PassageSelection) -> str:
    head = f'<span class="pl-passage">{escape(_under(one, found))}{escape(_score(one))}</span>'
    return f'{head}<mark class="pl-context">{_some(one.text)}</mark>'


def _gap(parts: list[Passage], *, everything: bool) -> str:
    count = sum(len(one.text.split()) for one in parts)
    if not count:
        return ""
    names = list(dict.fromkeys(one.headings[-1] for one in parts if one.headings))
    under = f": {_few(names)}" if names else ""
    line = f'<span class="pl-gap">{documents.GAP_MARK} {escape(words(count))} left out{escape(under)}</span>'
    if not everything:
        return line
    return f'{line}<span class="pl-out">{_some("".join(one.text for one in parts))}</span>'


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:4])} and {len(names) - 4} more"


def _some(text: str) -> str:
    if len(text) <= SHOWN:
        return literal(text)
    return f'{literal(text[:SHOWN])}<span class="pl-control">{len(text) - SHOWN:,} more characters</span>'


def _under(one: Passage, found: PassageSelection) -> str:
    headings: Iterable[str] = one.headings or ("before the first heading" if _has_headings(found) else "",)
    name = " > ".join(part for part in headings if part)
    return name or f"characters {one.start + 1:,} to {one.end:,}"


def _has_headings(found: PassageSelection) -> bool:
    return bool(documents.markdown_sections(found.whole.text))


def _score(one: Passage) -> str:
    return "" if one.score is None else f" · score {one.score:.1f}"


__all__ = ["draw", "selection_html"]
