"""Two texts of one template side by side: what changed in the file, and in the prompt it gives."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from promptlab import versions
from promptlab.types import Params, Request
from promptlab.ui.components import diff_view as comparison
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.state.session import Session


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
        file("The file", old.text, new.text)
    with right:
        _prompt(session, path, old, new)


def file(title: str, old: str, new: str) -> None:
    """The words that set two texts of a file apart, under a title."""
    body = comparison.lines_html(versions.word_changes(old, new))
    markup(f'<div class="pl-role">{escape(title)}</div><pre class="pl-prompt" tabindex="0">{body}</pre>')


def _prompt(session: Session, path: str, old: Side, new: Side) -> None:
    title = '<div class="pl-role">The prompt, with the samples of the inputs</div>'
    before, after = versions.render_texts(session.workspace, path, old.text, new.text)
    if before.prompt and after.prompt:
        changes = comparison.prompt_html(Request("", before.prompt, Params()), Request("", after.prompt, Params()))
        markup(title + changes)
        if not changes and before.prompt.messages == after.prompt.messages:
            small("It is the same to the byte: what changed is no part of the text that is sent.")
        elif not changes:
            small("Its text is the same; who says it, or where a message ends, is not.")
        return
    for side, problem in ((old, before.problem), (new, after.problem)):
        if problem:
            note("warn", f"{side.name} gives no prompt", *problem.splitlines())


__all__ = ["Side", "draw", "file"]
