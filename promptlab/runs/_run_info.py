"""A run as the history lists it. It has a module of its own, so that naming one loads no database."""

from __future__ import annotations

from dataclasses import dataclass

from promptlab.types import Origin


@dataclass(frozen=True)
class RunInfo:
    """A run in the history. `total` trials were planned, `done` have ended, `failed` of them with an error."""

    id: str
    created: str
    title: str
    template: str
    total: int
    origin: Origin
    done: int = 0
    failed: int = 0
    models: tuple[str, ...] = ()
