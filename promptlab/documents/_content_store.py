"""The texts of documents, stored under their hash, so that a run can be repeated after a file changed.

    .promptlab/documents/text/1f/1f3a….txt          a text that a prompt was made from
    .promptlab/documents/original/9c/9c07….pdf      an upload, if its text is a conversion
    .promptlab/documents/converted/9c/9c07….json    the text and the notes that a conversion gave
    .promptlab/documents/selection/e2/e2b1….json    the text and the ranges of a selection

The name of a file is the SHA-256 of its content (for a conversion that of the original, for a selection that of the
selected text). It is checked on reading. Files are written once, atomically, and never changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab._util.files import write_atomically
from promptlab.errors import DocumentError
from promptlab.types import sha256
from promptlab.workspace import Workspace

FOLDER = "documents"


@dataclass(frozen=True)
class DocStore:
    """The store in the folder `root`, which is created when needed."""

    root: Path

    @classmethod
    def of(cls, workspace: Workspace) -> DocStore:
        """The store of the workspace, in its state folder."""
        return cls(workspace.state / FOLDER)

    def keep_text(self, text: str) -> str:
        """Store `text`. Returns its hash. Raises `OSError` if it cannot be written."""
        key = sha256(text)
        self._keep(self._place("text", key, ".txt"), text.encode("utf-8", "surrogatepass"))
        return key

    def keep_original(self, raw: bytes, ending: str) -> str:
        """Store an upload unchanged. Returns its hash. Raises `OSError` if it cannot be written."""
        key = hashlib.sha256(raw).hexdigest()
        self._keep(self._place("original", key, ending), raw)
        return key

    def has(self, key: str) -> bool:
        """True if the text with this hash is stored."""
        return _is_hash(key) and self._place("text", key, ".txt").is_file()

    def text(self, key: str) -> str:
        """The text with this hash. Raises `DocumentError` if it is not stored, or if its file was changed."""
        place = self._place("text", key, ".txt") if _is_hash(key) else None
        try:
            if place is None:
                raise FileNotFoundError
            raw = place.read_bytes()
        except OSError as exc:
            message = f"the text {key[:12]} is not stored in this workspace"
            raise DocumentError(message, hint="it was used elsewhere, or .promptlab/documents was cleared") from exc
        if hashlib.sha256(raw).hexdigest() != key:
            message = f"the stored text {key[:12]} is damaged"
            raise DocumentError(
                message, file=str(place), hint="delete that file; it is stored again when the document is read"
            )
        return raw.decode("utf-8", "surrogatepass")

    def keep_record(self, kind: str, key: str, record: dict[str, Any]) -> None:
        """Store a record (JSON data) about `key`. `kind` is "converted" or "selection"."""
        self._keep(self._place(kind, key, ".json"), json.dumps(record, sort_keys=True).encode())

    def record(self, kind: str, key: str) -> dict[str, Any] | None:
        """The record about `key`. None if there is none, or if it is damaged."""
        try:
            record = json.loads(self._place(kind, key, ".json").read_bytes())
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def _place(self, kind: str, key: str, ending: str) -> Path:
        return self.root / kind / key[:2] / f"{key}{ending}"

    def _keep(self, place: Path, raw: bytes) -> None:
        # A file of the right size is complete, because it was renamed into place. Another size is damage: write it
        # again.
        if not place.is_file() or place.stat().st_size != len(raw):
            write_atomically(place, raw)


def _is_hash(key: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}", key) is not None
