"""The preview: the prompt that a template gives for its sample inputs, updated while typing. No model is asked."""

from __future__ import annotations

from typing import Any

import streamlit as st

from promptlab import documents, runs, templates
from promptlab.errors import InputError, PromptlabError
from promptlab.models import Budget
from promptlab.runs import Given
from promptlab.templates import Template
from promptlab.types import Prompt, Section
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import markup, note, small
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session


def draw(session: Session, opened: Opened) -> None:
    """The messages in the colours of their sections, or the errors and how to fix them."""
    st.markdown("#### Preview")
    prompt: Prompt | None = None
    for problem in opened.problems:
        _show_problem(problem)
    if opened.problems:
        small("The prompt is shown without the part that has the error.")
    without_sample: list[str] = []
    try:
        inputs, without_sample = _preview_inputs(opened.template)
        prompt = session.prompts.of(runs.plan_question(session.workspace, opened.template, Given.typed(inputs)))
    except PromptlabError as exc:
        _show_problem(exc)
    if prompt is None:
        return
    if not prompt.messages:
        note("info", "The prompt is empty", "Write instructions or a user turn. They appear here while you type.")
        return
    if without_sample:
        names = ", ".join(f"`{name}`" for name in without_sample)
        note(
            "warn",
            f"No sample for {names}",
            "The preview shows the name in angle brackets instead. Add a sample under Inputs.",
        )
    budget = _estimate(prompt, opened.template.params.max_tokens)
    markup(widgets.messages_html(prompt))
    markup(widgets.bar_html(budget))
    small("Shown with the sample inputs. Tokens are estimated; the workbench counts them exactly for each model.")


def _preview_inputs(template: Template) -> tuple[dict[str, Any], list[str]]:
    """The sample inputs, and the names of text inputs without a sample, which get their name in angle brackets."""
    samples = templates.sample_inputs(template)
    without_sample = [name for name, spec in template.inputs.items() if name not in samples and spec.type == "string"]
    return {**samples, **{name: f"‹{name}›" for name in without_sample}}, without_sample


def _estimate(prompt: Prompt, room: int) -> Budget:
    """The estimated tokens of each section, and the `room` reserved for the answer."""
    by_section: dict[Section, int] = {}
    for span, text in prompt.texts():
        by_section[span.section] = by_section.get(span.section, 0) + documents.estimate_tokens(text)
    return Budget(
        by_section=by_section, by_source={}, prompt=sum(by_section.values()), room=room, window=None, exact=False
    )


def _show_problem(exc: PromptlabError) -> None:
    """Show a problem, with the name of its field."""
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
