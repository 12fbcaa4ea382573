"""Splits a Nunjucks text into text, tags and comments, and the code of a tag into tokens.

pieces("Hi {{ name }}!")      # [Piece("text", "Hi "), Piece("print", "{{ name }}"), Piece("text", "!")]
tokens(" name | upper ")      # [Token("name", "name"), Token("op", "|"), Token("name", "upper")]
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from promptlab.formats._js_values import NotModelled

SPACE = " \n\t\r\xa0"
DELIMITERS = "()[]{}%*-+~/#,:|.<>=!"
_OPS = ("===", "!==", "==", "!=", "<=", ">=", "//", "**")


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the code in a tag: a name, a text, a number, a constant, a regular expression or an operator."""

    kind: Literal["name", "text", "number", "const", "regex", "op", "end"]
    value: Any


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the source: text, a comment, `{{ … }}` (print) or `{% … %}` (tag)."""

    kind: Literal["text", "comment", "print", "tag"]
    source: str
    line: int

    @property
    def code(self) -> str:
        """The code between the delimiters and their dashes."""
        return self.source[2 + self.trims_left : len(self.source) - 2 - self.trims_right]

    @property
    def trims_left(self) -> bool:
        return self.kind != "text" and self.source[2:3] == "-" and len(self.source) > 4

    @property
    def trims_right(self) -> bool:
        return self.kind != "text" and self.source[-3:-2] == "-" and len(self.source) > 4 + self.trims_left


_CLOSE = {"{{": "}}", "{%": "%}", "{#": "#}"}
_KINDS: dict[str, Literal["print", "tag", "comment"]] = {"{{": "print", "{%": "tag", "{#": "comment"}
_RAW = re.compile(r"\s*(raw|verbatim)\s*")


def pieces(source: str) -> Iterator[Piece]:
    """The pieces of a Nunjucks text, in order. The text inside a raw block is one piece of text."""
    at = 0
    while at < len(source):
        found = re.compile(r"\{\{|\{%|\{#|#\}").search(source, at)
        start = found.start() if found else len(source)
        if start > at:
            yield Piece("text", source[at:start], source.count("\n", 0, at) + 1)
        if found is None:
            return
        line = source.count("\n", 0, start) + 1
        if found[0] == "#}":
            raise NotModelled(f"line {line}: `#}}` without a comment")
        end = source.find("#}", start) + 2 if found[0] == "{#" else _end_of_code(source, start + 2, _CLOSE[found[0]])
        if end < 2:
            raise NotModelled(f"line {line}: a tag without an end")
        piece = Piece(_KINDS[found[0]], source[start:end], line)
        yield piece
        raw = _RAW.fullmatch(piece.code) if piece.kind == "tag" else None
        if raw:
            end = yield from _raw(source, end, raw[1], line)
        at = end


def _raw(source: str, start: int, word: str, line: int) -> Generator[Piece, None, int]:
    """The text of a raw block and its end tag; returns the position behind it."""
    level, at = 1, start
    for tag in re.compile(r"\{%\s*(end)?" + word + r"\s*%\}").finditer(source, start):
        level += -1 if tag[1] else 1
        at = tag.start()
        if not level:
            if at > start:
                yield Piece("text", source[start:at], line)
            yield Piece("tag", tag[0], source.count("\n", 0, at) + 1)
            return tag.end()
    raise NotModelled(f"line {line}: `{word}` without an end")


def _end_of_code(source: str, at: int, close: str) -> int:
    """The position behind the end of a tag; an end inside a text of its code does not count. 0 if it has none."""
    while at < len(source):
        char = source[at]
        if char in "\"'":
            at += 1
            while at < len(source) and source[at] != char:
                at += 2 if source[at] == "\\" else 1
            at += 1
        elif source.startswith(("}}", "%}"), at):
            return at + 2 if source.startswith(close, at) else 0
        else:
            at += 1
    return 0


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def tokens(code: str) -> list[Token]:
    """The tokens of the code in a tag. Raises `NotModelled` for a text without an end."""
    out: list[Token] = []
    at = 0
    while at < len(code):
        char = code[at]
        if char in SPACE:
            at += 1
        elif char in "\"'":
            text, at = _text(code, at)
            out.append(Token("text", text))
        elif code.startswith("r/", at):
            match = re.compile(r"r/((?:\\.|[^/\\])*)/[gimy]*", re.DOTALL).match(code, at)
            if not match:
                raise NotModelled("a regular expression without an end")
            out.append(Token("regex", match[0]))
            at = match.end()
        elif char in DELIMITERS:
            op = next((op for op in _OPS if code.startswith(op, at)), char)
            out.append(Token("op", op))
            at += len(op)
        else:
            match = re.compile(f"[^{re.escape(SPACE + DELIMITERS)}]+").match(code, at)
            word = match[0] if match else char
            at += len(word)
            at = _word(code, at, word, out)
    return [*out, Token("end", "")]


def _text(code: str, at: int) -> tuple[str, int]:
    quote, at, chars = code[at], at + 1, []
    while at < len(code) and code[at] != quote:
        if code[at] == "\\" and at + 1 < len(code):
            chars.append(_ESCAPES.get(code[at + 1], code[at + 1]))
            at += 2
        else:
            chars.append(code[at])
            at += 1
    if at >= len(code):
        raise NotModelled("a text without an end")
    return "".join(chars), at + 1


def _word(code: str, at: int, word: str, out: list[Token]) -> int:
    """Append the token of `word`, which ends at `at`. Returns the position behind the token."""
    if re.fullmatch(r"[0-9]+", word):
        if code[at : at + 1] == ".":
            match = re.compile(r"\.[0-9]*").match(code, at)
            digits = match[0] if match else "."
            out.append(Token("number", float(word + digits + "0")))
            return at + len(digits)
        out.append(Token("number", int(word)))
    elif word in ("true", "false"):
        out.append(Token("const", word == "true"))
    elif word in ("none", "null"):
        out.append(Token("const", None))
    else:
        out.append(Token("name", word))
    return at
