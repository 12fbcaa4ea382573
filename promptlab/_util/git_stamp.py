"""A stamp of a git repository that changes whenever a commit, a branch, a tag or a setting does.

    before = git_stamp(root)
    ...                         # what git says of its commits and refs stays the same
    git_stamp(root) == before   # while this is true

It saves running git again: its refs are files, and looking at them takes a tenth of a millisecond. The index and the
files of the working tree are not part of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from promptlab._util.files import file_stamp

FRESH_SECONDS = 0.1
"""A file that changed so recently may change again without another time stamp, so there is no stamp until later."""
MOST_FOLDERS, MOST_BYTES = 2_000, 4_096

Stamp = tuple[object, ...]


def git_stamp(root: Path) -> Stamp | None:
    """The stamp of the repository that the folder `root` is in. None if there is none, if it is of an unusual kind, or
    if it changed just now."""
    folder = _git_folder(root)
    if folder is None:
        return None
    head = _short_text(folder / "HEAD")
    if not head:
        return None
    shared = (folder / _short_text(folder / "commondir").strip()).resolve()
    try:
        folders = [*_folders(folder / "refs"), *(_folders(shared / "refs") if shared != folder else ())]
    except (OSError, OverflowError):
        return None
    files = [
        *(folder / "HEAD", folder / "config.worktree", folder / "shallow"),
        *(shared / "packed-refs", shared / "config", shared / "reftable" / "tables.list", shared / "info" / "grafts"),
        *(folder / "reftable" / "tables.list", shared / "shallow", shared / "info" / "attributes"),
        *_settings_of_user(),
    ]
    stamps = [file_stamp(path) for path in files]
    newest = max(0, *(stamp[0] for stamp in stamps if stamp), *(when for _, when in folders))
    if newest > time.time_ns() - FRESH_SECONDS * 1e9:
        return None
    return (str(folder), head, tuple(stamps), tuple(folders))


def _git_folder(root: Path) -> Path | None:
    """The folder with HEAD: `.git` of the working tree, or the one that a file `.git` names."""
    for above in (root, *root.parents):
        place = above / ".git"
        if place.is_dir():
            return place
        if place.exists():
            text = _short_text(place)
            return (above / text.removeprefix("gitdir:").strip()).resolve() if text.startswith("gitdir:") else None
    return None


def _short_text(path: Path) -> str:
    """The text of a regular file; "" if it is none, or longer than git writes such files."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return ""
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _folders(refs: Path) -> Iterator[tuple[str, int]]:
    """Every folder of refs with the time of its last change. Git writes a ref by renaming a file into its folder."""
    waiting = [str(refs)]
    count = 0
    while waiting:
        folder = waiting.pop()
        count += 1
        if count > MOST_FOLDERS:
            raise OverflowError
        try:
            yield folder, Path(folder).stat().st_mtime_ns
            with os.scandir(folder) as entries:
                waiting += sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:  # a worktree has no refs of its own before it needs them
            continue


def _settings_of_user() -> Iterator[Path]:
    home = Path("~").expanduser()
    yield Path(os.environ.get("GIT_CONFIG_GLOBAL") or home / ".gitconfig")
    yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git" / "config"
    yield Path(os.environ.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig")


__all__ = ["git_stamp"]
