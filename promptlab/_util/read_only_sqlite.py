"""Reading a database on a read-only disk: from a temporary copy, because SQLite writes files even to read."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path


def temporary_copy(path: Path, fault: OSError) -> str:
    """The path of a copy of the database at `path`, in a temporary folder that is removed when this process ends.

    The path leads to no file if there is no database. Raises `fault` if the copy cannot be written.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="promptlab-"))  # mode 700
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        for ending in ("", "-wal"):  # the write-ahead log holds commits that are not yet in the main file
            source = path.with_name(path.name + ending)
            if source.is_file():
                shutil.copyfile(source, folder / source.name)
    except OSError:
        raise fault from None
    return str(folder / path.name)
