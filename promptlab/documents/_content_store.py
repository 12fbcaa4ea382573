"""Texts of documents, kept once under their hash, so that a run can be repeated after a file changed.

    .promptlab/documents/text/1f/1f3a….txt          a text a prompt was made from
    .promptlab/documents/original/9c/9c07….pdf      what was uploaded, where the text is a conversion of it
    .promptlab/documents/converted/9c/9c07….json    which text a conversion gave, so that it is made once
    .promptlab/documents/selection/e2/e2b1….json    which passages of which text a selection is

A file's name is the SHA-256 of what is in it (of the original, for a conversion; of the selected text, for a
selection) and is checked when it is read. Files are written once, atomically, and never changed.
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
    """The store in the folder `root`, which is made when first written to."""

    root: Path

    @classmethod
    def of(cls, workspace: Workspace) -> DocStore:
        """The workspace's own, in its state folder."""
        return cls(workspace.state / FOLDER)

    def keep_text(self, text: str) -> str:
        """Keep `text`; its hash. Raises `OSError` when it cannot be written."""
        key = sha256(text)
        self._keep(self._place("text", key, ".txt"), text.encode("utf-8", "surrogatepass"))
        return key

    def keep_original(self, raw: bytes, ending: str) -> str:
        """Keep an upload as it came; its hash. Raises `OSError` when it cannot be written."""
        key = hashlib.sha256(raw).hexdigest()
        self._keep(self._place("original", key, ending), raw)
        return key

    def has(self, key: str) -> bool:
        """Whether the text of this hash is kept."""
        return _is_hash(key) and self._place("text", key, ".txt").is_file()

    def text(self, key: str) -> str:
        """The text of this hash. Raises `DocumentError` when it is not kept, or no longer what it was."""
        place = self._place("text", key, ".txt") if _is_hash(key) else None
        try:
            if place is None:
                raise FileNotFoundError
            raw = place.read_bytes()
        except OSError as exc:
            message = f"the text {key[:12]} is not kept in this workspace"
            raise DocumentError(message, hint="it was used elsewhere, or .promptlab/documents was cleared") from exc
        if hashlib.sha256(raw).hexdigest() != key:
            message = f"the kept text {key[:12]} is damaged"
            raise DocumentError(message, file=str(place), hint="delete that file; reading the document keeps it anew")
        return raw.decode("utf-8", "surrogatepass")

    def keep_record(self, kind: str, key: str, record: dict[str, Any]) -> None:
        """Keep what is known of `key` (JSON data) under `kind`: a conversion or a selection."""
        self._keep(self._place(kind, key, ".json"), json.dumps(record, sort_keys=True).encode())

    def record(self, kind: str, key: str) -> dict[str, Any] | None:
        """What was kept of `key` under `kind`; None when nothing was, or when it is damaged."""
        try:
            found = json.loads(self._place(kind, key, ".json").read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _place(self, kind: str, key: str, ending: str) -> Path:
        return self.root / kind / key[:2] / f"{key}{ending}"

    def _keep(self, place: Path, raw: bytes) -> None:
        # Of the right size it is whole: it was put there by a rename. Another size is damage, mended here.
        if not place.is_file() or place.stat().st_size != len(raw):
            write_atomically(place, raw)


def _is_hash(key: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}", key) is not None
