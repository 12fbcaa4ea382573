"""The lock of a suite, so that only one process at a time asks its models or writes its recording.

    with hold_suite(workspace, "fixtures/suites/facts.yaml", "record"):
        ...                                       # another process gets `SuiteBusy` meanwhile, or waits

Two at once would pay for the same answers twice, and one would overwrite the recording of the other. The lock is a file
lock of the operating system, in `.promptlab/locks/`. It ends with its process. The file says which process holds it:

    {"pid": 4711, "since": "2026-11-28T15:40:02+00:00", "doing": "record"}

The thread that holds the lock can take it again.
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
"""Seconds between two attempts to take a lock that another process holds."""


@dataclass
class _Held:
    handle: int
    thread: int
    times: int = 1


_LOCK = threading.Lock()
_HELD: dict[Path, _Held] = {}


class Owned:
    """A locked suite. It is unlocked by `release`, or when this object is deleted."""

    def __init__(self, path: Path) -> None:
        self._path: Path | None = path

    def release(self) -> None:
        """Unlock the suite. A second call does nothing."""
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
    """Lock the suite at path `suite` for `doing`, a verb.

    If another process or thread has locked it, raises `SuiteBusy`, or waits if `wait`. `say` is then told once which
    process that is.
    """
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
    """As `take_suite`, while the block runs."""
    owned = take_suite(workspace, suite, doing, wait=wait, say=say)
    try:
        yield
    finally:
        owned.release()


def _name(suite: str) -> str:
    readable = re.sub(r"[^a-zA-Z0-9]+", "-", suite.removesuffix(".yaml"))[-40:].strip("-")
    return f"{readable}-{hashlib.sha256(suite.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.lock"


def _locked(path: Path) -> int | None:
    """The open file, locked; None if another process has locked it."""
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
        holder = json.loads(path.read_bytes())
        pid, since, doing = int(holder["pid"]), str(holder["since"])[:19], str(holder["doing"])
    except (OSError, ValueError, KeyError, TypeError):
        return "by another process"
    who = "this process" if pid == os.getpid() else f"process {pid}"
    return f"{doing} by {who} since {since.replace('T', ' ')} UTC"


def _forget() -> None:
    """Close the copies of the handles in a forked child. They would keep the locks after the parent has ended."""
    global _LOCK
    _LOCK = threading.Lock()
    for held in _HELD.values():
        os.close(held.handle)
    _HELD.clear()


os.register_at_fork(after_in_child=_forget)
