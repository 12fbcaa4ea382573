r"""Pools of worked examples: reading them, searching them, and finding what is in them twice.

A pool is a JSONL, CSV or YAML file (`pool_files.py`); in JSONL it has one example a line:

    {"id": "host", "inputs": {"question": "Which country was the host?"}, "output": "Qatar", "tags": ["short"]}

`selection.py` has the choice of shots, `pools.py` what changes a pool.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from promptlab import pool_files, selection
from promptlab.errors import ExampleError, WorkspaceError
from promptlab.selection import Selection, select
from promptlab.similarity import normal
from promptlab.types import Example, Label, ShotChoice
from promptlab.workspace import Workspace


def load_pool(workspace: Workspace, path: str) -> tuple[Example, ...]:
    """The examples of the pool at `path`, relative to the workspace, in the file's order.

    A label in a row can raise the one promptlab.yaml gives the file, never lower it. Raises `ExampleError` with
    the line: broken text, an unknown or a missing key, a wrong type, an id used twice.
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
        raise ExampleError("is not a file", file=path, hint="a pool is a JSONL, CSV or YAML file")
    return _parsed(full, path, workspace.label_of(path), (stat.st_mtime_ns, stat.st_size, stat.st_ino))


# A sweep loads the same pool for every case; the file's time, size and number say whether it is still the same.
@lru_cache(maxsize=64)
def _parsed(full: Path, shown: str, label: Label, _state: tuple[int, int, int]) -> tuple[Example, ...]:
    rows = pool_files.parse(pool_files.read_bytes(full, shown), shown, label).rows
    if not rows:
        raise ExampleError("the pool is empty", file=shown)
    return tuple(row.example for row in rows)


def choose(
    pool: Sequence[Example], choice: ShotChoice, inputs: Mapping[str, Any] | None = None, *, item: str = ""
) -> tuple[Example, ...]:
    """The shots that `select` chooses, without the reasons."""
    return select(pool, choice, inputs, item=item).examples


def search(pool: Sequence[Example], text: str, *, limit: int | None = None) -> list[Example]:
    """The examples with `text` in any field, but for case, in the pool's order; all of them for an empty text."""
    wanted = text.casefold()
    found: list[Example] = []
    for example, haystack in zip(pool, selection.facts(pool).haystacks, strict=True):
        if limit is not None and len(found) >= limit:
            break
        if wanted in haystack:
            found.append(example)
    return found


def duplicates(pool: Sequence[Example]) -> list[tuple[Example, ...]]:
    """Groups of examples with the same inputs but for case and spacing, each in the pool's order."""
    groups: dict[tuple[tuple[str, str], ...], list[Example]] = defaultdict(list)
    for example, values in zip(pool, selection.facts(pool).normals, strict=True):
        groups[tuple(sorted(values.items()))].append(example)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def contradicts(group: Sequence[Example]) -> bool:
    """Whether examples with the same inputs have different outputs, so that somebody has to say which is right."""
    return len({normal(example.output) for example in group}) > 1


__all__ = ["Selection", "choose", "contradicts", "duplicates", "load_pool", "search", "select"]
