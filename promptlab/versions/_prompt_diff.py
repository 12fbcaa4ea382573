"""What a saved template is worth: whether it renders, and what a change of it does to the prompt.

    check(workspace, "templates/cup.yaml")                     # () or problems, each with its line
    prompt_difference(workspace, old, new).messages            # message by message, word by word

Prompts are rendered with the samples of the inputs, and with the documents and examples as they are now, for an
old version too: what is compared is the template.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from promptlab import templates
from promptlab.errors import PromptlabError, TemplateError
from promptlab.templates import rendered
from promptlab.types import Message, Prompt, Role, Template, highest
from promptlab.versions import _history as versions
from promptlab.versions import _save as shelf
from promptlab.versions._merge import TextChange, word_changes
from promptlab.workspace import Workspace


@dataclass(frozen=True)
class MessageChange:
    """A message of both prompts, or, with pieces of one kind only, of one of them."""

    role: Role
    changes: tuple[TextChange, ...]

    @property
    def changed(self) -> bool:
        """Whether anything in it differs."""
        return any(change.kind != "same" for change in self.changes)


@dataclass(frozen=True)
class PromptDifference:
    """What sets two prompts apart. A version that does not render says why, and then there are no messages."""

    messages: tuple[MessageChange, ...]
    old_problem: str = ""
    new_problem: str = ""

    @property
    def changed(self) -> bool:
        """Whether the two prompts differ, as far as can be said."""
        return any(message.changed for message in self.messages) or self.old_problem != self.new_problem


@dataclass(frozen=True)
class Rendered:
    """The prompt of a version; None where it gives none, and then `problem` says why unless the other one is why."""

    prompt: Prompt | None
    problem: str = ""


def template_at_version(workspace: Workspace, path: str, version: str = "") -> Template:
    """The template as it was in `version` (see `versions.find`), or as its file is now. It is as private as the
    strictest of the names it has had says."""
    if not version:
        text = shelf.text_on_disk(workspace, path)
        if text is None:
            raise TemplateError("there is no such template", file=path)
        return _template(workspace, path, text)
    found = versions.find_version(workspace, path, version)
    template = _template(workspace, path, versions.version_text(workspace, found))
    return replace(template, label=highest([template.label, workspace.label_of(found.path)]))


def prompt_difference(
    workspace: Workspace, old: Template, new: Template, inputs: Mapping[str, Any] | None = None
) -> PromptDifference:
    """What the change from `old` to `new` does to the prompt, both asked the same: the samples of `new` count for
    both, and `inputs` before them."""
    before, after = _both(workspace, old, new, inputs)
    if before.prompt is None or after.prompt is None:
        return PromptDifference((), before.problem, after.problem)
    return PromptDifference(tuple(_messages(before.prompt.messages, after.prompt.messages)))


def render_texts(
    workspace: Workspace, path: str, old: str, new: str, inputs: Mapping[str, Any] | None = None
) -> tuple[Rendered, Rendered]:
    """The prompts that two texts of the file at `path` give, both asked the same as in `prompt_difference`."""
    found: list[Template | Rendered] = []
    for text in (old, new):
        try:
            found.append(_template(workspace, path, text))
        except PromptlabError as exc:
            found.append(Rendered(None, str(exc)))
    match found:
        case [Template() as before, Template() as after]:
            return _both(workspace, before, after, inputs)
    one, other = (each if isinstance(each, Rendered) else Rendered(None) for each in found)
    return one, other


def _both(
    workspace: Workspace, old: Template, new: Template, inputs: Mapping[str, Any] | None
) -> tuple[Rendered, Rendered]:
    asked = {**templates.sample_inputs(old), **templates.sample_inputs(new), **(inputs or {})}

    def one(template: Template) -> Rendered:
        try:
            values = {name: value for name, value in asked.items() if name in template.inputs}
            return Rendered(rendered(workspace, template, values))
        except PromptlabError as exc:
            return Rendered(None, str(exc))

    return one(old), one(new)


def _messages(old: tuple[Message, ...], new: tuple[Message, ...]) -> list[MessageChange]:
    found = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = list(old[a:b]), list(new[c:d])
        if tag == "equal":
            found += [MessageChange(m.role, word_changes(m.content, m.content)) for m in gone]
            continue
        while gone and come and gone[0].role == come[0].role:
            one, other = gone.pop(0), come.pop(0)
            found.append(MessageChange(one.role, word_changes(one.content, other.content)))
        found += [MessageChange(m.role, (TextChange("removed", m.content),)) for m in gone]
        found += [MessageChange(m.role, (TextChange("added", m.content),)) for m in come]
    return found


def _template(workspace: Workspace, path: str, text: str) -> Template:
    return replace(templates.parse(text, path=path), label=workspace.label_of(path))
