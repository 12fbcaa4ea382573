"""The prompt a template gives with its samples, as one types: rendering only, no model is asked."""

from __future__ import annotations

from typing import Any

import streamlit as st

from promptlab import documents, runs, templates
from promptlab.errors import InputError, PromptlabError
from promptlab.types import Budget, Given, Prompt, Section, Template
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import markup, note, small
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session


def draw(session: Session, opened: Opened) -> None:
    """The messages in the colours of their sections, or why there are none and where to mend it."""
    st.markdown("#### Preview")
    prompt: Prompt | None = None
    for problem in opened.problems:
        said(problem)
    if opened.problems:
        small("Until that is mended, this is the prompt without it.")
    stand_ins: list[str] = []
    try:
        inputs, stand_ins = filled_in(opened.template)
        prompt = session.prompts.of(runs.plan_question(session.workspace, opened.template, Given.typed(inputs)))
    except PromptlabError as exc:
        said(exc)
    if prompt is None:
        return
    if not prompt.messages:
        note("info", "The prompt is empty", "Write instructions, or a user turn; they appear here as you type.")
        return
    if stand_ins:
        names = ", ".join(f"`{name}`" for name in stand_ins)
        note(
            "warn",
            f"No sample for {names}",
            "The name in angle brackets stands for it here; give a sample below Inputs.",
        )
    budget = about(prompt, opened.template.params.max_tokens)
    markup(widgets.messages_html(prompt))
    markup(widgets.bar_html(budget))
    small("With the samples of the inputs. Tokens are estimated here; the workbench counts them as each model does.")


def filled_in(template: Template) -> tuple[dict[str, Any], list[str]]:
    """The samples of the inputs; a text without one is stood for by its name, and named."""
    samples = templates.sample_inputs(template)
    lacking = [name for name, spec in template.inputs.items() if name not in samples and spec.type == "string"]
    return {**samples, **{name: f"‹{name}›" for name in lacking}}, lacking


def about(prompt: Prompt, room: int) -> Budget:
    """The tokens of each section, estimated alike for every model, and the `room` kept for the answer."""
    by_section: dict[Section, int] = {}
    for span, text in prompt.texts():
        by_section[span.section] = by_section.get(span.section, 0) + documents.about(text)
    return Budget(
        by_section=by_section, by_source={}, prompt=sum(by_section.values()), room=room, window=None, exact=False
    )


def said(exc: PromptlabError) -> None:
    """A problem with the field it is in."""
    field = exc.field if isinstance(exc, InputError) else ""
    what = exc.what if isinstance(exc, InputError) else exc.message
    title = f"{NAMES.get(field.partition('.')[0], field)}: {what}" if field else what[:1].upper() + what[1:]
    note("bad", title, exc.hint)


NAMES = {
    "instructions": "Instructions",
    "output_format": "Output format",
    "schema": "Answer schema",
    "context": "Documents",
    "examples": "Examples",
    "inputs": "Inputs",
    "params": "Parameters",
    "user": "User turn",
    "layout": "Layout",
    "description": "Description",
}
