"""Infers the types of the variables of a template from the way it uses them.

For example `{{ answers["text"][0] }}` needs an object with a list of texts, and `choices[label]` a list and a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from jinja2 import nodes

from promptlab.templates import JINJA_ENVIRONMENT, Template

Kind = Literal["any", "text", "number", "list", "object"]
LIST_LENGTH = 4
MAX_LENGTH = 1_000


@dataclass
class Shape:
    """What is known of a value.

    `wanted` are constants it is compared with, `holds` are texts that it should contain, and `keys` are the keys if it
    is a mapping written in the template.
    """

    kind: Kind = "any"
    elem: Shape | None = None
    fields: dict[str, Shape] = field(default_factory=dict)
    wanted: list[Any] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    length: int = 0
    pair: bool = False

    def be(self, kind: Kind) -> Shape:
        """Set the kind, unless a stronger one is known already."""
        order = ("any", "text", "number", "list", "object")
        if order.index(kind) > order.index(self.kind):
            self.kind = kind
        return self

    def item(self) -> Shape:
        self.be("list")
        self.elem = self.elem or Shape()
        return self.elem

    def of(self, name: str) -> Shape:
        self.be("object")
        return self.fields.setdefault(name, Shape())

    def value(self, name: str) -> Any:
        """A sample value of this shape."""
        if self.kind == "object":
            return {key: shape.value(key) for key, shape in self.fields.items()} or {"a": "made"}
        if self.kind == "list":
            elem = self.elem or Shape()
            count = min(max(self.length, LIST_LENGTH), MAX_LENGTH)
            values = [elem.value(f"{name} {number + 1}") for number in range(count)]
            for number, wanted in enumerate(elem.wanted[:count]):
                if isinstance(wanted, str | int | float):
                    values[number] = wanted
            return values
        for wanted in self.wanted:
            if isinstance(wanted, str | int | float) and (self.kind != "number" or not isinstance(wanted, str)):
                return wanted
        if self.kind == "number":
            return 0
        words = f"made {name.replace('_', ' ')}"
        return "".join([words, *(f"{held}{number}" for number, held in enumerate(self.holds, 1))])


def infer_shapes(template: Template) -> dict[str, Shape]:
    """The shape of each input of `template`."""
    reader = _Reader({name: Shape() for name in template.inputs})
    for text in (template.instructions, template.output_format, template.user, template.layout):
        if text:
            tree = JINJA_ENVIRONMENT.parse(text)
            # Twice, so that an alias also gets what later lines tell of its value.
            reader.body(tree.body)
            reader.body(tree.body)
    return reader.roots


TEXT_FILTERS = frozenset(
    ("lower", "upper", "capitalize", "trim", "title", "replace", "wordcount", "indent", "truncate")
)
LIST_FILTERS = frozenset(
    ("join", "map", "select", "reject", "selectattr", "rejectattr", "choice", "most_frequent", "unique", "sum", "batch")
)
NUMBER_FILTERS = frozenset(("round", "abs"))
TEXT_METHODS = frozenset(
    ("lower", "upper", "strip", "lstrip", "rstrip", "replace", "startswith", "endswith", "capitalize", "title")
)


class _Reader:
    """Walks the syntax tree and notes what each use tells of the value."""

    def __init__(self, roots: dict[str, Shape]) -> None:
        self.roots = roots
        self.scope: dict[str, Shape] = dict(roots)

    def body(self, statements: Sequence[nodes.Node]) -> None:
        for node in statements:
            self.statement(node)

    def statement(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Output):
            for child in node.nodes:
                self.shape(child)
        elif isinstance(node, nodes.For):
            source = self.shape(node.iter)
            before = dict(self.scope)
            self.bind(node.target, source.elem or Shape() if source.pair else source.item())
            if node.test:
                self.shape(node.test)
            self.body(node.body)
            self.scope = before
            self.body(node.else_)
        elif isinstance(node, nodes.If):
            self.shape(node.test)
            self.body(node.body)
            self.body(node.elif_)
            self.body(node.else_)
        elif isinstance(node, nodes.Assign):
            self.bind(node.target, self.shape(node.node))
        elif isinstance(node, nodes.With):
            for target, value in zip(node.targets, node.values, strict=True):
                self.bind(target, self.shape(value))
            self.body(node.body)
        elif isinstance(node, nodes.AssignBlock):
            self.body(node.body)
            self.bind(node.target, Shape("text"))
        elif isinstance(node, nodes.Macro | nodes.CallBlock | nodes.FilterBlock):
            self.body(node.body)
        elif isinstance(node, nodes.ExprStmt):
            self.shape(node.node)

    def bind(self, target: nodes.Node, shape: Shape) -> None:
        if isinstance(target, nodes.Name):
            self.scope[target.name] = shape
        elif isinstance(target, nodes.Tuple):
            for position, part in enumerate(target.items):
                self.bind(part, shape.fields.get(str(position), Shape()) if shape.pair else shape.item())

    def shape(self, node: nodes.Node) -> Shape:
        """The shape of an expression. If it is not part of an input, it gets a new shape."""
        if isinstance(node, nodes.Name):
            return self.scope.setdefault(node.name, Shape())
        if isinstance(node, nodes.Getattr):
            return self.shape(node.node).of(node.attr)
        if isinstance(node, nodes.Getitem):
            return self.item(node)
        if isinstance(node, nodes.Filter):
            return self.filter(node)
        if isinstance(node, nodes.Call):
            return self.call(node)
        if isinstance(node, nodes.Compare):
            return self.compare(node)
        if isinstance(node, nodes.Const):
            return Shape(wanted=[node.value])
        if isinstance(node, nodes.CondExpr):
            self.shape(node.test)
            one = self.shape(node.expr1)
            if node.expr2 is not None:
                other = self.shape(node.expr2)
                return one if one.kind != "any" else other
            return one
        if isinstance(node, nodes.Sub | nodes.Mul | nodes.Div | nodes.FloorDiv | nodes.Mod | nodes.Pow | nodes.Add):
            return self.arithmetic(node)
        if isinstance(node, nodes.List | nodes.Tuple):
            parts = [self.shape(part) for part in node.items]
            elem = Shape(wanted=[value for part in parts for value in part.wanted])
            if parts and all(part.kind == "list" for part in parts):
                elem = parts[0]
            return Shape("list", elem=elem, length=len(parts))
        if isinstance(node, nodes.Dict):
            values = [self.shape(pair.value) for pair in node.items]
            keys = [pair.key.value for pair in node.items if isinstance(pair.key, nodes.Const)]
            return Shape("object", elem=values[0] if values else None, keys=keys)
        for child in node.iter_child_nodes():
            self.shape(child)
        return Shape()

    def arithmetic(self, node: nodes.BinExpr) -> Shape:
        left, right = self.shape(node.left), self.shape(node.right)
        texts = any(isinstance(side, nodes.Const) and isinstance(side.value, str) for side in (node.left, node.right))
        lists = any(isinstance(side, nodes.List) for side in (node.left, node.right))
        known = {left.kind, right.kind} - {"any"}
        kind: Kind = "list" if lists else "text" if texts or known == {"text"} else "number"
        if isinstance(node, nodes.Add) and kind == "number" and not known and not _numbers(node):
            return Shape()
        for side in (left, right):
            if side.kind == "any":
                side.be(kind)
        return Shape(kind)

    def item(self, node: nodes.Getitem) -> Shape:
        inner = self.shape(node.node)
        arg = node.arg
        if isinstance(arg, nodes.Slice):
            for part in (arg.start, arg.stop, arg.step):
                if part is not None and not isinstance(part, nodes.Const):
                    self.shape(part).be("number")
            return inner
        if isinstance(arg, nodes.Const) and isinstance(arg.value, str):
            return inner.of(arg.value)
        if isinstance(arg, nodes.Const) and isinstance(arg.value, int):
            if inner.kind in ("any", "list"):
                inner.length = max(inner.length, arg.value + 1)
                return inner.item()
            return Shape()
        index = self.shape(arg)
        if inner.keys:
            index.wanted += [key for key in inner.keys if key not in index.wanted]
            if isinstance(inner.keys[0], int) and not isinstance(inner.keys[0], bool):
                index.be("number")
            return inner.elem or Shape()
        if inner.kind == "object":
            index.wanted += [key for key in inner.fields if key not in index.wanted]
            return next(iter(inner.fields.values()), Shape())
        if index.kind == "any":
            index.be("number")
        return inner.item() if inner.kind in ("any", "list") else Shape()

    def filter(self, node: nodes.Filter) -> Shape:
        inner = self.shape(node.node) if node.node is not None else Shape()
        for part in (*node.args, *(pair.value for pair in node.kwargs)):
            self.shape(part)
        name = node.name
        if name in ("list", "sort", "reverse", "unique"):
            return inner
        if name in ("first", "last", "choice", "random", "min", "max"):
            return inner.item() if inner.kind in ("any", "list") else inner
        if name == "most_frequent":
            inner.item()
            return inner
        if inner.kind == "any":
            if name in TEXT_FILTERS:
                inner.be("text")
            elif name in NUMBER_FILTERS:
                inner.be("number")
            elif name in LIST_FILTERS:
                inner.item()
        if name in ("int", "float", "length", "count", "round"):
            return Shape("number")
        if name in LIST_FILTERS - {"join", "sum"}:
            attribute = next((pair.value for pair in node.kwargs if pair.key == "attribute"), None)
            if isinstance(attribute, nodes.Const) and isinstance(attribute.value, str):
                return Shape("list", elem=inner.item().of(attribute.value.split(".")[0]))
            return Shape("list", elem=inner.elem or Shape())
        return Shape("text")

    def call(self, node: nodes.Call) -> Shape:
        args = [self.shape(part) for part in node.args]
        callee = node.node
        if isinstance(callee, nodes.Name) and callee.name == "zip":
            fields = {str(position): arg.item() for position, arg in enumerate(args)}
            return Shape("list", elem=Shape("list", fields=fields, pair=True), pair=True)
        if isinstance(callee, nodes.Name) and callee.name == "range":
            for arg in args:
                if arg.kind == "any":
                    arg.be("number")
            return Shape("list", elem=Shape("number"))
        if isinstance(callee, nodes.Getattr):
            inner = self.shape(callee.node)
            if callee.attr in TEXT_METHODS and inner.kind == "any":
                inner.be("text")
            elif callee.attr in ("items", "keys", "values"):
                inner.be("object")
                return Shape("list", elem=Shape("text"))
            elif callee.attr == "get" and node.args and isinstance(node.args[0], nodes.Const):
                return inner.of(str(node.args[0].value))
            elif callee.attr == "index" and args and inner.kind in ("any", "list") and not _is_text(node.args[0]):
                elem = inner.item()
                elem.wanted = elem.wanted or ["A"]
                args[0].wanted += [value for value in elem.wanted if value not in args[0].wanted]
            elif callee.attr in ("index", "find", "split", "rindex") and node.args:
                held = node.args[0].value if isinstance(node.args[0], nodes.Const) else None
                inner.be("text")
                if isinstance(held, str) and held.strip() and held not in inner.holds:
                    inner.holds += [held] * (3 if callee.attr == "split" else 1)
            return Shape("list", elem=Shape("text")) if callee.attr == "split" else Shape("text")
        return Shape()

    def compare(self, node: nodes.Compare) -> Shape:
        left = self.shape(node.expr)
        for operand in node.ops:
            right = self.shape(operand.expr)
            op = operand.op
            if op in ("in", "notin") and isinstance(operand.expr, nodes.List | nodes.Tuple):
                consts = [part.value for part in operand.expr.items if isinstance(part, nodes.Const)]
                left.wanted += [value for value in consts if value not in left.wanted]
                if consts and isinstance(consts[0], int):
                    left.be("number")
                continue
            if op in ("in", "notin"):
                known = right.keys or (right.elem.wanted if right.elem else [])
                left.wanted += [value for value in known if value not in left.wanted]
                if isinstance(node.expr, nodes.Const) and isinstance(node.expr.value, str) and right.kind == "any":
                    right.be("text")
                continue
            for one, side in ((left, operand.expr), (right, node.expr)):
                value = side.value if isinstance(side, nodes.Const) else None
                if isinstance(value, bool) or value is None:
                    continue
                if one.kind in ("any", "number", "text") and value not in one.wanted:
                    one.wanted.append(value)
                if one.kind == "any" and isinstance(value, int | float):
                    one.be("number")
            if op in ("lt", "gt", "lteq", "gteq"):
                for one, other in ((left, right), (right, left)):
                    if one.kind == "any" and other.kind in ("any", "number"):
                        one.be("number")
        return Shape()


def _is_text(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and isinstance(node.value, str)


def _numbers(node: nodes.BinExpr) -> bool:
    return any(
        isinstance(side, nodes.Const) and isinstance(side.value, int | float) for side in (node.left, node.right)
    )
