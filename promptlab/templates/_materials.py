"""The materials of a template: its documents, read, and its shots, chosen from the pool.

load_materials(workspace, template, {"question": "Who won?"}).documents
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from promptlab import documents, examples
from promptlab.templates._load import sample_inputs
from promptlab.templates._render import render
from promptlab.templates._template import Template
from promptlab.types import Document, Example, Prompt, Section
from promptlab.workspace import Workspace


@dataclass(frozen=True)
class Materials:
    """The documents and shots that the sections of a template are filled with."""

    documents: tuple[Document, ...]
    shots: tuple[Example, ...]


class MaterialsReader:
    """Reads the materials of many templates; each document and each pool is read once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._documents: dict[str, Document] = {}
        self._pools: dict[str, tuple[Example, ...]] = {}

    def materials(
        self, template: Template, inputs: Mapping[str, Any], *, without: Collection[Section] = (), item: str = ""
    ) -> Materials:
        """The documents and shots of the template. The example with the id `item` is never a shot.

        Sections in `without` are not read, so they cannot fail.
        """
        defaults = {name: spec.default for name, spec in template.inputs.items() if spec.default is not None}
        values = {**defaults, **inputs}
        paths = () if "context" in without else template.context
        texts = tuple(self._document(template, path, values) for path in paths)
        shots: tuple[Example, ...] = ()
        if template.examples and template.examples.k and "examples" not in without:
            shots = examples.choose_shots(self._pool(template.examples.pool), template.examples, values, item=item)
        return Materials(texts, shots)

    def _document(self, template: Template, path: str, inputs: Mapping[str, Any]) -> Document:
        """A document, or the passages of it that the template chooses."""
        if path not in self._documents:
            self._documents[path] = documents.read_document(self._workspace, path)
        document, choice = self._documents[path], template.passages.get(path)
        return document if choice is None else documents.apply_passage_choice(self._workspace, document, choice, inputs)

    def _pool(self, path: str) -> tuple[Example, ...]:
        if path not in self._pools:
            self._pools[path] = examples.load_pool(self._workspace, path)
        return self._pools[path]


def load_materials(
    workspace: Workspace, template: Template, inputs: Mapping[str, Any], *, without: Collection[Section] = ()
) -> Materials:
    """Read the documents of the template and choose its shots."""
    return MaterialsReader(workspace).materials(template, inputs, without=without)


def render_with_samples(workspace: Workspace, template: Template, inputs: Mapping[str, Any] | None = None) -> Prompt:
    """The prompt with `inputs`, and with samples for all other inputs. No model is asked."""
    values = {**sample_inputs(template), **(inputs or {})}
    loaded = load_materials(workspace, template, values)
    return render(template, values, documents=loaded.documents, shots=loaded.shots)
