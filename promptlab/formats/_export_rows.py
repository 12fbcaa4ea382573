"""The rows of an export: questions with their answers, of a pool of examples or of another file.

rows_of_pool(workspace, template, "fixtures/examples/tickets.jsonl")
rows_of_file(workspace, template, Path("rows.csv"))             # a column for each input, and `output` or `target`
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab import examples, templates
from promptlab.formats._source import read_rows
from promptlab.templates import Template
from promptlab.types import LABELS, Label, Place, highest
from promptlab.workspace import Labels, Workspace


@dataclass(frozen=True)
class ExportRow:
    """A question with its answer: a request of an export. `name` names it in messages."""

    name: str
    inputs: Mapping[str, Any]
    output: str
    label: Label
    places: tuple[Place, ...] = ()


def rows_of_pool(workspace: Workspace, template: Template, path: str) -> list[ExportRow]:
    """The examples of a pool."""
    return [
        ExportRow(e.id, templates.inputs_from_text(template, _own(template, e.inputs)), e.output, e.label, e.places)
        for e in examples.load_pool(workspace, path)
    ]


def rows_of_file(workspace: Workspace, template: Template, path: Path) -> list[ExportRow]:
    """The rows of a pool, or of CSV, JSON or JSONL."""
    labels, file = Labels(workspace), str(path.absolute())
    label = labels.of_path(file)
    result = []
    for number, (_, row) in enumerate(read_rows(path, str(path)), 1):
        values = row["inputs"] if isinstance(row.get("inputs"), dict) else row
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in _own(template, values).items()}
        output = row.get("output", row.get("target", ""))
        name = str(row.get("id") or number)
        place = Place(file, str(row.get("id") or ""))
        own = highest([_with_own(label, row.get("label")), labels.of(place)])
        result.append(ExportRow(name, templates.inputs_from_text(template, texts), str(output), own, (place,)))
    return result


def _own(template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the inputs that the template declares."""
    return {name: value for name, value in values.items() if name in template.inputs}


def _with_own(label: Label, own: Any) -> Label:
    """The stricter of the label of the file and the label that a row names."""
    return highest([label, own]) if own in LABELS else label


__all__ = ["ExportRow", "rows_of_file", "rows_of_pool"]
