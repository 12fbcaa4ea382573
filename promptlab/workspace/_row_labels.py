"""The labels and originals that rows of pools and case files name.

    {"id": "host", …, "label": "internal"}
    {"id": "answer-3f", …, "copied_from": ["documents/plan.md", ["examples/cup.jsonl", "host"]]}

A copy is as private as its original, both when it was made and now: `label` is the label it had then, `copied_from` is
the list of originals, whose labels of now count too.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from promptlab._util.csv_rows import CsvRows
from promptlab._util.rows import json_rows, lines_of
from promptlab._yaml import parse_yaml
from promptlab.errors import InputError
from promptlab.types import LABELS, Label, Place

COPIED_FROM = "copied_from"
"""The key or column that lists what a row was copied from."""


@dataclass(frozen=True, slots=True)
class RowLabel:
    """The label that a row names, and its originals."""

    label: Label
    origins: tuple[Place, ...]


def parse_places(value: Any) -> tuple[Place, ...]:
    """The places in a value of `copied_from`. Raises `ValueError` if it is not a list of paths or of [path, row id]."""
    if isinstance(value, str):  # a cell of a CSV file
        try:
            value = json.loads(value) if value.strip() else []
        except RecursionError as exc:
            raise ValueError("is nested too deeply") from exc
    if not isinstance(value, list):
        raise ValueError("should be a list of paths")
    places = []
    for item in value:
        parts = [item] if isinstance(item, str) else item
        if not (isinstance(parts, list) and len(parts) in (1, 2) and all(isinstance(part, str) for part in parts)):
            raise ValueError("should be a list of paths, or of lists of a path and a row's id")
        places.append(Place(*parts))
    return tuple(places)


def places_as_data(places: Sequence[Place]) -> list[Any]:
    """`places` as JSON data for `copied_from`, without duplicates."""
    return [list(place) if place.row else place.path for place in dict.fromkeys(places)]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file: all ids, and those rows that name a label or originals."""

    ids: frozenset[str]
    labelled: Mapping[str, RowLabel]


def read_row_labels(full: Path, shown: str, state: os.stat_result | None = None) -> Rows:
    """The rows of a file. `state` saves a call of `stat` if it is known already. Raises `InputError`, `OSError` or
    `ValueError` if the rows cannot be read."""
    state = full.stat() if state is None else state
    return _read(full, shown, (state.st_mtime_ns, state.st_size, state.st_ino))


@lru_cache(maxsize=64)
def _read(full: Path, shown: str, _state: tuple[int, int, int]) -> Rows:
    labelled: dict[str, RowLabel] = {}
    ids: set[str] = set()
    for row in _rows(full, shown):
        ids.add(str(row.get("id")))
        label, copied = row.get("label") or "public", row.get(COPIED_FROM)
        if label == "public" and not copied:
            continue
        if label not in LABELS:
            raise ValueError(f"{label!r} is not a label")
        labelled[str(row.get("id"))] = RowLabel(label, parse_places(copied or []))
    return Rows(frozenset(ids), labelled)


def _rows(full: Path, shown: str) -> Iterator[Mapping[str, Any]]:
    text, ending = full.read_bytes().decode("utf-8-sig"), full.suffix.lower()
    if ending in (".csv", ".tsv"):
        yield from _csv_rows(text, full.name)
        return
    if ending in (".yaml", ".yml"):
        data = parse_yaml(text, shown=shown, error=InputError).data
        # A suite has its rows under `cases`; a pool or a case file is a list of rows.
        rows = data.get("cases") if isinstance(data, Mapping) else data
        yield from (row for row in rows or () if isinstance(row, Mapping))
        return
    yield from (row.data for row in json_rows(lines_of(text)) if isinstance(row.data, dict))


def _csv_rows(text: str, name: str) -> Iterator[Mapping[str, Any]]:
    # Not exact: a row that would be refused in a pool must keep its label too.
    rows = CsvRows(io.StringIO(text, newline=""), name, known=("id", "label", COPIED_FROM), exact=False)
    for row in rows:
        if "label" in rows.written and row.data.get("label") not in LABELS:
            row.data["label"] = "public"  # an input called `Label` and the like, whose values are other texts
        yield row.data


__all__ = ["COPIED_FROM", "RowLabel", "Rows", "parse_places", "places_as_data", "read_row_labels"]
