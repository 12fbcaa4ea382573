"""Databases on a disk that nothing can be written to: read from a copy, since SQLite itself writes to read."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path


def copy_of(path: Path, fault: OSError) -> str:
    """A copy of the database at `path` in a temporary folder that goes with this process; an empty one where there is
    none. Raises `fault` where there is no room for it either."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="promptlab-"))  # for this person alone
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        for end in ("", "-wal"):  # what is written but not yet in the file itself is in the other
            one = path.with_name(path.name + end)
            if one.is_file():
                shutil.copyfile(one, folder / one.name)
    except OSError:
        raise fault from None
    return str(folder / path.name)
