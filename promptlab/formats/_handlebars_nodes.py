"""Nodes of Handlebars, and the white space that Handlebars 4 removes between them (its `WhitespaceControl`).

A tag with `~` takes all white space on that side along; a block tag or a comment alone on a line takes the line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

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
class _Strip:
    open: bool = False
    close: bool = False
    alone_open: bool = False
    alone_close: bool = False
    alone: bool = field(default=False)


_SPACE = "[\\s\ufeff]"


def strip_white_space(nodes: list[Node], *, root: bool) -> None:
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
    strip_white_space(node.program, root=False)
    program, first, last = node.program, node.program, node.program
    if node.inverse is not None:
        strip_white_space(node.inverse, root=False)
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
