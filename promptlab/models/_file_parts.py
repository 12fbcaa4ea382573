"""The files of one local model: a GGUF file, or all parts of one that was split.

    files = model_files(Path("big-00001-of-00003.gguf"))
    files.paths          # the three parts, in order
    files.size           # bytes of all of them

llama.cpp takes the first part and finds the others by its name, so whatever stands for the model's bytes (its digest,
its size, whether it changed) must cover them all. The digest of a split model is that of the list of its parts':

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
"""How the parts of a split model are called."""


@dataclass(frozen=True, slots=True)
class ModelPaths:
    """The files of a model in order, the first of which llama.cpp is given."""

    paths: tuple[Path, ...]

    @property
    def first(self) -> Path:
        return self.paths[0]

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.paths)


class Contents:
    """The bytes of some files as they were when this was made: `digests` are those of the files, in order.

    Files that were only written again with the same bytes have not changed.
    """

    def __init__(self, paths: Iterable[Path], digest: Callable[[Path], str]) -> None:
        self._digest = digest
        # Looked at before they are read: what changes meanwhile has changed.
        self._seen = {path: _look(path) for path in paths}
        self._were = {path: digest(path) for path in self._seen}

    @property
    def digests(self) -> list[str]:
        return list(self._were.values())

    def digest_of(self, path: Path) -> str:
        """The SHA-256 that `path` had."""
        return self._were[path]

    def changed(self) -> Path | None:
        """The first file whose bytes are others now, or that is gone; reads a file only where it was written again."""
        for path, seen in self._seen.items():
            now = _look(path)
            if now == seen:
                continue
            try:
                if self._digest(path) != self._were[path]:
                    return path
            except (ModelNotReady, OSError):
                return path
            self._seen[path] = now
        return None


def _look(path: Path) -> list[int] | None:
    try:
        return signature(path)
    except OSError:
        return None


def model_files(path: Path) -> ModelPaths:
    """All files of the model that begins with `path`. What cannot be read as GGUF is one file, which llama.cpp refuses.

    Raises:
        ModelNotReady: it is a later part, or a part is missing, has the wrong name or belongs elsewhere.
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
    return ModelPaths((path, *(_part(path, other, count) for other in range(2, count + 1))))


def names_of_parts(file: str) -> list[str]:
    """The names of all parts, by the name of the first; that name alone for a model in one file."""
    found = NAME.fullmatch(file)
    if found is None or int(found["number"]) != 1:
        return [file]
    return [_named(found["stem"], n, int(found["count"])) for n in range(1, int(found["count"]) + 1)]


def digest_of_parts(digests: Sequence[str]) -> str:
    """The SHA-256 that a model has whose files have these: its own for one file, else that of their list."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode("ascii")).hexdigest()


def _part(first: Path, number: int, count: int) -> Path:
    path = _sibling(first, number, count)
    if path is None:
        raise ModelNotReady(
            f"{first.name} says that it is the first of {count} parts, but its name is not that of one, "
            "so the others cannot be found",
            hint=f"call it {_named(first.name.removesuffix('.gguf'), 1, count)}, and the other parts likewise",
        )
    if not path.is_file():
        raise ModelNotReady(
            f"part {number} of {count} of the model {first.name} does not exist", hint=f"put it at {path}"
        )
    head = _head(path)
    found = (_number(head, "split.no") + 1, _number(head, "split.count")) if head else (0, 0)
    if found != (number, count):
        what = f"says that it is part {found[0]} of {found[1]}" if found[1] else "is no part of a split model"
        raise ModelNotReady(
            f"{path.name} should be part {number} of {count} of a model, and {what}", hint="get all parts again"
        )
    return path


def _sibling(path: Path, number: int, count: int) -> Path | None:
    found = NAME.fullmatch(path.name)
    if found is None or int(found["count"]) != count:
        return None
    return path.with_name(_named(found["stem"], number, count))


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
