"""JSON text: reading it exactly, and indenting it.

    read_json('{"price": 19.990}')      # {"price": JsonNumber("19.990")}
    indented('{"a":1}')                 # three lines

Numbers keep all their digits, and text that programs read differently is refused.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from promptlab._util.text import clipped

LARGEST = 308
"""The largest exponent of ten: most programs read larger numbers as infinity, and smaller ones as 0."""


class JsonNumber(Decimal):
    """A JSON number as it is written, with all its digits."""

    def __repr__(self) -> str:
        return str(self)


def read_json(text: str) -> Any:
    """The value of JSON `text`, its numbers as they are written.

    Raises `ValueError` if it is not JSON, or if programs read it differently: a key twice in one object, NaN, a number
    that is too large.
    """
    try:
        return json.loads(text, parse_float=_number, parse_constant=_constant, object_pairs_hook=_object)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _number(text: str) -> JsonNumber:
    try:
        number = JsonNumber(text)
    except InvalidOperation as exc:
        raise ValueError(f"the number {clipped(text, 40)} is too large") from exc
    if number and abs(number.adjusted()) > LARGEST:
        raise ValueError(f"the number {clipped(text, 40)} is outside the range that programs can hold")
    return number


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {json.dumps(clipped(twice, 40))} appears twice in one object")
    return value


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}:,]|[^\s"\][{}:,]+')


def indented(text: str) -> str:
    """JSON `text` indented over several lines; every value stays as it is written. `text` itself if it is not JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    parts: list[str] = []
    depth, before = 0, ""
    for token in _TOKEN.findall(text):
        if token in "]}":
            depth -= 1
            if before not in "[{":
                parts.append("\n" + "  " * depth)
        elif before and before in "[{,":
            parts.append("\n" + "  " * depth)
        if token in "[{":
            depth += 1
        parts.append(": " if token == ":" else token)
        before = token
    return "".join(parts)


__all__ = ["JsonNumber", "indented", "read_json"]
