"""The differences between two requests, found in one place for all who show them.

changed = request_changes(before, after)
changed.params          # (ParamChange("temperature", 0.0, 0.7),)
changed.messages        # (1,): the numbers of the messages that differ
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from promptlab.types import Request


@dataclass(frozen=True, slots=True)
class ParamChange:
    """A sampling parameter that differs; None is the backend's default."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class RequestChanges:
    """What differs. `messages` are the numbers of the messages that differ, or None if one request has more messages.
    `repeat` and `counts` (of messages) are the values before and after, or None if they are equal."""

    model: bool
    params: tuple[ParamChange, ...]
    schema: bool
    repeat: tuple[int, int] | None
    counts: tuple[int, int] | None
    messages: tuple[int, ...] | None

    @property
    def prompt(self) -> bool:
        """True if the prompt differs."""
        return self.messages is None or bool(self.messages)


def request_changes(before: Request, after: Request) -> RequestChanges:
    """The differences from `before` to `after`. Spans and sources are not compared: only the text counts."""
    old, new = before.body(), after.body()
    count = len(old["messages"]), len(new["messages"])
    pairs = enumerate(zip(old["messages"], new["messages"], strict=False))
    return RequestChanges(
        model=before.model != after.model,
        params=tuple(
            ParamChange(name, old["params"].get(name), new["params"].get(name))
            for name in dict.fromkeys([*old["params"], *new["params"]])
            if old["params"].get(name) != new["params"].get(name)
        ),
        # As text: models answer in the order of a schema's properties.
        schema=json.dumps(old["schema"]) != json.dumps(new["schema"]),
        repeat=None if old["repeat"] == new["repeat"] else (old["repeat"], new["repeat"]),
        counts=None if count[0] == count[1] else count,
        messages=tuple(n for n, (first, second) in pairs if first != second) if count[0] == count[1] else None,
    )
