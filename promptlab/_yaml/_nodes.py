"""Composes a YAML text into nodes that know their place, with the parser of PyYAML (libyaml if it is there).

    root = compose("a: 1  # one\n")
    key, value = root.value[0]
    value.tag, value.start_mark.index        # "tag:yaml.org,2002:int", 3

That parser implements YAML 1.1. The differences to YAML 1.2 are handled here: a value is read as in 1.2, or refused
(docs/decisions.md has the list). Marks count characters of `text`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from yaml import events
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from promptlab._yaml import _bounds as yaml_bounds

TAG = "tag:yaml.org,2002:"
STR, INT, FLOAT, BOOL, NULL = (TAG + kind for kind in ("str", "int", "float", "bool", "null"))
MAP, SEQ, MERGE = (TAG + kind for kind in ("map", "seq", "merge"))

_PLAIN: tuple[tuple[str, re.Pattern[str]], ...] = (
    (NULL, re.compile(r"(?:~|null|Null|NULL)?")),
    (BOOL, re.compile(r"true|True|TRUE|false|False|FALSE")),
    # The core schema of YAML 1.2, and underscores, binary numbers and signs before 0x, as most readers have them.
    (INT, re.compile(r"[-+]?(?:[0-9][0-9_]*|0o_*[0-7][0-7_]*|0x_*[0-9a-fA-F][0-9a-fA-F_]*|0b_*[01][01_]*)")),
    (FLOAT, re.compile(r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?")),
    (FLOAT, re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")),
    (MERGE, re.compile(r"<<")),
)
_STARTS = frozenset("~nNtTfF+-.<0123456789")

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OTHERS = re.compile("[\x85\u2028\u2029\ufeff]")
"""Line breaks of YAML 1.1 that are ordinary characters in 1.2; and the byte order mark, which libyaml drops."""
_QUESTION = re.compile(r"(?<=[^\s\[\]{},])\?|\?(?=\S)")
"""A question mark that is not a key indicator. The pure Python parser refuses one in `{a: who?}`."""
_TAB = "found a tab character where an indentation space is expected"
"""The error of libyaml for a literal block whose text begins with a tab, which YAML 1.2 allows."""
_BLOCK_TAB = re.compile(r"\|[-+0-9]*[ \t]*(?:#[^\n]*)?\r?\n(?: *\r?\n)* +\t")
MAX_AGAIN = 4_000_000
"""At most this many characters are parsed in total while such blocks are searched one by one."""
_ESCAPE = re.compile(r"(?=([eEfF][0-9a-fA-F]{3}))")
_AFTER_NAME = re.compile(r"[\s,\[\]{}]|$")


class NotYaml(Exception):
    """The text is not YAML, or uses a part of YAML that is not supported; `line` counts from 1."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.message, self.line = message, line


def compose(text: str) -> Node | None:
    """The root of the only document in `text`; None if there is none.

    Raises `NotYaml`, or `yaml_bounds.Excess` if the file would take long to read.
    """
    if text.count("\n") > yaml_bounds.MAX_LINES:
        raise yaml_bounds.Excess(f"more than {yaml_bounds.MAX_LINES:,} lines", yaml_bounds.MAX_LINES + 1)
    if wrong := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, wrong.start()) + 1
        raise NotYaml(f"the character U+{ord(wrong[0]):04X} is not allowed", line)
    try:
        return _with_tabs(text)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        what = " ".join(str(exc.problem or exc.context or "cannot be parsed").split())
        raise NotYaml(what, _line(text, mark) if mark else None) from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise NotYaml(" ".join(str(exc).split())[:200], None) from exc


def _line(text: str, mark: Any) -> int:
    """The line of `mark`, from 1. At the end of a text without a final newline libyaml is one line too far."""
    end = len(text) - text.startswith("\ufeff")
    is_further = mark.column == 0 and mark.index >= end and text[-1:] not in ("", "\n", "\r")
    return int(mark.line) + (not is_further)


