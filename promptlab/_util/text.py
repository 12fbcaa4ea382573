"""Texts and values as messages show them. A text that is shortened says so."""

from __future__ import annotations

from typing import Any


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
