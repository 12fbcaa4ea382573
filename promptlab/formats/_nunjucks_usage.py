"""Which variables a Nunjucks text uses, and what it takes them for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab.formats._nunjucks_expressions import Expr
from promptlab.formats._nunjucks_parse import Block, For, If, Macro, Node, Print, Set

_COMPARES = {"==", "!=", "===", "!==", "<", ">", "<=", ">="}
_NO_VARIABLES = {"loop", "env", "undefined", "range", "cycler", "joiner", "True", "False", "None"}


@dataclass
class Usage:
    """`free` are the variables that the text needs, `bound` the names that it sets itself.

    `empty` is the empty value of a variable by its use: a list if a loop goes through it, an object if it has members.
    `worked` are the variables with which more is done than printing them, `printed` those that are printed, and
    `numbers` those that are compared with a number; without a value in any test, the latter are 0.
    """

    free: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    empty: dict[str, Any] = field(default_factory=dict)
    given: Collection[str] = ()
    worked: set[str] = field(default_factory=set)
    printed: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)


def usage(nodes: Sequence[Node], given: Collection[str] = ()) -> Usage:
    """The variables of `nodes`. `given` are names that are variables, though Nunjucks has a function of that name."""
    result = Usage(given=given)
    _walk(nodes, frozenset(), result)
    for name in result.numbers - result.printed:
        result.empty.setdefault(name, 0)
    return result


def _walk(nodes: Sequence[Node], local: frozenset[str], result: Usage) -> None:
    for node in nodes:
        if isinstance(node, Print):
            _names(node.value, local, result, printed=True)
        elif isinstance(node, If):
            for branch in node.branches:
                if branch.condition is not None:
                    _names(branch.condition, local, result)
                _walk(branch.body, local, result)
        elif isinstance(node, For):
            _names(node.iterable, local, result)
            if node.iterable.op == "name" and node.iterable.value not in local:
                result.empty.setdefault(node.iterable.value, [] if len(node.names) == 1 else {})
            result.bound |= set(node.names)
            _walk(node.body, local | set(node.names), result)
            if node.otherwise is not None:
                _walk(node.otherwise.body, local, result)
        elif isinstance(node, Set):
            if node.value is not None:
                _names(node.value, local, result)
            _walk(node.body, local, result)
            result.bound |= set(node.names)
            local = local | set(node.names)
        elif isinstance(node, Macro):
            result.bound |= {node.name, *node.params}
            local = local | {node.name}
            for default in node.defaults.values():
                _names(default, local, result)
            _walk(node.body, local | set(node.params), result)
        elif isinstance(node, Block):
            _walk(node.body, local, result)


def _names(expr: Expr, local: frozenset[str], result: Usage, *, printed: bool = False) -> None:
    for part in _parts(expr):
        if part.op == "name":
            (result.printed if printed and part is expr else result.worked).add(part.value)
        if part.op == "bin" and part.value in _COMPARES:
            for one, other in (part.args, part.args[::-1]):
                is_number = isinstance(other.value, int | float) and not isinstance(other.value, bool)
                if one.op == "name" and other.op == "lit" and is_number and other.value:
                    result.numbers.add(one.value)
        owner = part.args[0] if part.op == "get" else None
        key = part.args[1].value if owner is not None and part.args[1].op == "lit" else None
        is_variable = owner is not None and owner.op == "name" and owner.value not in local
        if owner is not None and is_variable and isinstance(key, str) and key != "length":
            result.empty.setdefault(owner.value, {})
        if (
            part.op == "name"
            and part.value not in local
            and (part.value not in _NO_VARIABLES or part.value in result.given)
        ):
            result.free.add(part.value)


def _parts(expr: Expr) -> Iterator[Expr]:
    yield expr
    for arg in expr.args:
        yield from _parts(arg)
