"""A note that a file is being renamed, in `.promptlab/moves/`.

    {"kind": "document", "old": "documents/plan.md", "new": "documents/plan-2026.md", "commits": []}

It is there while `_rename.py` works. If it is left behind, the process was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from promptlab._util import state_folder
from promptlab._util.files import write_atomically
from promptlab.shelf._kinds import RULES, Kind
from promptlab.workspace import Workspace

FOLDER = "moves"


@dataclass(frozen=True, slots=True)
class MoveNote:
    """What is being renamed. `commits` are the files of the commit."""

    kind: Kind
    old: str
    new: str
    commits: tuple[str, ...]


@contextlib.contextmanager
def one_rename(workspace: Workspace, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of renames in this workspace: True once it is held, False if another process holds it and `wait`
    is False. A killed process lets go of it."""
    folder = workspace.state / FOLDER
    state_folder.make_room(folder)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)


def write_note(workspace: Workspace, note: MoveNote) -> None:
    """Write the note."""
    write_atomically(_file(workspace, note), json.dumps(asdict(note)).encode("ascii"))


def remove_note(workspace: Workspace, note: MoveNote) -> None:
    """Remove the note."""
    _file(workspace, note).unlink(missing_ok=True)


def notes_left(workspace: Workspace) -> list[MoveNote]:
    """The notes that there are, without those that no rename would write: the workspace may come from a stranger."""
    notes = []
    for file in sorted((workspace.state / FOLDER).glob("*.json")):
        try:
            data = json.loads(file.read_bytes())
            note = MoveNote(data["kind"], data["old"], data["new"], tuple(map(str, data["commits"])))
            if all(_is_allowed(note.kind, path) for path in (note.old, note.new)):
                notes.append(note)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return notes


def _is_allowed(kind: Kind, path: str) -> bool:
    pure, rule = PurePosixPath(path), RULES[kind]
    inside = any(pure.is_relative_to(folder) for folder in rule.folders)
    return inside and ".." not in pure.parts and pure.suffix.lower() in rule.endings


def _file(workspace: Workspace, note: MoveNote) -> Path:
    digest = hashlib.sha256(note.old.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return workspace.state / FOLDER / f"{digest}.json"


__all__ = ["MoveNote", "notes_left", "one_rename", "remove_note", "write_note"]
