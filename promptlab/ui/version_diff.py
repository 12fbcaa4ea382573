"""Two texts of one template side by side: what changed in the file, and in the prompt it gives."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from promptlab import merge, proofs
from promptlab.ui import comparison
from promptlab.ui.session import Session
from promptlab.ui.widgets import escape, markup, note, small


@dataclass(frozen=True)
class Side:
    """A text of the template, and what people call it."""

    name: str
    text: str


def draw(session: Session, path: str, old: Side, new: Side) -> None:
    """What turns `old` into `new`: the words of the file on the left, those of the prompt on the right."""
    if old.text == new.text:
        small("The two are the same to the byte, and so are their prompts.")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        heading("The file")
        file(old.text, new.text)
    with right:
        heading("The prompt, with the samples of the inputs")
        _prompt(session, path, old, new)


def heading(text: str) -> None:
    """A small heading over a piece of text."""
    markup(f'<div class="pl-role">{escape(text)}</div>')


def file(old: str, new: str) -> None:
    """The words that set two texts of a file apart."""
    markup(f'<pre class="pl-prompt" tabindex="0">{comparison.words_html(merge.words(old, new))}</pre>')


def _prompt(session: Session, path: str, old: Side, new: Side) -> None:
    change = proofs.text_difference(session.workspace, path, old.text, new.text)
    for side, problem in ((old, change.old_problem), (new, change.new_problem)):
        if problem:
            note("warn", f"{side.name} gives no prompt", *problem.splitlines())
    if change.messages and not change.changed:
        small("The prompt is the same to the byte: what changed is not part of what is sent as text.")
        return
    for message in change.messages:
        if message.changed:
            body = comparison.words_html(message.changes)
            markup(f'<div class="pl-role">{escape(message.role)}</div><pre class="pl-prompt" tabindex="0">{body}</pre>')
    same = sum(not message.changed for message in change.messages)
    if same:
        small(f"{same} more {'message is' if same == 1 else 'messages are'} the same.")


__all__ = ["Side", "draw", "file", "heading"]
