"""YAML as people would write it: literal blocks for texts of several lines, quotes only where they are needed.

What is written reads back as the same value; a text that a literal block cannot hold (carriage returns,
control characters, nothing but blanks) is put into double quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][\w.+/-]*(?: [\w.+/-]+)*", re.ASCII)
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
_BLOCK_TEXT = re.compile(r"[\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")
FLOW_WIDTH = 90


def dump(data: Mapping[str, Any]) -> str:
    """`data` (mappings, lists, texts, numbers, booleans, None) as a YAML document."""
    return "".join(f"{line}\n" for line in _mapping(data, 0))


def _mapping(data: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in data.items():
        yield from _entry("  " * depth + f"{scalar(key)}:", value, depth)


def _entry(head: str, value: Any, depth: int) -> Iterator[str]:
    """`head` and `value` behind or below it."""
    if isinstance(value, str) and is_block(value):
        yield from _block(head, value, depth + 1)
    elif isinstance(value, Mapping | list | tuple) and value and not _short(value):
        if isinstance(value, Mapping):
            yield head
            yield from _mapping(value, depth + 1)
        else:
            yield head
            yield from _list(value, depth + 1)
    else:
        yield f"{head} {flow(value)}"


def _list(items: Sequence[Any], depth: int) -> Iterator[str]:
    for item in items:
        margin = "  " * depth
        if isinstance(item, Mapping) and item and not _short(item):
            lines = list(_mapping(item, depth + 1))
            yield f"{margin}- {lines[0].lstrip(' ')}"
            yield from lines[1:]
        else:
            yield from _entry(f"{margin}-", item, depth)


def is_block(text: str) -> bool:
    """Whether `text` is written as a literal block."""
    return "\n" in text and bool(text.strip()) and _BLOCK_TEXT.fullmatch(text) is not None


def _block(head: str, text: str, depth: int) -> Iterator[str]:
    body, margin = text, "  " * depth
    rows = body.split("\n")
    ends = len(body) - len(body.rstrip("\n"))
    # The number says how far the block is moved in, where its first line could be mistaken for more.
    number = "2" if rows[0] == "" or rows[0][0] in " \t" else ""
    last = "-" if not ends else "" if ends == 1 else "+"
    if ends:
        rows.pop()
    yield f"{head} |{number}{last}"
    for row in rows:
        yield f"{margin}{row}" if row else ""


def _short(value: Any) -> bool:
    """Whether a mapping or a list stays on one line."""
    items = value.values() if isinstance(value, Mapping) else value
    nested = any(isinstance(item, Mapping | list | tuple) and item for item in items)
    return not nested and len(flow(value)) <= FLOW_WIDTH


def flow(value: Any) -> str:
    """`value` on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A text, number, boolean or None on one line."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS and ": " not in text:
        return text
    return quoted(text)


def _number(value: float) -> str:
    text = repr(value)
    # YAML takes `1e-07` for a text: its floats have a point.
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def quoted(text: str) -> str:
    """`text` in double quotes, with every character that is not plain printable text escaped."""
    made = json.dumps(text, ensure_ascii=False)
    return "".join(char if _BLOCK_TEXT.fullmatch(char) else _escaped(char) for char in made)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
