"""Two texts of one template: the differences in the file, and in the prompt that it gives, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from promptlab import versions
from promptlab.types import Params, Request
from promptlab.ui.components import diff_view
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.state.session import Session


@dataclass(frozen=True)
class Side:
    """A text of the template, and its name on the page."""

    name: str
    text: str


def draw(session: Session, path: str, old: Side, new: Side) -> None:
    """The differences between `old` and `new`: in the file on the left, in the prompt on the right."""
    if old.text == new.text:
        small("The files are identical, and so are their prompts.")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        file("The file", old.text, new.text)
    with right:
        _prompt(session, path, old, new)


def file(title: str, old: str, new: str) -> None:
    """The differences between two texts of a file, under a title."""
    body = diff_view.lines_html(versions.word_changes(old, new))
    markup(f'<div class="pl-role">{escape(title)}</div><pre class="pl-prompt" tabindex="0">{body}</pre>')


def _prompt(session: Session, path: str, old: Side, new: Side) -> None:
    title = '<div class="pl-role">The prompt, with the sample inputs</div>'
    before, after = versions.render_texts(session.workspace, path, old.text, new.text)
    if before.prompt and after.prompt:
        changes = diff_view.prompt_html(Request("", before.prompt, Params()), Request("", after.prompt, Params()))
        markup(title + changes)
        if not changes and before.prompt.messages == after.prompt.messages:
            small("The prompt is identical: the change does not affect the text that is sent.")
        elif not changes:
            small("The text is identical, but the roles or the message boundaries differ.")
        return
    for side, problem in ((old, before.problem), (new, after.problem)):
        if problem:
            note("warn", f"{side.name} gives no prompt", *problem.splitlines())


__all__ = ["Side", "draw", "file"]
