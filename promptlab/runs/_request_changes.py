"""What sets two requests apart, worked out in one place; each that shows it has its own words for it.

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
    """`messages` are the numbers of those that differ, each of both sides; None if there are more of them on one side.
    `repeat` and `counts` (how many messages) are what was before and is now, None where that is the same."""

    model: bool
    params: tuple[ParamChange, ...]
    schema: bool
    repeat: tuple[int, int] | None
    counts: tuple[int, int] | None
    messages: tuple[int, ...] | None

    @property
    def prompt(self) -> bool:
        """True if what is said to the model differs."""
        return self.messages is None or bool(self.messages)


def request_changes(before: Request, after: Request) -> RequestChanges:
    """What differs in `after`. Spans and sources are no part of it: the same text may come from elsewhere."""
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
        messages=tuple(n for n, (one, other) in pairs if one != other) if count[0] == count[1] else None,
    )
