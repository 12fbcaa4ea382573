"""What the sections of a template are filled from: its documents, read, and its shots, chosen.

materials(workspace, template, {"question": "Who won?"}).documents
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from promptlab import documents, examples
from promptlab.templates._load import sample_inputs
from promptlab.templates._render import render
from promptlab.types import Document, Example, Prompt, Section, Template
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
            shots = examples.choose_shots(self._pool(template.examples.pool), template.examples, given, item=item)
        return Materials(texts, shots)

    def _document(self, template: Template, path: str, inputs: Mapping[str, Any]) -> Document:
        """A document of the template, or the passages of it that the template takes."""
        if path not in self._documents:
            self._documents[path] = documents.read_document(self._workspace, path)
        document, choice = self._documents[path], template.passages.get(path)
        return document if choice is None else documents.apply_passage_choice(self._workspace, document, choice, inputs)

    def _pool(self, path: str) -> tuple[Example, ...]:
        if path not in self._pools:
            self._pools[path] = examples.load_pool(self._workspace, path)
        return self._pools[path]


def materials(
    workspace: Workspace, template: Template, inputs: Mapping[str, Any], *, without: Collection[Section] = ()
) -> Materials:
    """Read the template's documents and choose its shots, once."""
    return Filler(workspace).materials(template, inputs, without=without)


def rendered(workspace: Workspace, template: Template, inputs: Mapping[str, Any] | None = None) -> Prompt:
    """The prompt with the samples of the inputs, and `inputs` where they are given. Asks no model."""
    values = {**sample_inputs(template), **(inputs or {})}
    filled = materials(workspace, template, values)
    return render(template, values, documents=filled.documents, shots=filled.shots)
