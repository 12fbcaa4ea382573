"""A template as other tools can hold it: messages with `{{ name }}` where inputs are printed.

Documents and shots become text of the messages. An input that the template does more with than print it
cannot be a variable elsewhere; the text made with its sample stands there, and the report says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import nodes

from promptlab import templates
from promptlab.errors import TemplateError
from promptlab.formats._source import ConversionReport
from promptlab.templates import JINJA_ENVIRONMENT, escape_jinja
from promptlab.types import Document, Example, InputSpec, Label, Role, Template, canonical_json, highest, sha256


@dataclass(frozen=True)
class PortablePrompt:
    """Messages in Jinja that any tool knows, the values of the variables in them, and the label of it all."""

    template: Template
    messages: tuple[tuple[Role, str], ...]
    variables: Mapping[str, Any]
    report: ConversionReport
    label: Label

    @property
    def kept(self) -> dict[str, str]:
        """What lets promptlab have the template back: its file, and the hash of the messages that were made of it."""
        return {
            "path": self.template.path,
            "template": self.template.source,
            "messages": hash_of_messages(self.messages),
        }


def hash_of_messages(messages: Sequence[tuple[str, str]]) -> str:
    """Hex SHA-256 of messages; other messages than the exported ones have another."""
    return sha256(canonical_json([list(message) for message in messages]))


def make_portable(
    template: Template,
    *,
    documents: Sequence[Document] = (),
    shots: Sequence[Example] = (),
    inputs: Mapping[str, Any] | None = None,
) -> PortablePrompt:
    """`template` for another tool. `inputs` stand for the samples where they are given.

    Raises `TemplateError` where an input has to be filled in and has neither a value nor a sample.
    """
    values = {**templates.sample_inputs(template), **(inputs or {})}
    report = ConversionReport()
    texts = _partly(template, _printed_only(template))
    marked = _printed_only(template)
    messages = _rendered(texts, marked, values, documents, shots)
    if messages is None:
        # One by one: an input that spoils it is filled in, the others stay variables.
        kept: list[str] = []
        for name in marked:
            if _rendered(_partly(template, [*kept, name]), [*kept, name], values, documents, shots) is not None:
                kept.append(name)
        marked = kept
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
    """Inputs that the template prints as they are and does nothing else with."""
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
    """The messages with `marked` inputs as variables; None when one of them is more than printed.

    Two renders with marks of other letters and lengths have to agree once the marks are taken for names.
    """
    found: list[tuple[tuple[Role, str], ...]] = []
    for mark in ("\ue000q{}\ue001", "\ue000A much longer mark, {} of them.\nYes\ue001"):
        marks = {name: mark.format(number) for number, name in enumerate(marked)}
        try:
            prompt = templates.render(template, {**values, **marks}, documents=documents, shots=shots)
        except TemplateError:
            return None
        found.append(tuple((m.role, _named(m.content, marks)) for m in prompt.messages))
    return found[0] if found[0] == found[1] else None


def _named(text: str, marks: Mapping[str, str]) -> str:
    names = {mark: name for name, mark in marks.items()}
    if not names:
        return escape_jinja(text)
    parts = re.split("(" + "|".join(map(re.escape, names)) + ")", text)
    return "".join(f"{{{{ {names[part]} }}}}" if part in names else escape_jinja(part) for part in parts)
