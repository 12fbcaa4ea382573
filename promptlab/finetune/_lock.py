"""The lock of a training: one process at a time trains an adapter of one name.

It is a file lock of the operating system in the folder of the training, so it ends with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from promptlab._util import disk_errors, state_folder
from promptlab.errors import FinetuneError

LOCK = "lock"
PATIENCE = 1.0
"""Seconds in which the lock is tried again: a page that looks whether it is taken holds it for a moment."""


@contextmanager
def hold_training(folder: Path) -> Iterator[None]:
    """Hold the lock of the training in `folder`. Raises `FinetuneError` if another process has it."""
    try:
        state_folder.make_room(folder)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise FinetuneError(
            f"the folder {folder} cannot be written: {exc.strerror}", hint=disk_errors.advice(exc)
        ) from exc
    try:
        _take(handle, folder.name)
        yield
    finally:
        os.close(handle)


def _take(handle: int, name: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise FinetuneError(
                    f"{name} is being trained by another process",
                    hint="wait until that has ended, stop it on the page Fine-tuning, or give another name",
                ) from None
            time.sleep(0.02)


def is_held(folder: Path) -> bool:
    """True if a process trains in `folder` now."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


__all__ = ["hold_training", "is_held"]
