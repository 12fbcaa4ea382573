"""The formats a text is checked for (`format` of JSON Schema), and patterns as ECMA 262 reads them.

A format that is not in `CHECKED` says something to people and to models, and is not checked. The words of the RFCs
are short enough to be written as patterns; the official JSON-Schema-Test-Suite tests them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from promptlab._util.bounded_regex import is_ecma, ecma_matches

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
    found = _TIME.fullmatch(text)
    if not found:
        return False
    hour, minute, second, sign, more_hours, more_minutes = found.groups()
    if second != "60":
        return True
    # A leap second ends a day in UTC.
    behind = int(more_hours or 0) * 60 + int(more_minutes or 0)
    told = int(hour) * 60 + int(minute) + (behind if sign == "-" else -behind)
    return told % 1440 == 1439


def _date_time(text: str) -> bool:
    return text[10:11] in ("T", "t") and _date(text[:10]) and _time(text[11:])


def _hostname(text: str) -> bool:
    if len(text) > 253 or not _HOST.fullmatch(text):
        return False
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
    found = _EMAIL.fullmatch(text)
    if not found:
        return False
    literal, host = found["literal"], found["host"]
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
    """Whether the address in brackets, where there is one, is an address."""
    host = _BRACKETS.match(text)
    return text == text.strip() and (host is None or host[1][:1] in "vV" or _ipv6(host[1]))


def _regex(text: str) -> bool:
    return readable(text) is not None


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


@lru_cache(maxsize=512)
def readable(pattern: str) -> tuple[str, str] | None:
    """`pattern` as a regular expression of ECMA 262, with the flags it is read with; None where it is none. In the
    Unicode mode, with needless backslashes left out, or without it."""
    tried = ((pattern, "u"), (_bare(pattern), "u"), (pattern, ""))
    return next((one for one in tried if is_ecma(*one)), None)


def _bare(pattern: str) -> str:
    """`pattern` without backslashes that its Unicode mode does not allow: before a hyphen, an at sign, a space."""
    made, inside, at = [], False, 0
    while at < len(pattern):
        two = pattern[at : at + 2]
        if two[0] == "\\" and len(two) == 2:
            needed = two[1].isalnum() or two[1] in "^$\\.*+?()[]{}|/_" or (inside and two[1] == "-")
            made.append(two if needed else two[1])
            at += 2
            continue
        inside = two[0] == "[" or (inside and two[0] != "]")
        made.append(two[0])
        at += 1
    return "".join(made)


def found(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`. Raises `ValueError` where it is no pattern, `TooSlow`
    where it comes to no end."""
    form = readable(pattern)
    if form is None:
        raise ValueError(f"no regular expression of ECMA 262: {pattern}")
    return ecma_matches(form[0], text, form[1])


@lru_cache(maxsize=1)
def checker() -> Any:
    """What jsonschema asks whether a text has its format."""
    from jsonschema import FormatChecker  # type: ignore[import-untyped]  # it has no stubs

    made = FormatChecker(formats=())
    for name, check in CHECKED.items():
        made.checks(name)(_of_text(check))
    return made


def _of_text(check: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or check(value)


__all__ = ["CHECKED", "checker", "found", "readable"]
