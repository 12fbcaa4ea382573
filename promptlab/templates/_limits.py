"""Limits of a render, and the meter that enforces them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from promptlab.templates._text_origin import TextOrigin


class Overrun(Exception):
    """A render went past one of its limits."""


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """Limits of one render. `output` counts the characters of the prompt, `made` those of intermediate texts too."""

    output: int = 24_000_000
    made: int = 64_000_000
    steps: int = 2_000_000
    seconds: float = 5.0


class Meter:
    """Counts what one render has used so far; `default` is the origin of the section that is being written."""

    __slots__ = ("deadline", "default", "limits", "made", "origins", "steps")

    def __init__(self, limits: RenderLimits) -> None:
        self.limits = limits
        self.made = self.steps = 0
        self.deadline = time.monotonic() + limits.seconds
        self.default = TextOrigin("layout")
        self.origins: Mapping[str, TextOrigin] = {}

    def tick(self, steps: int = 1) -> None:
        """Count `steps` of work."""
        self.steps += steps
        if self.steps > self.limits.steps:
            raise Overrun(f"stopped after {self.limits.steps:,} steps: is there an endless loop or macro?")
        if steps > 1 or not self.steps & 63:
            self.check_time()

    def charge(self, size: int) -> None:
        """Count `size` characters before they are made."""
        self.made += size
        if self.made > self.limits.made:
            raise Overrun(f"stopped: it makes more than {self.limits.made:,} characters in total")
        self.check_time()

    def check_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise Overrun(f"stopped after {self.limits.seconds:g} seconds: is there an endless loop or macro?")

    def weigh(self, value: Any) -> Any:
        """Charge a list or mapping for all it holds, so that nesting cannot double without limit. Returns `value`."""
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, list | tuple):
                self.charge(16 * len(item))
                self.tick(len(item))
                stack.extend(item)
            elif isinstance(item, dict):
                self.charge(64 * len(item))
                self.tick(len(item))
                stack.extend(item.values())
                stack.extend(item.keys())
        return value


METER: ContextVar[Meter] = ContextVar("promptlab_meter")