def _with_tabs(text: str) -> Node | None:
    """The root of `text`. Tabs that libyaml wrongly refuses are replaced before it sees them."""
    try:
        return _Composer(text, loader()).document()
    except yaml.MarkedYAMLError as exc:
        tabs = [_tab(text, exc)]
    with contextlib.suppress(NotYaml, yaml.MarkedYAMLError):  # one of them may not be in a block
        every = {*tabs, *(match.end() - 1 for match in _BLOCK_TAB.finditer(text))}
        return _Composer(text, loader(), sorted(every)).document()
    while True:  # one by one, up to a limit
        try:
            return _Composer(text, loader(), sorted(tabs)).document()
        except yaml.MarkedYAMLError as exc:
            if len(tabs) * len(text) > MAX_AGAIN:
                raise
            tabs.append(_tab(text, exc))


def _tab(text: str, exc: yaml.MarkedYAMLError) -> int:
    """The place of the tab that libyaml refused at the start of a block; raises `exc` if that is not the problem."""
    at = exc.problem_mark.index + text.startswith("\ufeff") if exc.problem == _TAB else 0
    if not at or text[at : at + 1] != "\t":
        raise exc
    return at


def loader() -> Any:
    """The parser: that of libyaml if PyYAML was built with it."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def resolve(value: str) -> str:
    """The tag of a plain scalar."""
    if not value or value[0] in _STARTS:
        for tag, pattern in _PLAIN:
            if pattern.fullmatch(value):
                return tag
    return STR


class AliasNode(Node):  # type: ignore[misc]  # PyYAML has no types
    """An alias with its own place; its value is the node of its anchor."""

    id = "alias"


def target(node: Node) -> Node:
    """`node`, or the node of its anchor if it is an alias."""
    return node.value if isinstance(node, AliasNode) else node


class _Composer:
    """One pass over the events of the parser, which counts them and makes nodes."""

    def __init__(self, text: str, kind: Any, tabs: Sequence[int] = ()) -> None:
        self.text = text
        self.shift = int(text.startswith("\ufeff"))
        self.count = yaml_bounds.Count()
        self.anchors: dict[str, Node] = {}
        self.is_old = False
        self.is_pure = kind is yaml.SafeLoader
        self.back: dict[int, str] = {}
        self.tab = ""
        given = text[self.shift :]
        if _OTHERS.search(given):
            given = self._stand_in(given, _OTHERS)
        if self.is_pure and "?" in given:
            given = self._stand_in(given, _QUESTION)
        if tabs:
            self.tab = chr(self._free(given, "\t"))
            starts = [0, *(at - self.shift + 1 for at in tabs)]
            ends = [*(at - self.shift for at in tabs), len(given)]
            given = self.tab.join(given[start:end] for start, end in zip(starts, ends, strict=True))
        self.events: Iterator[Any] = yaml.parse(given, Loader=kind)

    def _stand_in(self, text: str, what: re.Pattern[str]) -> str:
        """`text` with private characters in place of those that `what` matches."""
        stands = {char: chr(self._free(text, char)) for char in sorted(set(what.findall(text)))}
        return what.sub(lambda match: stands[match[0]], text)

    def _free(self, text: str, char: str) -> int:
        """A private character to replace `char`: neither it nor its escape is in the text."""
        used = {ord(other) for other in set(text)} | self.back.keys()
        escaped = {int(code, 16) for code in set(_ESCAPE.findall(text))}
        for code in range(0xE000, 0xF900):
            if code not in used and code not in escaped:
                self.back[code] = char
                return code
        raise NotYaml(f"the character U+{ord(char):04X} is in the text; write it as an escape", None)

    def document(self) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in self.events:
            kind = type(event)
            if kind is events.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    line = event.start_mark.line + 1
                    raise NotYaml("expected a single document in the stream, but found another document", line)
                self._check_version(event)
                root = self._node(self._next())
        return root

    def _check_version(self, event: Any) -> None:
        if event.version and event.version not in ((1, 1), (1, 2)):
            version = ".".join(map(str, event.version))
            raise NotYaml(f"YAML {version} is not read, only 1.2", event.start_mark.line + 1)
        self.is_old = event.version == (1, 1)

    def _next(self) -> Any:
        event = next(self.events)
        self.count.add(event)
        return event

    def _node(self, event: Any) -> Node:
        """The node that begins with `event`. The count limits its depth."""
        kind = type(event)
        if kind is events.AliasEvent:
            self._check_name(event, event.end_mark.index)
            if event.anchor not in self.anchors:
                raise NotYaml(f"found undefined alias `*{event.anchor}`", event.start_mark.line + 1)
            return AliasNode("", self.anchors[event.anchor], self._mark(event.start_mark), self._mark(event.end_mark))
        if event.anchor:
            self._check_anchor(event)
        start = self._mark(event.start_mark)
        if kind is events.ScalarEvent:
            node = self._scalar(event, start)
        elif kind is events.MappingStartEvent:
            node = MappingNode(_explicit(event) or MAP, [], start, None, flow_style=event.flow_style)
            while type(inner := self._next()) is not events.MappingEndEvent:
                node.value.append((self._node(inner), self._node(self._next())))
            node.end_mark = self._mark(inner.end_mark)
        else:
            node = SequenceNode(_explicit(event) or SEQ, [], start, None, flow_style=event.flow_style)
            while type(inner := self._next()) is not events.SequenceEndEvent:
                node.value.append(self._node(inner))
            node.end_mark = self._mark(inner.end_mark)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any, start: Any) -> Any:
        value = event.value
        if self.back:
            # In a folded block the tab would change how lines are folded.
            if self.tab and self.tab in value and event.style != "|":
                raise NotYaml("found a tab where there should be spaces", event.start_mark.line + 1)
            value = value.translate(self.back)
        tag = _explicit(event)
        if not tag and event.implicit[0] and event.tag is None:
            tag = resolve(value)
            if self.is_old:
                self._check_old(value, tag, event)
        if self.is_pure and event.style == '"' and re.search("[\ud800-\udfff]", value):
            raise NotYaml("found invalid Unicode character escape code", event.start_mark.line + 1)
        return ScalarNode(tag or STR, value, start, self._mark(event.end_mark), style=event.style or None)

    def _check_old(self, value: str, tag: str, event: Any) -> None:
        """Refuse a word that has another meaning in YAML 1.1, if the file asks for 1.1."""
        if yaml.resolver.Resolver().resolve(ScalarNode, value, (True, False)) != tag:
            line = event.start_mark.line + 1
            raise NotYaml(
                f"`{value}` has another meaning in YAML 1.1, which the first line asks for; put it in quotes", line
            )

    def _check_anchor(self, event: Any) -> None:
        at = event.start_mark.index + self.shift
        if self.text[at] != "&":  # a tag is before the anchor
            at = self.text.find(f"&{event.anchor}", at)
            while at > 0 and not self.text[at - 1].isspace():
                at = self.text.find(f"&{event.anchor}", at + 1)
        self._check_name(event, at - self.shift + 1 + len(event.anchor))

    def _check_name(self, event: Any, end: int) -> None:
        """Check the end of an anchor's name: in YAML 1.2 it ends at a blank or bracket, in the parser before a `:`."""
        if not _AFTER_NAME.match(self.text, end + self.shift):
            line = event.start_mark.line + 1
            raise NotYaml("the name of an anchor may have letters, digits, `-` and `_`, and ends with a blank", line)

    def _mark(self, mark: Any) -> Any:
        if not self.shift:
            return mark
        return yaml.Mark(mark.name, mark.index + self.shift, mark.line, mark.column, None, None)


def _explicit(event: Any) -> str:
    """The tag that the text gives to a node, "" if it gives none; a single `!` marks a text."""
    return "" if event.tag is None or event.tag == "!" else str(event.tag)
