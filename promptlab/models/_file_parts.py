"""The files of one local model: a GGUF file, or all parts of one that was split.

    files = model_files(Path("big-00001-of-00003.gguf"))
    files.paths          # the three parts, in order
    files.size           # bytes of all of them

llama.cpp gets the first part and finds the others by its name. So the digest, the size and the check for changes must
cover all of them. The digest of a split model is the SHA-256 of the list of its parts' digests:

    sha256sum big-0000?-of-00003.gguf | cut -c1-64 | sha256sum
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptlab.errors import ModelNotReady
from promptlab.models._files import signature
from promptlab.models._gguf import Head, NotGGUF, read_head

NAME = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.DOTALL)
"""The file names of the parts of a split model."""


@dataclass(frozen=True, slots=True)
class ModelPaths:
    """The files of a model, in order. llama.cpp gets the first."""

    paths: tuple[Path, ...]

    @property
    def first(self) -> Path:
        return self.paths[0]

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.paths)


class Contents:
    """The contents of some files at one moment, to find out later if they have changed. `digests` are in the files'
    order.

    A file that was written again with the same bytes has not changed.
    """

    def __init__(self, paths: Iterable[Path], digest: Callable[[Path], str]) -> None:
        self._digest = digest
        # The signatures are taken first: a change while a file is read counts as a change.
        self._seen = {path: _signature_or_none(path) for path in paths}
        self._were = {path: digest(path) for path in self._seen}

    @property
    def digests(self) -> list[str]:
        return list(self._were.values())

    def digest_of(self, path: Path) -> str:
        """The SHA-256 of `path` at that moment."""
        return self._were[path]

    def changed(self) -> Path | None:
        """The first file that has other bytes now, or does not exist. Only files that were written again are read."""
        for path, seen in self._seen.items():
            now = _signature_or_none(path)
            if now == seen:
                continue
            try:
                if self._digest(path) != self._were[path]:
                    return path
            except (ModelNotReady, OSError):
                return path
            self._seen[path] = now
        return None


def _signature_or_none(path: Path) -> list[int] | None:
    try:
        return signature(path)
    except OSError:
        return None


def model_files(path: Path) -> ModelPaths:
    """All files of the model whose first file is `path`. A file that is not GGUF is returned alone; llama.cpp refuses
    it.

    Raises:
        ModelNotReady: `path` is a later part, or a part is missing, has a wrong name or belongs to another model.
    """
    head = _head(path)
    count = _number(head, "split.count") if head else 0
    if count < 2:
        return ModelPaths((path,))
    number = _number(head, "split.no") + 1
    if number != 1:
        first = _sibling(path, 1, count)
        raise ModelNotReady(
            f"{path.name} is part {number} of a model in {count} parts, and the first is needed",
            hint=f"name {first.name if first else 'its first part'} in promptlab.yaml",
        )
    return ModelPaths((path, *(_part(path, later, count) for later in range(2, count + 1))))


def names_of_parts(file: str) -> list[str]:
    """The names of all parts of a model, from the name of the first. For a model in one file, its name alone."""
    name = NAME.fullmatch(file)
    if name is None or int(name["number"]) != 1:
        return [file]
    return [_named(name["stem"], n, int(name["count"])) for n in range(1, int(name["count"]) + 1)]


def digest_of_parts(digests: Sequence[str]) -> str:
    """The SHA-256 of a model whose files have `digests`: the digest of a single file, or that of the list."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode("ascii")).hexdigest()


def _part(first: Path, number: int, count: int) -> Path:
    path = _sibling(first, number, count)
    if path is None:
        raise ModelNotReady(
            f"{first.name} says that it is the first of {count} parts, but its name is not that of a part, "
            "so the others cannot be found",
            hint=f"rename it to {_named(first.name.removesuffix('.gguf'), 1, count)}, and the other parts likewise",
        )
    if not path.is_file():
        raise ModelNotReady(
            f"part {number} of {count} of the model {first.name} does not exist", hint=f"put it at {path}"
        )
    head = _head(path)
    actual = (_number(head, "split.no") + 1, _number(head, "split.count")) if head else (0, 0)
    if actual != (number, count):
        what = f"says that it is part {actual[0]} of {actual[1]}" if actual[1] else "is not part of a split model"
        raise ModelNotReady(
            f"{path.name} should be part {number} of {count} of a model, and {what}", hint="get all parts again"
        )
    return path


def _sibling(path: Path, number: int, count: int) -> Path | None:
    name = NAME.fullmatch(path.name)
    if name is None or int(name["count"]) != count:
        return None
    return path.with_name(_named(name["stem"], number, count))


def _named(stem: str, number: int, count: int) -> str:
    return f"{stem}-{number:05}-of-{count:05}.gguf"


def _number(head: Head | None, key: str) -> int:
    value = head.meta.get(key) if head else None
    return value if isinstance(value, int) else 0


def _head(path: Path) -> Head | None:
    try:
        return read_head(path)
    except (NotGGUF, OSError):
        return None


__all__ = ["Contents", "ModelPaths", "digest_of_parts", "model_files", "names_of_parts"]
