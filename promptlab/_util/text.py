"""Texts as they are shown where there is not room for all of them: never cut without a word."""

from __future__ import annotations


def clipped(text: str, most: int) -> str:
    """`text`, or its first `most` characters and how many more there are."""
    return text if len(text) <= most else f"{text[:most]}… and {len(text) - most:,} characters more"
