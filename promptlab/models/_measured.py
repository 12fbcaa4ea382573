"""What was measured of a local model on this machine: its memory when it was loaded, and its speed.

    catalogue.measured("smollm2-135m")     # Measured(at="2026-11-29T…", memory=LoadedMemory(…), writing=61.2); or None

`promptlab models check` measures; the figures are kept in `.promptlab/measured.json`. They count only as long as the
model's entry in promptlab.yaml and its file are what they were.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from promptlab._util.files import write_atomically

log = logging.getLogger(__name__)
FILE = "measured.json"


@dataclass(frozen=True, slots=True)
class LoadedMemory:
    """Memory of a loaded model in bytes: what llama.cpp `allocated`, by its log, and what its process really holds
    since it was loaded: `anonymous` pages, and `file_backed` ones of the mapped weights. None if the system does not
    say, or if another model was loaded in the process too."""

    allocated: int
    anonymous: int | None = None
    file_backed: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement. `reading` and `writing` are tokens a second, `at` is its time (UTC, ISO 8601)."""

    at: str
    memory: LoadedMemory | None = None
    reading: float | None = None
    writing: float | None = None


class Measurements:
    """The last measurement of every local model of a workspace, kept in its state folder."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE
        self._lock = threading.Lock()

    def last(self, name: str, *parts: str) -> Measured | None:
        """The last measurement of the model `name` with these `parts`; None if there is none."""
        kept = self._data().get(name)
        if not isinstance(kept, dict) or kept.get("of") != _digest(parts):
            return None
        try:
            memory = kept["memory"]
            return Measured(kept["at"], LoadedMemory(**memory) if memory else None, kept["reading"], kept["writing"])
        except (KeyError, TypeError):  # written by another version
            return None

    def note(self, name: str, measured: Measured, *parts: str) -> None:
        """Keep a measurement. A disk that cannot be written stops nothing."""
        with self._lock:
            data = {**self._data(), name: {"of": _digest(parts), **asdict(measured)}}
            try:
                write_atomically(self._path, json.dumps(data, indent=1).encode("ascii"))
            except OSError as exc:
                log.warning("what was measured of %s is not kept: %s", name, exc)

    def _data(self) -> dict[str, Any]:
        """The content of the file; a damaged one counts as empty."""
        try:
            data = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return data if isinstance(data, dict) else {}


def _digest(parts: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()


__all__ = ["LoadedMemory", "Measured", "Measurements"]
