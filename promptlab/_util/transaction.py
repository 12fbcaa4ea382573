"""Several files written all or none, also where the process is killed half-way.

    write(workspace.root, {"templates/imported/a.yaml": b"…", "fixtures/imported/a.jsonl": b"…"})

What is to be written is first put into one journal, `.promptlab/pending/<id>.json`. Killed before that is whole:
nothing was written. Killed after it: whoever opens the workspace next (`finish`) writes the rest. A file that somebody
changed in between is left alone.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import logging
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from promptlab._util import state_folder
from promptlab._util.files import write_atomically

log = logging.getLogger(__name__)

FOLDER = "pending"
ENDINGS = (".yaml", ".jsonl", ".original")
"""What may be written by finishing a journal: a folder that came from elsewhere may have one of anybody's making."""


def write(root: Path, files: Mapping[str, bytes]) -> None:
    """Write `files`, by their paths in the workspace `root`, all or none. Raises `OSError`; then nothing is left."""
    folder = root / state_folder.NAME / FOLDER
    state_folder.make_room(folder)
    with _turn(folder):
        journal = folder / f"{uuid.uuid4().hex}.json"
        before = {path: _before(root / path) for path in files}
        told = {
            path: {"was": _hash(before[path]), "text": base64.b64encode(data).decode()} for path, data in files.items()
        }
        write_atomically(journal, json.dumps(told).encode("ascii"))
        try:
            for path, data in files.items():
                write_atomically(root / path, data)
        except OSError:
            for path, old in before.items():  # back to what was there
                with contextlib.suppress(OSError):
                    if old is None:
                        (root / path).unlink(missing_ok=True)
                    else:
                        write_atomically(root / path, old)
            raise
        finally:
            with contextlib.suppress(OSError):
                journal.unlink(missing_ok=True)


def finish(root: Path) -> list[str]:
    """Write what a killed process left to be written; the paths. Costs one look at a folder that is seldom there."""
    folder = root / state_folder.NAME / FOLDER
    try:
        journals = sorted(folder.glob("*.json"))
    except OSError:
        return []
    if not journals:
        return []
    done: list[str] = []
    try:
        with _turn(folder):
            for journal in journals:
                done += _finished(root, journal)
    except OSError as exc:
        log.warning("what an interrupted import left in %s cannot be written yet: %s", folder, exc)
    return done


def _finished(root: Path, journal: Path) -> list[str]:
    done: list[str] = []
    try:
        told = json.loads(journal.read_bytes())
        files = [(str(path), one["was"], base64.b64decode(one["text"])) for path, one in told.items()]
    except FileNotFoundError:  # finished by its own process meanwhile
        return []
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        log.warning("%s is no list of files to write, and is left out", journal)
        return []
    for path, was, data in files:
        full = (root / path).resolve()
        if not _may(root, path, full):
            log.warning("%s asks for `%s` to be written, which no import does; it is left out", journal, path)
            continue
        now = _before(full)
        if now != data and _hash(now) == was:
            write_atomically(full, data)
            done.append(path)
    journal.unlink(missing_ok=True)
    return done


def _may(root: Path, path: str, full: Path) -> bool:
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith(".") for part in parts)
    return (
        full.is_relative_to(root.resolve())
        and not any(part.startswith(".") for part in full.relative_to(root.resolve()).parts)
        and not hidden
        and path.endswith(ENDINGS)
        and full.name != "promptlab.yaml"
    )


def _before(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _hash(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One at a time: who comes second waits."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
