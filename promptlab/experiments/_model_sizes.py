"""The models of an experiment by what they are and what they take, for the kind `models`: as rows, as a table, and the
measures that the score is drawn against."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.experiments._outcome import Outcome
from promptlab.experiments._tables import arm_rows
from promptlab.models import ModelFacts

Facts = Mapping[str, ModelFacts]


@dataclass(frozen=True)
class Measure:
    """Something that a model has little or much of: its key in a row, its `axis`, and how to say that there is less of
    it."""

    key: str
    title: str
    axis: str
    less: str
    scale: float = 1.0


MEASURES = {
    "frontier": Measure("bytes", "The score by size of the model", "size of the file in MB", "smaller", 1e6),
    "parameters": Measure("parameters", "The score by parameters", "parameters in millions", "smaller", 1e6),
    "seconds": Measure("seconds", "The score by time", "seconds for an answer (median)", "faster"),
    "memory taken": Measure("memory", "The score by memory", "memory in MB, as measured", "lighter", 1e6),
}
"""What the score is drawn against, by the name of the picture. A file's bytes are the usual one."""


def model_rows(outcome: Outcome, facts: Facts) -> list[dict[str, Any]]:
    """A row for each model: its score, its facts, and the median seconds of its answers. None is not known. Seconds are
    as the answers were given, beside whatever else was running."""
    rows = []
    for row in arm_rows(outcome):
        known = facts.get(row["model"], ModelFacts())
        given = [one.seconds for one in outcome.seen.every if one.model == row["model"] and one.seconds is not None]
        rows.append(
            {
                **{key: row[key] for key in ("model", "score", "low", "high", "judged")},
                "parameters": known.parameters,
                "bytes": known.bytes,
                "file_type": known.type_words or None,
                "requantised": bool(known.file and known.file.was_requantised),
                "memory": known.memory,
                "reading": known.reading,
                "writing": known.writing,
                "seconds": statistics.median(given) if given else None,
            }
        )
    return rows


def model_table(outcome: Outcome, facts: Facts) -> list[list[str]]:
    """The rows as text, with a head. Columns of which nothing is known are left out."""
    columns: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
        ("parameters", "parameters", lambda count: f"{count / 1e6:,.0f} million"),
        ("bytes", "size", lambda count: f"{count / 1e6:,.0f} MB"),
        ("file_type", "file type", str),
        ("memory", "memory", lambda count: f"{count / 1e6:,.0f} MB"),
        ("reading", "reading", lambda rate: f"{rate:,.0f} tokens/s"),
        ("writing", "writing", lambda rate: f"{rate:,.0f} tokens/s"),
        ("seconds", "seconds an answer", lambda time: f"{time:.3g}"),
    )
    rows = model_rows(outcome, facts)
    shown = [each for each in columns if any(row[each[0]] is not None for row in rows)]
    table = [["model", *(head for _, head, _ in shown), "score", "answers", "95 % interval"]]
    for row in rows:
        cells = ["not known" if row[key] is None else words(row[key]) for key, _, words in shown]
        score = f"{100 * row['score']:.1f} %" if row["judged"] else "–"
        interval = f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %" if row["judged"] else "–"
        table.append([row["model"], *cells, score, str(row["judged"]), interval])
    return table


def frontier_of(rows: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    """The models of which no other has at most as much of `key` and at least the same score, and is better in one."""

    def beats(other: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
        at_least = other[key] <= row[key] and other["score"] >= row["score"]
        return bool(at_least and (other[key], other["score"]) != (row[key], row["score"]))

    return [row["model"] for row in rows if not any(beats(other, row) for other in rows)]


def origin_notes(outcome: Outcome, facts: Facts) -> list[str]:
    """A line for each model that was made from a file that was quantised already."""
    notes = []
    for model in outcome.planned.experiment.models:
        file = facts[model].file if model in facts else None
        if file and file.was_requantised:
            notes.append(
                f"{model} is {file.file_type}, requantised from {file.quantised_from}: it has the errors of both, and "
                f"says nothing about {file.file_type} made from the original weights."
            )
    return notes


__all__ = ["MEASURES", "Facts", "Measure", "frontier_of", "model_rows", "model_table", "origin_notes"]
