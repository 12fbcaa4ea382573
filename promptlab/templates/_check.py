"""Checking a template before it is saved: it parses, declares what it uses, and renders with its samples.

check(workspace, "templates/cup.yaml")        # () or the problems, each with its line
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from promptlab import documents
from promptlab._yaml import parse_yaml, read_text
from promptlab.errors import InputError, PromptlabError, TemplateError
from promptlab.templates._load import sample_inputs
from promptlab.templates._materials import materials, rendered
from promptlab.templates._parse import parse
from promptlab.workspace import Workspace


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a template, and where in its file; `hint` says what to do."""

    message: str
    line: int | None = None
    field: str = ""
    hint: str = ""


def check(workspace: Workspace, path: str, *, text: str | None = None) -> tuple[Problem, ...]:
    """What is wrong with the template, nothing when it parses, declares what it uses, and renders with its samples.

    `text` is checked instead of the file where it is given.
    """
    try:
        if text is None:
            full = workspace.resolve(path)
            if not full.exists():
                return (Problem("there is no such file"),)
            text = read_text(full, shown=path, error=TemplateError)
        template = replace(parse(text, path=path), label=workspace.label_of(path))
    except InputError as exc:
        return (Problem(exc.what, exc.line, exc.field, exc.hint),)
    file = parse_yaml(text, shown=path, error=TemplateError)
    found = []
    for number, name in enumerate(template.context):
        try:
            documents.read_document(workspace, name)
        except PromptlabError as exc:
            found.append(Problem(exc.message, file.line(("context", number)), f"context.{number}", exc.hint))
    without_documents = replace(template, context=())
    inputs = sample_inputs(template)
    try:
        materials(workspace, without_documents, inputs)
    except PromptlabError as exc:
        found.append(Problem(exc.message, file.line(("examples", "pool")), "examples", exc.hint))
    for name in template.inputs:
        if name not in inputs:
            hint = "give it a `sample`, so that the template can be shown and checked"
            found.append(
                Problem(f"the input `{name}` has no sample", file.line(("inputs", name)), f"inputs.{name}", hint)
            )
    if not found:
        try:
            rendered(workspace, template)
        except TemplateError as exc:
            found.append(Problem(exc.what, exc.line, exc.field, exc.hint))
        except PromptlabError as exc:  # of a file beside it, which the message names
            found.append(Problem(exc.message, hint=exc.hint))
    return tuple(found)
