"""The prefix cache on disk: the state of a model after a prefix, which a later process can use.

A file has one line of JSON (the model that the state belongs to, sizes, checksums), the tokens, and the state. Files of
another model, context, library or format are not read. A damaged file is deleted, and its prefix computed again. The
folder has a size limit; the least recently used files are deleted first. The tokens are the text of the prompt in
numbers, so only public text is written unless the catalogue allows more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from promptlab._util.files import write_atomically

log = logging.getLogger(__name__)

FORMAT = 2
ENDING = ".prefix"
LIMIT = 4_000_000_000
"""The default limit for the folder, in bytes."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A prefix in a file, with its tokens as the bytes of 32-bit integers."""

    path: Path
    tokens: bytes


class PrefixFiles:
    """The files in `folder` that belong to one model, given by its fingerprint (`identity`)."""

    def __init__(self, folder: Path, identity: str, *, limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit
        self._identity = hashlib.sha256(f"{FORMAT}\0{identity}".encode()).hexdigest()

    def find(self) -> Iterator[OnDisk]:
        """Every prefix of this model with valid tokens. States are read and checked only when they are used."""
        for path in sorted(self.folder.glob(f"{self._identity[:16]}-*{ENDING}")):
            head = self._head(path)
            if head is not None:
                yield OnDisk(path, head[1])

    def _head(self, path: Path) -> tuple[dict[str, int], bytes] | None:
        try:
            with path.open("rb") as file:
                head = json.loads(file.readline(4_096))
                if head["identity"] != self._identity:
                    return None
                tokens = file.read(head["tokens"])
                whole = file.tell() + head["state"] == os.fstat(file.fileno()).st_size
                if whole and len(tokens) == head["tokens"] and zlib.crc32(tokens) == head["tokens_crc"]:
                    return head, tokens
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self._damaged(path)
        return None

    def files(self) -> list[tuple[Path, int]]:
        """The files of this model and their sizes in bytes. Nothing is read."""
        files = []
        for path in sorted(self.folder.glob(f"{self._identity[:16]}-*{ENDING}")):
            with contextlib.suppress(OSError):
                files.append((path, path.stat().st_size))
        return files

    def clear(self) -> None:
        """Delete the files of this model."""
        for path, _ in self.files():
            with contextlib.suppress(OSError):
                path.unlink()

    def load(self, path: Path) -> bytes | None:
        """The state in `path`. If the file is damaged, it is deleted, and the result is None."""
        head = self._head(path)
        if head is None:
            return None
        try:
            with path.open("rb") as file:
                file.readline(4_096)
                file.seek(head[0]["tokens"], os.SEEK_CUR)
                state = file.read()
            if zlib.crc32(state) == head[0]["state_crc"]:
                os.utime(path)  # marks it as used
                return state
        except OSError:
            return None
        self._damaged(path)
        return None

    def save(self, tokens: bytes, state: bytes) -> Path | None:
        """Write a prefix; its path. None if it cannot be written, which only costs time later."""
        if len(state) > self.limit:
            return None
        path = self.folder / f"{self._identity[:16]}-{hashlib.sha256(tokens).hexdigest()[:32]}{ENDING}"
        head = {
            "identity": self._identity,
            "tokens": len(tokens),
            "tokens_crc": zlib.crc32(tokens),
            "state": len(state),
            "state_crc": zlib.crc32(state),
        }
        try:
            self._make_room(len(tokens) + len(state))
            write_atomically(path, json.dumps(head).encode("ascii") + b"\n" + tokens + state)
        except OSError as exc:
            log.warning("the prefix file %s cannot be written: %s", path, exc)
            return None
        return path

    def _make_room(self, size: int) -> None:
        """Delete the least recently used files, of any model, until `size` more bytes fit."""
        files = []
        for path in self.folder.glob(f"*{ENDING}"):
            with contextlib.suppress(OSError):
                stat = path.stat()
                files.append((stat.st_mtime, stat.st_size, path))
        total = sum(bytes_ for _, bytes_, _ in files)
        for _, bytes_, path in sorted(files):
            if total + size <= self.limit:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                total -= bytes_

    def _damaged(self, path: Path) -> None:
        log.warning("the prefix file %s is damaged and is deleted; its text is computed again", path)
        with contextlib.suppress(OSError):
            path.unlink()
