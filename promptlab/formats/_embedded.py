"""A promptlab template that rode along in a foreign file, taken back where it is what the file shows.

Whoever looks at the file sees its prompt. The template beside it could say anything, so it is rendered and held against
that prompt: messages, schema and values given. What cannot be shown to be the same is left aside, and the report says
so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab import templates
from promptlab.errors import PromptlabError, TemplateError
from promptlab.formats._export import hash_of_messages, make_portable
from promptlab.formats._source import WorkspaceView
from promptlab.types import Template


@dataclass(frozen=True)
class EmbeddedTemplate:
    """The template file's text, or why there is none: `problem` is empty when nothing was kept in the first place."""

    text: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class ShownPrompt:
    """What the foreign file shows: its messages in Jinja, the answer's schema, and values of inputs."""

    messages: Sequence[tuple[str, str]]
    schema: Any = None
    values: Mapping[str, Any] = field(default_factory=dict)


def embedded_template(entry: Any, seen: ShownPrompt, path: str, home: WorkspaceView | None) -> EmbeddedTemplate:
    """The text kept in `entry`, if it makes the prompt that the file shows."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("template"), str):
        return EmbeddedTemplate()
    text = entry["template"]
    if entry.get("messages") != hash_of_messages(seen.messages):
        return EmbeddedTemplate(
            problem="the prompt was changed since promptlab exported it; the kept template is not used"
        )
    try:
        parsed = templates.parse(text, path=path)
    except TemplateError as exc:
        return EmbeddedTemplate(problem=f"the template that was kept beside it is broken: {exc.what}")
    if home is not None and isinstance(entry.get("path"), str) and home.text_of(entry["path"]) == text:
        return EmbeddedTemplate(text)  # it is the workspace's own
    why = _differs(parsed, seen, home)
    return (
        EmbeddedTemplate(problem=f"a template kept beside the prompt is left aside: {why}")
        if why
        else EmbeddedTemplate(text)
    )


def _differs(parsed: Template, seen: ShownPrompt, home: WorkspaceView | None) -> str:
    """Why the template is not what the file shows; empty where it is."""
    documents, shots = (), ()  # type: tuple[Any, ...], tuple[Any, ...]
    if parsed.context or parsed.examples:
        if home is None:
            return "it takes documents or examples, which are not here to compare with"
        try:
            found = home.materials(parsed)
        except PromptlabError as exc:
            return f"its documents or examples cannot be compared: {exc.args[0]}"
        documents, shots = tuple(found[0]), tuple(found[1])
    try:
        made = make_portable(parsed, documents=documents, shots=shots)
    except PromptlabError as exc:
        return f"it cannot be rendered: {exc.args[0]}"
    if _bare(made.messages) != _bare(seen.messages):
        return "it makes another prompt than the one shown"
    hidden = [name for name in parsed.inputs if name not in made.variables]
    if hidden:
        return f"it does more with {', '.join(f'`{name}`' for name in hidden)} than the prompt shows"
    if parsed.schema is not None and json.loads(parsed.schema) != seen.schema:
        return "its schema is not the one shown"
    for name, spec in parsed.inputs.items():
        if spec.default not in (None, "") and seen.values.get(name) != spec.default:
            return f"the value it gives `{name}` by default is not shown"
    return ""


def _bare(messages: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(role, text.strip()) for role, text in messages if text.strip()]
