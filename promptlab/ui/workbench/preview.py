"""Preview: exactly what each model would get. Nothing is sent."""

from __future__ import annotations

import json

import streamlit as st

from promptlab import workspace
from promptlab.errors import GateRefused, PromptlabError
from promptlab.models import AsSent
from promptlab.types import Prompt, Request, Section
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import escape, markup, note, plain
from promptlab.ui.state.session import Session
from promptlab.ui.templates import export as exporting
from promptlab.ui.workbench.request import Bench, as_sent


def draw(session: Session, bench: Bench) -> None:
    """A tab for each model of the catalogue. Only the open tab is computed."""
    if bench.prompt is None:
        note("warn", "There is nothing to preview", "The prompt cannot be rendered. The reason is on the left.")
        return
    names = [s.name for s in bench.statuses]
    if not names:
        note("warn", "There is no model", "Add one to promptlab.yaml.")
        return
    for name, tab in zip(
        names, st.tabs([plain(n) for n in names], key="preview-models", on_change="rerun"), strict=True
    ):
        if tab.open:
            with tab:
                _model(session, bench, name)


def _model(session: Session, bench: Bench, name: str) -> None:
    request = bench.request(name)
    if request is None:
        return
    try:
        workspace.check_gate(request.prompt, model=name, clearance=session.catalogue.clearance(name))
    except GateRefused as exc:
        note("bad", "Refused by the gate: this would not be sent", str(exc.args[0]), exc.hint)
    status = next(s for s in bench.statuses if s.name == name)
    try:
        sent = as_sent(session, request) if status.ready else None
    except PromptlabError as exc:
        note("warn", "This model cannot say what it would get", str(exc.args[0]), exc.hint)
        sent = None
    if sent is None:
        if not status.ready:
            note("info", f"{name} is not ready, so its tokens are not counted", status.reason)
        markup(widgets.messages_html(request.prompt))
        exporting.request_code(session, request, key="preview-code")
        return
    markup(widgets.bar_html(sent.budget))
    widgets.warn_of_window(name, sent.budget)
    if not sent.budget.exact:
        widgets.small("The counts are estimates: this model's tokenizer is not known here.")
    _exact_text(request, sent)
    exporting.request_code(session, request, key="preview-code")
    markup(widgets.budget_table(sent.budget, _sources(request.prompt)))


def _sources(prompt: Prompt) -> dict[Section, list[str]]:
    names: dict[Section, list[str]] = {}
    for source in prompt.sources:
        names.setdefault(source.section, []).append(source.name)
    return names


def _exact_text(request: Request, sent: AsSent) -> None:
    if sent.body is None:
        widgets.small("The text that the model reads, with its control tokens marked:")
        markup(widgets.pieces_html(sent.pieces))
        return
    widgets.small("The messages:")
    markup(widgets.messages_html(request.prompt))
    where = f"POST {sent.url}" if sent.url else "The JSON body:"
    markup(f'<div class="pl-small pl-mono">{escape(where)}</div>')
    body = widgets.shown(json.dumps(sent.body, indent=2, ensure_ascii=False))
    with st.container(key="preview-body"):
        st.code(body, language="json", wrap_lines=True, height=360 if len(body) > 1500 else "content")
