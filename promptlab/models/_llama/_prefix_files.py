"""Prefixes on disk: the state of a model behind a text it read, found again after a restart.

A file is one line of JSON (what the state belongs to, how long everything is, a checksum), the tokens, and the state.
Files of another model, context, library or format are not even looked into; a damaged one is deleted and the text
read anew. The folder has a size limit; what was used longest ago goes first. It holds the text it was made of, in
numbers, so nothing labelled above public is written unless the catalogue allows it.
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
"""Bytes the folder may take, unless said otherwise."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A prefix in a file: its tokens as the bytes of 32-bit integers."""

    path: Path
    tokens: bytes


class PrefixFiles:
    """The prefixes of one model, known by its `identity`, in `folder`."""

    def __init__(self, folder: Path, identity: str, *, limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit
        self._identity = hashlib.sha256(f"{FORMAT}\0{identity}".encode()).hexdigest()

    def find(self) -> Iterator[OnDisk]:
        """Every whole-looking prefix of this model; states are read, and checked, only when they are used."""
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
        """This model's files and their bytes, looked at by name and size only."""
        found = []
        for path in sorted(self.folder.glob(f"{self._identity[:16]}-*{ENDING}")):
            with contextlib.suppress(OSError):
                found.append((path, path.stat().st_size))
        return found

    def clear(self) -> None:
        """Delete this model's files."""
        for path, _ in self.files():
            with contextlib.suppress(OSError):
                path.unlink()

    def load(self, path: Path) -> bytes | None:
        """The state in `path`; None, and the file is gone, where it is damaged."""
        head = self._head(path)
        if head is None:
            return None
        try:
            with path.open("rb") as file:
                file.readline(4_096)
                file.seek(head[0]["tokens"], os.SEEK_CUR)
                state = file.read()
            if zlib.crc32(state) == head[0]["state_crc"]:
                os.utime(path)
                return state
        except OSError:
            return None
        self._damaged(path)
        return None

    def save(self, tokens: bytes, state: bytes) -> Path | None:
        """Write a prefix; None where it cannot be, which harms nothing."""
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
            log.warning("the prefix %s cannot be kept: %s", path, exc)
            return None
        return path

    def _make_room(self, size: int) -> None:
        """Delete what was used longest ago, of any model, until `size` more bytes fit."""
        found = []
        for path in self.folder.glob(f"*{ENDING}"):
            with contextlib.suppress(OSError):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        total = sum(bytes_ for _, bytes_, _ in found)
        for _, bytes_, path in sorted(found):
            if total + size <= self.limit:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                total -= bytes_

    def _damaged(self, path: Path) -> None:
        log.warning("the prefix %s is damaged; its text is read anew", path)
        with contextlib.suppress(OSError):
            path.unlink()
