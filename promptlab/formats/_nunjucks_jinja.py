"""Writes Nunjucks as Jinja that prints the same: tags that mean the same stay as they are, others get equal Jinja.

    writer = JinjaWriter(seen, variables)      # `seen`: the values that each expression had in the tests (`Run.seen`)
    writer.text(parse_nunjucks("{{ n / 2 }}"))
    writer.notes                               # what was translated, in words

Undefined is the empty text here (`Variables.empty` for a variable). What Jinja cannot say raises `NotModelled`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab.formats._js_values import NotModelled
from promptlab.formats._nunjucks_calls import called, tested
from promptlab.formats._nunjucks_expressions import Expr
from promptlab.formats._nunjucks_filter_writer import filtered
from promptlab.formats._nunjucks_lexer import Piece
from promptlab.formats._nunjucks_operators import ExpressionWriter
from promptlab.formats._nunjucks_parse import Block, Branch, Comment, For, If, Macro, Node, Print, Set, Text
from promptlab.templates import escape_jinja


@dataclass
class Variables:
    """The variables of a prompt: the kinds of their values in all tests, and their names as inputs.

    `empty` has the value that stands for undefined and null, for the variables that some test does not set.
    """

    kinds: Mapping[str, set[str]] = field(default_factory=dict)
    empty: Mapping[str, Any] = field(default_factory=dict)
    own: Callable[[str], str] = str
    environment: Callable[[str], str] = str


class JinjaWriter(ExpressionWriter):
    """Writes nodes. `notes` says what was translated, `unreached` which code no test reaches."""

    def __init__(self, seen: Mapping[Expr, Sequence[Any]], variables: Variables) -> None:
        super().__init__(seen, variables.kinds, variables.empty, variables.own, variables.environment)
        self.as_text: Callable[[Text], str] = lambda node: node.source

    def call(self, expr: Expr) -> str:
        if expr.op == "regex":
            raise NotModelled("a regular expression")
        return {"filter": filtered, "test": tested, "call": called}[expr.op](self, expr)

    def whole(self, nodes: Sequence[Node]) -> str:
        """The Jinja of a whole text: `text`, after the declarations that it needs."""
        outside, inside = _assigned(nodes, False)
        self.spaces = outside & inside
        body = self.text(nodes)
        head = "".join(
            f"{{% set {name}_now = namespace(value={self.own(name) if name in self.kinds_of_names else _EMPTY}) %}}"
            for name in sorted(self.spaces)
        )
        if self.spaces:
            self.note("`set` in a loop changes the variable outside of it through a namespace")
        return "".join(self.macros.values()) + head + body

    def text(self, nodes: Sequence[Node]) -> str:
        """The Jinja of `nodes`."""
        return "".join(self._node(node) for node in nodes)

    def _node(self, node: Node) -> str:
        if isinstance(node, Text):
            return self._text(node)
        if isinstance(node, Comment):
            if "verbatim" in node.piece.source and node.piece.kind == "tag":
                self.note("`verbatim` is `raw` here")
            return node.piece.source.replace("verbatim", "raw") if node.piece.kind == "tag" else node.piece.source
        if isinstance(node, Print):
            self.line = node.piece.line
            return _tag(node.piece, self.printed(node.value))
        if isinstance(node, If):
            return "".join(self._branch(branch, n) for n, branch in enumerate(node.branches)) + _tag(node.end, "endif")
        if isinstance(node, For):
            return self._loop(node)
        if isinstance(node, Set):
            return self._set(node)
        if isinstance(node, Macro):
            return self._macro(node)
        return self._block(node)

    def _text(self, node: Text) -> str:
        text = self.as_text(node)
        if node.raw:
            return text
        return escape_jinja(text) if re.search(r"\{[{%#]", text) else text

    def _branch(self, branch: Branch, number: int) -> str:
        self.line = branch.piece.line
        if branch.condition is None:
            return _tag(branch.piece, "else") + self.text(branch.body)
        word = "elif" if number else "if"
        return _tag(branch.piece, f"{word} {self.condition(branch.condition)}") + self.text(branch.body)

    def _loop(self, node: For) -> str:
        self.line = node.piece.line
        over = self.iterated(node)
        self.locals.append({*node.names, "loop"})
        body = self.text(node.body)
        self.locals.pop()
        other = ""
        if node.otherwise is not None:
            other = _tag(node.otherwise.piece, "else") + self.text(node.otherwise.body)
        return _tag(node.piece, f"for {', '.join(node.names)} in {over}") + body + other + _tag(node.end, "endfor")

    def iterated(self, node: For) -> str:
        """What the loop goes through in Jinja."""
        kinds = self.kinds(node.iterable)
        over = self.value(node.iterable)
        if len(node.names) > 1:
            if kinds == {"obj"} or (not kinds - {"undef", "null"} and len(node.names) == 2):
                self.note("a loop over keys and values is one over `.items()`")
                return f"{over}.items()"
            rows = [row for value in self.values(node.iterable) if isinstance(value, list) for row in value]
            if kinds == {"list"} and all(isinstance(row, list) and len(row) == len(node.names) for row in rows):
                return over
            raise NotModelled("a loop over several names whose rows differ")
        if kinds & {"obj", "num", "bool"}:
            raise NotModelled("a loop over something that is no list: Nunjucks runs it for no item")
        if kinds & {"undef", "null"} and node.iterable.op != "name":
            return f'({over} or "")'
        return over

    def _set(self, node: Set) -> str:
        self.line = node.piece.line
        if len(node.names) > 1:
            raise NotModelled("`set` of several names")
        name = node.names[0]
        target = f"{name}_now.value" if name in self.spaces else name
        value = None if node.value is None else self.assigned(node.value)
        if name not in self.spaces:
            self.locals[-1].add(name)
        if value is not None:
            return _tag(node.piece, f"set {target} = {value}")
        if node.end is None:
            raise NotModelled("`set` without an end")
        return _tag(node.piece, f"set {target}") + self.text(node.body) + _tag(node.end, "endset")

    def assigned(self, expr: Expr) -> str:
        """The value of a `set`; mutable values are only followed as long as nothing changes them."""
        return self.value(expr)

    def _macro(self, node: Macro) -> str:
        self.line = node.piece.line
        params = [
            f"{name}={self.value(node.defaults[name])}" if name in node.defaults else f'{name}=""'
            for name in node.params
        ]
        self.locals[-1].add(node.name)
        self.locals.append(set(node.params))
        body = self.text(node.body)
        self.locals.pop()
        return _tag(node.piece, f"macro {node.name}({', '.join(params)})") + body + _tag(node.end, "endmacro")

    def _block(self, node: Block) -> str:
        self.note("`block` is left out: its text stands in its place")
        return _comment(node.piece) + self.text(node.body) + _comment(node.end)


_EMPTY = '""'


def _comment(piece: Piece) -> str:
    """A comment with the dashes of a tag, which prints nothing."""
    left, right = "-" * piece.trims_left, "-" * piece.trims_right
    return f"{{#{left} block {right}#}}" if left or right else ""


def _tag(piece: Piece, code: str) -> str:
    """The tag with new code, or as it is written if the code is the same."""
    if _bare(piece.code) == _bare(code):
        return piece.source
    left = piece.source[: 2 + piece.trims_left]
    right = piece.source[len(piece.source) - 2 - piece.trims_right :]
    return f"{left} {code} {right}"


def _bare(code: str) -> str:
    return re.sub(r"\s+", "", code).replace("'", '"')


def _assigned(nodes: Sequence[Node], looping: bool) -> tuple[set[str], set[str]]:
    """The names that `set` gives values outside of loops, and inside of them."""
    outside: set[str] = set()
    inside: set[str] = set()
    for node in nodes:
        if isinstance(node, Set):
            (inside if looping else outside).update(node.names)
        parts: list[tuple[Sequence[Node], bool]] = []
        if isinstance(node, If):
            parts = [(branch.body, looping) for branch in node.branches]
        elif isinstance(node, For):
            parts = [(node.body, True), (node.otherwise.body if node.otherwise else [], True)]
        elif isinstance(node, Block | Set):
            parts = [(node.body, looping)]
        for body, within in parts:
            more, deeper = _assigned(body, within)
            outside |= more
            inside |= deeper
    return outside, inside


__all__ = ["JinjaWriter", "Variables"]
