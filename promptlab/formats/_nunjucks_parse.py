"""Parses a Nunjucks text into nodes. Each node knows its tags as they are written, so that they can be kept.

nodes = parse_nunjucks("{% for p in goods %}- {{ p.name }}{% endfor %}")
nodes[0].names, nodes[0].iterable.value      # ("p",), "goods"
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from promptlab.formats._js_values import NotModelled
from promptlab.formats._nunjucks_expressions import Expr, Parser
from promptlab.formats._nunjucks_lexer import Piece, pieces, tokens


@dataclass(eq=False)
class Text:
    """Text between tags. `text` is what is printed, without the white space that a dash takes away."""

    source: str
    text: str
    line: int
    raw: bool = False


@dataclass(eq=False)
class Comment:
    piece: Piece


@dataclass(eq=False)
class Print:
    piece: Piece
    value: Expr


@dataclass(eq=False)
class Branch:
    """One condition of an `if` with its body; the condition of `else` is None."""

    piece: Piece
    condition: Expr | None
    body: list[Node]


@dataclass(eq=False)
class If:
    piece: Piece
    branches: list[Branch]
    end: Piece


@dataclass(eq=False)
class For:
    piece: Piece
    names: tuple[str, ...]
    iterable: Expr
    body: list[Node]
    end: Piece
    otherwise: Branch | None = None


@dataclass(eq=False)
class Set:
    """`{% set a = value %}`, or with a body instead of a value."""

    piece: Piece
    names: tuple[str, ...]
    value: Expr | None
    body: list[Node] = field(default_factory=list)
    end: Piece | None = None


@dataclass(eq=False)
class Macro:
    piece: Piece
    name: str
    params: tuple[str, ...]
    defaults: dict[str, Expr]
    body: list[Node]
    end: Piece


@dataclass(eq=False)
class Block:
    """`{% block name %}`: its body is printed in its place."""

    piece: Piece
    body: list[Node]
    end: Piece


Node = Text | Comment | Print | If | For | Set | Macro | Block

_REFUSED = {
    "include": "includes another template",
    "import": "imports another template",
    "from": "imports another template",
    "extends": "extends another template",
    "call": "`call` blocks",
    "filter": "`filter` blocks",
    "switch": "`switch`",
}


def parse_nunjucks(source: str) -> list[Node]:
    """The nodes of a text. Raises `NotModelled` with the line if it cannot be parsed, or has tags not known here."""
    parser = _Parser(source)
    nodes, end = parser.body(())
    if end is not None:
        raise NotModelled(f"line {end.line}: `{_word(end)}` is not expected there")
    return nodes


def _word(piece: Piece) -> str:
    match = re.match(r"\s*([^\s()\[\]{}%*+~/#,:|.<>=!-]+)", piece.code)
    return match[1] if match else ""


class _Parser:
    def __init__(self, source: str) -> None:
        self.pieces: list[Piece] = list(pieces(source))
        self.at = 0

    def body(self, ends: tuple[str, ...]) -> tuple[list[Node], Piece | None]:
        """The nodes up to a tag of `ends`, and that tag; None at the end of the text."""
        nodes: list[Node] = []
        while self.at < len(self.pieces):
            piece = self.pieces[self.at]
            self.at += 1
            if piece.kind == "tag" and _word(piece) in ends:
                return nodes, piece
            try:
                nodes += self.node(piece)
            except NotModelled as exc:
                text = str(exc)
                raise NotModelled(text if text.startswith("line ") else f"line {piece.line}: {text}") from exc
        if ends:
            raise NotModelled(f"`{ends[-1]}` is missing")
        return nodes, None

    def node(self, piece: Piece) -> Iterator[Node]:
        if piece.kind == "text":
            yield self.text(piece)
        elif piece.kind == "comment":
            yield Comment(piece)
        elif piece.kind == "print":
            parser = Parser(tokens(piece.code))
            value = parser.expression()
            parser.end()
            yield Print(piece, value)
        else:
            yield from self.tag(piece)

    def text(self, piece: Piece) -> Text:
        """Text without the white space that the dashes of the tags beside it take away."""
        before = self.pieces[self.at - 2] if self.at > 1 else None
        after = self.pieces[self.at] if self.at < len(self.pieces) else None
        text = piece.source
        raw = before is not None and before.kind == "tag" and _word(before) in ("raw", "verbatim")
        if not raw:
            if before is not None and before.trims_right:
                text = text.lstrip()
            if after is not None and after.trims_left:
                text = text.rstrip()
        return Text(piece.source, text, piece.line, raw)

    def tag(self, piece: Piece) -> Iterator[Node]:
        word = _word(piece)
        code = piece.code[piece.code.index(word) + len(word) :] if word else ""
        if word in ("raw", "verbatim"):
            if piece.trims_right:
                raise NotModelled("a dash in the tag of raw text")
            yield Comment(piece)
        elif word in ("endraw", "endverbatim"):
            yield Comment(piece)
        elif word in ("if", "ifAsync"):
            yield self.condition(piece, code)
        elif word in ("for", "asyncEach", "asyncAll"):
            yield self.loop(piece, code, {"for": "endfor", "asyncEach": "endeach", "asyncAll": "endall"}[word])
        elif word == "set":
            yield self.assignment(piece, code)
        elif word == "macro":
            yield self.macro(piece, code)
        elif word == "block":
            inner, end = self.body(("endblock",))
            yield Block(piece, inner, end or piece)
        else:
            what = _REFUSED.get(word, f"the tag `{word}`" if word else "a tag without a name")
            raise NotModelled(f"{what}: not translated")

    def condition(self, piece: Piece, code: str) -> If:
        branches: list[Branch] = []
        opened: Piece = piece
        while True:
            condition = _whole(code)
            inner, end = self.body(("elif", "elseif", "else", "endif"))
            branches.append(Branch(opened, condition, inner))
            assert end is not None
            if _word(end) == "else":
                inner, last = self.body(("endif",))
                branches.append(Branch(end, None, inner))
                return If(piece, branches, last or end)
            if _word(end) == "endif":
                return If(piece, branches, end)
            opened, code = end, end.code[end.code.index(_word(end)) + len(_word(end)) :]

    def loop(self, piece: Piece, code: str, closing: str) -> For:
        parser = Parser(tokens(code))
        names = [parser.name()]
        while parser.skip(","):
            names.append(parser.name())
        if not parser.skip("in", "name"):
            raise NotModelled("`in` is missing in the loop")
        iterable = parser.expression()
        parser.end()
        inner, end = self.body((closing, "else"))
        assert end is not None
        otherwise = None
        if _word(end) == "else":
            opened = end
            rest, end = self.body((closing,))
            assert end is not None
            otherwise = Branch(opened, None, rest)
        return For(piece, tuple(names), iterable, inner, end, otherwise)

    def assignment(self, piece: Piece, code: str) -> Set:
        parser = Parser(tokens(code))
        names = [parser.name()]
        while parser.skip(","):
            names.append(parser.name())
        if parser.skip("="):
            value = parser.expression()
            parser.end()
            return Set(piece, tuple(names), value)
        parser.end()
        inner, end = self.body(("endset",))
        return Set(piece, tuple(names), None, inner, end)

    def macro(self, piece: Piece, code: str) -> Macro:
        parser = Parser(tokens(code))
        name = parser.name()
        parser.expect("(")
        params: list[str] = []
        defaults: dict[str, Expr] = {}
        while not parser.skip(")"):
            if params:
                parser.expect(",")
            params.append(parser.name())
            if parser.skip("="):
                defaults[params[-1]] = parser.expression()
        parser.end()
        inner, end = self.body(("endmacro",))
        return Macro(piece, name, tuple(params), defaults, inner, end or piece)


def _whole(code: str) -> Expr:
    parser = Parser(tokens(code))
    value = parser.expression()
    parser.end()
    return value
