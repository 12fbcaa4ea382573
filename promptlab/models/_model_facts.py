"""What is known of models, to compare them by: their files, and their memory and speed as measured on this machine.

    facts = model_facts(catalogue, ["mine", "mine-q4_0"])
    facts["mine-q4_0"].parameters, facts["mine-q4_0"].bytes, facts["mine-q4_0"].memory

Nothing is loaded and nothing is asked. What is not known is None: an API does not say how large its models are, and a
local model is measured by `promptlab models check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from promptlab._util.files import file_stamp
from promptlab.errors import ModelNotReady
from promptlab.models._catalogue import Catalogue
from promptlab.models._file_facts import FileFacts, read_file_facts
from promptlab.models._file_parts import model_files
from promptlab.models._gguf import NotGGUF
from promptlab.models._status import ModelStatus

_MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Facts of a model; None if not known. `bytes` are those of its files, `memory` what llama.cpp allocated when it
    was loaded, `reading` and `writing` are tokens a second; these three were measured on this machine."""

    bytes: int | None = None
    file: FileFacts | None = None
    memory: int | None = None
    reading: float | None = None
    writing: float | None = None

    @property
    def parameters(self) -> int | None:
        """How many parameters it has."""
        return self.file.parameters if self.file else None

    @property
    def type_words(self) -> str:
        """Its file type, and what it was quantised from; "" if it is not known."""
        return ", ".join(part for part in (self.file.file_type, self.file.origin_words) if part) if self.file else ""


def model_facts(catalogue: Catalogue, names: Iterable[str]) -> Mapping[str, ModelFacts]:
    """The facts of the models `names`; of a model that the catalogue no longer has, nothing is known."""
    known = set(catalogue.names())
    return {name: _facts(catalogue, name) if name in known else ModelFacts() for name in names}


def _facts(catalogue: Catalogue, name: str) -> ModelFacts:
    status, measured = catalogue.status(name), catalogue.measured(name)
    return ModelFacts(
        status.size_bytes,
        facts_of_file(status),
        measured.memory.allocated if measured and measured.memory else None,
        measured.reading if measured else None,
        measured.writing if measured else None,
    )


def facts_of_file(status: ModelStatus) -> FileFacts | None:
    """The facts of a local model's file; None if there is none yet, or none that can be read."""
    if status.file is None:
        return None
    try:
        paths = model_files(Path(status.file)).paths
        return _read(paths, tuple(file_stamp(path) for path in paths))
    except (ModelNotReady, NotGGUF, OSError):
        return None


@lru_cache(maxsize=_MOST_KEPT)
def _read(paths: tuple[Path, ...], _stamps: tuple[object, ...]) -> FileFacts:
    return read_file_facts(paths)


__all__ = ["ModelFacts", "facts_of_file", "model_facts"]
