"""What a GGUF file says of itself before its weights: keys and values, and the names of its tensors.

    head = read_head(Path("model-00001-of-00003.gguf"))
    head.meta["general.architecture"]    # "llama"
    head.meta["split.count"]             # 3
    head.lists["tokenizer.ggml.tokens"]  # 49152: of a list only its length is kept

Read here in plain Python, because it decides whether a file may be given to native code at all: a file that llama.cpp
ends the process over must be known before. Nothing of a list is kept, so that a vocabulary of 262,000 words costs a
tenth of a second and no memory.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

MAGIC = b"GGUF"
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Types of single values, by GGUF's number of them."""
TEXT, LIST = 8, 9
MOST_KEYS, MOST_TENSORS, LONGEST_TEXT, LONGEST_NAME = 65_536, 1 << 20, 1 << 26, 1 << 16
"""What no real file comes near; a damaged one that does is refused before memory is taken for it."""
AT_ONCE = 1 << 16

Value = int | float | bool | str


class NotGGUF(ValueError):
    """The file is no GGUF file, or its head is cut short or damaged."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a file: `kind` is GGUF's number of its type, `sizes` its lengths, and `bytes` what it takes in the
    file, with what fills it up to the next."""

    name: str
    kind: int
    sizes: tuple[int, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Head:
    """Single values by key, lengths of lists by key, and the tensors of this file in their order."""

    meta: Mapping[str, Value]
    lists: Mapping[str, int]
    tensors: tuple[Tensor, ...]

    @property
    def architecture(self) -> str:
        """The kind of network; empty where the file does not say."""
        return str(self.meta.get("general.architecture", ""))

    def of_architecture(self, key: str) -> Value | None:
        """A value that stands under the architecture's own name, as `llama.context_length` does."""
        return self.meta.get(f"{self.architecture}.{key}")


def read_head(path: Path) -> Head:
    """The head of `path`.

    Raises:
        NotGGUF: it has none that can be read.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        try:
            return _Reader(file).head()
        except (struct.error, KeyError, OverflowError, MemoryError) as exc:
            raise NotGGUF(f"{path.name} has a damaged head") from exc


class _Reader:
    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._size = file, os.fstat(file.fileno()).st_size
        self._order = "<"

    def head(self) -> Head:
        if self._file.read(4) != MAGIC:
            raise NotGGUF("it does not begin with GGUF")
        version = self._number("I")
        if version & 0xFFFF == 0:  # written the other way round
            self._order = ">"
            version = int.from_bytes(version.to_bytes(4, "little"), "big")
        if version not in (2, 3):
            raise NotGGUF(f"its version is {version}")
        tensors, keys = self._number("Q"), self._number("Q")
        if keys > MOST_KEYS or tensors > MOST_TENSORS:
            raise NotGGUF("its head is damaged")
        meta: dict[str, Value] = {}
        lists: dict[str, int] = {}
        for _ in range(keys):
            key, kind = self._text(LONGEST_NAME), self._number("I")
            if kind == LIST:
                lists[key] = self._skip_list()
            else:
                meta[key] = self._text(LONGEST_TEXT) if kind == TEXT else self._scalar(kind)
        return Head(meta, lists, self._tensors(tensors, meta))

    def _tensors(self, count: int, meta: Mapping[str, Value]) -> tuple[Tensor, ...]:
        found: list[tuple[int, str, int, tuple[int, ...]]] = []
        for _ in range(count):
            name, dimensions = self._text(LONGEST_NAME), self._number("I")
            if dimensions > 8:
                raise NotGGUF("its head is damaged")
            sizes = tuple(self._number("Q") for _ in range(dimensions))
            kind, place = self._number("I"), self._number("Q")
            found.append((place, name, kind, sizes))
        aligned = meta.get("general.alignment", 32)
        step = aligned if isinstance(aligned, int) and aligned > 0 else 32
        begin = -(-self._file.tell() // step) * step
        end = self._size - begin
        places = [*sorted(place for place, *_ in found), end]
        behind = dict(pairwise(places))
        return tuple(Tensor(name, kind, sizes, max(0, behind[place] - place)) for place, name, kind, sizes in found)

    def _skip_list(self) -> int:
        kind, count = self._number("I"), self._number("Q")
        if kind == TEXT:
            self._skip_texts(count)
        elif kind == LIST:
            raise NotGGUF("it has a list of lists")
        else:
            self._step(count * struct.calcsize(SCALARS[kind]))
        return count

    def _skip_texts(self, count: int) -> None:
        """Step over `count` texts, a block at a time."""
        length_of, block, at = struct.Struct(f"{self._order}Q").unpack_from, self._file.read(AT_ONCE), 0
        for _ in range(count):
            if at + 8 > len(block):
                block, at = block[at:] + self._file.read(AT_ONCE), 0
            at += 8 + int(length_of(block, at)[0])
            if at > len(block):
                self._step(at - len(block))
                block, at = self._file.read(AT_ONCE), 0
        self._file.seek(at - len(block), 1)

    def _step(self, count: int) -> None:
        if self._file.tell() + count > self._size:
            raise NotGGUF("its head is cut short")
        self._file.seek(count, 1)

    def _scalar(self, kind: int) -> Value:
        value: Value = struct.unpack(self._order + SCALARS[kind], self._take(struct.calcsize(SCALARS[kind])))[0]
        return value

    def _number(self, code: str) -> int:
        return int(struct.unpack(self._order + code, self._take(struct.calcsize(code)))[0])

    def _text(self, most: int) -> str:
        length = self._number("Q")
        if length > most:
            raise NotGGUF("its head is damaged")
        return self._take(length).decode("utf-8", "surrogateescape")

    def _take(self, count: int) -> bytes:
        found = self._file.read(count)
        if len(found) != count:
            raise NotGGUF("its head is cut short")
        return found


__all__ = ["Head", "NotGGUF", "Tensor", "Value", "read_head"]
