"""Functions that give a case other documents or shots than its template has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from promptlab.examples import facts_of_pool
from promptlab.suites import Case
from promptlab.templates import Materials
from promptlab.types import Document, Example

Fill = Callable[[Case, Materials], Materials]
DocumentsOf = Callable[[Case, tuple[Document, ...]], tuple[Document, ...]]


def with_shots(pool: Sequence[Example], order: Sequence[Example], k: int) -> Fill:
    """The first `k` of `order` as shots. A case is never its own shot: the next one in `order` takes its place."""
    facts = facts_of_pool(pool)
    place = {example.id: number for number, example in enumerate(pool)}

    def fill(case: Case, materials: Materials) -> Materials:
        own = facts.same_as(case.inputs, case.id)
        shots = [example for example in order if place[example.id] not in own][:k]
        return replace(materials, shots=tuple(shots))

    return fill


def with_documents(documents: DocumentsOf) -> Fill:
    """The documents that `documents` gives for a case and the documents of its template."""

    def fill(case: Case, materials: Materials) -> Materials:
        return replace(materials, documents=documents(case, materials.documents))

    return fill
