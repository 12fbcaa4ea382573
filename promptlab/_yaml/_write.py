"""Writes YAML the way people do: literal blocks for texts, short collections on one line.

It writes the values of templates and suites: mappings with text keys, lists, text, numbers, booleans and null. A value
has two forms: on one line (`yaml_inline`), and as rows below its key (`Block`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STEP = 2

_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
# Characters that a YAML file may not have unescaped, or that some readers treat as a line break.
_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Style:
    """The layout of values.

    `plain` matches texts that need no quotes. `width` is the length of the longest collection on one line. `compact`
    puts the first key of a mapping after the dash of its item, and writes every nested collection as rows.
    """

    plain: re.Pattern[str]
    width: int
    compact: bool


# A text that starts with a letter and has no YAML indicators needs no quotes.
EDIT_STYLE = Style(re.compile(r"[^\W\d][\w ./;!?()'+*=%<>~$@,-]*"), 80, compact=False)
"""For values in a file that a person wrote."""
EXPORT_STYLE = Style(re.compile(r"[A-Za-z][\w.+/-]*(?: [\w.+/-]+)*", re.ASCII), 90, compact=True)
"""For whole files, which other tools read too: most texts get quotes."""
SHORT = EDIT_STYLE.width


@dataclass(frozen=True)
class Block:
    """A value below its key: `header` (such as `|-`, or "" for a collection) is on the line of the key, `rows` follow.

    `keeps` is True if blank lines after it would become part of it.
    """

    header: str
    rows: tuple[str, ...]
    keeps: bool = False


class QuotedText(str):
    """A text that is always written in double quotes."""

    __slots__ = ()


class BlockMapping(dict[str, Any]):
    """A mapping that is always written as rows, even if it is short."""


def quote_text(text: str) -> str:
    """`text` in double quotes on one line; this works for every text."""

    def escape(match: re.Match[str]) -> str:
        code = ord(match[0])
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

    return _UNPRINTABLE.sub(escape, json.dumps(text, ensure_ascii=False))


def yaml_inline(
    value: Any, *, flow: bool = False, as_json: bool = False, quote: str = "", style: Style = EDIT_STYLE
) -> str:
    """`value` on one line.

    `flow`: it is inside brackets. `as_json`: keys and texts get double quotes. `quote`: the quotes of the old value.
    """

    def inside(inner: Any) -> str:
        return yaml_inline(inner, flow=True, as_json=as_json, style=style)

    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{inside(key)}: {inside(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inside, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int):
        return str(int(value))
    text = str(value)
    if quote == "'" and "\n" not in text and not _UNPRINTABLE.search(text):
        return "'" + text.replace("'", "''") + "'"
    is_plain = style.plain.fullmatch(text) and not (flow and "," in text) and not text.endswith(" ")
    if as_json or quote or isinstance(value, QuotedText) or not is_plain or text.lower() in _WORDS:
        return quote_text(text)
    return text


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # For readers of YAML 1.1 `1e-07` is a text: their floats need a point.
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def dump_yaml(data: Mapping[str, Any]) -> str:
    """`data` (mappings, lists, texts, numbers, booleans, None) as a YAML document for export."""
    rows = [row for key, value in data.items() for row in entry_block(key, value, 0, style=EXPORT_STYLE).rows]
    return "".join(f"{row}\n" for row in rows)


def literal(text: str, column: int, *, style: Style = EDIT_STYLE) -> Block | None:
    """`text` as a literal block below a key or dash at `column`; None if a block cannot hold it."""
    lines = text.split("\n")
    if _UNPRINTABLE.search(text) or not text.strip():
        return None
    if text.endswith("\n"):
        lines.pop()
        chomp = "+" if text.endswith("\n\n") else ""
    else:
        chomp = "-"
    # The indentation is given as a number if the first line begins with blanks of its own.
    first = next(number for number, line in enumerate(lines) if line.strip(" "))
    is_indented = any(line[:1] in (" ", "\t") for line in lines[: first + 1])
    indicator = str(STEP) if is_indented or (style.compact and not lines[0]) else ""
    indent = " " * (column + STEP)
    rows = tuple(indent + line if line else "" for line in lines)
    return Block(f"|{indicator}{chomp}", rows, keeps=chomp == "+")


def block(value: Any, column: int, *, style: Style = EDIT_STYLE) -> Block:
    """The collection `value` as rows below a key or dash at `column`; it must not be empty."""
    rows: list[str] = []
    indent = column + STEP
    inner = Block("", ())
    if isinstance(value, Mapping):
        for key, item in value.items():
            inner = entry_block(key, item, indent, style=style)
            rows += inner.rows
    else:
        for item in value:
            inner = item_block(item, indent, style=style)
            rows += inner.rows
    return Block("", tuple(rows), keeps=inner.keeps)


def entry_rows(key: str, value: Any, column: int, *, text: bool = False) -> list[str]:
    """The rows of `key: value`; `text` asks for a literal block even if the value has only one line."""
    return list(entry_block(key, value, column, text=text).rows)


def entry_block(
    key: str, value: Any, column: int, *, text: bool = False, room: bool = True, style: Style = EDIT_STYLE
) -> Block:
    """`key: value` as a block; without `room` on one line."""
    name = yaml_inline(key, style=style)
    return _rows(f"{' ' * column}{name}:", form(value, column, text=text, room=room, style=style))


def item_block(value: Any, column: int, *, room: bool = True, style: Style = EDIT_STYLE) -> Block:
    """One item of a list whose dashes are at `column`; without `room` on one line."""
    written = form(value, column, room=room, style=style)
    head = f"{' ' * column}-"
    if style.compact and isinstance(value, Mapping) and isinstance(written, Block):
        first, *others = written.rows
        return Block("", (f"{head} {first.lstrip(' ')}", *others), keeps=written.keeps)
    return _rows(head, written)


def _rows(head: str, written: str | Block) -> Block:
    if isinstance(written, str):
        return Block("", (f"{head} {written}",))
    return Block("", (f"{head} {written.header}".rstrip(), *written.rows), keeps=written.keeps)


def form(value: Any, column: int, *, text: bool = False, room: bool = True, style: Style = EDIT_STYLE) -> str | Block:
    """The best form of `value` after a key or dash at `column`; without `room` on one line."""
    if isinstance(value, str):
        as_block = literal(value, column, style=style) if room and (text or "\n" in value) else None
        return as_block or yaml_inline(value, style=style)
    if isinstance(value, Mapping | list | tuple) and value and room:
        short = yaml_inline(value, style=style)
        if isinstance(value, BlockMapping) or not _fits(value, short, column, style):
            return block(value, column, style=style)
        return short
    return yaml_inline(value, style=style)


def _fits(value: Any, short: str, column: int, style: Style) -> bool:
    """True if the collection `value`, which is `short` on one line, stays on one line."""
    items = list(value.values() if isinstance(value, Mapping) else value)
    if style.compact:
        nested = any(isinstance(item, Mapping | list | tuple) and item for item in items)
        return not nested and len(short) <= style.width
    nested = isinstance(value, Mapping) and any(isinstance(item, Mapping | list | tuple) for item in items)
    return not nested and len(short) + column <= style.width and not _long_text(value)


def _long_text(value: Any) -> bool:
    if isinstance(value, str):
        return "\n" in value.rstrip("\n")
    if isinstance(value, Mapping):
        return any(map(_long_text, value.values()))
    return isinstance(value, list | tuple) and any(map(_long_text, value))
