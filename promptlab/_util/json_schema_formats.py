"""The values of `format` in a JSON Schema that are checked, and its patterns, which follow ECMA 262.

A format that is not in `CHECKED` is only a note for people and models. The grammars of the RFCs are short enough for
regular expressions; they are tested with the official JSON-Schema-Test-Suite.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from promptlab._util.bounded_regex import ecma_matches, is_ecma

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(?:\.[0-9]+)?(?:[zZ]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_DURATION = re.compile(
    r"P(?:[0-9]+W|(?=[0-9T])(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)?"
    r"(?:T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S))?)"
)
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ATOM = r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = re.compile(
    rf"(?:{_ATOM}(?:\.{_ATOM})*|" + r'"(?:[ !#-\[\]-~]|\\[ -~])*")@' + r"(?:\[(?P<literal>[^\]]+)\]|(?P<host>.+))"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_BRACKETS = re.compile(r"[^/?#]*//(?:[^/?#@]*@)?\[([^\]]*)\]")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*", re.DOTALL)
_RELATIVE = re.compile(r"(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~[01])*)*)", re.DOTALL)


def _date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _time(text: str) -> bool:
    match = _TIME.fullmatch(text)
    if not match:
        return False
    hour, minute, second, sign, offset_hours, offset_minutes = match.groups()
    if second != "60":
        return True
    # A leap second is only valid as the last second of a day in UTC: 23:59:60.
    offset = int(offset_hours or 0) * 60 + int(offset_minutes or 0)
    utc_minute = int(hour) * 60 + int(minute) + (offset if sign == "-" else -offset)
    return utc_minute % 1440 == 1439


def _date_time(text: str) -> bool:
    return text[10:11] in ("T", "t") and _date(text[:10]) and _time(text[11:])


def _hostname(text: str) -> bool:
    if len(text) > 253 or not _HOST.fullmatch(text):
        return False
    # Two hyphens at these places are reserved; only `xn--` (an encoded international name) is in use.
    return all(label[2:4] != "--" or label[:2].lower() == "xn" for label in text.split("."))


def _ipv4(text: str) -> bool:
    return text.isascii() and _is(ipaddress.IPv4Address, text)


def _ipv6(text: str) -> bool:
    return text.isascii() and "%" not in text and _is(ipaddress.IPv6Address, text)


def _is(kind: Callable[[str], Any], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _email(text: str) -> bool:
    match = _EMAIL.fullmatch(text)
    if not match:
        return False
    literal, host = match["literal"], match["host"]
    if host is not None:
        return _hostname(host)
    return _ipv6(literal[5:]) if literal[:5].lower() == "ipv6:" else _ipv4(literal)


def _uri(text: str) -> bool:
    from rfc3986_validator import validate_rfc3986  # type: ignore[import-untyped]  # it has no stubs

    return bool(text.isascii() and validate_rfc3986(text, rule="URI") and _hosts(text))


def _uri_reference(text: str) -> bool:
    from rfc3986_validator import validate_rfc3986

    return bool(text.isascii() and validate_rfc3986(text, rule="URI_reference") and _hosts(text))


def _hosts(text: str) -> bool:
    """True if the host in brackets is an IP address, or if there is none in brackets."""
    host = _BRACKETS.match(text)
    return text == text.strip() and (host is None or host[1][:1] in "vV" or _ipv6(host[1]))


def _regex(text: str) -> bool:
    return ecma_pattern(text) is not None


CHECKED: Mapping[str, Callable[[str], bool]] = {
    "date": _date,
    "time": _time,
    "date-time": _date_time,
    "duration": lambda text: _DURATION.fullmatch(text) is not None and text[-1] not in "PT",
    "email": _email,
    "hostname": _hostname,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "uri": _uri,
    "uri-reference": _uri_reference,
    "regex": _regex,
    "json-pointer": lambda text: _POINTER.fullmatch(text) is not None,
    "relative-json-pointer": lambda text: _RELATIVE.fullmatch(text) is not None,
}

NOTES = ("int32", "int64", "float", "double", "byte", "binary", "password")
"""Formats of OpenAPI that say how a program holds a value. Nothing in an answer can break them."""


@lru_cache(maxsize=512)
def ecma_pattern(pattern: str) -> tuple[str, str] | None:
    """`pattern` as an ECMA 262 expression, and the flags to read it with; None if it is not one.

    The Unicode mode comes first. It refuses needless backslashes, which many schemas have, so the second attempt
    leaves them out, and the third goes without the Unicode mode.
    """
    attempts = ((pattern, "u"), (_without_needless_escapes(pattern), "u"), (pattern, ""))
    return next((attempt for attempt in attempts if is_ecma(*attempt)), None)


def _without_needless_escapes(pattern: str) -> str:
    """`pattern` without the backslashes that Unicode mode does not allow, such as before a hyphen or an at sign."""
    pieces, inside, at = [], False, 0
    while at < len(pattern):
        two = pattern[at : at + 2]
        if two[0] == "\\" and len(two) == 2:
            needed = two[1].isalnum() or two[1] in "^$\\.*+?()[]{}|/_" or (inside and two[1] == "-")
            pieces.append(two if needed else two[1])
            at += 2
            continue
        inside = two[0] == "[" or (inside and two[0] != "]")
        pieces.append(two[0])
        at += 1
    return "".join(pieces)


def find_pattern(pattern: str, text: str) -> bool:
    """True if `pattern` matches somewhere in `text`. Raises `ValueError` if it is no ECMA 262 expression, `TooSlow` if
    it takes too long."""
    expression = ecma_pattern(pattern)
    if expression is None:
        raise ValueError(f"not a regular expression of ECMA 262: {pattern}")
    return ecma_matches(expression[0], text, expression[1])


@lru_cache(maxsize=1)
def format_checker() -> Any:
    """The format checker for jsonschema."""
    from jsonschema import FormatChecker  # type: ignore[import-untyped]  # it has no stubs

    checks = FormatChecker(formats=())
    for name, check in CHECKED.items():
        checks.checks(name)(_of_text(check))
    return checks


def _of_text(check: Callable[[str], bool]) -> Callable[[object], bool]:
    # A format says nothing about values that are not text.
    return lambda value: not isinstance(value, str) or check(value)


__all__ = ["CHECKED", "NOTES", "ecma_pattern", "find_pattern", "format_checker"]
