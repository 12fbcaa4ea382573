"""Checks a template before it is saved: it must parse, declare the inputs it uses, and render with its samples.

check_template(workspace, "templates/cup.yaml")        # (), or the problems with their lines
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from promptlab import documents
from promptlab._yaml import parse_yaml, read_text
from promptlab.errors import InputError, PromptlabError, TemplateError
from promptlab.templates._load import sample_inputs
from promptlab.templates._materials import load_materials, render_with_samples
from promptlab.templates._parse import parse
from promptlab.workspace import Workspace


@dataclass(frozen=True)
class TemplateProblem:
    """A problem of a template, with its place in the file; `hint` tells how to fix it."""

    message: str
    line: int | None = None
    field: str = ""
    hint: str = ""


def check_template(workspace: Workspace, path: str, *, text: str | None = None) -> tuple[TemplateProblem, ...]:
    """The problems of a template; empty if it parses, declares the inputs it uses, and renders with its samples.

    `text`, if given, is checked instead of the file.
    """
    try:
        if text is None:
            full = workspace.resolve(path)
            if not full.exists():
                return (TemplateProblem("there is no such file"),)
            text = read_text(full, shown=path, error=TemplateError)
        template = replace(parse(text, path=path), label=workspace.label_of(path))
    except InputError as exc:
        return (TemplateProblem(exc.what, exc.line, exc.field, exc.hint),)
    file = parse_yaml(text, shown=path, error=TemplateError)
    problems = []
    for number, name in enumerate(template.context):
        try:
            documents.read_document(workspace, name)
        except PromptlabError as exc:
            problems.append(TemplateProblem(exc.message, file.line(("context", number)), f"context.{number}", exc.hint))
    without_documents = replace(template, context=())
    inputs = sample_inputs(template)
    try:
        load_materials(workspace, without_documents, inputs)
    except PromptlabError as exc:
        problems.append(TemplateProblem(exc.message, file.line(("examples", "pool")), "examples", exc.hint))
    for name in template.inputs:
        if name not in inputs:
            hint = "give it a `sample`, so that the template can be shown and checked"
            problems.append(
                TemplateProblem(
                    f"the input `{name}` has no sample", file.line(("inputs", name)), f"inputs.{name}", hint
                )
            )
    if not problems:
        try:
            render_with_samples(workspace, template)
        except TemplateError as exc:
            problems.append(TemplateProblem(exc.what, exc.line, exc.field, exc.hint))
        except PromptlabError as exc:  # about another file, which the message names
            problems.append(TemplateProblem(exc.message, hint=exc.hint))
    return tuple(problems)
