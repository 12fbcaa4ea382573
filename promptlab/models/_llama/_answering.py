"""Tells the other promptlab processes of this user that local models are answering here.

A process that only reads ahead must stop when a person waits for an answer, also if that is asked through another
process, such as `promptlab serve`. While a process answers, it holds a shared lock on a file of the cache folder. The
system releases the lock if the process dies. Where there are no such locks, nothing is ever answered elsewhere.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from promptlab.models._files import cache_folder

if sys.platform == "win32":

    def _take(_handle: int, *, alone: bool) -> bool:  # noqa: ARG001  # the other system uses it
        return True

else:
    import fcntl

    def _take(handle: int, *, alone: bool) -> bool:
        """Take the lock: shared, or `alone` without waiting for it. True if that worked."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        except OSError:
            return False
        return True


class Answering:
    """The lock `file`. Each use opens it anew, so that a holder in the same process counts as another."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._holders = 0

    @contextmanager
    def here(self) -> Iterator[None]:
        """While the block lasts, a model of this process answers."""
        handle = self._open()
        if handle is not None:
            _take(handle, alone=False)
        with self._lock:
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
            if handle is not None:
                os.close(handle)

    def elsewhere(self) -> bool:
        """True if a model of another process is answering."""
        if self._holders:
            return False
        handle = self._open()
        if handle is None:
            return False
        try:
            return not _take(handle, alone=True) and not self._holders  # one of this process may have begun meanwhile
        finally:
            os.close(handle)

    def _open(self) -> int | None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:  # a cache folder that cannot be written
            return None


ANSWERING = Answering(cache_folder(os.environ) / "answering.lock")
"""The lock of all promptlab processes that share a cache folder."""
