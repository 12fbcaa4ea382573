"""Context documents: files of the workspace read into `Document`s. Text and Markdown so far.

    read(workspace, "fixtures/documents/world-cup-2022.md").label      # what promptlab.yaml says of that path

The text is that of the file: newlines stay as they are. Only a byte order mark at the very beginning is
left out, because it says how the file is stored and is no part of what it says.
"""

from __future__ import annotations

import difflib
from pathlib import PurePosixPath

from promptlab.errors import DocumentError, WorkspaceError
from promptlab.types import Document
from promptlab.workspace import Workspace

ENDINGS = (".txt", ".md", ".markdown")
MAX_BYTES = 20_000_000


def read(workspace: Workspace, path: str) -> Document:
    """The document at `path`, relative to the workspace, with its label.

    Raises `DocumentError` when it is missing, a folder, empty, over 20 MB, of a kind that cannot be read
    yet, or not UTF-8 text.
    """
    try:
        full = workspace.resolve(path)
        size = full.stat().st_size
    except WorkspaceError as exc:
        raise DocumentError(exc.what, file=path, hint=exc.hint) from exc
    except FileNotFoundError as exc:
        raise DocumentError("there is no such document", file=path, hint=_nearest(workspace, path)) from exc
    except (OSError, ValueError) as exc:  # ValueError: a NUL byte in the path
        raise DocumentError(f"cannot be read: {exc}", file=path) from exc
    if full.is_dir():
        raise DocumentError("is a folder", file=path, hint="name each document in it")
    if full.suffix.lower() not in ENDINGS:
        kind = f"files ending in `{full.suffix}`" if full.suffix else "files without an ending"
        hint = f"documents can be {', '.join(ENDINGS)}"
        raise DocumentError(f"{kind} cannot be read as documents", file=path, hint=hint)
    if size > MAX_BYTES:
        message = f"{size / 1e6:.1f} MB is more than the {MAX_BYTES // 1_000_000} MB a document may have"
        raise DocumentError(message, file=path, hint="take the part that is needed")
    try:
        raw = full.read_bytes()
        text = raw.decode("utf-8")
    except OSError as exc:
        raise DocumentError(f"cannot be read: {exc.strerror}", file=path) from exc
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        raise DocumentError("not UTF-8 text", file=path, line=line, hint="save the file as UTF-8") from exc
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise DocumentError("is empty", file=path)
    # The label goes by the path as given and by the real one, so a link cannot shed it.
    return Document(path=PurePosixPath(path).as_posix(), text=text, label=workspace.label_of(path))


def _nearest(workspace: Workspace, path: str) -> str:
    """A hint naming the file beside it with the most similar name."""
    folder = workspace.resolve(path).parent
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    close = difflib.get_close_matches(PurePosixPath(path).name, names, n=1)
    return f"did you mean `{workspace.relative(folder / close[0])}`?" if close else ""
