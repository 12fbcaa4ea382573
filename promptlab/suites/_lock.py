"""One at a time at a suite: a lock that dies with its process.

    with owning(workspace, "fixtures/suites/facts.yaml", "record"):
        ...                                       # whoever else comes meanwhile gets `SuiteBusy`, or waits

Whoever asks a suite's models or writes its recording holds it: two at once would pay for the same answers, and one
would write over the other. It is a lock of the system on a file in `.promptlab/locks/`, which also says who holds it:

    {"pid": 4711, "since": "2026-11-28T15:40:02+00:00", "doing": "record"}

The thread that holds it may take it again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from promptlab._util import disk_errors as faults
from promptlab._util import state_folder
from promptlab.errors import StoreError, SuiteBusy
from promptlab.workspace import Workspace

PAUSE = 0.1
"""Seconds between two looks at a lock that somebody else holds."""


@dataclass
class _Held:
    handle: int
    thread: int
    times: int = 1


_LOCK = threading.Lock()
_HELD: dict[Path, _Held] = {}


class Owned:
    """A suite that is held. `release` lets go of it, once; so does forgetting about it."""

    def __init__(self, path: Path) -> None:
        self._path: Path | None = path

    def release(self) -> None:
        """Let go of the suite."""
        with _LOCK:
            path, self._path = self._path, None
            held = _HELD.get(path) if path else None
            if path is None or held is None:
                return
            held.times -= 1
            if not held.times:
                del _HELD[path]
                with contextlib.suppress(OSError):
                    fcntl.flock(held.handle, fcntl.LOCK_UN)  # also for the copies of children just forked
                os.close(held.handle)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter may be ending
            self.release()


def take_suite(
    workspace: Workspace, suite: str, doing: str, *, wait: bool = False, say: Callable[[str], None] | None = None
) -> Owned:
    """Hold the suite at path `suite` for `doing`, a verb. Where somebody else holds it: raises `SuiteBusy`, or waits,
    and tells `say` once for whom."""
    path = workspace.state / "locks" / _name(suite)
    told = False
    while True:
        with _LOCK:
            held = _HELD.get(path)
            if held and held.thread == threading.get_ident():
                held.times += 1
                return Owned(path)
            handle = None if held else _locked(path)
            if handle is not None:
                _sign(handle, doing)
                _HELD[path] = _Held(handle, threading.get_ident())
                return Owned(path)
        who = _holder(path)
        if not wait:
            hint = "wait until that has ended (--wait does), or end it; nothing was asked and nothing written"
            raise SuiteBusy(f"{suite} is in use: {who}", hint=hint)
        if say and not told:
            say(f"{suite} is in use: {who}; waiting")
            told = True
        time.sleep(PAUSE)


@contextmanager
def hold_suite(
    workspace: Workspace, suite: str, doing: str, *, wait: bool = False, say: Callable[[str], None] | None = None
) -> Iterator[None]:
    """As `take`, for as long as the block runs."""
    owned = take_suite(workspace, suite, doing, wait=wait, say=say)
    try:
        yield
    finally:
        owned.release()


def _name(suite: str) -> str:
    readable = re.sub(r"[^a-zA-Z0-9]+", "-", suite.removesuffix(".yaml"))[-40:].strip("-")
    return f"{readable}-{hashlib.sha256(suite.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.lock"


def _locked(path: Path) -> int | None:
    """The open, locked file; None while somebody else has it."""
    try:
        state_folder.make_room(path.parent)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StoreError(
            f"the lock {path} cannot be made: {exc.strerror}",
            hint=faults.advice(exc) or "asking and recording write to this folder",
        ) from exc
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError as exc:
        os.close(handle)
        raise StoreError(f"the lock {path} cannot be taken: {exc.strerror}", hint="does its disk know locks?") from exc
    return handle


def _sign(handle: int, doing: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    told = json.dumps({"pid": os.getpid(), "since": since, "doing": doing}).encode("ascii")
    with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
        os.ftruncate(handle, 0)
        os.pwrite(handle, told, 0)


def _holder(path: Path) -> str:
    try:
        found = json.loads(path.read_bytes())
        pid, since, doing = int(found["pid"]), str(found["since"])[:19], str(found["doing"])
    except (OSError, ValueError, KeyError, TypeError):
        return "by another process"
    who = "this process" if pid == os.getpid() else f"process {pid}"
    return f"{doing} by {who} since {since.replace('T', ' ')} UTC"


def _forget() -> None:
    """In a forked child: its copies of the handles would keep the locks after the parent's death."""
    global _LOCK
    _LOCK = threading.Lock()
    for held in _HELD.values():
        os.close(held.handle)
    _HELD.clear()


os.register_at_fork(after_in_child=_forget)
