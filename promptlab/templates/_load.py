"""Finds and loads the templates of a workspace, and reads inputs that a user typed.

    template = load(workspace, "world-cup")
    prompt = render(template, {"question": "Who won?"}, documents=documents, shots=shots)
    prompt.messages[0].role                # "system"
    prompt.texts()                         # each span with its text: instructions, a document, an example, …

Values (inputs, documents, examples) are inserted once. Jinja in them is never rendered.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from promptlab._yaml import parse_yaml, read_text
from promptlab.errors import TemplateError, TemplateNotFound, WorkspaceError, nearest
from promptlab.templates._file_schema import file_schema
from promptlab.templates._parse import parse
from promptlab.templates._render import check_type, render, spec_of
from promptlab.templates._template import Template
from promptlab.workspace import Workspace

TEMPLATES_FOLDER = "templates"
ENDINGS = (".yaml", ".yml")


def template_paths(workspace: Workspace) -> list[str]:
    """The sorted paths of all templates in the `templates` folder of the workspace."""
    folder = workspace.root / TEMPLATES_FOLDER
    files = [path for path in folder.rglob("*") if path.suffix in ENDINGS and path.is_file()]
    return sorted(path.relative_to(workspace.root).as_posix() for path in files)


def load(workspace: Workspace, path: str) -> Template:
    """The template at `path`: a path in the workspace, an absolute path, or a bare name such as `world-cup`.

    Its documents and its pool of examples must exist: a missing file raises `TemplateError` with the line.
    """
    full, shown = _find(workspace, path)
    template = parse(read_text(full, shown=shown, error=TemplateError), path=shown)
    template = replace(template, label=workspace.label_of(shown))
    references = [(f"context.{number}", document) for number, document in enumerate(template.context)]
    if template.examples:
        references.append(("examples.pool", template.examples.pool))
    for field, name in references:
        _check_exists(workspace, template, field, name)
    return template


def _find(workspace: Workspace, path: str) -> tuple[Path, str]:
    bare = "/" not in path and "\\" not in path and not path.endswith(ENDINGS)
    if Path(path).is_absolute():
        full = Path(path)
    else:
        try:
            full = workspace.resolve(f"{TEMPLATES_FOLDER}/{path}.yaml" if bare else path)
        except (WorkspaceError, ValueError) as exc:  # ValueError: a NUL byte
            raise TemplateError(str(exc), file=path) from exc
    shown = workspace.relative(full)
    if not full.is_file():
        known = template_paths(workspace)
        known = [Path(name).stem for name in known] if bare else known
        raise TemplateNotFound("there is no such template", file=path if bare else shown, hint=nearest(path, known))
    return full, shown


def _check_exists(workspace: Workspace, template: Template, field: str, name: str) -> None:
    try:
        full = workspace.resolve(name)
        exists = full.is_file()
    except (WorkspaceError, OSError, ValueError) as exc:
        message, exists, hint = str(exc), False, ""
    else:
        message = f"there is no file `{name}` in the workspace"
        siblings = [p.name for p in full.parent.iterdir()] if full.parent.is_dir() else []
        close = difflib.get_close_matches(full.name, siblings, n=1)
        hint = f"did you mean `{workspace.relative(full.parent / close[0])}`?" if close else ""
    if not exists:
        file = parse_yaml(template.source, shown=template.path, error=TemplateError)
        line = file.line(int(part) if part.isdigit() else part for part in field.split("."))
        raise TemplateError(message, file=template.path, line=line, field=field, hint=hint)


def sample_inputs(template: Template) -> dict[str, Any]:
    """The sample of each input, else its default. Inputs that have neither are left out."""
    values = {name: spec.default if spec.sample is None else spec.sample for name, spec in template.inputs.items()}
    return {name: value for name, value in values.items() if value is not None}


def with_defaults(template: Template, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that the template declares, in its order: those in `inputs`, else the defaults. Those that have
    neither are left out."""
    values = {name: inputs.get(name, spec.default) for name, spec in template.inputs.items()}
    return {name: value for name, value in values.items() if value is not None}


def inputs_from_text(template: Template, texts: Mapping[str, str]) -> dict[str, Any]:
    """Inputs that a user typed, as values of the types that the template declares.

    Text stays the same; numbers, booleans, lists and objects are parsed as JSON.
    """
    values: dict[str, Any] = {}
    for name, text in texts.items():
        spec = spec_of(template, name)
        if spec.type == "string":
            values[name] = text
            continue
        try:
            values[name] = json.loads(text)
        except (ValueError, RecursionError) as exc:
            message = f"cannot be read as a {spec.type}: {text[:60]!r}"
            raise TemplateError(message, file=template.path, field=f"inputs.{name}", hint="write it as JSON") from exc
        check_type(template, name, spec, values[name])
    return values


__all__ = [
    "TEMPLATES_FOLDER",
    "file_schema",
    "inputs_from_text",
    "load",
    "parse",
    "render",
    "sample_inputs",
    "template_paths",
    "with_defaults",
]
