r"""Pools of worked examples, and the choice of shots from them.

A pool is a JSONL file, one example a line; `tags` and `label` may be left out:

    {"id": "host", "inputs": {"question": "Which country was the host?"}, "output": "Qatar", "tags": ["short"]}

Choosing is a pure function of the pool, the choice and the inputs: the same arguments give the same
examples in the same order, and never the item that is being asked.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from promptlab.errors import ExampleError, WorkspaceError, nearest
from promptlab.types import LABELS, Example, Label, ShotChoice, canonical_json, highest, sha256
from promptlab.workspace import Workspace
from promptlab.yamlfile import read_text

KEYS = ("id", "inputs", "output", "tags", "label")


def load_pool(workspace: Workspace, path: str) -> tuple[Example, ...]:
    """The examples of the pool at `path`, relative to the workspace, in the file's order.

    A label on a line can raise the one promptlab.yaml gives the file, never lower it. Raises
    `ExampleError` with the line: not JSON, an unknown or a missing key, a wrong type, an id used twice.
    """
    try:
        full = workspace.resolve(path)
        stat = full.stat()
    except WorkspaceError as exc:
        raise ExampleError(exc.what, file=path, hint=exc.hint) from exc
    except (OSError, ValueError) as exc:
        reason = "there is no such pool" if isinstance(exc, FileNotFoundError) else f"cannot be read: {exc}"
        raise ExampleError(reason, file=path) from exc
    if not full.is_file():
        raise ExampleError("is not a file", file=path, hint="a pool is a JSONL file")

    return _parsed(full, path, workspace.label_of(path), stat.st_mtime_ns, stat.st_size)


# A sweep loads the same pool for every case; the file's time and size say whether it is still the same.
@lru_cache(maxsize=64)
def _parsed(full: Path, shown: str, label: Label, _modified: int, _size: int) -> tuple[Example, ...]:
    found: dict[str, tuple[int, Example]] = {}
    # Not splitlines: JSON strings may hold U+2028 and the like, which only it takes for the end of a line.
    for number, line in enumerate(
        read_text(full, shown=shown, error=ExampleError).removeprefix("\ufeff").split("\n"), 1
    ):
        if not line.strip():
            continue
        example = _example(line, label, _Place(shown, number))
        if example.id in found:
            first = found[example.id][0]
            raise ExampleError(
                f"the id `{example.id}` is used in line {first} already", file=shown, line=number, field="id"
            )
        found[example.id] = (number, example)
    if not found:
        raise ExampleError("the pool is empty", file=shown)
    return tuple(example for _, example in found.values())


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    line: int

    def error(self, message: str, field: str = "", hint: str = "") -> ExampleError:
        return ExampleError(message, file=self.file, line=self.line, field=field, hint=hint)


def _example(line: str, label: Label, place: _Place) -> Example:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise place.error(f"not JSON: {exc}", hint="a pool has one JSON object a line") from exc
    if not isinstance(row, dict):
        raise place.error("not a JSON object", hint="a pool has one JSON object a line")
    for key in row:
        if key not in KEYS:
            raise place.error(f"unknown key `{key}`", key, nearest(key, KEYS))
    for key in ("id", "inputs", "output"):
        if key not in row:
            raise place.error(f"`{key}` is missing", key)
    for key in ("id", "output"):
        if not isinstance(row[key], str) or not row[key]:
            raise place.error("should be text that is not empty", key)
    inputs = row["inputs"]
    if not isinstance(inputs, dict) or not inputs:
        raise place.error("should be an object of input names and texts", "inputs")
    for name, value in inputs.items():
        if not isinstance(value, str):
            raise place.error(f"should be text, not {type(value).__name__}", f"inputs.{name}", "put it in quotes")
    tags = row.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise place.error("should be a list of texts", "tags")
    own = row.get("label", "public")
    if own not in LABELS:
        raise place.error(f"{own!r} is not a label", "label", f"labels: {', '.join(LABELS)}")
    return Example(row["id"], inputs, row["output"], tuple(tags), highest([own, label]))


def choose(
    pool: Sequence[Example], choice: ShotChoice, inputs: Mapping[str, Any] | None = None, *, item: str = ""
) -> tuple[Example, ...]:
    """The `choice.k` shots for an item with these `inputs`, whose id is `item` where it has one.

    The item itself is never among them: an example is the item when it has its id, or the same inputs but
    for case and spacing. `first` keeps the pool's order. `random` orders all examples by a hash of seed
    and id, so the order of the file plays no part and leaving one out does not reshuffle the others.
    Raises `ExampleError` when the pool has too few others.
    """
    others = [example for example in pool if not _is_item(example, inputs or {}, item)]
    if len(others) < choice.k:
        left_out = len(pool) - len(others)
        less = f" ({left_out} of {len(pool)} left out: the item itself)" if left_out else ""
        message = f"{choice.k} shots are asked for, and the pool has {len(others)}{less}"
        raise ExampleError(message, file=choice.pool, hint="lower `k`, or add examples")
    if choice.select == "random":
        others.sort(key=lambda example: sha256(f"{choice.seed}\0{example.id}"))
    return tuple(others[: choice.k])


def _is_item(example: Example, inputs: Mapping[str, Any], item: str) -> bool:
    if item and example.id == item:
        return True
    # Inputs only one side has do not tell two items apart: a template may not use all an example has.
    shared = example.inputs.keys() & inputs.keys()
    return bool(shared) and all(_normal(example.inputs[name]) == _normal(inputs[name]) for name in shared)


def _normal(value: Any) -> str:
    text = value if isinstance(value, str) else canonical_json(value)
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
