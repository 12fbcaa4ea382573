"""The filters, tests and methods of Nunjucks 3.2 and JavaScript, as far as they are known here to give the same.

A filter that is not here, or a value that it would fail on, raises `NotModelled`: then nothing is claimed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_FLOOR, Decimal
from functools import cmp_to_key
from typing import Any
from urllib.parse import quote

from promptlab.formats import _js_values as js
from promptlab.formats._js_values import UNDEFINED, NotModelled, Safe, in_units


def _text(value: Any, name: str) -> str:
    if value is None or value is UNDEFINED or value is False:
        return ""
    if isinstance(value, str):
        return value
    raise NotModelled(f"`{name}` of {js.kind_of(value)} fails in Nunjucks")


def _there(value: Any, name: str) -> Any:
    if value is None or value is UNDEFINED:
        raise NotModelled(f"`{name}` of nothing fails in Nunjucks")
    return value


def _only_text(value: Any, name: str) -> str:
    if value is False:
        raise NotModelled(f"`{name}` of false fails in Nunjucks")
    return _text(value, name)


def _list(value: Any, name: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise NotModelled(f"`{name}` of {js.kind_of(value)} fails in Nunjucks")


def capitalize(value: Any) -> str:
    text = _text(value, "capitalize").lower()
    return text[:1].upper() + text[1:]


def title(value: Any) -> str:
    return " ".join(capitalize(word) for word in _text(value, "title").split(" "))


def truncate(value: Any, length: Any = UNDEFINED, kill: Any = UNDEFINED, end: Any = UNDEFINED) -> Any:
    text = in_units(_text(value, "truncate"))
    most = int(js.to_number(length)) if js.is_true(length) else 255
    if len(text) <= most:
        return text
    if not js.is_true(kill):
        space = text[: most + 1].rfind(" ")
        most = most if space < 0 else space
    return text[:most] + ("..." if end is UNDEFINED or end is None else js.js_text(end))


def indent(value: Any, width: Any = UNDEFINED, first: Any = UNDEFINED) -> str:
    text = _text(value, "indent")
    margin = " " * (int(js.to_number(width)) if js.is_true(width) else 4)
    return (margin if js.is_true(first) and text else "") + text.replace("\n", f"\n{margin}") if text else ""


def rounded(value: Any, precision: Any = UNDEFINED, method: Any = UNDEFINED) -> Any:
    digits = int(js.to_number(precision)) if js.is_true(precision) else 0
    factor = math.pow(10, digits)
    number = js.to_number(value) * factor
    if not math.isfinite(number):
        return number
    if method == "ceil":
        whole = math.ceil(number)
    elif method == "floor":
        whole = math.floor(number)
    else:
        whole = int((Decimal(number) + Decimal("0.5")).to_integral_value(ROUND_FLOOR))
    return js.tidy_number(whole / factor)


def replace(value: Any, old: Any, new: Any = UNDEFINED, most: Any = UNDEFINED) -> Any:
    if js.is_number(old):
        old = js.js_text(old)
    if not isinstance(old, str):
        raise NotModelled("`replace` of something that is no text")
    if js.is_number(value):
        value = js.js_text(value)
    if not isinstance(value, str):
        return value
    count = -1 if most is UNDEFINED else int(js.to_number(most))
    text = js.js_text(new)
    if not old:
        return text + text.join(value) + text
    return str(value).replace(old, text, count if count >= 0 else -1)


def length(value: Any) -> Any:
    if isinstance(value, Mapping | list):
        return len(value)
    if js.is_number(value) or value is True:
        return UNDEFINED
    return utf16_length(_text(value, "length"))


def utf16_length(text: str) -> int:
    """The length of a text in JavaScript, which counts some characters twice."""
    return sum(2 if ord(char) > 0xFFFF else 1 for char in text)


def join(value: Any, between: Any = UNDEFINED, attribute: Any = UNDEFINED) -> str:
    items = _list(value, "join")
    if js.is_true(attribute):
        items = [item.get(attribute, UNDEFINED) if isinstance(item, Mapping) else UNDEFINED for item in items]
    return (js.js_text(between) if js.is_true(between) else "").join(map(js.printed, items))


def sort(
    value: Any, reverse: Any = UNDEFINED, case_sensitive: Any = UNDEFINED, attribute: Any = UNDEFINED
) -> list[Any]:
    items = list(_list(value, "sort"))

    def key(item: Any) -> Any:
        part = item.get(attribute, UNDEFINED) if js.is_true(attribute) and isinstance(item, Mapping) else item
        return part.lower() if isinstance(part, str) and not js.is_true(case_sensitive) else part

    kinds = {js.kind_of(key(item)) for item in items}
    if len(kinds) > 1 or not kinds <= {"str", "num"}:
        raise NotModelled("`sort` of values that are not all texts or all numbers")
    sign = -1 if js.is_true(reverse) else 1

    def compare(one: Any, other: Any) -> int:
        a, b = key(one), key(other)
        return sign * (int(a > b) - int(a < b))

    return sorted(items, key=cmp_to_key(compare))


def batch(value: Any, number: Any, fill: Any = UNDEFINED) -> list[Any]:
    items, size = _list(value, "batch"), int(js.to_number(number))
    rows = [items[at : at + size] for at in range(0, len(items), size)]
    if rows and js.is_true(fill):
        rows[-1] = rows[-1] + [fill] * (size - len(rows[-1]))
    return rows


def by_attribute(wanted: bool) -> Callable[..., list[Any]]:
    def filtered(value: Any, attribute: Any, *more: Any) -> list[Any]:
        if more:
            raise NotModelled("`selectattr` with a test, which Nunjucks ignores")
        items = _list(value, "selectattr")
        return [
            i
            for i in items
            if js.is_true(i.get(attribute, UNDEFINED) if isinstance(i, Mapping) else UNDEFINED) is wanted
        ]

    return filtered


def total(value: Any, attribute: Any = UNDEFINED, start: Any = 0) -> Any:
    items = _list(value, "sum")
    if js.is_true(attribute):
        items = [item.get(attribute, UNDEFINED) for item in items]
    if any(not js.is_number(item) for item in [*items, start]):
        raise NotModelled("`sum` of values that are not all numbers")
    return js.tidy_number(start + sum(items))


def striptags(value: Any, keep: Any = UNDEFINED) -> str:
    text = re.sub(r"(?is)</?([a-z][a-z0-9]*)\b[^>]*>|<!--.*?-->", "", _text(value, "striptags")).strip()
    if js.is_true(keep):
        raise NotModelled("`striptags` that keeps lines")
    return re.sub(r"\s+", " ", text)


def wordcount(value: Any) -> Any:
    return len(re.findall(r"\w+", _text(value, "wordcount"), re.ASCII)) or None


def integer(value: Any, otherwise: Any = UNDEFINED, base: Any = UNDEFINED) -> Any:
    if base is not UNDEFINED:
        raise NotModelled("`int` with a base")
    match = re.match(r"\s*([+-]?\d+)", js.js_text(value))
    return int(match[1]) if match else otherwise


def decimal(value: Any, otherwise: Any = UNDEFINED) -> Any:
    match = re.match(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", js.js_text(value))
    return js.tidy_number(float(match[1])) if match else otherwise


def reverse(value: Any) -> Any:
    return in_units(value)[::-1] if isinstance(value, str) else list(reversed(_list(value, "reverse")))


def escape(value: Any) -> Safe:
    if isinstance(value, Safe):
        return value
    text = js.printed(value)
    for char, entity in ESCAPED.items():
        text = text.replace(char, entity)
    return Safe(text)


ESCAPED = {"&": "&amp;", '"': "&quot;", "'": "&#39;", "<": "&lt;", ">": "&gt;", "\\": "&#92;"}


def default(value: Any, otherwise: Any = UNDEFINED, falsy: Any = UNDEFINED) -> Any:
    if js.is_true(falsy):
        return value if js.is_true(value) else otherwise
    return otherwise if value is UNDEFINED else value


def dictsort(value: Any) -> list[Any]:
    if not isinstance(value, Mapping):
        raise NotModelled("`dictsort` of something that is no object")
    return [[key, value[key]] for key in sorted(value, key=lambda key: key.upper())]


def _item(value: Any, index: int) -> Any:
    if isinstance(value, str | list):
        return (in_units(value) if isinstance(value, str) else value)[index] if value else UNDEFINED
    raise NotModelled(f"`first` or `last` of {js.kind_of(value)}")


def _listed(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [{"key": key, "value": inner} for key, inner in value.items()]
    return list(in_units(value)) if isinstance(value, str) else _list(value, "list")


def _urlencode(value: Any) -> str:
    if not isinstance(value, str):
        raise NotModelled("`urlencode` of something that is no text")
    return quote(value, safe="-_.!~*'()")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "abs": lambda value: js.tidy_number(abs(js.to_number(value))),
    "batch": batch,
    "capitalize": capitalize,
    "d": default,
    "default": default,
    "dictsort": dictsort,
    "dump": js.json_text,
    "e": escape,
    "escape": escape,
    "first": lambda value: _item(value, 0),
    "float": decimal,
    "forceescape": lambda value: escape(str(js.printed(value))),
    "indent": indent,
    "int": integer,
    "join": join,
    "last": lambda value: _item(value, -1),
    "length": length,
    "list": _listed,
    "lower": lambda value: _text(value, "lower").lower(),
    "nl2br": lambda value: re.sub(r"\r\n|\n", "<br />\n", _only_text(value, "nl2br")),
    "rejectattr": by_attribute(False),
    "replace": replace,
    "reverse": reverse,
    "round": rounded,
    "safe": lambda value: value if isinstance(value, Safe) else Safe(js.printed(value)),
    "selectattr": by_attribute(True),
    "sort": sort,
    "string": lambda value: js.js_text(_there(value, "string")),
    "striptags": striptags,
    "sum": total,
    "title": title,
    "trim": lambda value: _only_text(_there(value, "trim"), "trim").strip(),
    "truncate": truncate,
    "upper": lambda value: _text(value, "upper").upper(),
    "urlencode": _urlencode,
    "wordcount": wordcount,
}
"""The filters that are modelled."""

KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "sort": ("reverse", "case_sensitive", "attribute"),
    "int": ("default", "base"),
}
"""The names of the arguments of the filters that take keywords."""

TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: value is not UNDEFINED,
    "undefined": lambda value: value is UNDEFINED,
    "null": lambda value: value is None,
    "number": js.is_number,
    "string": lambda value: isinstance(value, str) and not isinstance(value, Safe),
    "mapping": lambda value: isinstance(value, Mapping),
    "odd": lambda value: math.fmod(js.to_number(value), 2) == 1,
    "even": lambda value: math.fmod(js.to_number(value), 2) == 0,
    "divisibleby": lambda value, other: math.fmod(js.to_number(value), js.to_number(other)) == 0,
    "equalto": js.strictly_equal,
    "eq": js.strictly_equal,
    "sameas": js.strictly_equal,
    "ne": lambda value, other: not js.strictly_equal(value, other),
    "truthy": js.is_true,
    "falsy": lambda value: not js.is_true(value),
}
"""The tests that are modelled."""

__all__ = ["ESCAPED", "FILTERS", "KEYWORDS", "TESTS", "Safe", "utf16_length"]
