"""Graders of OpenAI's evals as scorers, and the suite of an imported eval."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from promptlab._yaml import dump_yaml
from promptlab.formats._openai_messages import names_in_text
from promptlab.formats._report import Imported
from promptlab.formats._workspace_view import ImportFolders
from promptlab.formats.promptfoo_asserts import AsScorers, scorers_of

ANSWER = re.compile(r"\s*\{\{\s*sample\.output_text\s*\}\}\s*")
_OPERATIONS = {"eq": "equals", "ne": "not-equals", "like": "contains", "ilike": "icontains"}
_REFERENCE = re.compile(r"\{\{\s*(?P<name>[^\W\d][\w.-]*)\s*\}\}")


def graded(grader: Mapping[str, Any], value_of: Callable[[str], Any]) -> AsScorers:
    """A grader as scorers for one row. `value_of` gives the value of `item.x`."""
    kind = grader.get("type")
    operation = _OPERATIONS.get(str(grader.get("operation")))
    if kind != "string_check" or operation is None:
        return AsScorers(note=f"`{kind}` is no check that promptlab has; a suite can have a `judge`")
    if not ANSWER.fullmatch(str(grader.get("input"))):
        return AsScorers(note="checks something else than the whole answer")
    reference = grader.get("reference")
    if not isinstance(reference, str) or any(not n.startswith("item.") for n in names_in_text(reference)):
        return AsScorers(note="compares with something else than a text or a value of the row")
    text = _REFERENCE.sub(lambda match: str(value_of(match["name"])), reference)
    if not text:
        return AsScorers(note="compares with an empty text")
    escaped = {"type": operation, "value": "{{ expected_text }}"}
    return scorers_of(escaped, {"expected_text": text}, {})


def write_suite(
    imported: Imported,
    places: ImportFolders,
    name: str,
    template: str,
    cases: Sequence[tuple[Mapping[str, Any], list[Any], str | None]],
) -> None:
    """Add a suite with these cases: inputs, scorers and the expected answer of each."""
    if not cases:
        return
    models = list(imported.models) or ["choose-a-model"]
    rows = []
    for number, (inputs, scorers, expected) in enumerate(cases, 1):
        row: dict[str, Any] = {"id": f"case-{number}", "inputs": dict(inputs)}
        row |= {"expected": expected} if expected is not None else {}
        row |= {"scorers": scorers} if scorers else {}
        rows.append(row)
    head = "" if imported.models else "# models: the eval names none; name your own\n"
    text = head + dump_yaml({"template": template, "models": models, "cases": rows})
    path = imported.add(f"{places.suites}/{name}.yaml", text, "suite")
    if not imported.models:
        imported.report.add("models of the suite", "not understood", None, f"none is named: add yours to {path}")
