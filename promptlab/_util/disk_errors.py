"""What to do about a disk that does not take what is written: advice that fits the fault."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

_TRIED = 128 * 1024
"""Bytes that are tried: more than SQLite wants at once for the files that it works with."""

_ADVICE = {
    errno.ENOSPC: "the disk is full: make room, and do it again; what was there before is untouched",
    errno.EDQUOT: "your quota on this disk is used up: make room, and do it again; what was there before is untouched",
    errno.EFBIG: "the file would be larger than is allowed here (ulimit -f, or the disk's limit)",
    errno.EROFS: "the disk is read-only: reading works; to write, use a copy of the workspace elsewhere",
    errno.EACCES: "this user may not write there: look at the owner and mode of the file and its folder",
    errno.EPERM: "this user may not write there: look at the owner and mode of the file and its folder",
    errno.EMFILE: "this process has too many files open (ulimit -n)",
    errno.ENFILE: "this machine has too many files open",
    errno.ENAMETOOLONG: "the name is longer than the disk takes",
    errno.EIO: "the disk reports an error of its own: look at the system's log before anything else",
    errno.ENOTDIR: "a file is where a folder should be",
    errno.EISDIR: "a folder is where a file should be",
}


def advice(exc: BaseException | None) -> str:
    """What to do next about an error of the disk; "" where nothing is known."""
    return _ADVICE.get(exc.errno or 0, "") if isinstance(exc, OSError) else ""


def of_folder(folder: Path) -> OSError | None:
    """What keeps this process from writing to `folder` now, tried with a file; None where nothing does. SQLite says
    "disk I/O error" for a full disk, too."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIED))
            file.flush()
    except OSError as exc:
        return exc
    return None
