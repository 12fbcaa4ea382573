"""Reads Handlebars into nodes, with white space removed where Handlebars 4 removes it (`~`, tags alone on a line).

    parse_handlebars("Hi {{name}}")    # [Text("Hi "), Print("name", 1)]

Tags are kept as text; `_handlebars_jinja.py` says what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from promptlab.errors import FormatError

Strip = tuple[bool, bool]
"""True where a tag has `~`: after its opening braces, before its closing ones."""


@dataclass
class Text:
    """Text. `original` is what the file has; `text` is what is left of it."""

    text: str
    line: int
    original: str = ""
    right_stripped: bool = False
    left_stripped: bool = False

    def __post_init__(self) -> None:
        self.original = self.text


@dataclass
class Print:
    """A tag that prints a value or calls a helper."""

    code: str
    line: int
    strip: Strip = (False, False)


@dataclass
class Note:
    """A comment."""

    line: int
    strip: Strip = (False, False)


@dataclass
class Block:
    """A block `{{#name …}}`; `inverse` is the part after `else`, `chained` if that is an `else if`."""

    code: str
    line: int
    program: list[Node]
    inverse: list[Node] | None = None
    chained: bool = False
    open_strip: Strip = (False, False)
    inverse_strip: Strip = (False, False)
    close_strip: Strip = (False, False)
    end_strip: Strip = (False, False)


Node = Text | Print | Note | Block


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
        raise FormatError(f"`{{{{{tag.kind}{getattr(tag, 'code', '')}}}}}` closes no block", line=tag.line)  # type: ignore[union-attr]
    _strip_program(nodes, root=True)
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


# White space, as `WhitespaceControl` of Handlebars 4 removes it


@dataclass
class _Strip:
    open: bool = False
    close: bool = False
    alone_open: bool = False
    alone_close: bool = False
    alone: bool = field(default=False)


_SPACE = "[\\s\ufeff]"


def _strip_program(nodes: list[Node], *, root: bool) -> None:
    for number, node in enumerate(nodes):
        strip = _strip_node(node)
        if strip is None:
            continue
        before, after = _line_starts(nodes, number, root), _line_ends(nodes, number, root)
        if strip.close:
            _omit_right(nodes, number + 1, whole=True)
        if strip.open:
            _omit_left(nodes, number - 1, whole=True)
        if strip.alone and before and after:
            _omit_right(nodes, number + 1)
            _omit_left(nodes, number - 1)
        if strip.alone_open and before and isinstance(node, Block):
            _omit_right(node.program, 0)
            _omit_left(nodes, number - 1)
        if strip.alone_close and after and isinstance(node, Block):
            _omit_right(nodes, number + 1)
            last = node.program if node.inverse is None else node.inverse
            _omit_left(last, len(last) - 1)


def _strip_node(node: Node) -> _Strip | None:
    if isinstance(node, Text):
        return None
    if isinstance(node, Print):
        return _Strip(*node.strip)
    if isinstance(node, Note):
        return _Strip(*node.strip, alone=True)
    _strip_program(node.program, root=False)
    program, first, last = node.program, node.program, node.program
    if node.inverse is not None:
        _strip_program(node.inverse, root=False)
        first = last = node.inverse
        if node.chained and isinstance(node.inverse[0], Block):
            first = last = node.inverse[0].program
    strip = _Strip(
        node.open_strip[0],
        node.close_strip[1],
        _line_ends(program, -1, False),
        _line_starts(first, len(first), False),
    )
    if node.open_strip[1]:
        _omit_right(program, 0, whole=True)
    if node.inverse is None:
        if node.close_strip[0]:
            _omit_left(program, len(program) - 1, whole=True)
        return strip
    if node.inverse_strip[0]:
        _omit_left(program, len(program) - 1, whole=True)
    if node.inverse_strip[1]:
        _omit_right(first, 0, whole=True)
    if node.close_strip[0]:
        _omit_left(last, len(last) - 1, whole=True)
    if _line_starts(program, len(program), False) and _line_ends(first, -1, False):
        _omit_left(program, len(program) - 1)
        _omit_right(first, 0)
    return strip


def _line_starts(nodes: Sequence[Node], number: int, root: bool) -> bool:
    """True if only blanks are between the start of the line and the node `number`."""
    if number - 1 < 0:
        return root
    node = nodes[number - 1]
    pattern = rf"\r?\n{_SPACE}*?\Z" if number >= 2 or not root else rf"(?:^|\r?\n){_SPACE}*?\Z"
    return isinstance(node, Text) and bool(re.search(pattern, node.original))


def _line_ends(nodes: Sequence[Node], number: int, root: bool) -> bool:
    """True if only blanks are between the node `number` and the end of the line."""
    if number + 1 >= len(nodes):
        return root
    node = nodes[number + 1]
    pattern = rf"{_SPACE}*?\r?\n" if number + 2 < len(nodes) or not root else rf"{_SPACE}*?(?:\r?\n|\Z)"
    return isinstance(node, Text) and bool(re.match(pattern, node.original))


def _omit_right(nodes: Sequence[Node], number: int, *, whole: bool = False) -> None:
    if not 0 <= number < len(nodes):
        return
    node = nodes[number]
    if isinstance(node, Text) and (whole or not node.right_stripped):
        text = re.sub(rf"\A{_SPACE}+" if whole else r"\A[ \t]*\r?\n?", "", node.text)
        node.right_stripped, node.text = text != node.text, text


def _omit_left(nodes: Sequence[Node], number: int, *, whole: bool = False) -> None:
    if not 0 <= number < len(nodes):
        return
    node = nodes[number]
    if isinstance(node, Text) and (whole or not node.left_stripped):
        text = re.sub(rf"{_SPACE}+\Z" if whole else r"[ \t]+\Z", "", node.text)
        node.left_stripped, node.text = text != node.text, text
