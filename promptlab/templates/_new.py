"""The text that a new template starts with, and its path.

path = new_template_path(workspace, "triage")          # "templates/triage.yaml"
standard_template(path)                                # the text of a template file
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
MAX_NAME = 100


def new_template_path(workspace: Workspace, name: str, *, taken: Collection[str] = ()) -> str:
    """The path of a new template called `name`. Raises `TemplateError` if the name is not allowed or already used.

    `taken` are further paths that are used, such as those of drafts.
    """
    name = name.strip().removesuffix(".yaml").removesuffix(".yml").removeprefix(f"{templates.TEMPLATES_FOLDER}/")
    if not name:
        raise TemplateError("give it a name", hint="such as `triage`; its file will be templates/triage.yaml")
    if not _NAME.fullmatch(name) or name.endswith("."):
        hint = "letters, digits, `-`, `_` and `.`, as in `support-triage`; a `/` makes a folder"
        raise TemplateError(f"`{name}` cannot be the name of a template", hint=hint)
    if len(name) > MAX_NAME:
        raise TemplateError(f"the name has {len(name)} characters; at most {MAX_NAME} are allowed", hint="shorten it")
    path = f"{templates.TEMPLATES_FOLDER}/{name}.yaml"
    folded = {used.casefold().rsplit(".", 1)[0] for used in (*templates.template_paths(workspace), *taken)}
    if path.casefold().rsplit(".", 1)[0] in folded:
        raise TemplateError(f"there is a template `{name}` already", file=path, hint="choose another name")
    return path


def standard_template(path: str) -> str:
    """A template in the standard layout: instructions, and a question with a sample for the preview."""
    question = {"sample": "What is the capital of France?", "description": "What to ask"}
    return template_edit.new_template(
        {"inputs": {"question": question}, "instructions": "Answer the question.\n"}, path=path
    )


def checked_copy(source: str, path: str) -> str:
    """The text of another template, unchanged. Raises `TemplateError` if it is not a template."""
    templates.parse(source, path=path)
    return source


def template_from_prompt(text: str, path: str) -> str:
    """A template with one user message. `{{ name }}` in the text becomes an input; all other text is kept."""
    if not text.strip():
        raise TemplateError("there is no text", hint="paste the prompt")
    names: dict[str, Any] = {}
    parts, at = [], 0
    for variable in _VARIABLE.finditer(text):
        if is_input_name(variable[1]):
            parts += [escape_jinja(text[at : variable.start()]), f"{{{{ {variable[1]} }}}}"]
            names[variable[1]] = {}
            at = variable.end()
    parts.append(escape_jinja(text[at:]))
    return template_edit.new_template({"inputs": names, "user": "".join(parts)}, path=path)


__all__ = ["checked_copy", "new_template_path", "standard_template", "template_from_prompt"]
