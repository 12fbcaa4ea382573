"""Atomic file writes: a reader, or a process killed while writing, finds the whole old file or the whole new one."""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from promptlab._util import disk_errors, state_folder
from promptlab.errors import NotWritten


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the content of `path` with `data`; see `writing`. Raises `NotWritten`, which is an `OSError`."""
    with writing(path) as file:
        file.write(data)


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A temporary file to write to. If the block succeeds, it replaces `path` and keeps its mode. A missing folder is
    made. Raises `NotWritten`, which is an `OSError`.

    A symbolic link stays a link: its target is replaced. A link that leads out of the state folder is refused here;
    other paths of a workspace come from `Workspace.resolve`, which refuses links that lead out of the workspace.
    """
    with _replacing(path) as (file, _):
        yield file


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """As `writing`, for a program that opens the file itself: the name of an empty temporary file."""
    with _replacing(path) as (_, temporary):
        yield temporary


@contextmanager
def _replacing(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    try:
        state_folder.refuse_outside_links(path)
        with _writing(path.resolve()) as opened:
            yield opened
    except NotWritten:
        raise
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise NotWritten(
            f"{path} cannot be written: {reason}", hint=disk_errors.advice(exc), errno=exc.errno, strerror=reason
        ) from exc


@contextmanager
def _writing(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    private = state_folder.inside(path) is not None
    state_folder.make_room(path.parent)
    _remove_leftovers(path)
    handle, name = tempfile.mkstemp(prefix=f"{_prefix(path)}{os.getpid()}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, Path(name)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only the owner can read. That is right in the state folder; elsewhere the file keeps
        # the mode of the old one, or gets the usual mode of a new file.
        if not private:
            Path(name).chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def write_new(path: Path, data: bytes) -> bool:
    """Write a file that does not exist yet. False if there is something with its name, even a link to nothing: that
    stays as it is. Raises `NotWritten`, which is an `OSError`."""
    if os.path.lexists(path):
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{_prefix(path)}{os.getpid()}.", suffix=".new", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).chmod(0o666 & ~_umask())
            return _take_name(Path(name), path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise NotWritten(
            f"{path} cannot be written: {reason}", hint=disk_errors.advice(exc), errno=exc.errno, strerror=reason
        ) from exc


def _take_name(whole: Path, path: Path) -> bool:
    """Give the file `whole` the name `path`, unless something has it by now."""
    try:
        os.link(whole, path)  # unlike a rename, it never replaces a file
    except FileExistsError:
        return False
    except OSError:  # a disk without hard links
        try:
            with path.open("xb") as file:
                file.write(whole.read_bytes())
        except FileExistsError:
            return False
    return True


def _prefix(path: Path) -> str:
    return f".{path.name[:40]}."


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary files for `path` that killed processes left. Their names have the process id."""
    prefix = _prefix(path)
    with contextlib.suppress(OSError):
        for leftover in path.parent.glob(f"{glob.escape(prefix)}*.new"):
            pid = leftover.name.removeprefix(prefix).partition(".")[0]
            if pid.isascii() and pid.isdecimal() and not _is_alive(int(pid)):
                leftover.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only checks
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # a process of another user, or no process id at all: leave the file alone
        return True
    return True


def _umask() -> int:
    mask = os.umask(0o022)  # it can only be read by setting it
    os.umask(mask)
    return mask


def file_stamp(path: Path) -> tuple[int, int, int] | None:
    """Modification time, size and inode of the file at `path`, which change if the file does. None if it is missing."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
