"""Changing a pool one example at a time. Every other line of the file stays the same, byte for byte.

    add_example(workspace, "examples/cup.jsonl", Example("host", {"question": "Who hosted it?"}, "Qatar"))

The new text is parsed and checked before it replaces the file, which happens atomically.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from promptlab._util import disk_errors as faults
from promptlab._util.bm25 import normal
from promptlab._util.csv_rows import is_tsv
from promptlab._util.files import write_atomically
from promptlab._util.rows import kind_of
from promptlab.errors import ExampleError, WorkspaceError, nearest
from promptlab.examples import _pool_file as pool_files
from promptlab.examples import _select as selection
from promptlab.examples._pool import (
    ENDINGS,
    FOLDERS,
    find_duplicates,
    has_contradiction,
    read_pool,
    repeated_examples,
    with_current_labels,
)
from promptlab.examples._pool_file import PoolText, Row
from promptlab.types import Example, Label, canonical_json, highest, sha256
from promptlab.workspace import Workspace, is_lower, record_lowered_label

_LOCK = threading.Lock()


def add_example(workspace: Workspace, path: str, example: Example) -> None:
    """Append `example` to the pool. The file is created if it does not exist."""

    def change(pool: PoolText) -> str:
        if any(row.example.id == example.id for row in pool.rows):
            raise ExampleError(f"the id `{example.id}` is taken", file=path, hint="edit that example instead")
        start = pool.text
        if kind_of(path) == "csv" and not pool.header:
            start += pool_files.header_line(pool_files.new_header(example), pool, path) + "\n"
        if start and not start.endswith("\n"):
            start += pool.newline
        return f"{start}{pool_files.written(example, pool, path)}{pool.newline}"

    _change(workspace, path, change, example, new=True)


def new_pool_path(workspace: Workspace, name: str) -> str:
    """The path of a new pool called `name`: a JSONL file in the folder of pools, unless `name` has a folder or
    ending."""
    name = name.strip().strip("/")
    if not name:
        raise ExampleError("a pool needs a name", hint="for example `world-cup`")
    if PurePosixPath(name).suffix.lower() not in ENDINGS:
        name += ".jsonl"
    if "/" not in name:
        folder = next((known for known in FOLDERS if (workspace.root / known).is_dir()), FOLDERS[0])
        name = f"{folder}/{name}"
    if kind_of(name) == "yaml":
        raise ExampleError("YAML pools are read and not changed", file=name, hint="use the ending .jsonl or .csv")
    try:
        exists = workspace.resolve(name).exists()
    except (WorkspaceError, OSError, ValueError) as exc:
        hint = exc.hint if isinstance(exc, WorkspaceError) else "choose a shorter name, of letters and digits"
        raise ExampleError("a pool cannot have this name", file=name[:200], hint=hint) from exc
    if exists:
        raise ExampleError("the file exists already", file=name, hint="choose another name")
    return name


def example_id(inputs: Mapping[str, str], kind: str = "example") -> str:
    """An id computed from the inputs, so that the same question always gets the same id."""
    return f"{kind}-{sha256(canonical_json(_normal(inputs)))[:12]}"


def edit_example(
    workspace: Workspace, path: str, id: str, example: Example, *, was: Example | None = None, reason: str = ""
) -> None:
    """Replace the example with this `id` by `example`, which may have another id.

    A lower label needs a `reason`, which is recorded in the ledger. A copy whose label is lowered loses its `origins`,
    because they would raise the label again. If the example in the file is not equal to `was`, it was changed by
    another user: that is an error, and nothing is written.
    """

    def change(pool: PoolText) -> str:
        row = _unchanged(_row(pool, path, id), path, was)
        old = pool.text[row.start : row.end]
        ending = old[len(old.rstrip("\r\n")) :]
        mark = "\ufeff" if old.startswith("\ufeff") else ""
        origins = () if lowered(pool) else example.origins or row.example.origins
        line = pool_files.written(replace(example, origins=origins), pool, path)
        return f"{pool.text[: row.start]}{mark}{line}{ending}{pool.text[row.end :]}"

    after = highest([example.label, workspace.label_of(path)])

    def label_before(pool: PoolText) -> Label:
        (today,) = with_current_labels(workspace, (_row(pool, path, id).example,))
        return today.label

    def lowered(pool: PoolText) -> bool:
        return is_lower(label_before(pool), after)

    def first(pool: PoolText) -> None:
        if lowered(pool):
            before, hint = label_before(pool), "give the reason why more models may see it"
            record_lowered_label(workspace.state, f"{path}#{id}", before=before, after=after, reason=reason, hint=hint)

    _change(workspace, path, change, example, first=first)


def delete_examples(workspace: Workspace, path: str, *ids: str, was: Example | None = None) -> None:
    """Delete the examples with these ids from the pool. `was` as for `edit_example`, if only one is deleted."""

    def change(pool: PoolText) -> str:
        known = {row.example.id: row for row in pool.rows}
        if was:
            _unchanged(_row(pool, path, was.id), path, was)
        starts = sorted({known[id].start if id in known else _row(pool, path, id).start for id in ids})
        ends = {row.start: row.end for row in pool.rows}
        pieces, at = [], 0
        for start in starts:
            # A byte order mark belongs to the file, so it stays when the first example is deleted.
            pieces.append(pool.text[at:start] + ("\ufeff" if pool.text.startswith("\ufeff", start) else ""))
            at = ends[start]
        return "".join([*pieces, pool.text[at:]])

    _change(workspace, path, change, None)


def remove_duplicates(
    workspace: Workspace, path: str, *, dry: bool = False, expected: Sequence[str] | None = None
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Delete duplicates from the pool: examples with the same inputs and output, ignoring case and spacing. The first
    stays.

    Returns the deleted ids, and groups of ids with the same inputs but different outputs. Those stay, because a person
    must decide which is right. With `dry` nothing is written. `expected` are the ids that were shown to the user: if
    the pool has changed, so that other ids would be deleted, nothing is written.
    """
    pool = _read(workspace, path)[1]
    repeated: list[str] = []
    contradictions: list[tuple[str, ...]] = []
    for group in find_duplicates(tuple(row.example for row in pool.rows)):
        if has_contradiction(group):
            contradictions.append(tuple(example.id for example in group))
        repeated += [example.id for example in repeated_examples(group)]
    if expected is not None and set(expected) != set(repeated):
        raise ExampleError(
            "the pool has changed meanwhile", file=path, hint="check again which examples would be deleted"
        )
    if repeated and not dry:
        delete_examples(workspace, path, *repeated)
    return repeated, contradictions


