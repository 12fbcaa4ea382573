r"""Pools of worked examples: reading them, searching them, and finding what is in them twice.

A pool is a JSONL, CSV or YAML file (`examples/_pool_file.py`); in JSONL it has one example a line:

    {"id": "host", "inputs": {"question": "Which country was the host?"}, "output": "Qatar", "tags": ["short"]}

`examples/_select.py` has the choice of shots, `examples/_edit.py` what changes a pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from promptlab._util.bm25 import normal
from promptlab.errors import ExampleError, WorkspaceError
from promptlab.examples import _pool_file as pool_files
from promptlab.examples import _select as selection
from promptlab.examples._select import ShotSelection, select_shots
from promptlab.types import Example, Label, ShotChoice, highest
from promptlab.workspace import Labels, Workspace

FOLDERS = ("examples", "fixtures/examples")
"""Where pools are looked for."""
ENDINGS = (".jsonl", ".csv", ".tsv", ".yaml", ".yml")


def load_pool(workspace: Workspace, path: str) -> tuple[Example, ...]:
    """The examples of the pool at `path`, relative to the workspace, in the file's order; there is at least one.

    A label in a row can raise the one promptlab.yaml gives the file, never lower it. Raises `ExampleError` with
    the line: broken text, an unknown or a missing key, a wrong type, an id used twice.
    """
    found = read_pool(workspace, path)
    if not found:
        raise ExampleError("the pool is empty", file=path)
    return found


def read_pool(workspace: Workspace, path: str) -> tuple[Example, ...]:
    """As `load_pool`, but a pool may be empty."""
    try:
        full = workspace.resolve(path)
        stat = full.stat()
    except WorkspaceError as exc:
        raise ExampleError(exc.what, file=path, hint=exc.hint) from exc
    except (OSError, ValueError) as exc:
        reason = "there is no such pool" if isinstance(exc, FileNotFoundError) else f"cannot be read: {exc}"
        raise ExampleError(reason, file=path) from exc
    if not full.is_file():
        raise ExampleError("is not a file", file=path, hint="a pool is a JSONL, CSV or YAML file")
    found = _parsed(full, path, workspace.label_of(path), (stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return with_current_labels(workspace, found)


def with_current_labels(workspace: Workspace, found: tuple[Example, ...]) -> tuple[Example, ...]:
    """Examples, each no less private than what it was copied from is now."""
    if not any(example.origins for example in found):
        return found
    labels = Labels(workspace)
    return tuple(
        replace(one, label=highest([one.label, *map(labels.of_copy, one.origins)])) if one.origins else one
        for one in found
    )


# A sweep loads the same pool for every case; the file's time, size and number say whether it is still the same.
@lru_cache(maxsize=64)
def _parsed(full: Path, shown: str, label: Label, _state: tuple[int, int, int]) -> tuple[Example, ...]:
    rows = pool_files.parse(pool_files.read_bytes(full, shown), shown, label).rows
    return tuple(row.example for row in rows)


def choose_shots(
    pool: Sequence[Example], choice: ShotChoice, inputs: Mapping[str, Any] | None = None, *, item: str = ""
) -> tuple[Example, ...]:
    """The shots that `select` chooses, without the reasons."""
    return select_shots(pool, choice, inputs, item=item).examples


def pool_paths(workspace: Workspace) -> list[str]:
    """Pools of the workspace: JSONL, CSV and YAML files in `examples` and `fixtures/examples`, sorted."""
    found = [
        file
        for folder in FOLDERS
        for file in (workspace.root / folder).rglob("*")
        if file.suffix.lower() in ENDINGS and file.is_file()
    ]
    return sorted(file.relative_to(workspace.root).as_posix() for file in found)


def search_pool(
    pool: Sequence[Example], text: str, *, tag: str = "", label: Label | None = None, limit: int | None = None
) -> list[Example]:
    """The examples with `text` in any field, but for case, in the pool's order; all of them for an empty text.

    `tag` and `label` leave only those that have them.
    """
    wanted = text.casefold()
    found: list[Example] = []
    for example, haystack in zip(pool, selection.facts_of_pool(pool).haystacks, strict=True):
        if limit is not None and len(found) >= limit:
            break
        if wanted in haystack and (not tag or tag in example.tags) and (label is None or example.label == label):
            found.append(example)
    return found


def find_duplicates(pool: Sequence[Example]) -> list[tuple[Example, ...]]:
    """Groups of examples with the same inputs but for case and spacing, each in the pool's order."""
    return [tuple(pool[number] for number in group) for group in selection.facts_of_pool(pool).groups]


def repeated_examples(group: Sequence[Example]) -> list[Example]:
    """Those of examples with the same inputs that say what one before them says, but for case and spacing."""
    seen: set[str] = set()
    found: list[Example] = []
    for example in group:
        output = normal(example.output)
        if output in seen:
            found.append(example)
        seen.add(output)
    return found


def has_contradiction(group: Sequence[Example]) -> bool:
    """Whether examples with the same inputs have different outputs, so that somebody has to say which is right."""
    return len({normal(example.output) for example in group}) > 1


__all__ = [
    "ShotSelection",
    "choose_shots",
    "find_duplicates",
    "has_contradiction",
    "load_pool",
    "pool_paths",
    "read_pool",
    "repeated_examples",
    "search_pool",
    "select_shots",
]
