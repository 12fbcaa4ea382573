"""A template in a form that other tools can use: messages with `{{ name }}` for inputs.

Documents and shots become text of the messages. An input can only be a variable elsewhere if the template just prints
it. Any other input is replaced by the text made with its sample, and the report says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import nodes

from promptlab import templates
from promptlab.errors import TemplateError
from promptlab.formats._report import ConversionReport
from promptlab.templates import JINJA_ENVIRONMENT, InputSpec, Template, escape_jinja
from promptlab.types import Document, Example, Label, Role, canonical_json, highest, sha256


@dataclass(frozen=True)
class PortablePrompt:
    """Messages in Jinja that every tool understands, the values of their variables, and the highest label."""

    template: Template
    messages: tuple[tuple[Role, str], ...]
    variables: Mapping[str, Any]
    report: ConversionReport
    label: Label

    @property
    def embedded(self) -> dict[str, str]:
        """The data with which promptlab can import the template again: its file, and the hash of the messages."""
        return {
            "path": self.template.path,
            "template": self.template.source,
            "messages": hash_of_messages(self.messages),
        }


def hash_of_messages(messages: Sequence[tuple[str, str]]) -> str:
    """The SHA-256 of messages in hex. If the messages are edited after the export, it differs."""
    return sha256(canonical_json([list(message) for message in messages]))


def _variables(
    template: Template,
    names: Sequence[str],
    values: Mapping[str, Any],
    documents: Sequence[Document],
    shots: Sequence[Example],
) -> list[str]:
    """The inputs that can stay variables, tried one by one. The others are filled in."""
    variables: list[str] = []
    for name in names:
        tried = [*variables, name]
        if _rendered(_partly(template, tried), tried, values, documents, shots) is not None:
            variables = tried
    return variables


def make_portable(
    template: Template,
    *,
    documents: Sequence[Document] = (),
    shots: Sequence[Example] = (),
    inputs: Mapping[str, Any] | None = None,
) -> PortablePrompt:
    """`template` for another tool. Values in `inputs` are used instead of samples.

    Raises `TemplateError` if an input must be filled in but has neither a value nor a sample.
    """
    values = {**templates.sample_inputs(template), **(inputs or {})}
    report = ConversionReport()
    texts = _partly(template, _printed_only(template))
    marked = _printed_only(template)
    messages = _rendered(texts, marked, values, documents, shots)
    if messages is None:
        marked = _variables(template, marked, values, documents, shots)
        texts = _partly(template, marked)
        messages = _rendered(texts, marked, values, documents, shots)
    if messages is None:
        prompt = templates.render(template, values, documents=documents, shots=shots)
        messages, marked = tuple((m.role, escape_jinja(m.content)) for m in prompt.messages), []
    line = template.lines.get("inputs")
    for name in template.inputs:
        if name in marked:
            report.add(f"inputs.{name}", "taken", line)
        else:
            note = "the template does more with it than print it, so the text made with its sample stands there"
            report.add(f"inputs.{name}", "translated", line, note)
    for position, document in enumerate(documents):
        report.add(f"context.{position}", "translated", template.lines.get("context"), f"the text of {document.path}")
    if template.examples:
        note = f"{len(shots)} shots of {template.examples.pool} as turns; they are not chosen anew for each question"
        report.add("examples", "translated", template.lines.get("examples"), note)
    labels = [template.label, *(d.label for d in documents), *(s.label for s in shots)]
    return PortablePrompt(template, messages, {n: values.get(n, "") for n in marked}, report, highest(labels))


def _printed_only(template: Template) -> list[str]:
    """Inputs that the template only prints."""
    used: set[str] = set()
    for text in (template.instructions, template.output_format, template.user, template.layout):
        tree = JINJA_ENVIRONMENT.parse(text or "")
        printed = {id(child) for output in tree.find_all(nodes.Output) for child in output.nodes}
        used |= {node.name for node in tree.find_all(nodes.Name) if id(node) not in printed}
    plain = ("string", "number", "boolean")
    return [name for name, spec in template.inputs.items() if name not in used and spec.type in plain]


def _partly(template: Template, marked: Sequence[str]) -> Template:
    specs = {name: InputSpec() if name in marked else spec for name, spec in template.inputs.items()}
    return replace(template, inputs=specs)


def _rendered(
    template: Template,
    marked: Sequence[str],
    values: Mapping[str, Any],
    documents: Sequence[Document],
    shots: Sequence[Example],
) -> tuple[tuple[Role, str], ...] | None:
    """The messages with `marked` inputs as variables; None if the template does more with one than print it.

    To test that, it is rendered twice with different marks as values. Both must give the same messages after the marks
    are replaced by the names.
    """
    renders: list[tuple[tuple[Role, str], ...]] = []
    for mark in ("\ue000q{}\ue001", "\ue000A much longer mark, {} of them.\nYes\ue001"):
        marks = {name: mark.format(number) for number, name in enumerate(marked)}
        try:
            prompt = templates.render(template, {**values, **marks}, documents=documents, shots=shots)
        except TemplateError:
            return None
        renders.append(tuple((m.role, _named(m.content, marks)) for m in prompt.messages))
    return renders[0] if renders[0] == renders[1] else None


def _named(text: str, marks: Mapping[str, str]) -> str:
    names = {mark: name for name, mark in marks.items()}
    if not names:
        return escape_jinja(text)
    parts = re.split("(" + "|".join(map(re.escape, names)) + ")", text)
    return "".join(f"{{{{ {names[part]} }}}}" if part in names else escape_jinja(part) for part in parts)
