"""What a template's Jinja may do: the listed filters, text methods and functions, and nothing else.

Each of them keeps track of where text came from and is charged to the meter before it makes anything
large, so a template can neither reach into Python nor eat the machine's memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial, wraps
from typing import Any

from jinja2 import Environment, Undefined, filters
from jinja2.runtime import Context, LoopContext
from jinja2.utils import _PassArg, pass_context, pass_environment

from promptlab.templates._tracked_text import (
    METER,
    Overrun,
    TextOrigin,
    TrackedText,
    change_by_run,
    concat,
    json_text,
    kind_of,
    merge_runs,
    origins_in,
    to_text,
    with_blended_origin,
)
from promptlab.types import sha256

MAX_COUNT = 100_000
PIECE_COST = 20  # bytes for each character where a library function cuts a text into words
MAX_BITS = 10_000
HIDDEN = "promptlab "
"""Filters whose name starts so are put in by the compiler; the space keeps them out of anyone's reach."""


def bounded_count(number: Any, most: int = MAX_COUNT) -> int:
    """A width or a number of repeats, refused where it is absurd."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"a whole number is needed here, not {kind_of(number)}")
    if abs(number) > most:
        raise Overrun(
            f"stopped: {number:,} is more than {most:,}" if number.bit_length() < 99 else "stopped: a huge number"
        )
    return number


def bounded_number(value: Any) -> Any:
    """Numbers stay below `MAX_BITS` bits: arithmetic on larger ones takes time without end."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise Overrun(f"stopped: a number of more than {MAX_BITS:,} bits")
    return value


def charge_result(result: Any, *sources: Any) -> Any:
    """What a filter or a method made: charged, and with the origin of what it was made from."""
    if isinstance(result, Undefined) or any(result is source for source in sources):
        return result
    if isinstance(result, str):
        METER.get().charge(len(result))
        return with_blended_origin(result, *sources)
    if isinstance(result, list | tuple | dict):
        return METER.get().weigh(result)
    if isinstance(result, Iterator):
        return iter(Ticking(result))
    return bounded_number(result)


def with_own_origin(value: Any) -> Any:
    """Text without an origin becomes the section's own, so that taking it apart is charged like any other text."""
    return TrackedText.of(value, METER.get().default) if type(value) is str else value


class Ticking:
    """An iterable that counts each step; it has a length where the one inside has."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __iter__(self) -> Iterator[Any]:
        meter = METER.get()
        for item in self.inner:
            meter.tick()
            yield item

    def __len__(self) -> int:
        return len(self.inner)


def multiply(left: Any, right: Any) -> Any:
    """`left * right`, refused before it is made where it is too large."""
    if isinstance(left, int) and isinstance(right, str | list | tuple):
        left, right = right, left
    if isinstance(left, str | list | tuple) and isinstance(right, int):
        times, meter = max(0, right), METER.get()
        if isinstance(left, str):
            runs = left.runs if isinstance(left, TrackedText) else ()
            meter.charge(times * (len(left) + 16 * len(runs)))
            return TrackedText(str.__mul__(left, times), merge_runs(runs * times)) if runs else str.__mul__(left, times)
        meter.charge(16 * len(left) * times)
        return meter.weigh(left * times)
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MAX_BITS:
        raise Overrun(f"stopped: a number of more than {MAX_BITS:,} bits")
    return left * right


def power(left: Any, right: Any) -> Any:
    """`left ** right`, refused before it is made where it is too large."""
    if isinstance(left, int) and isinstance(right, int) and right > 0 and left.bit_length() * right > MAX_BITS:
        raise Overrun(f"stopped: a number of more than {MAX_BITS:,} bits")
    return left**right


def add(left: Any, right: Any) -> Any:
    """`left + right`; text keeps its origins."""
    if isinstance(left, str) and isinstance(right, str):
        return concat((left, right))
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        METER.get().charge(16 * (len(left) + len(right)))
        return METER.get().weigh(left + right)  # type: ignore[operator]  # list + tuple is the author's TypeError
    return bounded_number(left + right)


_SPEC = re.compile(r"%(?:\([^)]*\))?([^%a-zA-Z]*)")


def modulo(left: Any, right: Any) -> Any:
    """`left % right`: the remainder, or text formatting with bounded widths."""
    if not isinstance(left, str):
        return left % right
    for spec in _SPEC.findall(left):
        if "*" in spec or any(len(digits) > 4 for digits in re.findall(r"\d+", spec)):
            raise Overrun("stopped: a width in a format is too large; use at most four digits")
    values = right if isinstance(right, tuple | dict) else (right,)
    plain: Any = (
        {k: _printable(v) for k, v in values.items()} if isinstance(values, dict) else tuple(map(_printable, values))
    )
    longest = max(
        (len(v) for v in (plain.values() if isinstance(plain, dict) else plain) if isinstance(v, str)), default=0
    )
    METER.get().charge(len(left) + (10_000 + longest) * left.count("%"))
    return charge_result(str.__mod__(left, plain), left, right)


def _printable(value: Any) -> Any:
    return str.__str__(value) if isinstance(value, str) else value if isinstance(value, int | float) else to_text(value)


def replace(text: str, old: str, new: str, times: int | None = None) -> str:
    """`text` with `old` replaced by `new`, at most `times` times."""
    old, new, most = to_text(old), to_text(new), -1 if times is None else times
    found = len(text) + 1 if not old else text.count(old)
    METER.get().charge(len(text) + len(new) * (found if most < 0 else min(found, most)))
    made = (
        change_by_run(lambda part: part.replace(old, new, most), text)
        if old and most < 0 and not origins_in(new)
        else None
    )
    return made if made is not None else with_blended_origin(str.replace(text, old, new, most), text, new)


@pass_environment
def join(env: Environment, items: Iterable[Any], between: str = "", attribute: str | int | None = None) -> str:
    """The items as one text with `between` between them."""
    if attribute is not None:
        items = map(filters.make_attrgetter(env, attribute), items)
    chunks: list[Any] = []
    for item in Ticking(items):
        chunks += [between, item] if chunks else [item]
    return concat(chunks)


def stacked(newlines: int) -> Callable[[Iterable[Any]], TrackedText]:
    """A filter that puts texts below each other, `newlines` newlines between two of them.

    Newlines that a text ends with count; texts are never cut, and empty ones take no room.
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
    """`text` with every line but the first moved in by `width` spaces; `first` and `blank` lines on demand."""
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
    """One of the items, always the same one of the same items: which, a hash of them says."""
    found = list(Ticking(items))
    if not found:
        raise TypeError("`choice` needs at least one item")
    METER.get().weigh(found)
    return found[int(sha256(json_text(found, None))[:12], 16) % len(found)]


