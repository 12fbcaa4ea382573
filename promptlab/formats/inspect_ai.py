"""Datasets of Inspect, as CSV, JSON or JSONL: rows of `input`, `target`, `choices`, `id`, `metadata`.

    {"input": "Who hosted it?", "target": "Qatar", "choices": ["Qatar", "Brazil"], "id": "host"}

They become a pool of examples, and a template that asks the questions of the rows.
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._report import ConversionReport, Imported
from promptlab.formats._source import pool_line, read_bytes, read_rows, slug
from promptlab.formats._template_builder import Draft
from promptlab.formats._workspace_view import ImportFolders
from promptlab.formats.openai import message_text

KNOWN = ("input", "target", "choices", "id", "metadata", "files", "sandbox", "setup")
QUESTION, CHOICES = "question", "choices"


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a dataset. Raises `FormatError` if no row has an `input`."""
    rows = read_rows(path, shown)
    if not any("input" in row for _, row in rows):
        raise FormatError("not a dataset of Inspect: no row has an `input`", file=shown, line=1)
    imported = Imported(slug(path.stem), read_bytes(path, shown))
    report = imported.report
    first = {key: (line or None) for line, row in reversed(rows) for key in row}
    has_choices = any(_choices(row) for _, row in rows)
    lines, sample = _examples(rows, report, has_choices=has_choices)
    _report_columns(first, report)
    pool = imported.add(f"{places.pools}/{imported.name}.jsonl", "".join(lines), "pool") if lines else ""
    draft = Draft(f"Questions of {path.name} (a dataset of Inspect)")
    draft.messages([("user", f"{{{{ {QUESTION} }}}}" + (f"\n\n{{{{ {CHOICES} }}}}" if has_choices else ""))])
    for key, value in sample.items():
        draft.inputs[key]["sample"] = value
    if pool:
        draft.examples = {"pool": pool, "k": 0}
    target = f"{places.templates}/{imported.name}.yaml"
    imported.add(target, draft.text(target))
    return imported


def _examples(
    rows: Sequence[tuple[int, Mapping[str, Any]]], report: ConversionReport, *, has_choices: bool
) -> tuple[list[str], dict[str, Any]]:
    """The lines of the pool, and the inputs of the first question, which become the samples."""
    names: set[str] = set()
    lines: list[str] = []
    sample: dict[str, Any] = {}
    for number, (line, row) in enumerate(rows, 1):
        question, notes = _question(row.get("input"))
        choices = _choices(row)
        answer = _answer(row.get("target"))
        place = line or None
        if not question or not answer:
            missing = "`input`" if not question else "`target`"
            report.add(f"row {number}", "not understood", place, f"no text in {missing}, so it is no example")
        for note in notes:
            report.add(f"row {number}.input", "translated", place, note)
        if not question:
            continue
        inputs = {QUESTION: question}
        if has_choices:
            inputs[CHOICES] = "\n".join(
                f"{letter}) {text}" for letter, text in zip(string.ascii_uppercase, choices, strict=False)
            )
        sample = sample or inputs
        if answer:
            name = slug(str(row.get("id") or number))
            name = name if name not in names else f"{name}-row-{number}"
            names.add(name)
            lines.append(pool_line(number, inputs, answer, name=name))
    return lines, sample


def _report_columns(first: Mapping[str, int | None], report: ConversionReport) -> None:
    """Report each column, with the `first` line that has it."""
    words = {
        "input": f"the input `{QUESTION}` of the template and the examples",
        "target": "the output of an example; of several the first",
        "choices": f"the input `{CHOICES}`, a lettered line for each",
        "id": "the id of an example",
    }
    for key, at in first.items():
        if key in ("input", "target", "choices", "id"):
            report.add(key, "taken" if key == "id" else "translated", at, words[key])
        else:
            report.add(key, "not understood", at, "kept in the original" if key in KNOWN else "no field of a dataset")


def _question(value: Any) -> tuple[str, list[str]]:
    """The text of an input, which may be a list of messages."""
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            try:
                return _question(json.loads(value))
            except ValueError:
                pass
        return value, []
    if isinstance(value, list) and all(isinstance(m, Mapping) for m in value):
        texts = [message_text(m.get("content"))[0] for m in value if m.get("role") == "user"]
        note = [] if len(texts) == len(value) == 1 else ["of the messages only those of the user"]
        return "\n\n".join(text for text in texts if text), note
    return (str(value), []) if isinstance(value, int | float) else ("", [])


def _choices(row: Mapping[str, Any]) -> list[str]:
    value = row.get("choices")
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError:
            value = [part.strip() for part in value.split(",")]
    return [str(choice) for choice in value] if isinstance(value, list) else []


def _answer(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, int | float) and not isinstance(first, bool):
        return str(first)
    return first if isinstance(first, str) else ""
