"""The filters, text methods and attributes that a template may use; all others are refused.

Each of them tracks where text came from, and is charged to the meter before it makes anything large. So a template can
neither reach into Python nor use up the memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial, wraps
from typing import Any

from jinja2 import Environment, filters
from jinja2.runtime import Context, LoopContext
from jinja2.utils import _PassArg, pass_context, pass_environment

from promptlab.templates._limits import METER
from promptlab.templates._operators import (
    Ticking,
    bounded_count,
    bounded_number,
    charge_result,
    modulo,
    with_own_origin,
)
from promptlab.templates._text_origin import TextOrigin
from promptlab.templates._tracked_text import (
    TrackedText,
    change_by_run,
    concat,
    json_text,
    kind_of,
    origins_in,
    to_text,
    with_blended_origin,
)
from promptlab.types import sha256

PIECE_COST = 20  # bytes for each character of a text that a library function splits into words
HIDDEN = "promptlab "
"""Filters with this prefix are inserted by the compiler. Because of the space no template can name them."""


def replace(text: str, old: str, new: str, times: int | None = None) -> str:
    """`text` with `old` replaced by `new`, at most `times` times."""
    old, new, most = to_text(old), to_text(new), -1 if times is None else times
    matches = len(text) + 1 if not old else text.count(old)
    METER.get().charge(len(text) + len(new) * (matches if most < 0 else min(matches, most)))
    changed = (
        change_by_run(lambda part: part.replace(old, new, most), text)
        if old and most < 0 and not origins_in(new)
        else None
    )
    return changed if changed is not None else with_blended_origin(str.replace(text, old, new, most), text, new)


@pass_environment
def join(env: Environment, items: Iterable[Any], between: str = "", attribute: str | int | None = None) -> str:
    """The items joined with `between`."""
    if attribute is not None:
        items = map(filters.make_attrgetter(env, attribute), items)
    chunks: list[Any] = []
    for item in Ticking(items):
        chunks += [between, item] if chunks else [item]
    return concat(chunks)


def stacked(newlines: int) -> Callable[[Iterable[Any]], TrackedText]:
    """A filter that joins texts with `newlines` newlines between them.

    Newlines at the end of a text count; texts are never cut, and empty ones are skipped.
    """
    layout = TextOrigin("layout")

    def stack(items: Iterable[Any]) -> TrackedText:
        chunks: list[str] = []
        for item in Ticking(items):
            text = to_text(item)
            if not text:
                continue
            if chunks:
                last = chunks[-1]
                has = len(last) - len(str.rstrip(last[-newlines:], "\n")) - max(0, len(last) - newlines)
                chunks.append(TrackedText.of("\n" * (newlines - has), layout))
            chunks.append(text)
        return concat(chunks)

    return stack


def indent(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """`text` with all lines but the first indented by `width` spaces; `first` and `blank` include those lines."""
    margin = width if isinstance(width, str) else " " * bounded_count(width)
    lines = text.splitlines(True)
    METER.get().charge(len(text) + len(margin) * len(lines))
    chunks: list[str] = []
    for number, line in enumerate(lines):
        if (number or first) and (blank or line.strip()):
            chunks.append(margin)
        chunks.append(line)
    return concat(chunks)


def pad(how: str) -> Callable[..., str]:
    """`center`, `ljust`, `rjust` or `zfill` with a bounded width."""

    def padded(text: str, width: int = 80, *fill: str) -> str:
        METER.get().charge(max(len(text), bounded_count(width)))
        return with_blended_origin(getattr(str, how)(text, width, *fill), text)

    return padded


@pass_environment
def total(env: Environment, items: Iterable[Any], attribute: str | int | None = None, start: float = 0) -> Any:
    """The sum of numbers."""
    if attribute is not None:
        items = map(filters.make_attrgetter(env, attribute), items)
    result: Any = start
    for item in Ticking(items):
        if not isinstance(item, int | float):
            raise TypeError(f"sum adds numbers, not {kind_of(item)}")
        result = bounded_number(result + item)
    return result


def rounded(value: float, precision: int = 0, method: str = "common") -> Any:
    """The number rounded to `precision` digits; `common`, `ceil` or `floor`."""
    return filters.do_round(value, bounded_count(precision, 100), method)  # type: ignore[arg-type]  # checked by the filter


def case(how: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda text: change_by_run(how, to_text(text))


def trim(text: Any, chars: str | None = None) -> str:
    """The text without leading and trailing whitespace, or `chars`."""
    return to_text(text).strip(chars)


def title(text: Any) -> str:
    """The text with the first letter of each word in upper case, the others in lower case."""
    METER.get().charge(PIECE_COST * len(to_text(text)))
    return change_by_run(filters.do_title, to_text(text))


def wordcount(text: Any) -> int:
    """The number of words."""
    METER.get().charge(PIECE_COST * len(to_text(text)))
    return len(re.findall(r"\w+", to_text(text)))


def choice(items: Iterable[Any]) -> Any:
    """One of the items, chosen by a hash of them: the same items always give the same choice."""
    choices = list(Ticking(items))
    if not choices:
        raise TypeError("`choice` needs at least one item")
    METER.get().weigh(choices)
    return choices[int(sha256(json_text(choices, None))[:12], 16) % len(choices)]


def most_frequent(items: Iterable[Any]) -> list[Any]:
    """The items that occur most often, each once, in order of first appearance; all of them if none repeats."""
    counts: dict[str, int] = {}
    first: dict[str, Any] = {}
    for item in Ticking(items):
        key = to_text(item)
        METER.get().charge(len(key))
        counts[key] = counts.get(key, 0) + 1
        first.setdefault(key, item)
    most = max(counts.values(), default=0)
    return [item for key, item in first.items() if counts[key] == most]


def zipped(*lists: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Tuples of the first items of all lists, then the second ones, up to the end of the shortest list."""
    return iter(Ticking(zip(*map(with_own_origin, lists), strict=False)))


