"""The form of one template: every field of its file, as widgets bound to the draft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import streamlit as st

from promptlab import templates
from promptlab.errors import TemplateError
from promptlab.templates import LAYOUT_NAMES
from promptlab.types import Section
from promptlab.ui.components import bound_fields as bound
from promptlab.ui.components import live_text as live
from promptlab.ui.components import parameters
from promptlab.ui.components.bound_fields import Field, Fields
from promptlab.ui.components.widgets import SECTION_NAMES, escape, markup, small
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session
from promptlab.ui.templates import form_documents, form_examples, form_inputs, form_schema
from promptlab.ui.templates import text as template_text

STANDARD_USER = "The input as it is; a line `name: value` for each where there are several"


def draw(session: Session, opened: Opened) -> None:
    """The form; what is typed is in the draft, and in the preview, after a pause in typing."""
    values = opened.values
    fields = Fields(session, opened, _fields(values), page="templates")
    live.enable()
    st.text_input("Description", live=True, placeholder="What it is for, in a sentence", **fields.bind("description"))
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
    own = values["layout"] is not None or values["user"] is not None
    with st.expander(f"User turn and layout{' · own' if own else ''}", key=f"form-layout-{opened.template.name}"):
        _experts(fields, opened, values)
    file = st.expander("The file itself", key=f"form-file-{opened.template.name}", on_change="rerun")
    if file.open:
        with file:
            template_text.draw(session, opened.path, opened.text, opened.base)


def _fields(values: Mapping[str, Any]) -> list[Field]:
    return [
        bound.plain("description", values["description"]),
        bound.text("instructions", values),
        bound.text("output_format", values),
        Field("text-user", values["user"] or "", edits=lambda _, given: {"user": given}),
        Field("text-layout", values["layout"] or "", edits=lambda _, given: {"layout": given}),
        Field("own-user", values["user"] is not None, edits=_own_user, refill=True),
        Field("own-layout", values["layout"] is not None, edits=_own_layout, refill=True),
        *form_schema.fields_of(values),
        *form_inputs.fields_of(values),
        *form_examples.fields_of(values),
        *bound.parameters(values),
    ]


def _own_user(values: dict[str, Any], on: bool) -> dict[str, Any]:
    names = list(values["inputs"])
    start = "{{ " + names[0] + " }}" if len(names) == 1 else "\n".join(f"{name}: {{{{ {name} }}}}" for name in names)
    return {"user": start if on else None}


def _own_layout(_: dict[str, Any], on: bool) -> dict[str, Any]:
    return {"layout": templates.STANDARD if on else None}


@contextmanager
def _section(opened: Opened, section: Section, *names: str) -> Iterator[None]:
    """A part of the form in its section's colour, with its problems below its title."""
    title = {"context": "Documents", "input": "Inputs"}.get(section, SECTION_NAMES[section])
    with st.container(key=f"section-{section.replace('_', '-')}", gap="xsmall"):
        markup(f'<h3 class="pl-part">{escape(title)}</h3>')
        yield
        _problem(opened, *names)


def _problem(opened: Opened, *names: str) -> None:
    problem = opened.problem_of(*names)
    if problem is not None:
        _said(problem)


def _said(problem: TemplateError) -> None:
    markup(
        f'<div class="pl-note pl-bad" role="alert"><b>{escape(problem.what)}</b><div>{escape(problem.hint)}</div></div>'
    )


def _text(fields: Fields, name: str, label: str, placeholder: str) -> None:
    st.text_area(
        label, height="content", placeholder=placeholder, label_visibility="collapsed", **fields.bind(f"text-{name}")
    )


def _experts(fields: Fields, opened: Opened, values: Mapping[str, Any]) -> None:
    _problem(opened, "user", "layout")
    st.toggle(
        "A user turn of its own", help="Used for the question and for each example alike.", **fields.bind("own-user")
    )
    if values["user"] is not None:
        st.text_area("User turn", height="content", **fields.bind("text-user"))
    else:
        small(f"{STANDARD_USER.replace('`', '')}.")
    st.toggle(
        "A layout of its own", help="Starts with the standard layout, to change from.", **fields.bind("own-layout")
    )
    if values["layout"] is not None:
        st.text_area("Layout", height="content", **fields.bind("text-layout"))
    else:
        small("The standard layout: instructions, output format and documents; the examples as turns; the question.")
    names = ", ".join([*LAYOUT_NAMES, *values["inputs"]])
    markup(_SYNTAX.replace("NAMES", escape(names)))


_SYNTAX = """<table class="pl-table"><tr><th>You write</th><th>What it does</th></tr>
<tr><td class="pl-mono">{% system %} … {% endsystem %}</td><td>A message; also <code>user</code> and
<code>assistant</code>. What a document says cannot open one.</td></tr>
<tr><td class="pl-mono">{{ question }}</td><td>The value of an input or a part of the prompt, inserted once and never
read as syntax.</td></tr>
<tr><td class="pl-mono">{% for example in examples %} … {% endfor %}</td><td>Each shot: <code>example.user</code>,
<code>example.output</code>, <code>example.inputs</code>.</td></tr>
<tr><td class="pl-mono">{% for document in documents %} … {% endfor %}</td><td>Each document:
<code>document.text</code>, <code>document.path</code>.</td></tr>
<tr><td class="pl-mono">{% if schema %} … {% endif %}</td><td>Only where there is one. <code>-%}</code> takes away the
white space that follows.</td></tr>
<tr><td>Names here</td><td class="pl-mono">NAMES</td></tr></table>"""
