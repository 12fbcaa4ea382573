"""A promptlab template that an export embedded in a foreign file; an import uses it if it matches the file.

A person who looks at the file sees its prompt. The embedded template could be another one, so it is rendered and
compared with that prompt: messages, schema and values. If they differ, the template is not used, and the report says
why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab import templates
from promptlab.errors import PromptlabError, TemplateError
from promptlab.formats._export import hash_of_messages, make_portable
from promptlab.formats._workspace_view import WorkspaceView
from promptlab.templates import Template


@dataclass(frozen=True)
class EmbeddedTemplate:
    """The text of the template file, or the `problem` why it is not used; both are empty if none is embedded."""

    text: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class ShownPrompt:
    """The prompt that the foreign file shows: its messages in Jinja, the schema of the answer, and values of inputs."""

    messages: Sequence[tuple[str, str]]
    schema: Any = None
    values: Mapping[str, Any] = field(default_factory=dict)


def embedded_template(entry: Any, seen: ShownPrompt, path: str, home: WorkspaceView | None) -> EmbeddedTemplate:
    """The template embedded in `entry`, if it renders to the prompt that the file shows."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("template"), str):
        return EmbeddedTemplate()
    text = entry["template"]
    if entry.get("messages") != hash_of_messages(seen.messages):
        return EmbeddedTemplate(
            problem="the prompt was changed after promptlab exported it, so the embedded template is not used"
        )
    try:
        parsed = templates.parse(text, path=path)
    except TemplateError as exc:
        return EmbeddedTemplate(problem=f"the embedded template is broken: {exc.what}")
    if home is not None and isinstance(entry.get("path"), str) and home.text_of(entry["path"]) == text:
        return EmbeddedTemplate(text)  # it is the same file as in this workspace
    why = _differs(parsed, seen, home)
    return EmbeddedTemplate(problem=f"the embedded template is not used: {why}") if why else EmbeddedTemplate(text)


def _differs(parsed: Template, seen: ShownPrompt, home: WorkspaceView | None) -> str:
    """The reason why the template does not match what the file shows; empty if it does."""
    documents, shots = (), ()  # type: tuple[Any, ...], tuple[Any, ...]
    if parsed.context or parsed.examples:
        if home is None:
            return "it uses documents or examples, which are not in this workspace"
        try:
            materials = home.materials(parsed)
        except PromptlabError as exc:
            return f"its documents or examples cannot be compared: {exc.args[0]}"
        documents, shots = tuple(materials[0]), tuple(materials[1])
    try:
        portable = make_portable(parsed, documents=documents, shots=shots)
    except PromptlabError as exc:
        return f"it cannot be rendered: {exc.args[0]}"
    if _bare(portable.messages) != _bare(seen.messages):
        return "it makes a different prompt"
    hidden = [name for name in parsed.inputs if name not in portable.variables]
    if hidden:
        return f"it uses {', '.join(f'`{name}`' for name in hidden)} in ways that the prompt does not show"
    if parsed.schema is not None and json.loads(parsed.schema) != seen.schema:
        return "its schema is different"
    for name, spec in parsed.inputs.items():
        if spec.default not in (None, "") and seen.values.get(name) != spec.default:
            return f"the value it gives `{name}` by default is not shown"
    return ""


def _bare(messages: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(role, text.strip()) for role, text in messages if text.strip()]
