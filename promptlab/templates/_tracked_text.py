"""Text that knows where each of its characters came from.

While a template renders, every text value is a `TrackedText`: a str with runs of (length, origin). Slicing, joining
and the text functions of templates keep the runs, so spans never have to be searched for.

    TrackedText.of("Who won?", TextOrigin("input", "question"))

Plain text that is joined to tracked text belongs to the section that is being rendered (`Meter.default`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, SupportsIndex

from jinja2 import Undefined

from promptlab.templates._limits import METER
from promptlab.templates._text_origin import TextOrigin, strictest_origin

CHARACTER_COST = 100  # bytes: a single character becomes an object of its own


class TrackedText(str):
    """A str with `runs`: (length, origin) in order. Lengths are positive and add up to the length of the text."""

    __slots__ = ("runs",)
    runs: tuple[tuple[int, TextOrigin], ...]

    def __new__(cls, text: str, runs: tuple[tuple[int, TextOrigin], ...]) -> TrackedText:
        self = super().__new__(cls, text)
        self.runs = runs
        return self

    @classmethod
    def of(cls, text: str, origin: TextOrigin) -> TrackedText:
        """`text` with a single origin."""
        return cls(str.__str__(text), ((len(text), origin),) if text else ())

    # With this `str(x)` in the code that Jinja generates keeps the subclass.
    def __str__(self) -> str:
        return self

    def cut(self, start: int, stop: int) -> TrackedText:
        """The characters from `start` to `stop` with their origins; both must be within the text."""
        runs, at = [], 0
        for length, origin in self.runs:
            shared = min(at + length, stop) - max(at, start)
            if shared > 0:
                runs.append((shared, origin))
            at += length
        return TrackedText(str.__getitem__(self, slice(start, stop)), tuple(runs))

    def __getitem__(self, key: SupportsIndex | slice) -> TrackedText:
        if not isinstance(key, slice):
            at = range(len(self))[key]
            return self.cut(at, at + 1)
        start, stop, step = key.indices(len(self))
        if step == 1:
            return self.cut(start, max(start, stop))
        if step == -1:
            ahead = self.cut(stop + 1, max(start, stop) + 1)
            return TrackedText(str.__getitem__(ahead, slice(None, None, -1)), tuple(reversed(ahead.runs)))
        whole = _Cutter(self)
        places = range(start, stop, step)
        METER.get().charge(CHARACTER_COST * len(places))
        taken = [whole.cut(place, place + 1) for place in sorted(places)]
        return concat(taken if step > 0 else reversed(taken))

    def __iter__(self) -> Iterator[str]:
        meter, whole = METER.get(), _Cutter(self)
        for at in range(len(self)):
            meter.charge(CHARACTER_COST)
            yield whole.cut(at, at + 1)

    def pieces(self) -> list[TrackedText]:
        """The text, cut at each change of origin."""
        whole, at = _Cutter(self), 0
        found = []
        for length, _ in self.runs:
            found.append(whole.cut(at, at + length))
            at += length
        return found

    def strip(self, chars: str | None = None, /) -> TrackedText:
        return self.lstrip(chars).rstrip(chars)

    def lstrip(self, chars: str | None = None, /) -> TrackedText:
        return self.cut(len(self) - len(str.lstrip(self, chars)), len(self))

    def rstrip(self, chars: str | None = None, /) -> TrackedText:
        return self.cut(0, len(str.rstrip(self, chars)))

    def removeprefix(self, prefix: str, /) -> TrackedText:
        return self.cut(len(prefix), len(self)) if self.startswith(prefix) else self

    def removesuffix(self, suffix: str, /) -> TrackedText:
        return self.cut(0, len(self) - len(suffix)) if suffix and self.endswith(suffix) else self

    def splitlines(self, keepends: bool = False) -> list[str]:
        METER.get().charge(CHARACTER_COST * sum(map(self.count, _LINE_ENDS)))
        whole, at = _Cutter(self), 0
        found: list[str] = []
        for line in str.splitlines(self, True):
            bare = line if keepends else (str.splitlines(line) or [""])[0]
            found.append(whole.cut(at, at + len(bare)))
            at += len(line)
        return found

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        meter, whole, at = METER.get(), _Cutter(self), 0
        found: list[str] = []
        most = maxsplit.__index__()
        if sep is None:
            for word in _WORD.finditer(self):
                meter.charge(CHARACTER_COST)
                end = len(self) if len(found) == most else word.end()
                found.append(whole.cut(word.start(), end))
                if end == len(self):
                    break
            return found
        meter.charge(CHARACTER_COST * self.count(sep))
        for part in str.split(self, sep, most):
            found.append(whole.cut(at, at + len(part)))
            at += len(part) + len(sep)
        return found


_WORD = re.compile(r"\S+")
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


class _Cutter:
    """Cuts pieces out of one text from front to back, in linear time."""

    def __init__(self, text: TrackedText) -> None:
        self.text, self.runs = str.__str__(text), text.runs
        self.number = self.begin = 0  # the run at or before the next piece, and its start

    def cut(self, start: int, stop: int) -> TrackedText:
        """The characters from `start` to `stop`; `start` may not be before that of the piece before."""
        while self.number < len(self.runs) and self.begin + self.runs[self.number][0] <= start:
            self.begin += self.runs[self.number][0]
            self.number += 1
        found, at, number = [], self.begin, self.number
        while at < stop and number < len(self.runs):
            length, origin = self.runs[number]
            found.append((min(at + length, stop) - max(at, start), origin))
            at += length
            number += 1
        return TrackedText(self.text[start:stop], tuple(found) if stop > start else ())


def origins_in(value: Any) -> list[TextOrigin]:
    """The distinct origins of `value` or of the texts in it, in order."""
    found: dict[TextOrigin, None] = {}
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, TrackedText):
            found.update((origin, None) for _, origin in item.runs)
        elif isinstance(item, list | tuple):
            METER.get().tick(len(item))
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            METER.get().tick(len(item))
            for key, inner in reversed(item.items()):
                stack += [inner, key]
    return list(found)


def with_blended_origin(text: str, *sources: Any) -> str:
    """`text`, made from `sources` in a way that cannot be tracked: it gets their strictest origin."""
    if isinstance(text, TrackedText):
        return text
    origin = strictest_origin(origins_in(sources))
    return text if origin is None else TrackedText.of(text, origin)


def change_by_run(change: Callable[[str], str], text: str, *others: Any) -> str:
    """`change(text)`, run by run if the result is the same as for the whole text; else with the blended origin."""
    whole = change(str.__str__(text))
    if not isinstance(text, TrackedText):
        return with_blended_origin(whole, *others)
    if len(text.runs) > 1:
        parts = [change(str.__str__(piece)) for piece in text.pieces()]
        if "".join(parts) == whole:
            return TrackedText(whole, merge_runs((len(p), o) for p, (_, o) in zip(parts, text.runs, strict=True)))
    return with_blended_origin(whole, text, *others)


def merge_runs(runs: Iterable[tuple[int, TextOrigin]]) -> tuple[tuple[int, TextOrigin], ...]:
    """`runs` with neighbours of the same origin joined."""
    found: list[tuple[int, TextOrigin]] = []
    for length, origin in runs:
        if found and found[-1][1] == origin:
            found[-1] = (found[-1][0] + length, origin)
        elif length:
            found.append((length, origin))
    return tuple(found)


def concat(chunks: Iterable[Any]) -> TrackedText:
    """The chunks as one text; those without an origin belong to the section that is being rendered."""
    meter = METER.get()
    texts = [chunk if isinstance(chunk, str) else to_text(chunk) for chunk in chunks]
    if len(texts) == 1 and isinstance(texts[0], TrackedText):
        return texts[0]
    meter.charge(sum(map(len, texts)))
    runs: list[tuple[int, TextOrigin]] = []
    for text in texts:
        runs.extend(text.runs if isinstance(text, TrackedText) else ((len(text), meter.default),))
    return TrackedText("".join(texts), merge_runs(runs))


def to_text(value: Any, indent: int | None = None) -> str:
    """The text that a value prints: text as it is, anything else as JSON."""
    if isinstance(value, str) and indent is None:
        return value
    if isinstance(value, Undefined):
        return str(value)  # raises with the name, or is empty after an `if` without `else`
    if not isinstance(value, str | int | float | list | tuple | dict | None):
        raise _unprintable(value)
    return with_blended_origin(json_text(value, indent), value)


def kind_of(value: Any) -> str:
    """The name of the value's type in messages, such as `number`."""
    name = type(value).__name__.strip("_").lower().removesuffix("part")
    return {
        "trackedtext": "text",
        "str": "text",
        "int": "number",
        "float": "number",
        "bool": "boolean",
        "dict": "object",
    }.get(name, name)


def _unprintable(value: Any) -> TypeError:
    return TypeError(f"the {kind_of(value)} cannot be printed; print one of its fields, or add `|join` or `|list`")


def _refuse(value: Any) -> Any:
    raise _unprintable(value)


def json_text(value: Any, indent: int | None = None) -> str:
    """`value` as JSON, made piece by piece so that the meter can stop it."""
    meter, parts = METER.get(), []
    for part in json.JSONEncoder(ensure_ascii=False, indent=indent, default=_refuse).iterencode(value):
        meter.charge(len(part) + 8)
        parts.append(part)
    return "".join(parts)
