"""Positions in a YAML text: of nodes, lines, comments and blank lines.

A position is an index into the text. The marks of a node tell where it begins. They do not tell where a block ends,
because they include the blank lines after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode


class CannotSplice(Exception):
    """The text is written in a way that cannot be changed in place, such as with an alias or a merge key."""


class NodePositions:
    """The text and the root of its tree."""

    def __init__(self, text: str, root: Node) -> None:
        self.text, self.root = text, root
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.as_json = text.lstrip("\ufeff \t\r\n").startswith("{")

    def source(self, node: Node) -> str:
        """The characters of `node`."""
        return self.text[node.start_mark.index : node.end_mark.index]

    def in_flow(self, name: Node) -> bool:
        """True if the key `name` is inside brackets."""
        return self.as_json or _inside_flow(self.root, name.start_mark.index)

    def after_colon(self, name: Node) -> int:
        """The position after the colon of the key `name`."""
        match = re.compile(r"[ \t]*:").match(self.text, name.end_mark.index)
        if match is None:
            raise CannotSplice("a key in an unusual form")
        return match.end()

    def end(self, node: Node, name: Node | None) -> int:
        """A position in the last line of the value `node`."""
        if isinstance(node, ScalarNode) and node.style == "|":
            lines = node.value.count("\n") + (not node.value.endswith("\n")) if node.value else 0
            at = self.eol(node.start_mark.index)
            for _ in range(lines):
                at = self.eol(self.next_line(at))
            return at
        if isinstance(node, ScalarNode) and node.style == ">":
            body = self.source(node)
            return int(node.start_mark.index) + len(body if "+" in self.header(node)[1] else body.rstrip())
        if is_empty(node):
            if name is None:
                raise CannotSplice("an item without a value")
            return self.after_colon(name)
        if isinstance(node, MappingNode) and not node.flow_style and node.value:
            return self.end(node.value[-1][1], node.value[-1][0])
        if isinstance(node, SequenceNode) and not node.flow_style and node.value:
            return self.end(node.value[-1], None)
        return int(node.end_mark.index)

    def header(self, node: ScalarNode) -> re.Match[str]:
        """The header of a block; its first group is the `|` or `>` with its indicators, after any tag or anchor."""
        match = re.compile(r"(?:[&!]\S*\s+)*([|>][-+0-9]*)").match(self.text, node.start_mark.index)
        if match is None:
            raise CannotSplice("a block in an unusual form")
        return match

    def keeps(self, node: Node | None) -> bool:
        """True if blank lines after `node` are part of it: it ends with a block with a `+`."""
        last = last_scalar(node)
        return is_block(last) and "+" in self.header(last)[1]

    def final(self, end: int, rows: Sequence[str]) -> str:
        """The newline that the last row needs if the file ends without one: a block may end there."""
        return self.newline if rows and end == len(self.text) else ""

    def blank_after(self, eol: int) -> int:
        """The end of the blank lines after the line that ends at `eol`."""
        match = re.compile(r"(?:\r?\n[ \t]*(?=\r?\n))*").match(self.text, eol)
        return match.end() if match else eol

    def comment_follows(self, eol: int, column: int) -> bool:
        """True if the next line that is not blank is an indented comment: a block would include it."""
        match = re.compile(r"(?:[ \t\r]*\n)*( *)(#?)").match(self.text, eol)
        return bool(match and match[2] and len(match[1]) > column)

    def own_line(self, name: Node) -> int:
        """The start of the line of the key `name`; nothing may be before the key."""
        start = self.line_start(name.start_mark.index)
        if self.text[start : name.start_mark.index].strip():
            raise CannotSplice("a mapping within a line")
        return start

    def line_start(self, at: int) -> int:
        """The start of the line of `at`."""
        start = self.text.rfind("\n", 0, at) + 1
        return 1 if start == 0 and self.text.startswith("\ufeff") else start

    def eol(self, at: int) -> int:
        """The end of the line of `at`, before its newline."""
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        return end - 1 if end > at and self.text[end - 1] == "\r" else end

    def next_line(self, eol: int) -> int:
        """The start of the line after that of `eol`; the end of the text if there is none."""
        end = self.text.find("\n", eol)
        return len(self.text) if end < 0 else end + 1

    def before_newline(self, start: int) -> int:
        """The end of the line before the one that begins at `start`."""
        end = start - 1 if start and self.text[start - 1] == "\n" else start
        return end - 1 if end and self.text[end - 1] == "\r" else end

    def dash(self, node: Node, column: int) -> int:
        """The position of the dash of an item; it must be the first character of its line."""
        begin = self.line_start(node.start_mark.index)
        at = begin + column
        if self.text[begin:at].strip() or self.text[at : at + 1] != "-":
            raise CannotSplice("a list within a line")
        return at

    def rest(self, start: int, node: Node) -> str:
        """The comment after the value, on the line of its key."""
        if is_block(node):
            begin = self.header(node).end()
        elif isinstance(node, SequenceNode | MappingNode) and not node.flow_style:
            begin = start
        else:
            begin = start if is_empty(node) else node.end_mark.index
        rest = self.text[begin : self.eol(begin)]
        if rest.strip() and not rest.lstrip().startswith("#"):
            raise CannotSplice("there is text after the value")
        return rest if rest.strip() else ""


def is_empty(node: Node) -> bool:
    """True if `node` is the null of a key without a value: it has no characters, and its marks are useless."""
    return isinstance(node, ScalarNode) and not node.style and node.start_mark.index == node.end_mark.index


def is_block(node: Node | None) -> bool:
    """True if `node` is a text written as a literal or a folded block."""
    return isinstance(node, ScalarNode) and node.style in ("|", ">")


def last_scalar(node: Node | None) -> Node | None:
    """The last scalar of `node`: itself, or the last value of a collection in block style."""
    while isinstance(node, MappingNode | SequenceNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _inside_flow(root: Node, at: int) -> bool:
    """True if the position `at` is inside brackets."""
    node: Node | None = root
    while node is not None:
        if isinstance(node, MappingNode | SequenceNode) and node.flow_style:
            return True
        inner = [v for pair in node.value for v in pair] if isinstance(node, MappingNode) else node.value
        inner = inner if isinstance(inner, list) else []
        node = next(
            (n for n in inner if not isinstance(n, ScalarNode) and n.start_mark.index <= at < n.end_mark.index), None
        )
    return False
