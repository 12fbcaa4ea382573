"""The head of a GGUF file: its keys and values, and the names of its tensors. The weights are not read.

    head = read_head(Path("model-00001-of-00003.gguf"))
    head.meta["general.architecture"]    # "llama"
    head.meta["split.count"]             # 3
    head.lists["tokenizer.ggml.tokens"]  # 49152: of a long list, or one of texts, only the length is kept
    head.numbers["lfm2.attention.head_count_kv"]  # (0, 0, 8, …): a short list of numbers, one for each layer

It is read in plain Python, because it decides if a file may be given to native code at all: some damaged files make
llama.cpp end the process. The entries of lists are skipped, so that a vocabulary of 262,000 words takes a tenth of a
second and no memory. `read_head_of` reads any file-like object, such as one that fetches a file by parts.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

MAGIC = b"GGUF"
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""GGUF's types of single values, by their number: the format code of `struct`."""
TEXT, LIST = 8, 9
MOST_KEYS, MOST_TENSORS, LONGEST_TEXT, LONGEST_NAME = 65_536, 1 << 20, 1 << 26, 1 << 16
"""Limits far above any real file. A damaged file beyond them is refused before it takes memory."""
MOST_KEPT = 1 << 26
"""The most bytes of text that all keys, values and names of a head may have together."""
SHORT_LIST = 4_096
"""Lists of numbers up to this length are kept: they have one entry for each layer."""
AT_ONCE = 1 << 16

Value = int | float | bool | str


class NotGGUF(ValueError):
    """The file is not a GGUF file, or its head is cut short or damaged."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a file. `kind` is GGUF's number of its type, `sizes` has its dimensions, and `bytes` is its length in
    the file, with the padding after it; `start` is the byte where it begins."""

    name: str
    kind: int
    sizes: tuple[int, ...]
    bytes: int
    start: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """Single values by key (`meta`), lengths of lists by key, the tensors of this file in their order, the entries of
    short lists of `numbers`, and the place where the weights `begin`."""

    meta: Mapping[str, Value]
    lists: Mapping[str, int]
    tensors: tuple[Tensor, ...]
    numbers: Mapping[str, tuple[int | float, ...]] = field(default_factory=dict)
    begin: int = 0

    @property
    def architecture(self) -> str:
        """The kind of network, such as `llama`; empty if the file does not say."""
        return str(self.meta.get("general.architecture", ""))

    def of_architecture(self, key: str) -> Value | None:
        """A value whose key begins with the architecture's name, such as `llama.context_length`."""
        return self.meta.get(f"{self.architecture}.{key}")


def read_head(path: Path) -> Head:
    """The head of `path`.

    Raises:
        NotGGUF: there is no head that can be read.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return read_head_of(file, os.fstat(file.fileno()).st_size, path.name)


def read_head_of(file: IO[bytes], size: int, name: str) -> Head:
    """The head of a file that is open for reading and has `size` bytes.

    Raises:
        NotGGUF: there is no head that can be read.
        OSError: the file cannot be read.
    """
    try:
        return _Reader(file, size).head()
    except (struct.error, KeyError, OverflowError, MemoryError) as exc:
        raise NotGGUF(f"{name} has a damaged head") from exc


class _Reader:
    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size
        self._order = "<"
        self._kept = 0
        self._numbers: dict[str, tuple[int | float, ...]] = {}

    def head(self) -> Head:
        if self._file.read(4) != MAGIC:
            raise NotGGUF("it does not begin with GGUF")
        version = self._number("I")
        if version & 0xFFFF == 0:  # written with the other byte order
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
                lists[key] = self._list(key)
            else:
                meta[key] = self._text(LONGEST_TEXT) if kind == TEXT else self._scalar(kind)
        return Head(meta, lists, *self._tensors(tensors, meta))

    def _tensors(self, count: int, meta: Mapping[str, Value]) -> tuple[tuple[Tensor, ...], Mapping[str, Any], int]:
        tensors: list[tuple[int, str, int, tuple[int, ...]]] = []
        for _ in range(count):
            name, dimensions = self._text(LONGEST_NAME), self._number("I")
            if dimensions > 8:
                raise NotGGUF("its head is damaged")
            sizes = tuple(self._number("Q") for _ in range(dimensions))
            kind, place = self._number("I"), self._number("Q")
            tensors.append((place, name, kind, sizes))
        aligned = meta.get("general.alignment", 32)
        step = aligned if isinstance(aligned, int) and aligned > 0 else 32
        begin = -(-self._file.tell() // step) * step
        end = self._size - begin
        places = [*sorted(place for place, *_ in tensors), end]
        behind = dict(pairwise(places))
        found = (
            Tensor(name, kind, sizes, max(0, behind[place] - place), begin + place)
            for place, name, kind, sizes in tensors
        )
        return tuple(found), self._numbers, begin

    def _list(self, key: str) -> int:
        """Step over a list; keep its entries if they are few numbers. The length of the list."""
        kind, count = self._number("I"), self._number("Q")
        if kind in SCALARS and count <= SHORT_LIST:
            self._numbers[key] = tuple(self._scalar(kind) for _ in range(count))  # type: ignore[misc]
            return count
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
        self._kept += length
        if length > most or self._kept > MOST_KEPT:
            raise NotGGUF("its head is damaged")
        return self._take(length).decode("utf-8", "surrogateescape")

    def _take(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) != count:
            raise NotGGUF("its head is cut short")
        return data


__all__ = ["Head", "NotGGUF", "Tensor", "Value", "read_head", "read_head_of"]
