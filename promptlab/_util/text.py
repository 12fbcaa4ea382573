"""Texts as they are shown where there is not room for all of them: never cut without a word."""

from __future__ import annotations

from typing import Any


def clipped(text: str, most: int) -> str:
    """`text`, or its first `most` characters and how many more there are."""
    return text if len(text) <= most else f"{text[:most]}… and {len(text) - most:,} characters more"


def value_in_words(value: Any) -> str:
    """A parameter's value as people read it."""
    if value is None:
        return "default"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return " ".join(repr(one) for one in value) or "none"
    return str(value)
