"""The form of a template: every field of its file, as widgets bound to the draft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import streamlit as st

from promptlab import templates
from promptlab.errors import TemplateError
from promptlab.templates import LAYOUT_NAMES
from promptlab.types import Section
from promptlab.ui.components import bound_fields, live_text, parameters
from promptlab.ui.components.bound_fields import Field, Fields
from promptlab.ui.components.widgets import SECTION_NAMES, escape, markup, small
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session
from promptlab.ui.templates import form_documents, form_examples, form_inputs, form_schema
from promptlab.ui.templates import text as file_text

STANDARD_USER = "The input alone; with several inputs, one line `name: value` for each"


def draw(session: Session, opened: Opened) -> None:
    """Draw the form. Typed text goes into the draft and the preview after a pause in typing."""
    values = opened.values
    fields = Fields(session, opened, _fields(opened), page="templates")
    live_text.enable()
    st.text_input(
        "Description", live=True, placeholder="What the template is for, in one sentence", **fields.bind("description")
    )
    with _section(opened, "instructions", "instructions"):
        _text(fields, "instructions", "What the model should do", "What the model should do")
    with _section(opened, "output_format", "output_format", "schema"):
        _text(fields, "output_format", "What the answer should look like", "Such as: Reply with one word.")
        form_schema.draw(fields, values)
    with _section(opened, "input", "inputs"):
        form_inputs.draw(fields, values)
    with _section(opened, "context", "context"):
        form_documents.draw(session, opened, fields, values)
    with _section(opened, "examples", "examples"):
        form_examples.draw(session, opened, fields, values)
    changed = " · changed" if opened.template.params != opened.original.params else ""
    with st.expander(f"Parameters{changed}", key=f"form-parameters-{opened.template.name}"):
        _problem(opened, "params")
        parameters.draw(fields)
    custom = values["layout"] is not None or values["user"] is not None
    with st.expander(f"User turn and layout{' · custom' if custom else ''}", key=f"form-layout-{opened.template.name}"):
        _user_and_layout(fields, opened, values)
    file = st.expander("The file", key=f"form-file-{opened.template.name}", on_change="rerun")
    if file.open:
        with file:
            file_text.draw(session, opened.path, opened.text, opened.base)


def _fields(opened: Opened) -> list[Field]:
    values = opened.values
    return [
        bound_fields.plain("description", values["description"]),
        *(bound_fields.text(name, opened) for name in templates.TEXT_FIELDS),
        Field("own-user", values["user"] is not None, edits=_own_user, refill=True),
        Field("own-layout", values["layout"] is not None, edits=_own_layout, refill=True),
        *form_schema.fields_of(values),
        *form_inputs.fields_of(values),
        *form_examples.fields_of(values),
        *bound_fields.parameters(values),
    ]


def _own_user(values: dict[str, Any], on: bool) -> dict[str, Any]:
    return {"user": templates.standard_user_turn(values["inputs"]) if on else None}


def _own_layout(_: dict[str, Any], on: bool) -> dict[str, Any]:
    return {"layout": templates.STANDARD_LAYOUT if on else None}


@contextmanager
def _section(opened: Opened, section: Section, *names: str) -> Iterator[None]:
    """A part of the form in the colour of its section, with a title on top and the problems of its fields below."""
    title = {"context": "Documents", "input": "Inputs"}.get(section, SECTION_NAMES[section])
    with st.container(key=f"section-{section.replace('_', '-')}", gap="xsmall"):
        markup(f'<h3 class="pl-part">{escape(title)}</h3>')
        yield
        _problem(opened, *names)


def _problem(opened: Opened, *names: str) -> None:
    problem = opened.problem_of(*names)
    if problem is not None:
        _show_problem(problem)


def _show_problem(problem: TemplateError) -> None:
    markup(
        f'<div class="pl-note pl-bad" role="alert"><b>{escape(problem.what)}</b><div>{escape(problem.hint)}</div></div>'
    )


def _text(fields: Fields, name: str, label: str, placeholder: str) -> None:
    st.text_area(
        label, height="content", placeholder=placeholder, label_visibility="collapsed", **fields.bind(f"text-{name}")
    )


def _user_and_layout(fields: Fields, opened: Opened, values: Mapping[str, Any]) -> None:
    _problem(opened, "user", "layout")
    st.toggle("Custom user turn", help="Used for the question and for each example.", **fields.bind("own-user"))
    if values["user"] is not None:
        st.text_area("User turn", height="content", **fields.bind("text-user"))
    else:
        small(f"{STANDARD_USER.replace('`', '')}.")
    st.toggle("Custom layout", help="Starts as a copy of the standard layout.", **fields.bind("own-layout"))
    if values["layout"] is not None:
        st.text_area("Layout", height="content", **fields.bind("text-layout"))
    else:
        small("The standard layout: instructions, output format, documents, the examples as turns, the question.")
    names = ", ".join([*LAYOUT_NAMES, *values["inputs"]])
    markup(_SYNTAX.replace("NAMES", escape(names)))


_SYNTAX = """<table class="pl-table"><tr><th>Syntax</th><th>Meaning</th></tr>
<tr><td class="pl-mono">{% system %} … {% endsystem %}</td><td>A message; also <code>user</code> and
<code>assistant</code>. Text of a document can never start a message.</td></tr>
<tr><td class="pl-mono">{{ question }}</td><td>The value of an input or a part of the prompt, inserted as plain text;
syntax in it has no effect.</td></tr>
<tr><td class="pl-mono">{% for example in examples %} … {% endfor %}</td><td>Each shot: <code>example.user</code>,
<code>example.output</code>, <code>example.inputs</code>.</td></tr>
<tr><td class="pl-mono">{% for document in documents %} … {% endfor %}</td><td>Each document:
<code>document.text</code>, <code>document.path</code>.</td></tr>
<tr><td class="pl-mono">{% if schema %} … {% endif %}</td><td>Only if there is a schema. <code>-%}</code> removes the
white space that follows.</td></tr>
<tr><td>Names</td><td class="pl-mono">NAMES</td></tr></table>"""
