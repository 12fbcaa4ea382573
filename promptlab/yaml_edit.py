"""Changing what a YAML text says and nothing else of it: comments, order, quotes and blank lines stay.

    change("a: 1  # one\nb: 2\n", {"a": 1, "b": 2}, {"a": 1, "b": 3})     # "a: 1  # one\nb: 3\n"

The text is composed into nodes, which know where they stand; old and new data are walked together, and where
they part, those characters are replaced. What this cannot be done to raises `CannotSplice`. The caller reads
the result back and compares: a splice is a proposal, never a proof.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from promptlab import yaml_nodes, yaml_write
from promptlab.yaml_places import CannotSplice, Places, is_empty
from promptlab.yaml_write import Block


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str


def change(text: str, old: Any, new: Any, *, texts: Collection[str] = (), coarse: bool = False) -> str:
    """`text`, which says the mapping `old`, so that it says `new`.

    New keys go behind the key that comes before them in `new`. `texts` are keys of the outermost mapping whose
    values are written as literal blocks. `coarse` rewrites the whole value of each outermost key that differs.
    """
    root = yaml_nodes.compose(text)
    if not isinstance(root, MappingNode):
        raise CannotSplice("not a mapping")
    splice = _Splice(text, root, texts, coarse)
    splice.mapping(root, old, new)
    for edit in reversed(_sorted(splice.edits)):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _sorted(edits: Sequence[_Edit]) -> list[_Edit]:
    """The edits by place; those that take away one and the same thing become one."""
    found: list[_Edit] = []
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if found and edit.start < found[-1].end:
            if edit.text or found[-1].text:
                raise CannotSplice("two changes in one place")
            edit = _Edit(found.pop().start, edit.end, "")
        found.append(edit)
    return found


def same(a: Any, b: Any) -> bool:
    """Whether two values are written alike: 1, 1.0 and true are three, and the order of keys counts."""
    return repr(_plain(a)) == repr(_plain(b))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


class _Splice(Places):
    def __init__(self, text: str, root: Node, texts: Collection[str], coarse: bool) -> None:
        super().__init__(text, root)
        self.texts, self.coarse = texts, coarse
        self.edits: list[_Edit] = []
        self.shared = _shared(root)

    # Mappings

    def mapping(self, node: MappingNode, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Propose the edits that turn `old`, as `node` has it, into `new`."""
        pairs = {key.value: (key, value) for key, value in node.value}
        if list(pairs) != list(old):
            raise CannotSplice("a merge key")
        kept = [key for key in new if key in old]
        if not kept:
            raise CannotSplice("nothing stays")
        gone = [key for key in old if key not in new]
        for key in kept:
            self.value(*pairs[key], old[key], new[key], outer=node is self.root)
        come: dict[str, list[str]] = {}
        before = ""
        for key in new:
            if key in old:
                before = key
            else:
                come.setdefault(before, []).append(key)
        if node.flow_style:
            self._flow_mapping(node, kept, gone, come, new)
        else:
            self._block_mapping(node, kept, gone, come, new)

    def _block_mapping(
        self,
        node: MappingNode,
        kept: Sequence[str],
        gone: Sequence[str],
        come: Mapping[str, Sequence[str]],
        new: Mapping[str, Any],
    ) -> None:
        pairs = {key.value: (key, value) for key, value in node.value}
        for key in gone:
            name, value = pairs[key]
            self._unshared(value)
            start, end = self.own_line(name), self.eol(self.end(value, name))
            after = self.next_line(end)
            if after == len(self.text) and end == after and start:  # the last line, which has no newline
                start = self.before_newline(start)
            self.edits.append(_Edit(start, after, ""))
        for before, keys in come.items():
            column = pairs[kept[0]][0].start_mark.column
            rows: list[str] = []
            for key in keys:
                text = node is self.root and key in self.texts
                rows += yaml_write.entry(key, new[key], column, text=text)
            if before:
                name, value = pairs[before]
                at = self.eol(self.end(value, name))
                self._close(value, at)
                last = new[keys[-1]]
                if isinstance(last, str) and (last == "\n" or last.endswith("\n\n")):
                    self._swallow_blank_lines(at)
                self.edits.append(_Edit(at, at, self.newline + self.newline.join(rows) + self.final(at, rows)))
            else:
                at = self.own_line(pairs[kept[0]][0])
                self.edits.append(_Edit(at, at, self.newline.join(rows) + self.newline))

    def _flow_mapping(
        self,
        node: MappingNode,
        kept: Sequence[str],
        gone: Sequence[str],
        come: Mapping[str, Sequence[str]],
        new: Mapping[str, Any],
    ) -> None:
        pairs = {key.value: (key, value) for key, value in node.value}
        names = list(pairs)
        first = names.index(kept[0])
        for key in gone:
            number = names.index(key)
            if number > first:
                start = self._flow_end(*pairs[names[number - 1]])
                self.edits.append(_Edit(start, self._flow_end(*pairs[key]), ""))
            else:
                start, end = pairs[key][0].start_mark.index, pairs[names[number + 1]][0].start_mark.index
                self.edits.append(_Edit(start, end, ""))
        for before, keys in come.items():
            pieces = [self._inline({key: new[key]})[1:-1] for key in keys]
            if before:
                name, value = pairs[before]
                at = self._flow_end(name, value)
                own_line = self.text[self.line_start(name.start_mark.index) : name.start_mark.index]
                gap = ", " if own_line.strip() else "," + self.newline + own_line
                self.edits.append(_Edit(at, at, "".join(gap + piece for piece in pieces)))
            else:
                at = pairs[kept[0]][0].start_mark.index
                self.edits.append(_Edit(at, at, "".join(piece + ", " for piece in pieces)))

    def _flow_end(self, name: Node, value: Node) -> int:
        empty = is_empty(value)
        return self.after_colon(name) if empty else int(value.end_mark.index)

    # Values

    def value(self, name: Node, node: Node, old: Any, new: Any, *, outer: bool) -> None:
        """Propose the edits that turn the value `old` of the key `name` into `new`."""
        if same(old, new):
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
                del self.edits[edits:]
        self._replace(name, node, new, text=outer and name.value in self.texts)

    def _in_order(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        kept = [key for key in new if key in old]
        return bool(kept) and kept == [key for key in old if key in new]

    def _replace(self, name: Node, node: Node, new: Any, *, text: bool) -> None:
        """Write `new` behind the key `name`, where `node` stands now."""
        if self.in_flow(name):
            start = self.after_colon(name) if is_empty(node) else node.start_mark.index
            end = start if is_empty(node) else node.end_mark.index
            made = self._inline(new, quote=_quote(node))
            self.edits.append(_Edit(start, end, f" {made}" if start == end else made))
            return
        start, column = self.after_colon(name), name.start_mark.column
        self._behind(start, column, node, name, new, text=text)

    def _behind(self, start: int, column: int, node: Node, name: Node | None, new: Any, *, text: bool) -> None:
        end = self.eol(self.end(node, name))
        rest = self.rest(start, node)
        gap = self.text[start : node.start_mark.index]
        gap = " " if not gap or "\n" in gap or is_empty(node) else gap
        made = self._form(node, new, column, text=text, room=not self.comment_follows(end, column))
        if isinstance(made, str):
            self.edits.append(_Edit(start, end, f"{gap}{made}{rest}"))
            return
        if made.keeps:
            end = self.blank_after(end)
        rows = self.newline.join(("", *made.rows))
        head = f"{gap}{made.header}" if made.header else ""
        self.edits.append(_Edit(start, end, f"{head}{rest}{rows}{self.final(end, made.rows)}"))

    def _form(self, node: Node, new: Any, column: int, *, text: bool, room: bool) -> str | Block:
        """How `new` is written where `node` stood: as that was, if it can be."""
        was_block = isinstance(node, ScalarNode) and node.style in ("|", ">")
        if isinstance(new, str):
            one_line = "\n" not in new and not was_block and not (text and is_empty(node))
            if one_line or not room:
                return yaml_write.inline(new, quote=_quote(node))
        elif isinstance(node, SequenceNode | MappingNode) and isinstance(new, Mapping | list | tuple) and new:
            flat = yaml_write.inline(new)
            if node.flow_style and len(flat) < yaml_write.SHORT * 2:
                return flat
            if not node.flow_style and room:
                return yaml_write.block(new, column)
        return yaml_write.form(new, column, text=text or was_block, room=room)

    def _sequence(self, node: SequenceNode, old: Sequence[Any], new: Sequence[Any]) -> None:
        if len(node.value) != len(old) or any(map(is_empty, node.value)):
            raise CannotSplice("an item without a value")
        head = 0
        while head < min(len(old), len(new)) and same(old[head], new[head]):
            head += 1
        tail = 0
        while tail < min(len(old), len(new)) - head and same(old[-1 - tail], new[-1 - tail]):
            tail += 1
        added = new[head : len(new) - tail]
        items = node.value
        if node.flow_style:
            first, last = items[:head], items[len(items) - tail :]
            pieces = [self.source(n) for n in first] + [self._inline(v) for v in added]
            pieces += [self.source(n) for n in last]
            self.edits.append(_Edit(node.start_mark.index, node.end_mark.index, "[" + ", ".join(pieces) + "]"))
            return
        column = node.start_mark.column
        if len(added) == 1 and len(old) == len(new):
            one = items[head]
            start = self.dash(one, column) + 1
            if isinstance(one, ScalarNode):
                self._behind(start, column, one, None, added[0], text=False)
                return
            if isinstance(one, MappingNode) and isinstance(added[0], Mapping) and self._in_order(old[head], added[0]):
                self.mapping(one, old[head], added[0])
                return
        rows = [row for value in added for row in yaml_write.item(value, column)]
        if head + tail == len(old):
            if head:
                at = self.eol(self.end(items[head - 1], None))
                self._close(items[head - 1], at)
                self.edits.append(_Edit(at, at, self.newline.join(("", *rows)) + self.final(at, rows)))
            else:
                at = self.line_start(self.dash(items[0], column))
                self.edits.append(_Edit(at, at, self.newline.join(rows) + self.newline))
            return
        start = self.line_start(self.dash(items[head], column))
        end = self.eol(self.end(items[len(items) - tail - 1], None))
        if rows:
            self.edits.append(_Edit(start, end, self.newline.join(rows) + self.final(end, rows)))
        elif end == len(self.text):
            self.edits.append(_Edit(self.before_newline(start), end, ""))
        else:
            self.edits.append(_Edit(start, self.next_line(end), ""))

    def _unshared(self, node: Node) -> None:
        if id(node) in self.shared:
            raise CannotSplice("an alias")

    def _inline(self, value: Any, quote: str = "") -> str:
        return yaml_write.inline(value, flow=True, as_json=self.as_json, quote=quote)

    def _close(self, node: Node, at: int) -> None:
        """Keep a block at the end of a file without a last newline as it is, now that a line follows it."""
        while isinstance(node, MappingNode | SequenceNode) and node.value and not node.flow_style:
            last = node.value[-1]
            node = last[1] if isinstance(last, tuple) else last
        if at == len(self.text) and isinstance(node, ScalarNode) and node.style == "|" and node.value:
            header = node.start_mark.index + 1
            if not node.value.endswith("\n") and self.text[header : header + 1] != "-":
                self.edits.append(_Edit(header, header, "-"))

    def _swallow_blank_lines(self, at: int) -> None:
        after = self.blank_after(at)
        if after > at:
            self.edits.append(_Edit(at, after, ""))


def _quote(node: Node) -> str:
    return node.style if isinstance(node, ScalarNode) and node.style in ("'", '"') else ""


def _shared(root: Node) -> set[int]:
    """Nodes that stand for more than one place of the data, and all that they hold."""
    seen: set[int] = set()
    found: set[int] = set()

    def visit(node: Node, inside: bool) -> None:
        if id(node) in seen or inside:
            if id(node) in found:
                return
            found.add(id(node))
            inside = True
        seen.add(id(node))
        inner = [v for pair in node.value for v in pair] if isinstance(node, MappingNode) else node.value
        for one in inner if isinstance(inner, list) else []:
            visit(one, inside)

    visit(root, False)
    return found
