r"""Pools of worked examples: reading, searching, and finding duplicates.

A pool is a JSONL, CSV or YAML file (`examples/_pool_file.py`); JSONL has one example per line:

    {"id": "host", "inputs": {"question": "Which country was the host?"}, "output": "Qatar", "tags": ["short"]}

The choice of shots is in `_select`, changes of a pool are in `_edit`.
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
from promptlab.examples._choice import ShotChoice
from promptlab.examples._select import ShotSelection, select_shots
from promptlab.types import Example, Label, highest
from promptlab.workspace import Labels, Workspace

FOLDERS = ("examples", "fixtures/examples")
"""The folders of pools."""
ENDINGS = (".jsonl", ".csv", ".tsv", ".yaml", ".yml")


def load_pool(workspace: Workspace, path: str) -> tuple[Example, ...]:
    """The examples of the pool at `path`, relative to the workspace, in the file's order; there is at least one.

    The label of a row can raise the label of the file in promptlab.yaml, never lower it. Raises `ExampleError`, with
    the line, for invalid text, an unknown or missing key, a wrong type, or an id that is used twice.
    """
    examples = read_pool(workspace, path)
    if not examples:
        raise ExampleError("the pool is empty", file=path)
    return examples


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
    examples = _parsed(full, path, workspace.label_of(path), (stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return with_current_labels(workspace, examples)


def with_current_labels(workspace: Workspace, examples: tuple[Example, ...]) -> tuple[Example, ...]:
    """The examples, with the label of each copy raised to that of its originals now."""
    if not any(example.origins for example in examples):
        return examples
    labels = Labels(workspace)
    return tuple(
        replace(example, label=highest([example.label, *map(labels.of_copy, example.origins)]))
        if example.origins
        else example
        for example in examples
    )


# Cached, because a suite loads the same pool for every case. The state is the time, size and inode of the file.
@lru_cache(maxsize=64)
def _parsed(full: Path, shown: str, label: Label, _state: tuple[int, int, int]) -> tuple[Example, ...]:
    rows = pool_files.parse(pool_files.read_bytes(full, shown), shown, label).rows
    return tuple(row.example for row in rows)


def choose_shots(
    pool: Sequence[Example], choice: ShotChoice, inputs: Mapping[str, Any] | None = None, *, item: str = ""
) -> tuple[Example, ...]:
    """The examples that `select_shots` chooses, without the reasons."""
    return select_shots(pool, choice, inputs, item=item).examples


def pool_paths(workspace: Workspace) -> list[str]:
    """The pools of the workspace: JSONL, CSV and YAML files in `examples` and `fixtures/examples`, sorted."""
    files = [
        file
        for folder in FOLDERS
        for file in (workspace.root / folder).rglob("*")
        if file.suffix.lower() in ENDINGS and file.is_file()
    ]
    return sorted(file.relative_to(workspace.root).as_posix() for file in files)


def search_pool(
    pool: Sequence[Example], text: str, *, tag: str = "", label: Label | None = None, limit: int | None = None
) -> list[Example]:
    """The examples with `text` in any field, ignoring case, in the order of the pool. An empty text matches all.

    With `tag` or `label`, only examples that have them.
    """
    wanted = text.casefold()
    matches: list[Example] = []
    for example, haystack in zip(pool, selection.facts_of_pool(pool).haystacks, strict=True):
        if limit is not None and len(matches) >= limit:
            break
        if wanted in haystack and (not tag or tag in example.tags) and (label is None or example.label == label):
            matches.append(example)
    return matches


def find_duplicates(pool: Sequence[Example]) -> list[tuple[Example, ...]]:
    """Groups of examples with the same inputs, ignoring case and spacing. Each group is in the order of the pool."""
    return [tuple(pool[number] for number in group) for group in selection.facts_of_pool(pool).groups]


def repeated_examples(group: Sequence[Example]) -> list[Example]:
    """Of examples with the same inputs, those whose output repeats an earlier one, ignoring case and spacing."""
    seen: set[str] = set()
    repeated: list[Example] = []
    for example in group:
        output = normal(example.output)
        if output in seen:
            repeated.append(example)
        seen.add(output)
    return repeated


def has_contradiction(group: Sequence[Example]) -> bool:
    """True if examples with the same inputs have different outputs, so that a person must decide which is right."""
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
