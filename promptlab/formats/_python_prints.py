"""Finds what a Jinja text prints otherwise here than in other tools: true, lists, objects and null print as JSON here.

    python_prints("{{ flag }} {{ n }}", {"flag": True, "n": 3})    # [1]: the line of `{{ flag }}`

Only the values that are given are known, so an expression counts if any of them could be what it prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes

from promptlab.formats._template_builder import Draft
from promptlab.templates import JINJA_ENVIRONMENT

NOTE = "a value that is no text or number prints as JSON here (`true`), and as Python writes it there (`True`)"

_TEXT_FILTERS = frozenset(
    (
        *("capitalize", "center", "format", "indent", "join", "lower", "replace", "string", "title", "tojson", "trim"),
        *("truncate", "upper", "abs", "count", "float", "int", "length", "round", "sum", "wordcount"),
    )
)
"""Filters that give a text or a number, which print alike."""


def python_prints(text: str, values: Mapping[str, Any]) -> list[int]:
    """The lines (from 1) of `text` that may print otherwise, with these values of its inputs."""
    tree = JINJA_ENVIRONMENT.parse(text)
    printed = (child for output in tree.find_all(nodes.Output) for child in output.nodes)
    return sorted({child.lineno for child in printed if _may_differ(child, values)})


def values_by_foreign_name(draft: Draft) -> dict[str, Any]:
    """The sample of each input by its name in the other tool; without one, an empty value of its type."""
    foreign = {own: old for old, own in draft.renamed.items()}
    empty = {"boolean": True, "list": [], "object": {}, "number": 0}
    return {
        foreign.get(name, name): spec.get("sample", empty.get(str(spec.get("type")), ""))
        for name, spec in draft.inputs.items()
    }


def _may_differ(node: nodes.Node, values: Mapping[str, Any]) -> bool:
    if isinstance(node, nodes.Const):
        return _is_other(node.value)
    if isinstance(node, nodes.Compare | nodes.Not | nodes.Test | nodes.List | nodes.Tuple | nodes.Dict):
        return True
    if isinstance(node, nodes.And | nodes.Or):
        return _may_differ(node.left, values) or _may_differ(node.right, values)
    if isinstance(node, nodes.CondExpr):
        return _may_differ(node.expr1, values) or (node.expr2 is not None and _may_differ(node.expr2, values))
    if isinstance(node, nodes.Filter):
        return node.name not in _TEXT_FILTERS
    if isinstance(node, nodes.Name):
        if node.name in values:
            return _is_other(values[node.name])
        return any(_is_other(item) for items in _lists(values) for item in items)
    if isinstance(node, nodes.Getattr):
        return any(_is_other(entry[node.attr]) for entry in _objects(values) if node.attr in entry)
    if isinstance(node, nodes.Getitem):
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        if isinstance(key, str):
            return any(_is_other(entry[key]) for entry in _objects(values) if key in entry)
        return any(_is_other(item) for items in _lists(values) for item in items)
    return False


def _is_other(value: Any) -> bool:
    return value is None or isinstance(value, bool | list | Mapping)


def _inner(value: Any) -> Iterator[Any]:
    """The value and all that is in it."""
    yield value
    if isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _inner(item)


def _lists(values: Mapping[str, Any]) -> Iterator[list[Any]]:
    return (value for value in _inner(dict(values)) if isinstance(value, list))


def _objects(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (value for value in _inner(dict(values)) if isinstance(value, Mapping))
