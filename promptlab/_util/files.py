"""Writing files so that whoever reads or is interrupted finds the old one whole or the new one whole."""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from promptlab._util import disk_errors as faults
from promptlab._util import state_folder
from promptlab.errors import NotWritten


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` in the place of `path`, as `writing` does. Raises `OSError`."""
    with writing(path) as file:
        file.write(data)


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write; when the block ends well it takes the place of `path`, keeping its mode; its folder is made
    where missing. Raises `NotWritten`, which is an `OSError`.

    A link is followed: what it points to is replaced, and it stays a link. Out of the state folder none is; paths of a
    workspace come from `Workspace.resolve`, which refuses those that lead out of it.
    """
    try:
        state_folder.check(path)
        with _writing(path.resolve()) as file:
            yield file
    except NotWritten:
        raise
    except OSError as exc:
        said = exc.strerror or str(exc)
        raise NotWritten(
            f"{path} cannot be written: {said}", hint=faults.advice(exc), errno=exc.errno, strerror=said
        ) from exc


@contextmanager
def _writing(path: Path) -> Iterator[IO[bytes]]:
    private = state_folder.inside(path) is not None
    state_folder.make_room(path.parent)
    handle, name = tempfile.mkstemp(prefix=_sweep(path), suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp's own mode is for the owner alone, as it should be in the state folder; elsewhere a new file gets the
        # usual one.
        if not private:
            Path(name).chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _sweep(path: Path) -> str:
    """How the name of a new file for `path` begins: with the process that writes it, so that what a killed one left is
    known, and taken away here."""
    begin = f".{path.name[:40]}."
    with contextlib.suppress(OSError):
        for left in path.parent.glob(f"{glob.escape(begin)}*.new"):
            pid = left.name.removeprefix(begin).partition(".")[0]
            if pid.isascii() and pid.isdecimal() and not _is_alive(int(pid)):
                left.unlink(missing_ok=True)
    return f"{begin}{os.getpid()}."


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def state_of(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file at `path` does: its time, size and number. None where it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
