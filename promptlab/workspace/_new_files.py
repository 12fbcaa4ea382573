"""Writes new files into a folder that may belong to somebody's project. An existing file is never changed.

result = write_new_files(root, {"templates/hello.yaml": "description: …"})
result.written, result.kept, result.failed     # paths; `failed` has the reason of each
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from promptlab._util.files import write_new
from promptlab.errors import NotWritten


@dataclass(frozen=True, slots=True)
class NewFiles:
    """What became of files to write: `written`; `kept`, because a file of that name was there; or `failed`."""

    written: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    """Paths that could not be written, each with the reason."""


def write_new_files(root: Path, files: Mapping[str, str]) -> NewFiles:
    """Write the texts in `files`, by path in the folder `root`. One that cannot be written does not stop the others."""
    written: list[str] = []
    kept: list[str] = []
    failed: list[tuple[str, str]] = []
    for path, text in files.items():
        full = root / path
        if not full.parent.resolve().is_relative_to(root.resolve()):
            failed.append((path, "a link leads out of this folder"))
            continue
        try:
            (written if write_new(full, text.encode("utf-8")) else kept).append(path)
        except NotWritten as exc:
            failed.append((path, exc.hint or exc.strerror or str(exc)))
    return NewFiles(tuple(written), tuple(kept), tuple(failed))
