"""What a model would get of a request: its text or body, its tokens by section, and what its prefix cache holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.types import Section


@dataclass(frozen=True, slots=True)
class Held:
    """The prefix cache of a local model: the number and bytes of states in memory and of files on disk."""

    states: int
    state_bytes: int
    files: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Budget:
    """The tokens of a prompt for one model, by section, and the context window.

    `exact` is False if the count is an estimate. `prompt` includes the tokens that the chat template adds; they count
    as `layout`. `room` is the number of new tokens in the request.
    """

    prompt: int
    by_section: Mapping[Section, int]
    by_source: Mapping[str, int]
    window: int | None
    room: int
    exact: bool

    @property
    def fits(self) -> bool:
        return self.window is None or self.prompt + self.room <= self.window


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the text that a model gets. `control` is True for control tokens of the model."""

    text: str
    section: Section
    source: str = ""
    control: bool = False


@dataclass(frozen=True, slots=True)
class AsSent:
    """What a model will get. For a local model the raw text in pieces; for an API the JSON body."""

    pieces: tuple[Piece, ...]
    budget: Budget
    body: Mapping[str, Any] | None = None
    url: str = ""
