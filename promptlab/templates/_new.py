"""Texts a new template can begin with, and the path it will have.

path = path_of(workspace, "triage", taken=())          # "templates/triage.yaml"
standard(path)                                         # the text of a template file
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from promptlab.errors import TemplateError
from promptlab.templates import _edit as template_edit
from promptlab.templates import _load as templates
from promptlab.templates._inputs import escape_jinja, is_input_name
from promptlab.workspace import Workspace

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
LONGEST = 100


def new_template_path(workspace: Workspace, name: str, *, taken: Collection[str] = ()) -> str:
    """The path of a new template called `name`. Raises `TemplateError` for a name that cannot be one, or is used.

    `taken` are paths that are used by more than the files of the workspace, such as drafts.
    """
    name = name.strip().removesuffix(".yaml").removesuffix(".yml").removeprefix(f"{templates.TEMPLATES_FOLDER}/")
    if not name:
        raise TemplateError("give it a name", hint="such as `triage`; its file will be templates/triage.yaml")
    if not _NAME.fullmatch(name) or name.endswith("."):
        hint = "letters, digits, `-`, `_` and `.`, as in `support-triage`; a `/` makes a folder"
        raise TemplateError(f"`{name}` cannot be the name of a template", hint=hint)
    if len(name) > LONGEST:
        raise TemplateError(f"the name has {len(name)} characters, and {LONGEST} are the most", hint="shorten it")
    path = f"{templates.TEMPLATES_FOLDER}/{name}.yaml"
    folded = {one.casefold().rsplit(".", 1)[0] for one in (*templates.template_paths(workspace), *taken)}
    if path.casefold().rsplit(".", 1)[0] in folded:
        raise TemplateError(f"there is a template `{name}` already", file=path, hint="choose another name")
    return path


def standard_template(path: str) -> str:
    """A template in the standard layout: instructions, and a question with a sample to preview it with."""
    question = {"sample": "What is the capital of France?", "description": "What to ask"}
    return template_edit.new_template(
        {"inputs": {"question": question}, "instructions": "Answer the question.\n"}, path=path
    )


def checked_copy(source: str, path: str) -> str:
    """The text of another template, as it is. Raises `TemplateError` where it is none."""
    templates.parse(source, path=path)
    return source


def template_from_prompt(text: str, path: str) -> str:
    """A prompt as one message of the user; `{{ name }}` in it becomes an input, all else stays as it is."""
    if not text.strip():
        raise TemplateError("there is no text", hint="paste the prompt")
    names: dict[str, Any] = {}
    parts, at = [], 0
    for found in _VARIABLE.finditer(text):
        if is_input_name(found[1]):
            parts += [escape_jinja(text[at : found.start()]), f"{{{{ {found[1]} }}}}"]
            names[found[1]] = {}
            at = found.end()
    parts.append(escape_jinja(text[at:]))
    return template_edit.new_template({"inputs": names, "user": "".join(parts)}, path=path)


__all__ = ["checked_copy", "new_template_path", "standard_template", "template_from_prompt"]
