"""Advice for a disk error: what the person can do about a full disk, a quota, a missing permission and so on."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

_PROBE_BYTES = 128 * 1024
"""How much a trial write writes: more than SQLite needs at once for its own temporary files."""

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space and try again; the existing files are unchanged",
    errno.EDQUOT: "your disk quota is used up: free some space and try again; the existing files are unchanged",
    errno.EFBIG: "the file would be larger than the limit (ulimit -f, or the limit of the disk)",
    errno.EROFS: "the disk is read-only: reading works; to write, copy the workspace to another disk",
    errno.EACCES: "this user may not write there: check the owner and mode of the file and its folder",
    errno.EPERM: "this user may not write there: check the owner and mode of the file and its folder",
    errno.EMFILE: "this process has too many files open (ulimit -n)",
    errno.ENFILE: "this machine has too many files open",
    errno.ENAMETOOLONG: "the name is too long for this disk",
    errno.EIO: "the disk reports an input/output error: check the system log first",
    errno.ENOTDIR: "there is a file with the name of the folder",
    errno.EISDIR: "there is a folder with the name of the file",
}


def advice(exc: BaseException | None) -> str:
    """What the person can do about a disk error; "" if there is no advice for it."""
    return _ADVICE.get(exc.errno or 0, "") if isinstance(exc, OSError) else ""


def write_error(folder: Path) -> OSError | None:
    """The error of a trial write in `folder`; None if the write works.

    SQLite needs this: it reports "disk I/O error" for a full disk, too.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
    except OSError as exc:
        return exc
    return None
