"""Uploads and pastes: put into `documents/uploads/` under a plain name, with a label."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from promptlab._util import disk_errors as faults
from promptlab._util.files import write_atomically
from promptlab.documents import _file_type as sniff
from promptlab.documents._content_store import DocStore
from promptlab.documents._read import file_kind, remember_text, text_of_bytes
from promptlab.errors import DocumentError, WorkspaceError
from promptlab.types import Document, Label
from promptlab.workspace import UPLOADS_FOLDER, Workspace, set_label

MAX_NAME = 150
"""Most bytes of the name of an upload, without its ending. Longer names are cut."""


def add_document(workspace: Workspace, name: str, content: bytes | str, label: Label | None = None) -> Document:
    """Write an upload (bytes) or a paste (text) to `documents/uploads/` under `name`. Returns the document.

    It is confidential unless `label` is given, which is then written to promptlab.yaml. Another file with the same name
    is never replaced: the new one gets a number. The same content with the same name is stored once. A file that cannot
    be read raises the error of `read_document`, and nothing is written.
    """
    name = _file_name(name, ".md" if isinstance(content, str) else "")
    shown = f"{UPLOADS_FOLDER}/{name}"
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    kind = file_kind(name, len(raw), shown)
    content_read = text_of_bytes(workspace, raw, kind, shown)
    path = _free(workspace, name, raw)
    existed = workspace.resolve(path).exists()
    _put(workspace, path, raw)
    if label is not None and label != workspace.label_of(path):
        try:
            workspace = set_label(workspace, path, label, reason="the label was chosen when it was added")
        except WorkspaceError:
            if not existed:  # without its label, the upload must not stay
                workspace.resolve(path).unlink()
            raise
    remember_text(workspace, content_read.text)
    if kind != "text":
        DocStore.of(workspace).keep_original(raw, PurePosixPath(name).suffix.lower())
    label = workspace.label_of(path)
    return Document(path=path, text=content_read.text, label=label, notes=content_read.notes)


def _put(workspace: Workspace, path: str, raw: bytes) -> None:
    try:
        write_atomically(workspace.resolve(path), raw)
    except OSError as exc:
        raise DocumentError(f"cannot be written: {exc.strerror or exc}", file=path, hint=faults.advice(exc)) from exc


_UNWANTED = re.compile(r"[^\w.() +,=@-]+")


def _file_name(name: str, ending: str) -> str:
    """A safe file name from the name of an upload: no folders, no control characters, not hidden."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    last = _UNWANTED.sub("_", last).strip(" .")
    stem, dot, suffix = last.rpartition(".")
    if not dot or (ending and f".{suffix.lower()}" not in sniff.KINDS):
        stem, suffix = last, ending.lstrip(".")
    # File systems allow 255 bytes, and a number may be added to the name.
    stem = stem.encode()[:MAX_NAME].decode(errors="ignore").strip() or "document"
    return stem + (f".{suffix}" if suffix else "")


def _free(workspace: Workspace, name: str, raw: bytes) -> str:
    """The path for `raw`: a free one, or that of a file with the same content."""
    pure = PurePosixPath(name)
    number = 1
    while True:
        path = f"{UPLOADS_FOLDER}/{pure.stem}{f'-{number}' if number > 1 else ''}{pure.suffix}"
        full = workspace.resolve(path)
        if not full.exists() or (full.is_file() and full.stat().st_size == len(raw) and full.read_bytes() == raw):
            return path
        number += 1
