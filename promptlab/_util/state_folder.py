"""The state folder, `.promptlab/`. All code that writes there makes its folders and files with these functions.

    make_room(workspace.state / "drafts")           # a folder that only its owner can read and git ignores
    private_file(workspace.state / "runs.sqlite")   # a file that only its owner can read

Nothing is written through a link that leads out of the folder. It holds the run history, the suite log, texts of
documents, drafts, the list of templates, the prefix cache, the ledger and locks. `files.writing` uses this module for
every path inside the folder.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

NAME = ".promptlab"
IGNORE = "*\n"
"""The content of the folder's .gitignore, which ignores itself, too."""


def inside(path: Path) -> Path | None:
    """The state folder that `path` is or lies in; None if there is none."""
    return next((folder for folder in (path, *path.parents) if folder.name == NAME), None)


def refuse_outside_links(path: Path) -> None:
    """Raise `OSError` if a link leads from the state folder of `path` to a place outside it.

    The workspace may come from an untrusted source; such a link would make promptlab overwrite a file of the user.
    """
    state = inside(path)
    if state is None:
        return
    home = state.parent.resolve() / NAME
    if not path.resolve().is_relative_to(home):
        raise OSError(errno.ELOOP, f"a link leads out of the state folder, to {path.resolve()}", str(path))


def make_room(folder: Path) -> None:
    """Make `folder` and the state folder that it lies in, with mode 700 and ignored by git. Raises `OSError`.

    If other users could read the state folder, the modes of everything in it are corrected. A folder that lies in no
    state folder is made with the usual mode.
    """
    state = inside(folder)
    refuse_outside_links(folder)
    if state is None:
        folder.mkdir(parents=True, exist_ok=True)
        return
    state.parent.mkdir(parents=True, exist_ok=True)
    state.mkdir(mode=0o700, exist_ok=True)
    if state.lstat().st_mode & 0o077 and not state.is_symlink():
        _make_private(state)
    ignore = state / ".gitignore"
    if not ignore.exists():
        handle = os.open(ignore, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(IGNORE)
    here = state
    for part in folder.relative_to(state).parts:
        here = here / part
        here.mkdir(mode=0o700, exist_ok=True)


def private_file(path: Path) -> None:
    """Make the file `path` and its folder if they are missing, readable only by their owner. Raises `OSError`.

    SQLite gives its `-wal` and `-shm` files the mode of the database. A file outside any state folder is left alone.
    """
    make_room(path.parent)
    if inside(path) is None:
        return
    refuse_outside_links(path)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for file in (path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm"))):
        if file.exists() and file.stat().st_mode & 0o077:
            file.chmod(0o600)


def _make_private(state: Path) -> None:
    for folder, _, names in os.walk(state):
        Path(folder).chmod(0o700)
        for name in names:
            path = Path(folder, name)
            if stat.S_ISREG(path.lstat().st_mode):
                path.chmod(0o600)
