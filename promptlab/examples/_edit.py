"""Changing a pool one example at a time: every other line of the file stays as it is, to the byte.

    add(workspace, "fixtures/examples/world-cup.jsonl", Example("host", {"question": "Who hosted it?"}, "Qatar"))

A change is checked by reading the new text before it takes the old one's place, at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from promptlab._util import disk_errors as faults
from promptlab._util.bm25 import normal
from promptlab._util.files import write_atomically
from promptlab._util.rows import kind_of
from promptlab.errors import ExampleError, WorkspaceError, nearest
from promptlab.examples import _pool_file as pool_files
from promptlab.examples import _select as selection
from promptlab.examples._pool import ENDINGS, FOLDERS, contradicts, duplicates, of_today, read_pool, repeats
from promptlab.examples._pool_file import PoolText, Row
from promptlab.types import Example, Label, canonical_json, highest, sha256
from promptlab.workspace import Workspace, lowers, write_lowered

_LOCK = threading.Lock()


def add(workspace: Workspace, path: str, example: Example) -> None:
    """Append `example` to the pool; a pool that is not there yet begins with it."""

    def change(pool: PoolText) -> str:
        if any(row.example.id == example.id for row in pool.rows):
            raise ExampleError(f"the id `{example.id}` is taken", file=path, hint="edit that example instead")
        start = pool.text
        if kind_of(path) == "csv" and not pool.header:
            start += pool_files.header_line(pool_files.new_header(example), path) + "\n"
        if start and not start.endswith("\n"):
            start += pool.newline
        return f"{start}{pool_files.written(example, pool, path)}{pool.newline}"

    _change(workspace, path, change, example, new=True)


def new_path(workspace: Workspace, name: str) -> str:
    """Where a new pool called `name` goes: a JSONL file beside the other pools, unless it says otherwise."""
    name = name.strip().strip("/")
    if not name:
        raise ExampleError("a pool has a name", hint="for instance `world-cup`")
    if PurePosixPath(name).suffix.lower() not in ENDINGS:
        name += ".jsonl"
    if "/" not in name:
        folder = next((one for one in FOLDERS if (workspace.root / one).is_dir()), FOLDERS[0])
        name = f"{folder}/{name}"
    if kind_of(name) == "yaml":
        raise ExampleError("YAML pools are read and not changed", file=name, hint="call it .jsonl or .csv")
    try:
        taken = workspace.resolve(name).exists()
    except (WorkspaceError, OSError, ValueError) as exc:
        hint = exc.hint if isinstance(exc, WorkspaceError) else "choose a shorter one, of letters and digits"
        raise ExampleError("a pool cannot have this name", file=name[:200], hint=hint) from exc
    if taken:
        raise ExampleError("there is such a file already", file=name, hint="choose another name")
    return name


def id_for(inputs: Mapping[str, str], kind: str = "example") -> str:
    """An id that follows from the inputs, so that the same question has the same one."""
    return f"{kind}-{sha256(canonical_json(_normal(inputs)))[:12]}"


def edit(
    workspace: Workspace, path: str, id: str, example: Example, *, was: Example | None = None, reason: str = ""
) -> None:
    """Put `example` in the place of the one with this `id`; it may have another id. A lower label needs a `reason`,
    which the ledger keeps; a copy that is lowered is no longer as private as its original, and forgets it.

    Where that one is not as it `was` any more, somebody else has changed it: an error, and it stays.
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
        (today,) = of_today(workspace, (_row(pool, path, id).example,))
        return today.label

    def lowered(pool: PoolText) -> bool:
        return lowers(label_before(pool), after)

    def first(pool: PoolText) -> None:
        if lowered(pool):
            before, hint = label_before(pool), "say why more models may see it"
            write_lowered(workspace.state, f"{path}#{id}", before=before, after=after, reason=reason, hint=hint)

    _change(workspace, path, change, example, first=first)


def delete(workspace: Workspace, path: str, *ids: str, was: Example | None = None) -> None:
    """Take the examples with these ids out of the pool; `was` as for `edit`, where it is one."""

    def change(pool: PoolText) -> str:
        known = {row.example.id: row for row in pool.rows}
        if was:
            _unchanged(_row(pool, path, was.id), path, was)
        gone = sorted({known[id].start if id in known else _row(pool, path, id).start for id in ids})
        ends = {row.start: row.end for row in pool.rows}
        kept, at = [], 0
        for start in gone:
            # A byte order mark belongs to the file and not to the example behind it.
            kept.append(pool.text[at:start] + ("\ufeff" if pool.text.startswith("\ufeff", start) else ""))
            at = ends[start]
        return "".join([*kept, pool.text[at:]])

    _change(workspace, path, change, None)