def most_frequent(items: Iterable[Any]) -> list[Any]:
    """The items that occur most often, each once, in the order they come first; all of them when none repeats."""
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
    """The first items of all the lists, then the second ones, up to the end of the shortest."""
    return iter(Ticking(zip(*map(with_own_origin, lists), strict=False)))


def chunked(how: Callable[..., Any]) -> Callable[..., Any]:
    """`batch` or `slice` with a bounded number."""
    return lambda items, number, fill_with=None: how(items, bounded_count(number), fill_with)


def as_json(value: Any, indent: int | None = None) -> str:
    """The value as JSON; text gets its quotes."""
    return with_blended_origin(json_text(value, None if indent is None else bounded_count(indent, 100)), value)


def sliced(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """`value[start:stop:step]`, which Jinja would leave to Python."""
    return value[start:stop:step]


_ITERATING = frozenset(
    (
        *("batch", "choice", "first", "join", "last", "lines", "list", "map", "max", "min", "most_frequent"),
        *("paragraphs", "reject", "reverse", "select", "slice", "sort", "sum", "unique"),
    )
)
"""Filters that take a text apart when they are given one."""


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as a filter that counts a step and has its result charged and traced."""
    wants = _PassArg.from_obj(function)

    @pass_context
    @wraps(function)
    def guarded(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        METER.get().tick()
        if name in _ITERATING:
            value = with_own_origin(value)
        given: Any = {
            None: (),
            _PassArg.context: (context,),
            _PassArg.eval_context: (context.eval_ctx,),
            _PassArg.environment: (context.environment,),
        }[wants]
        return charge_result(function(*given, value, *args, **kwargs), value, *args, *kwargs.values())

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
"""Every filter a template may use."""


def _plain(name: str) -> Callable[..., Any]:
    """A text method whose result is bounded by its text and takes the origins of the text and its arguments."""

    def method(text: str, *args: Any, **named: Any) -> Any:
        # Through the object, so that the methods of `Traced` are found.
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
"""Every method of text a template may call."""

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
"""Every attribute of other values a template may read."""


def text_method(text: str, name: str) -> Callable[..., Any] | None:
    """The method `name` of `text`, bound, or None where templates have no such method."""
    how = ALLOWED_TEXT_METHODS.get(name)
    return None if how is None else partial(how, text)
