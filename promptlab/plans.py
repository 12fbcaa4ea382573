"""Planners: each turns a question about a prompt into the trials that answer it. They ask nothing themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab import documents, examples, passages
from promptlab.errors import InputError, nearest
from promptlab.types import SWITCHABLE, Document, Example, Label, Params, Section, Template, Trial
from promptlab.workspace import Workspace


@dataclass(frozen=True)
class Materials:
    """What a template's sections are filled from, read and chosen."""

    documents: tuple[Document, ...]
    shots: tuple[Example, ...]


def materials(
    workspace: Workspace, template: Template, inputs: Mapping[str, Any], *, without: Collection[Section] = ()
) -> Materials:
    """Read the template's documents and choose its shots. What is switched off is not read, so it cannot fail."""
    defaults = {name: spec.default for name, spec in template.inputs.items() if spec.default is not None}
    given = {**defaults, **inputs}
    texts = (
        () if "context" in without else tuple(_document(workspace, template, path, given) for path in template.context)
    )
    shots: tuple[Example, ...] = ()
    if template.examples and template.examples.k and "examples" not in without:
        pool = examples.load_pool(workspace, template.examples.pool)
        shots = examples.choose(pool, template.examples, given)
    return Materials(texts, shots)


def _document(workspace: Workspace, template: Template, path: str, inputs: Mapping[str, Any]) -> Document:
    """A document of the template, or the passages of it that the template takes."""
    document = documents.read(workspace, path)
    choice = template.passages.get(path)
    return document if choice is None else passages.apply(workspace, document, choice, inputs)


def switches(names: Collection[str]) -> tuple[Section, ...]:
    """Section names as a person typed them, in the order of the prompt; an unknown one is an error."""
    for name in names:
        if name not in SWITCHABLE:
            raise InputError(f"there is no section `{name}` to leave out", hint=nearest(name, SWITCHABLE))
    return tuple(s for s in SWITCHABLE if s in names)


def compare(
    workspace: Workspace,
    template: Template,
    inputs: Mapping[str, Any],
    models: Sequence[str],
    *,
    without: Collection[Section] = (),
    params: Params | None = None,
    repeats: int = 1,
    expected: str | None = None,
    label: Label = "public",
) -> list[Trial]:
    """The same prompt for each of `models`, `repeats` times each, repeats of one model one after another.

    `label` is that of the inputs.
    """
    filled = materials(workspace, template, inputs, without=without)
    return [
        Trial(
            template=template,
            inputs=inputs,
            model=model,
            documents=filled.documents,
            shots=filled.shots,
            without=switches(without),
            params=params or template.params,
            repeat=repeat,
            expected=expected,
            label=label,
        )
        for model in models
        for repeat in range(repeats)
    ]
