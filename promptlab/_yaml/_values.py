"""Plain Python values of composed YAML nodes: the core schema of YAML 1.2 and merge keys; no duplicate keys.

    value_of(compose("{size: off, n: 0x1F, when: 2024-05-01}"))     # {"size": "off", "n": 31, "when": "2024-05-01"}

Only dicts, lists and scalars are made. A value with a tag of its own keeps it: `TaggedScalar`, `TaggedMap` and
`TaggedList`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from promptlab._yaml._nodes import BOOL, FLOAT, INT, MAP, MERGE, NULL, SEQ, STR, TAG, NotYaml, resolve, target

_OTHER = {f"{TAG}{kind}" for kind in ("omap", "pairs")}


@dataclass(frozen=True)
class TaggedScalar:
    """A scalar with a tag such as `!function`; its text is never evaluated."""

    text: str
    tag: str

    def __str__(self) -> str:
        return self.text


class TaggedMap(dict[Any, Any]):
    """A mapping with a tag."""

    tag = ""


class TaggedList(list[Any]):
    """A list with a tag."""

    tag = ""


Tagged = TaggedScalar | TaggedMap | TaggedList


def value_of(root: Node | None) -> Any:
    """The value of a document."""
    return None if root is None else _Values().value(root)


def key_of(node: Node) -> Any:
    """The value of the key `node`."""
    return node.value if node.tag == STR else _Values().key(node)


def written_alike(a: Any, b: Any) -> bool:
    """True if two values are written alike: 1, 1.0 and true differ, and so do other orders of keys."""
    return repr(_plain(a)) == repr(_plain(b))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


class _Values:
    def __init__(self) -> None:
        self.done: dict[int, Any] = {}

    def value(self, node: Node) -> Any:
        """The value of `node`; an alias gives the same object as its anchor."""
        node = target(node)
        if isinstance(node, ScalarNode):
            return node.value if node.tag == STR else _scalar(node)
        if id(node) not in self.done:
            self.done[id(node)] = self._mapping(node) if isinstance(node, MappingNode) else self._sequence(node)
        return self.done[id(node)]

    def key(self, node: Node) -> Any:
        """The value of a key; it must be hashable."""
        node = target(node)
        if isinstance(node, MappingNode):
            raise _problem(node, "a mapping cannot be a key")
        if isinstance(node, SequenceNode):
            return tuple(self.key(inner) for inner in node.value)
        return node.value if node.tag == STR else _scalar(node)

    def _sequence(self, node: SequenceNode) -> list[Any]:
        items = [self.value(inner) for inner in node.value]
        if node.tag == SEQ:
            return items
        tagged = TaggedList(items)
        tagged.tag = _allowed(node)
        return tagged

    def _mapping(self, node: MappingNode) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        merged: list[dict[Any, Any]] | None = None
        for name, inner in node.value:
            if name.tag == MERGE:
                if merged is not None:
                    raise _problem(name, 'found duplicate merge key "<<"')
                merged = self._merged(inner)
                continue
            key = self.key(name)
            if key in data:
                raise _problem(name, f'found duplicate key "{key}", which line {lines[key]} has already')
            data[key], lines[key] = self.value(inner), name.start_mark.line + 1
        for source in merged or ():
            for key, value in source.items():
                data.setdefault(key, value)
        if node.tag == MAP:
            return data
        tagged = TaggedMap(data)
        tagged.tag = _allowed(node)
        return tagged

    def _merged(self, node: Node) -> list[dict[Any, Any]]:
        node = target(node)
        sources = [target(source) for source in node.value] if isinstance(node, SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, MappingNode):
                raise _problem(source, "expected a mapping or a list of mappings for merging")
        return [self.value(source) for source in sources]


def _allowed(node: Node) -> str:
    tag = str(node.tag)
    if tag in _OTHER or tag in _SCALARS or tag in (MAP, SEQ):
        raise _problem(node, f"the tag `!!{tag.removeprefix(TAG)}` is not read here")
    return tag


def _scalar(node: ScalarNode) -> Any:
    tag, text = node.tag, node.value
    build = _SCALARS.get(tag)
    if build is None:
        return text if tag == MERGE else TaggedScalar(text, _allowed(node))
    kind = resolve(text)
    if kind != tag and not (tag == FLOAT and kind == INT):  # the tag does not fit the value
        raise _problem(node, f"`{text[:60]}` is no !!{tag.removeprefix(TAG)}")
    try:
        return build(text)
    except ValueError as exc:  # Python reads no more than 4,300 digits
        raise _problem(node, "a number of too many digits") from exc


def _int(text: str) -> int:
    digits = text.lstrip("+-").replace("_", "")
    base = {"0o": 8, "0x": 16, "0b": 2}.get(digits[:2], 10)
    number = int(digits if base == 10 else digits[2:], base)
    return -number if text[0] == "-" else number


def _float(text: str) -> float:
    word = text.replace("_", "").lower()
    return float(word.replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: dict[str, Callable[[str], Any]] = {
    NULL: lambda _: None,
    BOOL: lambda text: text.lower() == "true",
    INT: _int,
    FLOAT: _float,
    STR: str,
}


def _problem(node: Node, message: str) -> NotYaml:
    return NotYaml(message, node.start_mark.line + 1)
