"""Planners: each turns a question about a prompt into the trials that answer it. They ask nothing themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from promptlab import documents, examples, passages, templates
from promptlab.errors import InputError, PromptlabError, nearest
from promptlab.formats.common import Home
from promptlab.prompts import Prompts
from promptlab.types import SWITCHABLE, Document, Example, Given, Params, Section, Template, Trial
from promptlab.workspace import Workspace


@dataclass(frozen=True)
class Materials:
    """What a template's sections are filled from, read and chosen."""

    documents: tuple[Document, ...]
    shots: tuple[Example, ...]


class Filler:
    """Fills templates of a workspace, and reads each document and each pool once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._documents: dict[str, Document] = {}
        self._pools: dict[str, tuple[Example, ...]] = {}

    def materials(
        self, template: Template, inputs: Mapping[str, Any], *, without: Collection[Section] = (), item: str = ""
    ) -> Materials:
        """The template's documents and shots; no shot is the `item`, where the pool has one with its id. What is
        switched off is not read, so it cannot fail."""
        defaults = {name: spec.default for name, spec in template.inputs.items() if spec.default is not None}
        given = {**defaults, **inputs}
        paths = () if "context" in without else template.context
        texts = tuple(self._document(template, path, given) for path in paths)
        shots: tuple[Example, ...] = ()
        if template.examples and template.examples.k and "examples" not in without:
            shots = examples.choose(self._pool(template.examples.pool), template.examples, given, item=item)
        return Materials(texts, shots)

    def _document(self, template: Template, path: str, inputs: Mapping[str, Any]) -> Document:
        """A document of the template, or the passages of it that the template takes."""
        if path not in self._documents:
            self._documents[path] = documents.read(self._workspace, path)
        document, choice = self._documents[path], template.passages.get(path)
        return document if choice is None else passages.apply(self._workspace, document, choice, inputs)

    def _pool(self, path: str) -> tuple[Example, ...]:
        if path not in self._pools:
            self._pools[path] = examples.load_pool(self._workspace, path)
        return self._pools[path]


def materials(
    workspace: Workspace, template: Template, inputs: Mapping[str, Any], *, without: Collection[Section] = ()
) -> Materials:
    """Read the template's documents and choose its shots, once."""
    return Filler(workspace).materials(template, inputs, without=without)


def home(workspace: Workspace) -> Home:
    """The workspace as imports look at it."""

    def text_of(path: str) -> str:
        try:
            return workspace.resolve(path).read_bytes().decode("utf-8")
        except (OSError, ValueError, PromptlabError):
            return ""

    def found(template: Template) -> tuple[Sequence[Document], Sequence[Example]]:
        made = materials(workspace, template, templates.sample_inputs(template))
        return made.documents, made.shots

    return Home(text_of, found)


def switches(names: Collection[str]) -> tuple[Section, ...]:
    """Section names as a person typed them, in the order of the prompt; an unknown one is an error."""
    for name in names:
        if name not in SWITCHABLE:
            raise InputError(f"there is no section `{name}` to leave out", hint=nearest(name, SWITCHABLE))
    return tuple(s for s in SWITCHABLE if s in names)


def question(
    workspace: Workspace,
    template: Template,
    given: Given,
    *,
    without: Collection[Section] = (),
    params: Params | None = None,
    expected: Any = None,
) -> Trial:
    """What is asked, with its documents read and its shots chosen; of no model yet, and not rendered yet."""
    filled = materials(workspace, template, given.values, without=without)
    return Trial(
        template=template,
        inputs=given.values,
        model="",
        documents=filled.documents,
        shots=filled.shots,
        without=switches(without),
        params=params or template.params,
        expected=expected,
        label=given.label,
        places=given.places,
    )


def compare(
    workspace: Workspace,
    template: Template,
    given: Given,
    models: Sequence[str],
    *,
    without: Collection[Section] = (),
    params: Params | None = None,
    repeats: int = 1,
    expected: Any = None,
) -> list[Trial]:
    """The same prompt for each of `models`, `repeats` times each, repeats of one model one after another. It is
    rendered once; one that cannot be rendered is an error when it is asked."""
    trial = question(workspace, template, given, without=without, params=params, expected=expected)
    trial = Prompts().rendered(trial)
    return [replace(trial, model=model, repeat=repeat) for model in models for repeat in range(repeats)]
