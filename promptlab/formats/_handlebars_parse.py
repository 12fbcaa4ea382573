"""Reads Handlebars into nodes, with white space removed where Handlebars 4 removes it (`~`, tags alone on a line).

    parse_handlebars("Hi {{name}}")    # [Text("Hi "), Print("name", 1)]

Tags are kept as text; `_handlebars_jinja.py` says what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from promptlab.errors import FormatError
from promptlab.formats._handlebars_nodes import Block, Node, Note, Print, Strip, Text, strip_white_space


@dataclass
class _Tag:
    kind: str
    code: str
    line: int
    strip: Strip


_COMMENT = re.compile(r"\{\{(~?)!--.*?--(~?)\}\}|\{\{(~?)!(?!--)[^}]*?(~?)\}\}", re.DOTALL)
_TAG = re.compile(
    r"\{\{(?P<left>~?)(?P<kind>[#^/>&]|\{|else(?=[\s~}])|)"
    r"(?P<code>(?:\"[^\"]*\"|'[^']*'|\[[^\]]*\]|[^{}\"'\[\]])*?)(?P<right>~?)\}\}(?P<third>\}?)",
    re.DOTALL,
)


def parse_handlebars(text: str, first_line: int = 1) -> list[Node]:
    """The nodes of `text`. Raises `FormatError` with the line for what is not Handlebars, or not known here."""
    tokens = _tokens(text, first_line)
    nodes, rest = _program(tokens, 0)
    if rest < len(tokens):
        tag = tokens[rest]
        raise FormatError(f"`{{{{{tag.kind}{getattr(tag, 'code', '')}}}}}` closes no block", line=tag.line)  # type: ignore[union-attr]  # a tag has a line
    strip_white_space(nodes, root=True)
    return nodes


def _tokens(text: str, first_line: int) -> list[Text | Note | _Tag]:
    tokens: list[Text | Note | _Tag] = []
    plain, plain_at, at = "", 0, 0

    def line(position: int) -> int:
        return first_line + text.count("\n", 0, position)

    while (start := text.find("{{", at)) >= 0:
        before = text[at:start]
        if before.endswith("\\") and not before.endswith("\\\\"):
            # An escaped tag: Handlebars makes a text of its own of what follows, up to the next braces.
            tokens.append(Text(plain + before[:-1], line(plain_at))) if plain + before[:-1] else None
            stop = min((i for i in (text.find(m, start + 2) for m in ("{{", "\\{{", "\\\\{{")) if i >= 0), default=-1)
            stop = len(text) if stop < 0 else stop
            tokens.append(Text(text[start:stop], line(start)))
            plain, plain_at, at = "", stop, stop
            continue
        plain += before[:-1] if before.endswith("\\\\") else before
        if plain:
            tokens.append(Text(plain, line(plain_at)))
        comment = _COMMENT.match(text, start)
        match = comment or _TAG.match(text, start)
        if match is None or text.startswith("{{{{", start):
            raise FormatError(f"`{text[start : start + 30]}` is no tag that is known here", line=line(start))
        if comment:
            left, right = (comment[1] or comment[3]), (comment[2] or comment[4])
            tokens.append(Note(line(start), (bool(left), bool(right))))
            end = match.end()
        else:
            tag, end = _tag(match, line(start))
            tokens.append(tag)
        plain, plain_at, at = "", end, end
    if plain + text[at:]:
        tokens.append(Text(plain + text[at:], line(plain_at)))
    return tokens


def _tag(match: re.Match[str], line: int) -> tuple[_Tag, int]:
    kind, code, end = match["kind"], match["code"].strip(), match.end()
    if kind == "{":
        if not match["third"]:
            raise FormatError(f"`{match[0]}` lacks a closing brace", line=line)
        kind = ""
    elif match["third"]:
        raise FormatError(f"`{match[0]}` has a closing brace too many, which Handlebars refuses", line=line)
    if kind == "^" and not code:
        kind = "else"
    return _Tag("" if kind == "&" else kind, code, line, (bool(match["left"]), bool(match["right"]))), end


def _program(tokens: Sequence[Text | Note | _Tag], at: int) -> tuple[list[Node], int]:
    """The nodes up to an `else`, a closing tag or the end, and the place of that."""
    nodes: list[Node] = []
    while at < len(tokens):
        token = tokens[at]
        if isinstance(token, Text | Note):
            nodes.append(token)
            at += 1
        elif token.kind == "":
            nodes.append(Print(token.code, token.line, token.strip))
            at += 1
        elif token.kind == "#":
            block, at = _block(tokens, at, token.code)
            nodes.append(block)
        elif token.kind in ("else", "/"):
            return nodes, at
        else:
            word = {">": "a partial", "^": "an inverse block"}[token.kind]
            raise FormatError(f"`{{{{{token.kind}{token.code}}}}}` is {word}, which is not read here", line=token.line)
    return nodes, at


def _block(tokens: Sequence[Text | Note | _Tag], at: int, code: str) -> tuple[Block, int]:
    start = tokens[at]
    assert isinstance(start, _Tag)
    if code[:1] in (">", "*"):
        raise FormatError(f"`{{{{#{code}}}}}` is a partial or a decorator, which is not read here", line=start.line)
    program, at = _program(tokens, at + 1)
    block = Block(code, start.line, program, open_strip=start.strip)
    end = _expected(tokens, at, start)
    if end.kind == "else":
        block.inverse_strip = end.strip
        if end.code:
            inner, at = _block(tokens, at, end.code)
            block.inverse, block.chained = [inner], True
            block.close_strip = block.end_strip = inner.end_strip
            # Handlebars gives the closing tag to the first `else if`; a later one keeps the `~` of its own tag.
            inner.close_strip = inner.end_strip if start.kind == "#" else inner.open_strip
            return block, at
        block.inverse, at = _program(tokens, at + 1)
        end = _expected(tokens, at, start)
    opened = code.split()[0] if code.split() else ""
    if end.kind != "/" or (start.kind == "#" and end.code != opened):
        raise FormatError(f"`{{{{#{code}}}}}` is closed by `{{{{{end.kind}{end.code}}}}}`", line=end.line)
    block.close_strip = block.end_strip = end.strip
    # The closing tag of a chain belongs to its first block.
    return block, at + 1


def _expected(tokens: Sequence[Text | Note | _Tag], at: int, start: _Tag) -> _Tag:
    if at >= len(tokens):
        raise FormatError(f"`{{{{#{start.code}}}}}` is not closed", line=start.line)
    tag = tokens[at]
    assert isinstance(tag, _Tag)
    return tag