def dedupe(
    workspace: Workspace, path: str, *, dry: bool = False, expected: Sequence[str] | None = None
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Take out what is in the pool twice, inputs and output the same but for case and spacing; the first stays.

    Gives the ids taken out, and groups of ids with the same inputs and different outputs: those stay, because
    somebody has to say which is right. `dry` only says what would be done; `expected` are the ids somebody was
    shown, and where others would go now nothing is done.
    """
    pool = _read(workspace, path)[1]
    gone: list[str] = []
    open_questions: list[tuple[str, ...]] = []
    for group in duplicates(tuple(row.example for row in pool.rows)):
        if contradicts(group):
            open_questions.append(tuple(example.id for example in group))
        gone += [example.id for example in repeats(group)]
    if expected is not None and set(expected) != set(gone):
        raise ExampleError("the pool changed since it was looked at", file=path, hint="look again at what would go")
    if gone and not dry:
        delete(workspace, path, *gone)
    return gone, open_questions


def add_or_replace(workspace: Workspace, path: str, example: Example) -> Example:
    """Add `example` to the pool, or put it in the place of the one with its id, whose tags it keeps if it has none.

    Raises `ExampleError` if the pool has the same question under another id.
    """
    for row in _read(workspace, path, missing_is_empty=True)[1].rows:
        known = row.example
        if known.id == example.id:
            example = replace(example, tags=example.tags or known.tags)
            if (known.output, known.label, known.origins) != (example.output, example.label, example.origins):
                edit(workspace, path, known.id, example)
            return example
        if _normal(known.inputs) == _normal(example.inputs):
            hint = "edit that example instead"
            raise ExampleError(f"the pool has this question already, as `{known.id}`", file=path, hint=hint)
    add(workspace, path, example)
    return example


def same_question(workspace: Workspace, path: str, inputs: Mapping[str, str]) -> Example | None:
    """The example of the pool with these inputs but for case and spacing; a pool that is not there has none."""
    full = _place(workspace, path)
    if not full.exists():
        return None
    pool = read_pool(workspace, path)
    known, wanted = selection.facts(pool), _normal(inputs)
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
        hint = "look at it as it is now, and change that"
        raise ExampleError(f"`{was.id}` was changed by somebody else meanwhile", file=path, hint=hint)
    return row


def _place(workspace: Workspace, path: str) -> Path:
    try:
        return workspace.resolve(path)
    except WorkspaceError as exc:
        raise ExampleError(exc.what, file=path, hint=exc.hint) from exc


def _read(workspace: Workspace, path: str, *, missing_is_empty: bool = False) -> tuple[Path, PoolText, bytes | None]:
    full = _place(workspace, path)
    if not full.exists() and missing_is_empty:
        return full, PoolText("", ()), None
    if not full.is_file():
        raise ExampleError("is not a file" if full.exists() else "there is no such pool", file=path)
    raw = pool_files.read_bytes(full, path)
    pool = pool_files.parse(raw, path, workspace.label_of(path))
    today = of_today(workspace, tuple(row.example for row in pool.rows))
    rows = tuple(replace(row, example=one) for row, one in zip(pool.rows, today, strict=True))
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
    """Write what `change` makes of the pool's text, once it is sure that it reads as it should.

    `new` allows for a pool that is not there yet; `first` is done right before the writing, and may refuse it.
    """
    if example is not None and not example.inputs:
        raise ExampleError("an example has at least one input", file=path, field="inputs")
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
            found = next((row.example for row in parsed.rows if row.example.id == example.id), None)
            if found not in (wanted, replace(wanted, inputs=inputs)):
                raise ExampleError(f"`{example.id}` cannot be written here as it is", file=path, hint="use JSONL")
        if (full.read_bytes() if full.exists() else None) != before:
            raise ExampleError("the file was changed by somebody else just now", file=path, hint="try again")
        first(pool)
        try:
            write_atomically(full, after)
        except OSError as exc:
            said = f"cannot be written: {exc.strerror or exc}"
            raise ExampleError(said, file=path, hint=faults.advice(exc)) from exc
