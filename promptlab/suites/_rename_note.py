"""A note that a case of a suite is being renamed, in `.promptlab/renames/`: one file for each suite.

    {"suite": "fixtures/suites/facts.yaml", "old": "winner", "new": "final-winner"}

It is there while `suites/_rename.py` works. If it is left behind, the process was killed.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path

from promptlab._util.files import write_atomically
from promptlab.workspace import Workspace


def write_note(workspace: Workspace, path: str, *, suite: str, old: str, new: str) -> None:
    """Note for the suite at `path` that the case `old` of `suite` is being renamed to `new`."""
    note = {"suite": suite, "old": old, "new": new}
    write_atomically(_file(workspace, path), json.dumps(note).encode("ascii"))


def remove_note(workspace: Workspace, path: str) -> None:
    """Remove the note of the suite at `path`."""
    _file(workspace, path).unlink(missing_ok=True)


def command_to_finish(workspace: Workspace, path: str) -> str:
    """The command that finishes the rename of the note; "" if there is no note."""
    try:
        note = json.loads(_file(workspace, path).read_bytes())
        return f"promptlab suite rename {shlex.join([note['suite'], note['old'], note['new']])}"
    except OSError:
        return ""
    except (ValueError, KeyError, TypeError):
        return "promptlab suite rename"


def _file(workspace: Workspace, path: str) -> Path:
    digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return workspace.state / "renames" / f"{digest}.json"
