"""What rows of pools and files of cases say of their own label, and of what they were copied from.

    {"id": "host", …, "label": "internal"}
    {"id": "answer-3f", …, "copied_from": ["documents/plan.md", ["examples/cup.jsonl", "host"]]}

A copy is as private as its original, now and when it was made: `label` is what it was then, `copied_from` says where
to look.
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

from promptlab._util.rows import CsvRows, delimiter_of, json_rows, lines_of
from promptlab._yaml import parse_yaml
from promptlab.errors import InputError
from promptlab.types import LABELS, Label, Place

COPIED_FROM = "copied_from"
"""The key, or the column, with the files that a row was copied from."""


@dataclass(frozen=True, slots=True)
class RowLabel:
    """A row that says something of its label."""

    label: Label
    origins: tuple[Place, ...]


def parse_places(value: Any) -> tuple[Place, ...]:
    """The places that `copied_from` names. Raises `ValueError` where it is no list of paths, or of paths with a row."""
    if isinstance(value, str):  # a cell
        value = json.loads(value) if value.strip() else []
    if not isinstance(value, list):
        raise ValueError("should be a list of paths")
    found = []
    for one in value:
        parts = [one] if isinstance(one, str) else one
        if not (isinstance(parts, list) and len(parts) in (1, 2) and all(isinstance(part, str) for part in parts)):
            raise ValueError("should be a list of paths, or of lists of a path and a row's id")
        found.append(Place(*parts))
    return tuple(found)


def places_as_data(places: Sequence[Place]) -> list[Any]:
    """Places as `copied_from` has them, each once."""
    return [list(one) if one.row else one.path for one in dict.fromkeys(places)]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file: the ids of all, and those that say something of their label."""

    ids: frozenset[str]
    labelled: Mapping[str, RowLabel]


def read_row_labels(full: Path, shown: str, state: os.stat_result | None = None) -> Rows:
    """The rows of a file, whose `state` may be known already. Raises `InputError`, `OSError` or `ValueError` where the
    file has no rows that can be read."""
    state = full.stat() if state is None else state
    return _read(full, shown, (state.st_mtime_ns, state.st_size, state.st_ino))


@lru_cache(maxsize=64)
def _read(full: Path, shown: str, _state: tuple[int, int, int]) -> Rows:
    found: dict[str, RowLabel] = {}
    ids: set[str] = set()
    for row in _rows(full, shown):
        ids.add(str(row.get("id")))
        label, copied = row.get("label") or "public", row.get(COPIED_FROM)
        if label == "public" and not copied:
            continue
        if label not in LABELS:
            raise ValueError(f"{label!r} is not a label")
        found[str(row.get("id"))] = RowLabel(label, parse_places(copied or []))
    return Rows(frozenset(ids), found)


def _rows(full: Path, shown: str) -> Iterator[Mapping[str, Any]]:
    text, ending = full.read_bytes().decode("utf-8-sig"), full.suffix.lower()
    if ending in (".csv", ".tsv"):
        # Loosely: also a row that no pool may have says how private it is.
        yield from (row.data for row in CsvRows(io.StringIO(text, newline=""), delimiter_of(full.name), exact=False))
        return
    if ending in (".yaml", ".yml"):
        data = parse_yaml(text, shown=shown, error=InputError).data
        rows = data.get("cases") if isinstance(data, Mapping) else data  # a suite, else a pool or a file of cases
        yield from (row for row in rows or () if isinstance(row, Mapping))
        return
    yield from (row.data for row in json_rows(lines_of(text)) if isinstance(row.data, dict))


__all__ = ["COPIED_FROM", "RowLabel", "Rows", "parse_places", "places_as_data", "read_row_labels"]
