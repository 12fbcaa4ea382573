"""Texts and values as messages show them. A text that is shortened says so."""

from __future__ import annotations

import re
from typing import Any

# All control characters but tab and newline, those that turn the order of what follows around, and lone surrogates,
# which no terminal can show.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def clipped(text: str, most: int) -> str:
    """`text`, or its first `most` characters and the number of characters that follow."""
    return text if len(text) <= most else f"{text[:most]}… and {len(text) - most:,} characters more"


def value_in_words(value: Any) -> str:
    """The value of a parameter, as a message or table shows it."""
    if value is None:
        return "default"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return " ".join(repr(item) for item in value) or "none"
    return str(value)


def printable(text: str) -> str:
    """`text` with visible escapes for control characters, which could rewrite what is on a screen."""
    return _CONTROL.sub(lambda m: m[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))
