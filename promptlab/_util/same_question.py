"""When two questions count as the same: what is left of their texts without case, spacing and punctuation.

    plain("Where is  MY order?") == plain("where is my order")
    plain("3 + 4") != plain("3 - 4")

Signs that change the meaning stay: of arithmetic, of money, emoji, and what joins or negates digits (3.5, -2, 10:30).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from promptlab._util.bm25 import normal
from promptlab.types import canonical_json, sha256

_SIGNS = frozenset("%&#@*/\\")
_BETWEEN_DIGITS = frozenset(".,:-\u2013\u2212")


def plain(text: str) -> str:
    """What is compared of `text`."""
    text = normal(text)
    kept: list[str] = []
    for at, character in enumerate(text):
        kind = unicodedata.category(character)[0]
        if kind in "LNM":
            kept.append(character)
        elif kind == "S" or character in _SIGNS or (character in _BETWEEN_DIGITS and _joins_digits(text, at)):
            kept.append(f" {character} ")
        else:
            kept.append(" ")
    return " ".join("".join(kept).split())


def _joins_digits(text: str, at: int) -> bool:
    """True if the sign at `at` belongs to a number: between two digits, or a minus before one."""
    before, after = text[:at][-1:], text[at + 1 :].lstrip()[:1]
    if not after.isdigit():
        return False
    if text[at] in "-\u2013\u2212":
        return not before.isalpha()
    return before.isdigit() and text[at + 1].isdigit()


def text_of(inputs: Mapping[str, Any], names: Iterable[str] | None = None) -> str:
    """The text of inputs, or of those in `names`: what is no text as JSON."""
    values = inputs.values() if names is None else [inputs[name] for name in names if name in inputs]
    return "\n".join(value if isinstance(value, str) else canonical_json(value) for value in values)


def hash_of_question(inputs: Mapping[str, Any]) -> str:
    """The same for inputs that count as the same question, in whatever order they are."""
    values = (value if isinstance(value, str) else canonical_json(value) for value in inputs.values())
    return sha256("\n".join(sorted(map(plain, values))))


__all__ = ["hash_of_question", "plain", "text_of"]