def add_or_replace_example(workspace: Workspace, path: str, example: Example) -> Example:
    """Add `example` to the pool, or replace the one with its id; without tags it keeps the tags of that one.

    Raises `ExampleError` if the pool has the same question under another id.
    """
    for row in _read(workspace, path, missing_is_empty=True)[1].rows:
        known = row.example
        if known.id == example.id:
            example = replace(example, tags=example.tags or known.tags)
            if (known.output, known.label, known.origins) != (example.output, example.label, example.origins):
                edit_example(workspace, path, known.id, example)
            return example
        if _normal(known.inputs) == _normal(example.inputs):
            hint = "edit that example instead"
            raise ExampleError(f"the pool has this question already, as `{known.id}`", file=path, hint=hint)
    add_example(workspace, path, example)
    return example


def find_same_question(workspace: Workspace, path: str, inputs: Mapping[str, str]) -> Example | None:
    """The example of the pool with the same inputs, ignoring case and spacing. None if there is none, or no pool."""
    full = _place(workspace, path)
    if not full.exists():
        return None
    pool = read_pool(workspace, path)
    known, wanted = selection.facts_of_pool(pool), _normal(inputs)
    return next((pool[n] for n in sorted(known.same_as(inputs, "")) if known.normals[n] == wanted), None)


def _normal(inputs: Mapping[str, str]) -> dict[str, str]:
    return {name: normal(value) for name, value in inputs.items()}


def _row(pool: PoolText, path: str, id: str) -> Row:
    row = next((row for row in pool.rows if row.example.id == id), None)
    if row is None:
        hint = nearest(id, [row.example.id for row in pool.rows[:10_000]]) if pool.rows else "the pool is empty"
        raise ExampleError(f"there is no example `{id}`", file=path, hint=hint)
    return row


def _unchanged(row: Row, path: str, was: Example | None) -> Row:
    if was is not None and row.example != was:
        hint = "reload it, and make the change again"
        raise ExampleError(f"`{was.id}` was changed by another user meanwhile", file=path, hint=hint)
    return row


def _place(workspace: Workspace, path: str) -> Path:
    try:
        return workspace.resolve(path)
    except WorkspaceError as exc:
        raise ExampleError(exc.what, file=path, hint=exc.hint) from exc


def _read(workspace: Workspace, path: str, *, missing_is_empty: bool = False) -> tuple[Path, PoolText, bytes | None]:
    full = _place(workspace, path)
    if not full.exists() and missing_is_empty:
        return full, PoolText("", (), delimiter="\t" if is_tsv(path) else ","), None
    if not full.is_file():
        raise ExampleError("is not a file" if full.exists() else "there is no such pool", file=path)
    raw = pool_files.read_bytes(full, path)
    pool = pool_files.parse(raw, path, workspace.label_of(path))
    today = with_current_labels(workspace, tuple(row.example for row in pool.rows))
    rows = tuple(replace(row, example=example) for row, example in zip(pool.rows, today, strict=True))
    return full, replace(pool, rows=rows), raw


def _change(
    workspace: Workspace,
    path: str,
    change: Callable[[PoolText], str],
    example: Example | None,
    *,
    new: bool = False,
    first: Callable[[PoolText], None] = lambda _pool: None,
) -> None:
    """Write the text that `change` returns for the pool, after checking that it can be read as intended.

    With `new`, the pool need not exist yet. `first` is called right before the write, and may raise to prevent it.
    """
    if example is not None and not example.inputs:
        raise ExampleError("an example needs at least one input", file=path, field="inputs")
    if kind_of(path) == "yaml":
        hint = "change it in an editor, or write the pool as JSONL"
        raise ExampleError("YAML pools are read and not changed", file=path, hint=hint)
    with _LOCK:
        full, pool, before = _read(workspace, path, missing_is_empty=new)
        after = change(pool).encode("utf-8", "surrogatepass")
        label = workspace.label_of(path)
        parsed = pool_files.parse(after, path, label)
        if example is not None:
            wanted = replace(example, label=highest([example.label, label]))
            inputs = {**{name: "" for name in parsed.header if name not in pool_files.COLUMNS}, **example.inputs}
            reread = next((row.example for row in parsed.rows if row.example.id == example.id), None)
            if reread not in (wanted, replace(wanted, inputs=inputs)):
                raise ExampleError(
                    f"`{example.id}` cannot be written to this file format", file=path, hint="use a JSONL pool"
                )
        if (full.read_bytes() if full.exists() else None) != before:
            raise ExampleError("the file was changed by another program just now", file=path, hint="try again")
        first(pool)
        try:
            write_atomically(full, after)
        except OSError as exc:
            message = f"cannot be written: {exc.strerror or exc}"
            raise ExampleError(message, file=path, hint=faults.advice(exc)) from exc
