"""How a change of a template changes the prompt.

    prompt_difference(workspace, old, new).messages            # message by message, word by word

Prompts are rendered with the samples of the inputs, and with the documents and examples as they are now, for an old
version too, so that only the template differs.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from promptlab import templates
from promptlab.errors import PromptlabError, TemplateError
from promptlab.templates import Template, render_with_samples
from promptlab.types import Message, Prompt, Role, highest
from promptlab.versions import _history as versions
from promptlab.versions import _save as shelf
from promptlab.versions._merge import TextChange, word_changes
from promptlab.workspace import Workspace


@dataclass(frozen=True)
class MessageChange:
    """A message of both prompts, or of one of them; then all its changes are of one kind."""

    role: Role
    changes: tuple[TextChange, ...]

    @property
    def changed(self) -> bool:
        """True if anything in the message differs."""
        return any(change.kind != "same" for change in self.changes)


@dataclass(frozen=True)
class PromptDifference:
    """The difference of two prompts. If a version does not render, its problem is set and there are no messages."""

    messages: tuple[MessageChange, ...]
    old_problem: str = ""
    new_problem: str = ""

    @property
    def changed(self) -> bool:
        """True if the two prompts differ, as far as is known."""
        return any(message.changed for message in self.messages) or self.old_problem != self.new_problem


@dataclass(frozen=True)
class Rendered:
    """The prompt of a version. None if this version or the other one does not render; `problem` is the reason, if it is
    this one."""

    prompt: Prompt | None
    problem: str = ""


def template_at_version(workspace: Workspace, path: str, version: str = "") -> Template:
    """The template as it was in `version` (a name for `find_version`), or as its file is now. Its label is the highest
    of the labels of its path then and now."""
    if not version:
        text = shelf.text_on_disk(workspace, path)
        if text is None:
            raise TemplateError("there is no such template", file=path)
        return _template(workspace, path, text)
    old = versions.find_version(workspace, path, version)
    template = _template(workspace, path, versions.version_text(workspace, old))
    return replace(template, label=highest([template.label, workspace.label_of(old.path)]))


def prompt_difference(
    workspace: Workspace, old: Template, new: Template, inputs: Mapping[str, Any] | None = None
) -> PromptDifference:
    """The difference of the prompts of `old` and `new`, rendered with the same inputs: `inputs`, else the samples of
    `new`, else those of `old`."""
    before, after = _both(workspace, old, new, inputs)
    if before.prompt is None or after.prompt is None:
        return PromptDifference((), before.problem, after.problem)
    return PromptDifference(tuple(_messages(before.prompt.messages, after.prompt.messages)))


def render_texts(
    workspace: Workspace, path: str, old: str, new: str, inputs: Mapping[str, Any] | None = None
) -> tuple[Rendered, Rendered]:
    """The prompts of two texts of the file at `path`, with the inputs as in `prompt_difference`."""
    parsed: list[Template | Rendered] = []
    for text in (old, new):
        try:
            parsed.append(_template(workspace, path, text))
        except PromptlabError as exc:
            parsed.append(Rendered(None, str(exc)))
    match parsed:
        case [Template() as before, Template() as after]:
            return _both(workspace, before, after, inputs)
    first, second = (text if isinstance(text, Rendered) else Rendered(None) for text in parsed)
    return first, second


def _both(
    workspace: Workspace, old: Template, new: Template, inputs: Mapping[str, Any] | None
) -> tuple[Rendered, Rendered]:
    values = {**templates.sample_inputs(old), **templates.sample_inputs(new), **(inputs or {})}

    def render(template: Template) -> Rendered:
        try:
            own = {name: value for name, value in values.items() if name in template.inputs}
            return Rendered(render_with_samples(workspace, template, own))
        except PromptlabError as exc:
            return Rendered(None, str(exc))

    return render(old), render(new)


def _messages(old: tuple[Message, ...], new: tuple[Message, ...]) -> list[MessageChange]:
    changes = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        removed, added = list(old[a:b]), list(new[c:d])
        if tag == "equal":
            changes += [MessageChange(m.role, word_changes(m.content, m.content)) for m in removed]
            continue
        while removed and added and removed[0].role == added[0].role:
            before, after = removed.pop(0), added.pop(0)
            changes.append(MessageChange(before.role, word_changes(before.content, after.content)))
        changes += [MessageChange(m.role, (TextChange("removed", m.content),)) for m in removed]
        changes += [MessageChange(m.role, (TextChange("added", m.content),)) for m in added]
    return changes


def _template(workspace: Workspace, path: str, text: str) -> Template:
    return replace(templates.parse(text, path=path), label=workspace.label_of(path))
