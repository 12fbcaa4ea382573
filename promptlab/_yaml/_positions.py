"""Where things stand in a YAML text: the nodes of its composed tree, lines, comments and blank lines.

Places are indices into the text. A node's own marks say where it begins; where a block ends they do not say, as
they count the blank lines behind it in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode


class CannotSplice(Exception):
    """The text is written in a way that cannot be changed in place: an alias, a merge key, a form of its own."""


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
        """Whether the key `name` stands inside brackets."""
        return self.as_json or _inside_flow(self.root, name.start_mark.index)

    def after_colon(self, name: Node) -> int:
        """The place behind the colon of the key `name`."""
        found = re.compile(r"[ \t]*:").match(self.text, name.end_mark.index)
        if found is None:
            raise CannotSplice("a key in a form of its own")
        return found.end()

    def end(self, node: Node, name: Node | None) -> int:
        """Where the last line of the value `node` is: some place in it or at its end."""
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
        """The `|` or `>` of a block with what stands right behind it, as its first group; a tag or anchor is before."""
        match = re.compile(r"(?:[&!]\S*\s+)*([|>][-+0-9]*)").match(self.text, node.start_mark.index)
        if match is None:
            raise CannotSplice("a block in a form of its own")
        return match

    def keeps(self, node: Node | None) -> bool:
        """Whether blank lines behind `node` are part of it: the last of it is a block with a `+`."""
        last = last_scalar(node)
        return is_block(last) and "+" in self.header(last)[1]

    def final(self, end: int, rows: Sequence[str]) -> str:
        """The newline a last row needs where the file ends without one: a block's text may end in it."""
        return self.newline if rows and end == len(self.text) else ""

    def blank_after(self, eol: int) -> int:
        """The end of the last of the blank lines that follow the line which ends at `eol`."""
        found = re.compile(r"(?:\r?\n[ \t]*(?=\r?\n))*").match(self.text, eol)
        return found.end() if found else eol

    def comment_follows(self, eol: int, column: int) -> bool:
        """Whether the next line that is not blank is an indented comment, which a block would swallow."""
        found = re.compile(r"(?:[ \t\r]*\n)*( *)(#?)").match(self.text, eol)
        return bool(found and found[2] and len(found[1]) > column)

    def own_line(self, name: Node) -> int:
        """The start of the line of the key `name`; nothing may stand before it."""
        start = self.line_start(name.start_mark.index)
        if self.text[start : name.start_mark.index].strip():
            raise CannotSplice("a mapping within a line")
        return start

    def line_start(self, at: int) -> int:
        """Where the line of `at` begins."""
        start = self.text.rfind("\n", 0, at) + 1
        return 1 if start == 0 and self.text.startswith("\ufeff") else start

    def eol(self, at: int) -> int:
        """The end of the line of `at`, before its newline."""
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        return end - 1 if end > at and self.text[end - 1] == "\r" else end

    def next_line(self, eol: int) -> int:
        """Where the line after that of `eol` begins; the end of the text where there is none."""
        end = self.text.find("\n", eol)
        return len(self.text) if end < 0 else end + 1

    def before_newline(self, start: int) -> int:
        """The end of the line before the one that begins at `start`."""
        end = start - 1 if start and self.text[start - 1] == "\n" else start
        return end - 1 if end and self.text[end - 1] == "\r" else end

    def dash(self, node: Node, column: int) -> int:
        """Where the dash of an item stands; it must be the first thing on its line."""
        begin = self.line_start(node.start_mark.index)
        at = begin + column
        if self.text[begin:at].strip() or self.text[at : at + 1] != "-":
            raise CannotSplice("a list within a line")
        return at

    def rest(self, start: int, node: Node) -> str:
        """What stays behind the value on the line of its key: a comment."""
        if is_block(node):
            begin = self.header(node).end()
        elif isinstance(node, SequenceNode | MappingNode) and not node.flow_style:
            begin = start
        else:
            begin = start if is_empty(node) else node.end_mark.index
        found = self.text[begin : self.eol(begin)]
        if found.strip() and not found.lstrip().startswith("#"):
            raise CannotSplice("something stands behind the value")
        return found if found.strip() else ""


def is_empty(node: Node) -> bool:
    """Whether `node` is the null of a key without a value: it has no characters, and its marks are of no use."""
    return isinstance(node, ScalarNode) and not node.style and node.start_mark.index == node.end_mark.index


def is_block(node: Node | None) -> bool:
    """Whether `node` is a text written as a literal or a folded block."""
    return isinstance(node, ScalarNode) and node.style in ("|", ">")


def last_scalar(node: Node | None) -> Node | None:
    """What stands last in `node`: itself, or the last value of a collection in block style."""
    while isinstance(node, MappingNode | SequenceNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _inside_flow(root: Node, at: int) -> bool:
    """Whether the place `at` is inside brackets."""
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
