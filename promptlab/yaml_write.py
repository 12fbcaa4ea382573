"""Writing YAML the way people write it: literal blocks for texts, short collections on one line.

Only what a template or suite may hold: mappings with text keys, lists, text, numbers, booleans and null. Each
value has two forms: in one line (`inline`), and as rows of its own below its key (`Block`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHORT = 80
"""Longest collection, in characters, that is written on one line."""
STEP = 2

_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
# Starts with a letter and has nothing in it that means something to YAML, so it needs no quotes.
_PLAIN = re.compile(r"[^\W\d][\w ./;!?()'+*=%<>~$@,-]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
# What a YAML file may not hold as it is, or what its readers take for a line break.
_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ESCAPED = re.compile(_UNPRINTABLE.pattern + r'|[\\"\n\t]')


@dataclass(frozen=True)
class Block:
    """A value below its key: `header` (such as `|-`, or "" for a collection) stands behind the key, `rows` follow.

    `keeps` says that blank lines after it would become part of it.
    """

    header: str
    rows: tuple[str, ...]
    keeps: bool = False


class Quoted(str):
    """A text that is written in double quotes, also where it needs none."""

    __slots__ = ()


class InRows(dict[str, Any]):
    """A mapping that is written as rows of its own, also where it is short."""


def quoted(text: str) -> str:
    """`text` in double quotes, on one line; every text there is can be written so."""

    def escape(match: re.Match[str]) -> str:
        char = match[0]
        code = ord(char)
        return _ESCAPES.get(char) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")

    return f'"{_ESCAPED.sub(escape, text)}"'


def inline(value: Any, *, flow: bool = False, as_json: bool = False, quote: str = "") -> str:
    """`value` on one line. `flow`: inside brackets; `as_json`: names and texts in double quotes; `quote`: the
    quotes the value had before."""
    if isinstance(value, Mapping):
        inner = (
            f"{inline(k, flow=True, as_json=as_json)}: {inline(v, flow=True, as_json=as_json)}"
            for k, v in value.items()
        )
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(inline(v, flow=True, as_json=as_json) for v in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    if quote == "'" and "\n" not in value and not _UNPRINTABLE.search(value):
        return "'" + value.replace("'", "''") + "'"
    marks = not _PLAIN.fullmatch(value) or (flow and "," in value)
    if as_json or quote or isinstance(value, Quoted) or marks or value.lower() in _WORDS or value.endswith(" "):
        return quoted(value)
    return value


def literal(text: str, column: int) -> Block | None:
    """`text` as a literal block below a key or dash at `column`; None where a block cannot hold it."""
    lines = text.split("\n")
    if _UNPRINTABLE.search(text) or (not text.strip() and text.strip("\n")) or not text:
        return None
    if text.endswith("\n"):
        lines.pop()
        chomp = "+" if text.endswith("\n\n") or text == "\n" else ""
    else:
        chomp = "-"
    first = next((number for number, line in enumerate(lines) if line.strip(" ")), 0)
    indicator = str(STEP) if any(line.startswith(" ") for line in lines[: first + 1]) else ""
    indent = " " * (column + STEP)
    rows = tuple(indent + line if line else "" for line in lines)
    return Block(f"|{indicator}{chomp}", rows, keeps=chomp == "+")


def block(value: Any, column: int) -> Block:
    """The collection `value` as rows below a key or dash at `column`; it must not be empty."""
    rows: list[str] = []
    indent = column + STEP
    inner = Block("", ())
    if isinstance(value, Mapping):
        for key, one in value.items():
            inner = entry_block(key, one, indent)
            rows += inner.rows
    else:
        for one in value:
            inner = item_block(one, indent)
            rows += inner.rows
    return Block("", tuple(rows), keeps=inner.keeps)


def entry(key: str, value: Any, column: int, *, text: bool = False) -> list[str]:
    """The rows of `key: value`; `text` asks for a literal block even where the value has one line."""
    return list(entry_block(key, value, column, text=text).rows)


def entry_block(key: str, value: Any, column: int, *, text: bool = False, room: bool = True) -> Block:
    """The rows of `key: value` with what they say of blank lines behind them; without `room` on one line."""
    return _rows(f"{' ' * column}{inline(key)}:", form(value, column, text=text, room=room))


def item_block(value: Any, column: int, *, room: bool = True) -> Block:
    """The rows of one item of a list whose dashes are at `column`; without `room` on one line."""
    return _rows(f"{' ' * column}-", form(value, column, room=room))


def _rows(head: str, written: str | Block) -> Block:
    if isinstance(written, str):
        return Block("", (f"{head} {written}",))
    return Block("", (f"{head} {written.header}".rstrip(), *written.rows), keeps=written.keeps)


def form(value: Any, column: int, *, text: bool = False, room: bool = True) -> str | Block:
    """How `value` is best written behind a key or dash at `column`; without `room` on one line."""
    if isinstance(value, str):
        made = literal(value, column) if room and (text or "\n" in value) else None
        return made or inline(value)
    if isinstance(value, Mapping | list | tuple) and value and room:
        short = inline(value)
        deep = isinstance(value, Mapping) and any(isinstance(v, Mapping | list | tuple) for v in value.values())
        if isinstance(value, InRows) or len(short) + column > SHORT or deep or _long_text(value):
            return block(value, column)
        return short
    return inline(value)


def _long_text(value: Any) -> bool:
    if isinstance(value, str):
        return "\n" in value.rstrip("\n")
    if isinstance(value, Mapping):
        return any(map(_long_text, value.values()))
    return isinstance(value, list | tuple) and any(map(_long_text, value))
