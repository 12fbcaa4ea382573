"""Values as JavaScript has them: text of a number, truth, equality, and the conversions of `+` and `==`.

    js_text(5.0)               # "5"
    js_text(["a", 1])          # "a,1"
    is_true([])                # True: in JavaScript every list is true
    loosely_equal(5, "5")      # True

Numbers are `int` or `float`, null is None, undefined is `UNDEFINED`, lists and objects are lists and dicts.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

MAX_EXACT = 2**53


class Undefined:
    """The value `undefined`; there is one object of it."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = Undefined()


class Safe(str):
    """Text that Nunjucks marked as safe: an object, so it is true even if it is empty."""

    __slots__ = ()


class NotModelled(Exception):
    """An expression that is not modelled here, or that fails in JavaScript; the text says which."""


def in_units(text: str) -> str:
    """`text`, if each of its characters is one in JavaScript, which has two for some, such as emoji."""
    if any(ord(char) > 0xFFFF for char in text):
        raise NotModelled("a place in a text with characters that JavaScript counts twice")
    return text


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind_of(value: Any) -> str:
    """The kind of a value: str, num, bool, null, undef, list, obj or fun."""
    if value is UNDEFINED:
        return "undef"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "num"
    if isinstance(value, str):
        return "str"
    if isinstance(value, list):
        return "list"
    return "obj" if isinstance(value, Mapping) else "fun"


def number_text(value: float) -> str:
    """A number as JavaScript prints it."""
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    sign, number = ("-", -number) if number < 0 else ("", number)
    mantissa, _, exponent = f"{number!r}".partition("e")
    whole, _, rest = mantissa.partition(".")
    digits = (whole + rest).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + rest) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        power = point - 1
        text = f"{digits[0]}{'.' + digits[1:] if digits[1:] else ''}e{'+' if power > 0 else '-'}{abs(power)}"
    return sign + text


def tidy_number(value: float) -> int | float:
    """`value` as an int if it is a whole number; both print the same in JavaScript."""
    number = float(value)
    if math.isfinite(number) and number == int(number) and abs(number) < 1e21:
        return int(number_text(number))
    return number


def js_text(value: Any) -> str:
    """The text of a value in a string: `String(value)`."""
    if value is UNDEFINED:
        return "undefined"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join("" if item is None or item is UNDEFINED else js_text(item) for item in value)
    if isinstance(value, Mapping):
        return "[object Object]"
    raise NotModelled("a function is printed")


def printed(value: Any) -> str:
    """What `{{ value }}` writes."""
    return "" if value is None or value is UNDEFINED else js_text(value)


def is_true(value: Any) -> bool:
    """True if a condition holds: not for "", 0, NaN, false, null and undefined."""
    if isinstance(value, list | Mapping | Safe):
        return True
    if isinstance(value, float) and math.isnan(value):
        return False
    return value is not UNDEFINED and bool(value)


_NUMBER = re.compile(r"[+-]?(?:Infinity|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)")


def to_number(value: Any) -> float:
    """`Number(value)`."""
    if isinstance(value, bool | int | float):
        return float(value)
    if value is None:
        return 0.0
    if value is UNDEFINED or isinstance(value, Mapping):
        return math.nan
    text = js_text(value).strip()
    if not text:
        return 0.0
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return float(int(text, 16))
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def loosely_equal(left: Any, right: Any) -> bool:
    """`left == right`."""
    one, other = kind_of(left), kind_of(right)
    if {one, other} <= {"null", "undef"}:
        return True
    if {one, other} & {"null", "undef"}:
        return False
    if one == other:
        if isinstance(left, Safe) is not isinstance(right, Safe):
            return bool(left == right)
        return strictly_equal(left, right)
    if {one, other} <= {"list", "obj"}:
        return False
    if one in ("list", "obj"):
        return loosely_equal(js_text(left), right)
    if other in ("list", "obj"):
        return loosely_equal(left, js_text(right))
    return to_number(left) == to_number(right)


def strictly_equal(left: Any, right: Any) -> bool:
    """`left === right`."""
    if kind_of(left) != kind_of(right):
        return False
    if kind_of(left) in ("list", "obj", "fun") or isinstance(left, Safe) or isinstance(right, Safe):
        return left is right
    return bool(left == right)


def add(left: Any, right: Any) -> Any:
    """`left + right`: joined if one of them is no number, boolean or null."""
    joins = {"str", "list", "obj"}
    if kind_of(left) in joins or kind_of(right) in joins:
        return js_text(left) + js_text(right)
    return tidy_number(to_number(left) + to_number(right))


def json_text(value: Any, indent: Any = UNDEFINED) -> Any:
    """`JSON.stringify(value, null, indent)`."""
    if value is UNDEFINED:
        return UNDEFINED
    space = int(min(10, to_number(indent))) if is_number(indent) and to_number(indent) >= 1 else None
    plain = _plain(value)
    separators = (",", ": ") if space else (",", ":")
    text: str = json.dumps(plain, ensure_ascii=False, indent=space, separators=separators)
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items() if inner is not UNDEFINED}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if value is UNDEFINED:
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        tidy = tidy_number(value)
        if isinstance(tidy, float) and number_text(tidy) != repr(tidy):
            raise NotModelled(f"the number {number_text(tidy)} in JSON")
        return tidy
    return value


def js_value(value: Any) -> Any:
    """Plain data of YAML or JSON as JavaScript has it: whole numbers as ints, keys like numbers first."""
    if isinstance(value, Mapping):
        keys = [str(key) for key in value]
        data = {str(key): js_value(inner) for key, inner in value.items()}
        numbers = sorted((key for key in keys if re.fullmatch(r"0|[1-9]\d{0,9}", key)), key=int)
        return {key: data[key] for key in [*numbers, *(key for key in keys if key not in numbers)]}
    if isinstance(value, list | tuple):
        return [js_value(inner) for inner in value]
    return tidy_number(value) if is_number(value) else value
