"""The door to the state folder, `.promptlab/`: whoever writes there comes through here.

    make_room(workspace.state / "drafts")           # a folder in it, for this person alone, which git does not see
    private_file(workspace.state / "runs.sqlite")   # a file in it, made where missing, for this person alone

Nothing is written through a link that leads out of it. Writers: the run history, the suite log, texts of documents,
drafts, the list of templates, prompts kept read, the ledger, locks. `files.writing` comes here by itself for a path
inside the folder.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

NAME = ".promptlab"
IGNORE = "*\n"
"""The folder's own .gitignore, which ignores itself, too."""


def inside(path: Path) -> Path | None:
    """The state folder that `path` is, or is in."""
    return next((folder for folder in (path, *path.parents) if folder.name == NAME), None)


def check(path: Path) -> None:
    """Raise `OSError` where a link leads from the state folder that `path` is in to elsewhere: the workspace may be a
    stranger's, and what is written there would take the place of a file of the person's."""
    state = inside(path)
    if state is None:
        return
    home = state.parent.resolve() / NAME
    if not path.resolve().is_relative_to(home):
        raise OSError(errno.ELOOP, f"a link leads out of the state folder, to {path.resolve()}", str(path))


def make_room(folder: Path) -> None:
    """Make `folder`, and the state folder that it is in: mode 700, ignored by git. Raises `OSError`.

    A state folder that was open to others is closed, with everything in it. A folder elsewhere is only made.
    """
    state = inside(folder)
    check(folder)
    if state is None:
        folder.mkdir(parents=True, exist_ok=True)
        return
    state.parent.mkdir(parents=True, exist_ok=True)
    state.mkdir(mode=0o700, exist_ok=True)
    if state.lstat().st_mode & 0o077 and not state.is_symlink():
        _close(state)
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
    """Make the file `path` where it is missing, and its folder, and keep others from reading it. Raises `OSError`.

    SQLite gives its other files the mode of this one. A file outside any state folder keeps the usual mode.
    """
    make_room(path.parent)
    if inside(path) is None:
        return
    check(path)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for one in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if one.exists() and one.stat().st_mode & 0o077:
            one.chmod(0o600)


def _close(state: Path) -> None:
    for folder, _, names in os.walk(state):
        Path(folder).chmod(0o700)
        for name in names:
            path = Path(folder, name)
            if stat.S_ISREG(path.lstat().st_mode):
                path.chmod(0o600)
