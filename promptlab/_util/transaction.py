"""Writing several files, all or none, even if the process is killed meanwhile.

    write(workspace.root, {"templates/imported/a.yaml": b"...", "fixtures/imported/a.jsonl": b"..."})

The new contents first go to a journal, `.promptlab/pending/<id>.json`. If the process is killed before the journal is
complete, no file is written. If it is killed later, `finish` writes the rest when the workspace is opened next. A file
that was changed in between is left alone.
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
ENDINGS = (".yaml", ".yml", ".jsonl", ".csv", ".tsv", ".original")
"""The file types that `finish` writes: a workspace from an untrusted source may bring a forged journal."""


def write(root: Path, files: Mapping[str, bytes]) -> None:
    """Write `files`, all or none; their paths are relative to the workspace `root`.

    Raises `OSError` after it has restored the old files.
    """
    folder = root / state_folder.NAME / FOLDER
    state_folder.make_room(folder)
    with _locked(folder):
        journal = folder / f"{uuid.uuid4().hex}.json"
        before = {path: _content(root / path) for path in files}
        entries = {
            path: {"was": _hash(before[path]), "text": base64.b64encode(data).decode()} for path, data in files.items()
        }
        write_atomically(journal, json.dumps(entries).encode("ascii"))
        try:
            for path, data in files.items():
                write_atomically(root / path, data)
        except OSError:
            for path, old in before.items():  # restore the old files
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
    """Write the files that a killed process did not get to; the paths of these files. Usually there is no journal."""
    folder = root / state_folder.NAME / FOLDER
    try:
        journals = sorted(folder.glob("*.json"))
    except OSError:
        return []
    if not journals:
        return []
    done: list[str] = []
    try:
        with _locked(folder):
            for journal in journals:
                done += _finish_journal(root, journal)
    except OSError as exc:
        log.warning("the files that an interrupted import left in %s cannot be written yet: %s", folder, exc)
    return done


def _finish_journal(root: Path, journal: Path) -> list[str]:
    done: list[str] = []
    try:
        entries = json.loads(journal.read_bytes())
        files = [(str(path), entry["was"], base64.b64decode(entry["text"])) for path, entry in entries.items()]
    except FileNotFoundError:  # its own process has finished it meanwhile
        return []
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        log.warning("%s is not a journal of files to write, and is skipped", journal)
        return []
    for path, was, data in files:
        full = (root / path).resolve()
        if not _is_allowed(root, path, full):
            log.warning("%s wants to write `%s`, which no import does; this file is skipped", journal, path)
            continue
        now = _content(full)
        if now != data and _hash(now) == was:  # a file that was changed since is left alone
            write_atomically(full, data)
            done.append(path)
    journal.unlink(missing_ok=True)
    return done


def _is_allowed(root: Path, path: str, full: Path) -> bool:
    """True if a journal may write `path`: a visible file of a known type inside the workspace, links included."""
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith(".") for part in parts)
    return (
        full.is_relative_to(root.resolve())
        and not any(part.startswith(".") for part in full.relative_to(root.resolve()).parts)
        and not hidden
        and path.endswith(ENDINGS)
        and full.name != "promptlab.yaml"
    )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _hash(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`; a second process waits here."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