def chunked(how: Callable[..., Any]) -> Callable[..., Any]:
    """`batch` or `slice` with a bounded number."""
    return lambda items, number, fill_with=None: how(items, bounded_count(number), fill_with)


def as_json(value: Any, indent: int | None = None) -> str:
    """The value as JSON; text gets its quotes."""
    return with_blended_origin(json_text(value, None if indent is None else bounded_count(indent, 100)), value)


_ITERATING = frozenset(
    (
        *("batch", "choice", "first", "join", "last", "lines", "list", "map", "max", "min", "most_frequent"),
        *("paragraphs", "reject", "reverse", "select", "slice", "sort", "sum", "unique"),
    )
)
"""Filters that iterate over the characters of a text."""


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as a filter that counts as a step; its result is charged and tracked."""
    wants = _PassArg.from_obj(function)

    @pass_context
    @wraps(function)
    def guarded(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        METER.get().tick()
        if name in _ITERATING:
            value = with_own_origin(value)
        first: Any = {
            None: (),
            _PassArg.context: (context,),
            _PassArg.eval_context: (context.eval_ctx,),
            _PassArg.environment: (context.environment,),
        }[wants]
        return charge_result(function(*first, value, *args, **kwargs), value, *args, *kwargs.values())

    return guarded


_OWN: dict[str, Callable[..., Any]] = {
    "batch": chunked(filters.do_batch),
    "capitalize": case(str.capitalize),
    "choice": choice,
    "center": lambda text, *how, **named: pad("center")(to_text(text), *how, **named),
    "format": lambda text, *values, **named: modulo(to_text(text), named or values),
    "indent": lambda text, *how, **named: indent(to_text(text), *how, **named),
    "join": join,
    "lines": stacked(1),
    "lower": case(str.lower),
    "most_frequent": most_frequent,
    "paragraphs": stacked(2),
    "replace": lambda text, *how, **named: replace(to_text(text), *how, **named),
    "round": rounded,
    "slice": chunked(filters.sync_do_slice),
    "string": to_text,
    "sum": total,
    "title": title,
    "tojson": as_json,
    "trim": trim,
    "upper": case(str.upper),
    "wordcount": wordcount,
}
_LIBRARY = (
    *("abs", "count", "d", "default", "dictsort", "first", "float", "int", "items", "last", "length", "list"),
    *("map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "truncate"),
    "unique",
)

FILTERS: dict[str, Callable[..., Any]] = {
    name: _guarded(name, function)
    for name, function in sorted({**{n: filters.FILTERS[n] for n in _LIBRARY}, **_OWN}.items())
}
"""All filters that a template may use."""


def _plain(name: str) -> Callable[..., Any]:
    """A text method whose result is no longer than its text; it gets the origins of the text and the arguments."""

    def method(text: str, *args: Any, **named: Any) -> Any:
        # By name, so that the methods of `TrackedText` are used.
        return charge_result(getattr(with_own_origin(text), name)(*args, **named), text, *args)

    return method


def _joined(between: str, items: Iterable[Any]) -> str:
    chunks: list[Any] = []
    for item in Ticking(items):
        chunks += [between, item] if chunks else [item]
    return concat(chunks)


_PLAIN = (
    *("count", "endswith", "find", "index", "isalnum", "isalpha", "isdecimal", "isdigit", "islower", "isnumeric"),
    *("isspace", "istitle", "isupper", "lstrip", "removeprefix", "removesuffix", "rfind", "rindex", "rstrip"),
    *("split", "splitlines", "startswith", "strip"),
)

ALLOWED_TEXT_METHODS: dict[str, Callable[..., Any]] = {
    **{name: pad(name) for name in ("center", "ljust", "rjust", "zfill")},
    **{name: case(getattr(str, name)) for name in ("capitalize", "casefold", "lower", "swapcase", "title", "upper")},
    **{name: _plain(name) for name in _PLAIN},
    "join": _joined,
    "replace": replace,
}
"""All methods of text that a template may call."""

ALLOWED_ATTRIBUTES: dict[type, frozenset[str]] = {
    dict: frozenset(("get", "items", "keys", "values")),
    list: frozenset(("count", "index")),
    tuple: frozenset(("count", "index")),
    LoopContext: frozenset(
        (
            *("cycle", "changed", "depth", "depth0", "first", "index", "index0", "last", "length"),
            *("nextitem", "previtem", "revindex", "revindex0"),
        )
    ),
}
"""All attributes of other values that a template may read."""


def text_method(text: str, name: str) -> Callable[..., Any] | None:
    """The method `name` bound to `text`; None if templates have no such method."""
    how = ALLOWED_TEXT_METHODS.get(name)
    return None if how is None else partial(how, text)
