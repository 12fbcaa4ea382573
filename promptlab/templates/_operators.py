"""The operators of a template's Jinja (`+`, `*`, `**`, `%`, slices), with the limits on what they make."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jinja2 import Undefined

from promptlab.templates._limits import METER, Overrun
from promptlab.templates._tracked_text import (
    TrackedText,
    concat,
    kind_of,
    merge_runs,
    to_text,
    with_blended_origin,
)

MAX_COUNT = 100_000


MAX_BITS = 10_000


def bounded_count(number: Any, most: int = MAX_COUNT) -> int:
    """`number`, a width or a number of repeats; refused if it is far too large."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"a whole number is needed here, not {kind_of(number)}")
    if abs(number) > most:
        raise Overrun(
            f"stopped: {number:,} is more than {most:,}" if number.bit_length() < 99 else "stopped: a huge number"
        )
    return number


def bounded_number(value: Any) -> Any:
    """`value`, refused if it is a number of more than `MAX_BITS` bits: arithmetic on larger ones can take very long."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise Overrun(f"stopped: a number of more than {MAX_BITS:,} bits")
    return value


def charge_result(result: Any, *sources: Any) -> Any:
    """The result of a filter or a method, charged to the meter and with the origin of `sources`."""
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
    """Text without an origin gets that of the current section, so that splitting it is charged like other text."""
    return TrackedText.of(value, METER.get().default) if type(value) is str else value


class Ticking:
    """An iterable that counts each step; it has a length if `inner` has one."""

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
    """`left * right`; refused before it is made if it is too large."""
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
    """`left ** right`; refused before it is made if it is too large."""
    if isinstance(left, int) and isinstance(right, int) and right > 0 and left.bit_length() * right > MAX_BITS:
        raise Overrun(f"stopped: a number of more than {MAX_BITS:,} bits")
    return left**right


def add(left: Any, right: Any) -> Any:
    """`left + right`; text keeps its origins."""
    if isinstance(left, str) and isinstance(right, str):
        return concat((left, right))
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        METER.get().charge(16 * (len(left) + len(right)))
        return METER.get().weigh(left + right)  # type: ignore[operator]  # list + tuple raises TypeError, as in Python
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


def sliced(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """`value[start:stop:step]`."""
    return value[start:stop:step]
