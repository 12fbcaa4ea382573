r"""Finds the edits of a YAML text that turn one value into another, by comparing both along the nodes of the text.

splice = Splice(text, root, in_place=True)
splice.mapping(root, {"a": 1, "b": 2}, {"a": 1, "b": 3})
splice.edits                                     # [Edit(start=8, end=9, text="3")]
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from promptlab._yaml import _nodes as yaml_nodes
from promptlab._yaml import _write as yaml_write
from promptlab._yaml._positions import CannotSplice, NodePositions, is_block, is_empty, last_scalar
from promptlab._yaml._values import written_alike
from promptlab._yaml._write import Block


@dataclass(frozen=True)
class Edit:
    """Replaces the characters from `start` to `end` with `text`."""

    start: int
    end: int
    text: str


class Splice(NodePositions):
    """The text, its nodes, and the edits found so far."""

    def __init__(
        self, text: str, root: Node, texts: Collection[str] = (), *, coarse: bool = False, in_place: bool = False
    ) -> None:
        super().__init__(text, root)
        self.texts, self.coarse, self.in_place = texts, coarse, in_place
        self.edits: list[Edit] = []
        self.shared = _shared(root)

    # Mappings

    def mapping(self, node: MappingNode, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Find the edits that turn `old`, the value of `node`, into `new`."""
        pairs = {key.value: (key, value) for key, value in node.value}
        if list(pairs) != list(old):
            raise CannotSplice("a merge key")
        kept = [key for key in new if key in old]
        if not kept:
            raise CannotSplice("no key stays")
        removed = [key for key in old if key not in new]
        for key in kept:
            self.value(*pairs[key], old[key], new[key], outer=node is self.root)
        added: dict[str, list[str]] = {}
        before = ""
        for key in new:
            if key in old:
                before = key
            else:
                added.setdefault(before, []).append(key)
        if node.flow_style:
            self._flow_mapping(node, kept, removed, added, new)
        else:
            self._block_mapping(node, kept, removed, added, new)

    def _block_mapping(
        self,
        node: MappingNode,
        kept: Sequence[str],
        removed: Sequence[str],
        added: Mapping[str, Sequence[str]],
        new: Mapping[str, Any],
    ) -> None:
        pairs = {key.value: (key, value) for key, value in node.value}
        names = list(pairs)
        for key in removed:
            name, value = pairs[key]
            self._unshared(value)
            number = names.index(key)
            before = pairs[names[number - 1]][1] if number else None
            self._take_out(self.own_line(name), self.eol(self.end(value, name)), before)
        for after, keys in added.items():
            self._put_in(pairs, after, keys, new, pairs[kept[0]][0], texts=self.texts if node is self.root else ())

    def _put_in(
        self,
        pairs: Mapping[str, tuple[Node, Node]],
        after: str,
        keys: Sequence[str],
        new: Mapping[str, Any],
        first: Node,
        *,
        texts: Collection[str],
    ) -> None:
        """Write the new `keys` after the key `after`, or before the key `first` if `after` is empty."""
        column = first.start_mark.column
        if not after:
            at = self.own_line(first)
            blocks = [yaml_write.entry_block(key, new[key], column, text=key in texts) for key in keys]
            rows = [row for block in blocks for row in block.rows]
            self.edits.append(Edit(at, at, self.newline.join(rows) + self.newline))
            return
        name, value = pairs[after]
        at = self.eol(self.end(value, name))
        room = not self.comment_follows(at, column)
        blocks = [
            yaml_write.entry_block(key, new[key], column, text=key in texts, room=room or key != keys[-1])
            for key in keys
        ]
        self._insert(at, blocks, value)

    def _insert(self, at: int, blocks: Sequence[Block], before: Node) -> None:
        """Write `blocks` as lines after the line that ends at `at`, the end of the value `before`."""
        rows = [row for block in blocks for row in block.rows]
        self._close(before, at)
        if blocks[-1].keeps:
            self._swallow_blank_lines(at)
        self.edits.append(Edit(at, at, self.newline.join(("", *rows)) + self.final(at, rows)))

    def _take_out(self, start: int, end: int, before: Node | None) -> None:
        """Remove the lines from `start` to `end`; `before` is the value before them."""
        after = self.next_line(end)
        if after == len(self.text) and end == after and start:  # the last line, which has no newline
            # The newline after a block is part of its text.
            start = start if is_block(last_scalar(before)) else self.before_newline(start)
        elif self.keeps(before):  # else the blank lines after the removed lines would become part of it
            blank = self.blank_after(end)
            after = max(after, self.next_line(blank))
        self.edits.append(Edit(start, after, ""))

    def _flow_mapping(
        self,
        node: MappingNode,
        kept: Sequence[str],
        removed: Sequence[str],
        added: Mapping[str, Sequence[str]],
        new: Mapping[str, Any],
    ) -> None:
        pairs = {key.value: (key, value) for key, value in node.value}
        names = list(pairs)
        first = names.index(kept[0])
        for key in removed:
            number = names.index(key)
            if number > first:
                start = self._flow_end(*pairs[names[number - 1]])
                self.edits.append(Edit(start, self._flow_end(*pairs[key]), ""))
            else:
                start, end = pairs[key][0].start_mark.index, pairs[names[number + 1]][0].start_mark.index
                self.edits.append(Edit(start, end, ""))
        for before, keys in added.items():
            pieces = [self._inline({key: new[key]})[1:-1] for key in keys]
            if before:
                name, value = pairs[before]
                at = self._flow_end(name, value)
                own_line = self.text[self.line_start(name.start_mark.index) : name.start_mark.index]
                gap = ", " if own_line.strip() else "," + self.newline + own_line
                self.edits.append(Edit(at, at, "".join(gap + piece for piece in pieces)))
            else:
                at = pairs[kept[0]][0].start_mark.index
                self.edits.append(Edit(at, at, "".join(piece + ", " for piece in pieces)))

    def _flow_end(self, name: Node, value: Node) -> int:
        empty = is_empty(value)
        return self.after_colon(name) if empty else int(value.end_mark.index)

    # Values

    def value(self, name: Node, node: Node, old: Any, new: Any, *, outer: bool) -> None:
        """Find the edits that turn the value `old` of the key `name` into `new`."""
        if written_alike(old, new):
            return
        self._unshared(node)
        if not (outer and self.coarse):
            edits = len(self.edits)
            try:
                if isinstance(node, MappingNode) and isinstance(new, Mapping) and self._in_order(old, new):
                    self.mapping(node, old, new)
                    return
                if isinstance(node, SequenceNode) and isinstance(new, list | tuple) and old and new:
                    self._sequence(node, old, new)
                    return
            except CannotSplice:
                if self.in_place:
                    raise
                del self.edits[edits:]
        self._replace(name, node, new, text=outer and name.value in self.texts)

    def _in_order(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        kept = [key for key in new if key in old]
        return bool(kept) and kept == [key for key in old if key in new]

    def _replace(self, name: Node, node: Node, new: Any, *, text: bool) -> None:
        """Write `new` after the key `name`, in place of `node`."""
        if self.in_flow(name):
            start = self.after_colon(name) if is_empty(node) else node.start_mark.index
            end = start if is_empty(node) else node.end_mark.index
            written = self._inline(new, quote=_quote(node))
            self.edits.append(Edit(start, end, f" {written}" if start == end else written))
            return
        start, column = self.after_colon(name), name.start_mark.column
        self._behind(start, column, node, name, new, text=text)

    def _behind(self, start: int, column: int, node: Node, name: Node | None, new: Any, *, text: bool) -> None:
        end = self.eol(self.end(node, name))
        rest = self.rest(start, node)
        gap = self.text[start : node.start_mark.index]
        gap = " " if not gap or "\n" in gap or is_empty(node) else gap
        written = self._form(node, new, column, text=text, room=not self.comment_follows(end, column))
        if isinstance(written, str):
            self.edits.append(Edit(start, end, f"{gap}{written}{rest}"))
            return
        if written.keeps:
            end = self.blank_after(end)
        rows = self.newline.join(("", *written.rows))
        head = f"{gap}{written.header}" if written.header else ""
        self.edits.append(Edit(start, end, f"{head}{rest}{rows}{self.final(end, written.rows)}"))

    def _form(self, node: Node, new: Any, column: int, *, text: bool, room: bool) -> str | Block:
        """`new` as text in place of `node`, in the same form if possible."""
        was_block = isinstance(node, ScalarNode) and node.style in ("|", ">")
        if isinstance(new, str):
            one_line = "\n" not in new and not was_block and not (text and is_empty(node))
            if one_line or not room:
                return yaml_write.yaml_inline(new, quote=_quote(node))
        elif isinstance(node, SequenceNode | MappingNode) and isinstance(new, Mapping | list | tuple) and new:
            flat = yaml_write.yaml_inline(new)
            if node.flow_style and len(flat) < yaml_write.SHORT * 2:
                return flat
            if not node.flow_style and room:
                return yaml_write.block(new, column)
        return yaml_write.form(new, column, text=text or was_block, room=room)

    def _sequence(self, node: SequenceNode, old: Sequence[Any], new: Sequence[Any]) -> None:
        if len(node.value) != len(old) or any(map(is_empty, node.value)):
            raise CannotSplice("an item without a value")
        head = 0
        while head < min(len(old), len(new)) and written_alike(old[head], new[head]):
            head += 1
        tail = 0
        while tail < min(len(old), len(new)) - head and written_alike(old[-1 - tail], new[-1 - tail]):
            tail += 1
        added = new[head : len(new) - tail]
        items = node.value
        if len(added) == 1 and len(old) == len(new) and self._item(node, items[head], old[head], added[0]):
            return
        if node.flow_style:
            first, last = items[:head], items[len(items) - tail :]
            pieces = [self.source(n) for n in first] + [self._inline(v) for v in added]
            pieces += [self.source(n) for n in last]
            self.edits.append(Edit(node.start_mark.index, node.end_mark.index, "[" + ", ".join(pieces) + "]"))
            return
        self._block_sequence(node, added, head, tail)

    def _item(self, node: SequenceNode, item: Node, old: Any, new: Any) -> bool:
        """Change one `item` of the list `node`; False if all lines of the list must be rewritten."""
        self._unshared(item)
        edits = len(self.edits)
        try:
            if isinstance(item, MappingNode) and isinstance(new, Mapping) and self._in_order(old, new):
                self.mapping(item, old, new)
                return True
            if isinstance(item, SequenceNode) and isinstance(new, list | tuple) and old and new:
                self._sequence(item, old, new)
                return True
        except CannotSplice:
            del self.edits[edits:]
        if node.flow_style:
            written = self._inline(new, quote=_quote(item))
            self.edits.append(Edit(item.start_mark.index, item.end_mark.index, written))
            return True
        if isinstance(item, ScalarNode):
            column = node.start_mark.column
            self._behind(self.dash(item, column) + 1, column, item, None, new, text=False)
            return True
        return False

    def _block_sequence(self, node: SequenceNode, added: Sequence[Any], head: int, tail: int) -> None:
        """Write `added` in place of the items of `node` between the first `head` and the last `tail`."""
        items, column = node.value, node.start_mark.column
        if head + tail < len(items):
            start = self.line_start(self.dash(items[head], column))
            end = self.eol(self.end(items[len(items) - tail - 1], None))
            if not added:
                self._take_out(start, end, items[head - 1] if head else None)
                return
            blocks = self._items(added, column, end)
            rows = [row for block in blocks for row in block.rows]
            after = self.blank_after(end) if blocks[-1].keeps else end
            self.edits.append(Edit(start, after, self.newline.join(rows) + self.final(after, rows)))
        elif head:
            at = self.eol(self.end(items[head - 1], None))
            self._insert(at, self._items(added, column, at), items[head - 1])
        else:
            at = self.line_start(self.dash(items[0], column))
            rows = [row for value in added for row in yaml_write.item_block(value, column).rows]
            self.edits.append(Edit(at, at, self.newline.join(rows) + self.newline))

    def _items(self, added: Sequence[Any], column: int, end: int) -> list[Block]:
        """The rows of new items of a list. If an indented comment follows, the last item stays on one line."""
        room = not self.comment_follows(end, column)
        last = len(added) - 1
        return [yaml_write.item_block(item, column, room=room or n != last) for n, item in enumerate(added)]

    def _unshared(self, node: Node) -> None:
        if id(node) in self.shared:
            raise CannotSplice("an alias")

    def _inline(self, value: Any, quote: str = "") -> str:
        return yaml_write.yaml_inline(value, flow=True, as_json=self.as_json, quote=quote)

    def _close(self, node: Node, at: int) -> None:
        """Keep the text of a block at the end of a file without a final newline, now that a line follows it."""
        last = last_scalar(node)
        if at < len(self.text) or any(edit.end == at for edit in self.edits):  # it is rewritten already
            return
        if isinstance(last, ScalarNode) and is_block(last) and last.value[-1:] not in ("", "\n"):
            header = self.header(last)
            closed = header[1].replace("+", "").replace("-", "") + "-"
            self.edits.append(Edit(header.start(1), header.end(1), closed))

    def _swallow_blank_lines(self, at: int) -> None:
        after = self.blank_after(at)
        if after > at:
            self.edits.append(Edit(at, after, ""))


def _quote(node: Node) -> str:
    return node.style if isinstance(node, ScalarNode) and node.style in ("'", '"') else ""


def _shared(root: Node) -> set[int]:
    """The ids of aliases, and of the nodes under their anchors: an edit of one would change several places."""
    shared: set[int] = set()

    def visit(node: Node, inside: bool) -> None:
        if isinstance(node, yaml_nodes.AliasNode):
            shared.add(id(node))
            if id(node.value) not in shared:
                visit(node.value, True)
            return
        if inside:
            shared.add(id(node))
        for inner in node.value if isinstance(node, MappingNode | SequenceNode) else ():
            for part in inner if isinstance(inner, tuple) else (inner,):
                visit(part, inside)

    visit(root, False)
    return shared
