"""The differences between two prompts, two answers or two files, shown as HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import streamlit as st

from promptlab import versions
from promptlab.runs import RunInfo, TextChange, asked_requests, describe_changes, prompt_changes, text_changes
from promptlab.types import Request, Result
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import SECTION_NAMES, literal, markup, small

KEPT_WORDS = 12
"""Words shown on either side of a change; the words between are counted."""

KEPT_LINES = 3
"""Lines shown on either side of a change in a file; a partial line counts as one."""


def draw(
    before: RunInfo, after: RunInfo, old: Sequence[Result], new: Sequence[Result], *, close: Callable[[], None]
) -> None:
    """Compare an older run with a newer one; the button Close calls `close`."""
    panel = st.container(key="comparison", gap="small")
    with panel, st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        times = f"{widgets.clock(before.created)} → {widgets.clock(after.created)}"
        changes = describe_changes(asked_requests(old), asked_requests(new))
        st.html(
            f'<div class="pl-rowhead"><b>{widgets.escape(changes)}</b>'
            f'<span class="pl-small pl-num">{widgets.escape(times)}</span></div>',
            width="content",
        )
        st.button("Close", icon=":material/close:", type="tertiary", key="comparison-close", on_click=close)
    with panel:
        _prompt(old, new)
        for result in new:
            earlier = next((r for r in old if r.model == result.model), None)
            if earlier:
                _answer(earlier, result)


def _prompt(old: Sequence[Result], new: Sequence[Result]) -> None:
    pair = next(
        ((a.request, b.request) for b in new for a in old if a.model == b.model and a.request and b.request), None
    )
    if pair is None:
        small("The prompts cannot be compared: no model is in both runs.")
        return
    changes = prompt_html(*pair)
    if not changes:
        small("The prompts are identical.")
        return
    small("The prompt:")
    markup(changes)


def prompt_html(before: Request, after: Request) -> str:
    """The differences of two prompts as HTML, in the colours of the sections; "" if no text changed."""
    changes = prompt_changes(before, after)
    sections = {change.section for change in changes if change.kind != "same"}
    if not sections:
        return ""
    return f'{widgets.legend(sections)}<pre class="pl-prompt" tabindex="0">{changes_html(changes)}</pre>'


def _answer(old: Result, new: Result) -> None:
    name = widgets.escape(new.model)
    if old.text == new.text and old.ok == new.ok:
        markup(f'<div class="pl-model">{name}{widgets.chip("same answer")}</div>')
        return
    body = changes_html(text_changes(old.text, new.text)) or widgets.escape(new.error)
    markup(f'<div class="pl-model">{name}</div><pre class="pl-prompt" tabindex="0">{body}</pre>')


def changes_html(changes: Iterable[TextChange]) -> str:
    """Changes as HTML: removed text struck out, added text underlined, each in the colour of its section.

    Of the unchanged text only the words around a change are shown."""
    changes = list(changes)
    last = len(changes) - 1
    return "".join(
        _same(c.text, first=n == 0, last=n == last) if c.kind == "same" else _changed(c) for n, c in enumerate(changes)
    )


_KINDS: Mapping[versions.ChangeKind, Literal["same", "gone", "new"]] = {
    "same": "same",
    "removed": "gone",
    "added": "new",
}


def lines_html(changes: Sequence[versions.TextChange]) -> str:
    """Changes of a file as HTML, as `changes_html` does, with whole unchanged lines around a change."""
    last = len(changes) - 1
    return "".join(
        _same_lines(c.text, first=n == 0, last=n == last)
        if c.kind == "same"
        else _changed(TextChange(_KINDS[c.kind], c.text))
        for n, c in enumerate(changes)
    )


def _same_lines(text: str, *, first: bool, last: bool) -> str:
    # The last piece is the beginning of the line with the next change; it may be empty.
    lines = re.split(r"(?<=\n)", text)
    before, after = 0 if first else KEPT_LINES, 0 if last else KEPT_LINES
    left_out = len(lines) - before - after
    if left_out < KEPT_LINES:
        return literal(text)
    gap = f'<span class="pl-control">{left_out:,} unchanged lines</span>\n'
    return literal("".join(lines[:before])) + gap + literal("".join(lines[len(lines) - after :]))


def _changed(change: TextChange) -> str:
    tag, word = ("del", "removed") if change.kind == "gone" else ("ins", "added")
    title = word if change.section == "layout" else f"{word}: {SECTION_NAMES[change.section]}"
    body = _shortened(change.text, 3 * KEPT_WORDS, KEPT_WORDS, f"words {word}")
    return f'<{tag} class="pl-{change.section}" title="{title}">{body}</{tag}>'


def _same(text: str, *, first: bool, last: bool) -> str:
    return _shortened(text, 0 if first else KEPT_WORDS, 0 if last else KEPT_WORDS, "unchanged words")


def _shortened(text: str, before: int, after: int, what: str) -> str:
    """`text` as HTML; if its middle is long, the words there are only counted. Line breaks at both ends stay."""
    words = re.findall(r"\s*\S+\s*|\s+", text)
    left_out = len(words) - before - after
    if left_out < KEPT_WORDS:
        return literal(text)
    gap = f'<span class="pl-control">{left_out:,} {what}</span>'
    head, tail = "".join(words[:before]), "".join(words[len(words) - after :])
    return f"{literal(head)} {gap}{literal(tail)}"
