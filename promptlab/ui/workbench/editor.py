"""The left half of the workbench: the prompt, section by section, and its parameters."""

from __future__ import annotations

import streamlit as st

from promptlab import examples, templates
from promptlab.errors import PromptlabError
from promptlab.models import AsSent
from promptlab.types import Section
from promptlab.ui.components import parameters, widgets
from promptlab.ui.components.bound_fields import Fields
from promptlab.ui.components.widgets import SECTION_NAMES, escape, markup, note
from promptlab.ui.documents import context_entry as context_view
from promptlab.ui.state.session import Session
from promptlab.ui.workbench.request import Bench, as_sent


def draw(session: Session, bench: Bench, fields: Fields) -> None:
    """The prompt's sections, its parameters, and its tokens against the window."""
    sent = _counted(session, bench)
    _text_section(fields, "instructions", sent)
    _text_section(fields, "output_format", sent)
    if bench.template.context:
        _context(session, bench, fields, sent)
    if bench.template.examples:
        _examples(session, bench, fields, sent)
    if bench.problem:
        title = "The prompt cannot be rendered" if bench.prompt is None else "Not valid yet: Run waits"
        rest = "" if bench.prompt is None else "Preview and tokens show the last valid prompt."
        note("bad", title, str(bench.problem.args[0]), bench.problem.hint, rest)
    _tokens(bench, fields, sent)
    changed = " · changed" if bench.params != bench.file.params else ""
    with st.expander(f"Parameters{changed}", key=f"parameters-{bench.file.name}"):
        parameters.draw(fields)


def _counted(session: Session, bench: Bench) -> AsSent | PromptlabError | None:
    model = bench.counted_by
    request = bench.request(model) if model else None
    if request is None:
        return None
    try:
        with st.spinner(f"Counting tokens with {widgets.plain(request.model)}", show_time=False):
            return as_sent(session, request)
    except PromptlabError as exc:
        return exc


def _head(fields: Fields, section: Section, sent: AsSent | PromptlabError | None) -> bool:
    """The switch and the tokens of a section. True if the section is on."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        on = bool(st.toggle(SECTION_NAMES[section], **fields.bind(f"switch-{section}")))
        if not on:
            size = "off"
        elif isinstance(sent, AsSent):
            size = f"{'' if sent.budget.exact else '~'}{sent.budget.by_section.get(section, 0):,} tok"
        else:
            size = ""
        st.html(f'<div class="pl-size">{size}</div>', width="content")
    return on


def _text_section(fields: Fields, section: Section, sent: AsSent | PromptlabError | None) -> None:
    with st.container(key=f"section-{section.replace('_', '-')}", gap="xsmall"):
        if _head(fields, section, sent):
            st.text_area(
                SECTION_NAMES[section],
                height="content",
                label_visibility="collapsed",
                placeholder=f"No {SECTION_NAMES[section].lower()} in this template",
                **fields.bind(f"text-{section}"),
            )


def _context(session: Session, bench: Bench, fields: Fields, sent: AsSent | PromptlabError | None) -> None:
    with st.container(key="section-context", gap="xsmall"):
        if not _head(fields, "context", sent):
            return
        template = bench.template
        for number, path in enumerate(template.context):
            passages = template.passages.get(path)
            key = f"context-{number}-{template.name}"
            wanted = context_view.draw(session, path, passages, bench.given.values, key=key)
            if wanted != passages:
                context = templates.context_with_passages(template, path, wanted, original=bench.file)
                session.drafts.edit(template.path, bench.file.source, {"context": context})
                st.rerun()


def _examples(session: Session, bench: Bench, fields: Fields, sent: AsSent | PromptlabError | None) -> None:
    choice = bench.template.examples
    with st.container(key="section-examples", gap="xsmall"):
        if not _head(fields, "examples", sent) or choice is None:
            return
        try:
            most = len(examples.load_pool(session.workspace, choice.pool))
        except PromptlabError as exc:
            note("bad", "The examples cannot be read", str(exc.args[0]), exc.hint)
            return
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.number_input(
                "k", 0, max(most, choice.k), step=1, width=120, label_visibility="collapsed", **fields.bind("k")
            )
            st.html(f'<span class="pl-small">of {most} examples, {escape(choice.select)}</span>', width="content")
        rows = "".join(
            f"<tr><td>{escape(' · '.join(map(str, shot.inputs.values())))}</td><td>{escape(shot.output)}</td></tr>"
            for shot in bench.shots
        )
        if rows:
            markup(f'<table class="pl-table pl-mono">{rows}</table>')


def _tokens(bench: Bench, fields: Fields, sent: AsSent | PromptlabError | None) -> None:
    if isinstance(sent, PromptlabError):
        note("warn", "The tokens cannot be counted", str(sent.args[0]), sent.hint)
        return
    if sent is None or bench.counted_by is None:
        return
    markup(widgets.bar_html(sent.budget))
    widgets.warn_of_window(bench.counted_by, sent.budget)
    if len(bench.ready) > 1:
        fields.default("counted", bench.counted_by)
        st.selectbox(
            "Model that counts the tokens",
            bench.ready,
            format_func=lambda name: f"counted by {name}",
            label_visibility="collapsed",
            **fields.bind("counted"),
        )
