"""What a YAML file may hold, looked at before anything is made of it, so that no file takes more than a moment.

    x: &x {<<: *x}        an alias inside what it names: it would have no end
    [[[[…]]]]             nested too deeply
    a: &a [*b, *b, …]     few lines that stand for millions of values

Events of the parser are counted, of libyaml where it understands the file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

MAX_DEPTH = 60
MAX_KEYS = 5_000
"""Keys of one mapping; lists may be longer."""
MAX_VALUES = 100_000
"""Values in all, each alias as often as what it names."""
MAX_LINES = 100_000
MAX_SLOW = 16_000
"""Values in all of a file that libyaml does not understand: the other parser takes a second for so many."""


TRIPS = (
    *(ValueError, RecursionError, AttributeError, TypeError, KeyError, IndexError, AssertionError),
    NotImplementedError,
)
"""What a parser raises that trips over a file, besides its own errors."""


@dataclass(frozen=True)
class Excess:
    """What there is too much of, and in which line (from 1)."""

    message: str
    line: int


@dataclass
class _Open:
    anchor: str | None
    is_mapping: bool
    values: int = 1
    children: int = 0


@dataclass
class _Count:
    most: int
    stack: list[_Open] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    total: int = 0

    def add(self, event: Any) -> str:
        """Count an event; what is wrong, or ""."""
        kind = type(event).__name__
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            self.stack.append(_Open(event.anchor, kind == "MappingStartEvent"))
            return "nested too deeply" if len(self.stack) > MAX_DEPTH else ""
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            done = self.stack.pop()
            if done.anchor:
                self.sizes[done.anchor] = done.values
            return self._ended(done.values)
        if kind == "AliasEvent":
            if any(one.anchor == event.anchor for one in self.stack):
                return f"the alias `*{event.anchor}` stands inside what it names, so there is no end to it"
            return self._ended(self.sizes.get(event.anchor, 1))
        if kind == "ScalarEvent":
            if event.anchor:
                self.sizes[event.anchor] = 1
            return self._ended(1)
        return ""

    def _ended(self, values: int) -> str:
        if not self.stack:
            self.total += values
            return ""
        inside = self.stack[-1]
        inside.values += values
        inside.children += 1
        if inside.values > self.most:
            return f"more than {self.most:,} values: do aliases repeat each other?"
        if inside.is_mapping and inside.children > 2 * MAX_KEYS:
            return f"a mapping of more than {MAX_KEYS:,} keys"
        return ""


def excess(text: str) -> Excess | None:
    """What a file has too much of; None where it is within bounds, or no YAML at all."""
    if text.count("\n") > MAX_LINES:
        return Excess(f"more than {MAX_LINES:,} lines", MAX_LINES + 1)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with contextlib.suppress(yaml.YAMLError, *TRIPS):  # no YAML, or YAML of a later version than libyaml knows
        return _first(yaml.parse(text, Loader=loader), MAX_VALUES)
    with contextlib.suppress(YAMLError, *TRIPS):
        return _first(YAML(typ="rt").parse(text), MAX_SLOW)
    return None


def _first(events: Iterable[Any] | Iterator[Any], most: int) -> Excess | None:
    count = _Count(most)
    for values, event in enumerate(events):
        said = count.add(event)
        if not said and values > 3 * most:
            said = f"more than {most:,} values"
        if said:
            return Excess(said, event.start_mark.line + 1)
    return None
