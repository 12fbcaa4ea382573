"""Limits of a YAML file. They are checked while the file is parsed, so that no file takes long.

x: &x {<<: *x}        an alias inside its own anchor: endless
[[[[…]]]]             nested too deeply
a: &a [*b, *b, …]     a few lines that expand to millions of values
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from yaml import events

MAX_DEPTH = 60
MAX_KEYS = 5_000
"""The most keys of one mapping; lists may be longer."""
MAX_VALUES = 100_000
"""The most values in a file; an alias counts as much as its anchor."""
MAX_LINES = 100_000


class Excess(Exception):
    """A limit is exceeded; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass
class _Open:
    anchor: str | None
    is_mapping: bool
    values: int = 1
    children: int = 0


@dataclass
class Count:
    """Counts the events of one document; `add` raises `Excess` if a limit is exceeded."""

    stack: list[_Open] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    events: int = 0

    def add(self, event: Any) -> None:
        """Count an event of PyYAML's parser."""
        self.events += 1
        problem = self._problem(event)
        if not problem and self.events > 3 * MAX_VALUES:
            problem = f"more than {MAX_VALUES:,} values"
        if problem:
            raise Excess(problem, event.start_mark.line + 1)

    def _problem(self, event: Any) -> str:
        kind = type(event)
        if kind is events.ScalarEvent:
            if event.anchor:
                self.sizes[event.anchor] = 1
            return self._ended(1)
        if kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
            self.stack.append(_Open(event.anchor, kind is events.MappingStartEvent))
            return "nested too deeply" if len(self.stack) > MAX_DEPTH else ""
        if kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
            done = self.stack.pop()
            if done.anchor:
                self.sizes[done.anchor] = done.values
            return self._ended(done.values)
        if kind is events.AliasEvent:
            if any(outer.anchor == event.anchor for outer in self.stack):
                return f"the alias `*{event.anchor}` is inside its own anchor, so it is endless"
            return self._ended(self.sizes.get(event.anchor, 1))
        return ""

    def _ended(self, values: int) -> str:
        if not self.stack:
            return ""
        inside = self.stack[-1]
        inside.values += values
        inside.children += 1
        if inside.values > MAX_VALUES:
            return f"more than {MAX_VALUES:,} values: do aliases repeat each other?"
        if inside.is_mapping and inside.children > 2 * MAX_KEYS:
            return f"a mapping of more than {MAX_KEYS:,} keys"
        return ""
