"""Export: a template as a file of another tool, or a request as JSON, Python or curl; shown before the download."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab import formats, runs, templates, workspace
from promptlab.errors import GateRefused, PromptlabError
from promptlab.formats import FieldOutcome, make_portable
from promptlab.runs import Given
from promptlab.templates import Template
from promptlab.types import Request
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import chip, escape, markup, note, option, small
from promptlab.ui.state.session import Session
from promptlab.workspace import OpenAIModel

TITLES = {
    "promptfoo": "promptfoo configuration",
    "prompty": ".prompty file",
    "prompty-2": ".prompty file, for prompty 2 only",
    "langfuse": "Langfuse prompt, as JSON",
    "github-models": ".prompt.yml file of GitHub Models",
    "dotprompt": ".prompt file of dotprompt",
    "openai": "OpenAI request, as JSON",
}
FILES = {
    "promptfoo": "promptfooconfig.yaml",
    "prompty": "{}.prompty",
    "prompty-2": "{}.prompty",
    "langfuse": "{}.json",
    "github-models": "{}.prompt.yml",
    "dotprompt": "{}.prompt",
    "openai": "{}.json",
}
REQUESTS = {"openai": "OpenAI request", "python": "Python", "curl": "curl"}
_LANGUAGES = {
    "promptfoo": "yaml",
    "prompty": "yaml",
    "prompty-2": "yaml",
    "github-models": "yaml",
    "dotprompt": "yaml",
    "langfuse": "json",
    "openai": "json",
    "python": "python",
    "curl": "bash",
}


def button(session: Session, template: Template, inputs: Mapping[str, Any] | None = None) -> None:
    """The button "Export", which opens the panel."""
    with st.popover("Export", icon=":material/file_save:", type="tertiary", key="export", width="content"):
        panel(session, template, inputs, key="export")


def panel(session: Session, template: Template, inputs: Mapping[str, Any] | None = None, *, key: str) -> None:
    """The format, the exported text, the fields that were changed or lost, and the download."""
    models = [name for name, entry in session.workspace.models.items() if isinstance(entry, OpenAIModel)]
    offered = [name for name in TITLES if name != "openai" or models]
    format_ = st.selectbox("Format", offered, key=f"{key}-format", format_func=lambda name: TITLES[name])
    model = None
    if format_ == "openai" or (format_ in formats.NAMING_MODELS and models):
        model = st.selectbox("Model", models, key=f"{key}-model", format_func=option)
    try:
        text, losses, label = _export(session, template, inputs or {}, format_, model)
    except GateRefused as exc:
        note("bad", "Refused by the gate", exc.message, exc.hint)
        return
    except PromptlabError as exc:
        note("bad", "Cannot be exported", exc.message, exc.hint)
        return
    if label != "public":
        note("warn", f"The text is {label}", "Anyone who gets the file can read it.")
    for loss in losses:
        if loss.what != "taken":
            mark = chip(loss.what, "bad" if loss.what == "not understood" else "warn")
            markup(f'<div class="pl-small">{mark} {escape(loss.field)}: {escape(loss.note)}</div>')
    st.code(widgets.shown(text), language=_LANGUAGES[format_], height=260, wrap_lines=True)
    file = FILES[format_].format(template.name)
    st.download_button("Download", text.encode("utf-8", "replace"), file, icon=":material/download:", key=f"{key}-get")


def _export(
    session: Session, template: Template, inputs: Mapping[str, Any], format_: str, model: str | None
) -> tuple[str, list[FieldOutcome], str]:
    """The exported text, the report of each field, and the highest label in the text."""
    values = {**templates.sample_inputs(template), **inputs}
    trial = runs.plan_question(session.workspace, template, Given.typed(values))
    if format_ == "openai" and model is not None:
        request = Request(model, session.prompts.of(trial), template.params, template.schema)
        return as_code(session, request, "openai"), [], "public"
    exported = make_portable(template, documents=trial.documents, shots=trial.shots, inputs=values)
    entry = session.workspace.models.get(model or "")
    named = {model: entry} if model and isinstance(entry, OpenAIModel) else {}
    text = formats.write_prompts([exported], format_, named)
    return text, exported.report.entries, exported.label


def as_code(session: Session, request: Request, way: str) -> str:
    """A request to an API as JSON, Python or curl, without the API key.

    Raises `GateRefused` if the model may not see the text, and `RequestRejected` if its API cannot take the request.
    """
    entry = session.workspace.models[request.model]
    assert isinstance(entry, OpenAIModel), "only a request to an API can be written as code"
    workspace.check_gate(request.prompt, model=request.model, clearance=entry.clearance)
    writers = {"openai": formats.request_as_json, "python": formats.request_as_python, "curl": formats.request_as_curl}
    return writers[way](request, entry)


def request_code(session: Session, request: Request, *, key: str) -> None:
    """Show the request as curl or Python to copy; nothing for a model that has no API."""
    if not isinstance(session.workspace.models.get(request.model), OpenAIModel):
        return
    way = st.segmented_control(
        "Copy this request as",
        ["curl", "python"],
        format_func=lambda name: REQUESTS[name],
        key=f"{key}-way",
    )
    if way is None:
        return
    try:
        text = as_code(session, request, way)
    except PromptlabError as exc:
        note("bad", "This request cannot be copied", exc.message, exc.hint)
        return
    st.code(widgets.shown(text), language=_LANGUAGES[way], height=240, wrap_lines=True)
    small("It has no API key: the key is read from the environment.")
