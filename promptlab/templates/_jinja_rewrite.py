"""Checks and rewrites the syntax tree of a template before it is compiled.

`MessageCheck` checks that message tags stand in allowed places. `Rewrite` sends what Jinja would leave to plain Python
(printing, loops, `~`, slices, lists) through hidden filters, which track origins and count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer

from promptlab.errors import nearest
from promptlab.templates._operators import MAX_BITS
from promptlab.templates._sandbox import FILTERS, HIDDEN

MAX_HOPS = 8  # how many assignments are followed back to find the origin of a number


class LayoutProblem(Exception):
    """A problem of a text or its rendering; `line` counts from 1 in that text."""

    def __init__(self, message: str, line: int | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.hint = message, line, hint


class Rewrite(NodeTransformer):
    """Routes what Jinja would leave to plain Python through hidden filters."""

    def __init__(self, env: Environment, aliases: Mapping[str, set[str]]) -> None:
        self.env, self.aliases = env, aliases

    def _through(self, name: str, node: nodes.Expr, *args: nodes.Expr) -> nodes.Filter:
        call = nodes.Filter(node, HIDDEN + name, list(args), [], None, None, lineno=node.lineno)
        return call.set_environment(self.env)  # type: ignore[return-value]  # it returns the node itself

    def _printed(self, node: nodes.Expr, original: nodes.Expr) -> nodes.Filter:
        names = _names(original)
        for _ in range(MAX_HOPS):
            names |= {behind for name in names for behind in self.aliases.get(name, ())}
        return self._through("printed", node, nodes.Const(tuple(sorted(names)), lineno=node.lineno))

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        """Every printed expression goes through the filter that records where its text came from."""
        untouched = (nodes.TemplateData, nodes.EnvironmentAttribute)
        node.nodes = [
            child if isinstance(child, untouched) else self._printed(self.visit(child), child) for child in node.nodes
        ]
        return node

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> nodes.Node:
        original = node.filter
        self.generic_visit(node)
        node.filter = self._printed(node.filter, original)
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.iter = self._through("ticking", node.iter)  # type: ignore[arg-type]  # Jinja types it too widely
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return self._through("joined", nodes.List(node.nodes, lineno=node.lineno))

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        parts = (node.arg.start, node.arg.stop, node.arg.step)
        return self._through("sliced", node.node, *(part or nodes.Const(None, lineno=node.lineno) for part in parts))

    def visit_List(self, node: nodes.List) -> nodes.Node:
        self.generic_visit(node)
        return self._through("made", node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        self.generic_visit(node)
        return self._through("made", node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        self.generic_visit(node)
        return node if node.ctx == "store" else self._through("made", node)

    def visit_Const(self, node: nodes.Const) -> nodes.Node:
        if isinstance(node.value, int) and node.value.bit_length() > MAX_BITS:
            raise LayoutProblem("a number too large to work with", node.lineno)
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        if node.name not in FILTERS:
            raise LayoutProblem(f"there is no filter `{node.name}`", node.lineno, nearest(node.name, FILTERS))
        return self.generic_visit(node)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        return self._through("timed", node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        if node.name not in self.env.tests:
            raise LayoutProblem(f"there is no test `{node.name}`", node.lineno, nearest(node.name, self.env.tests))
        self.generic_visit(node)
        return self._through("timed", node)

    def _refuse(self, node: nodes.Node) -> nodes.Node:
        words = {"ScopedEvalContextModifier": "autoescape", "FromImport": "from … import"}
        word = words.get(type(node).__name__, type(node).__name__.lower())
        raise LayoutProblem(f"`{{% {word} %}}` is not available: a template cannot use other templates", node.lineno)

    visit_Block = visit_Extends = visit_FromImport = visit_Import = visit_Include = _refuse
    visit_ScopedEvalContextModifier = visit_EvalContextModifier = _refuse


def _names(node: nodes.Node) -> set[str]:
    names = {name.name for name in node.find_all(nodes.Name)}
    return names | {node.name} if isinstance(node, nodes.Name) else names


def aliases(tree: nodes.Template) -> dict[str, set[str]]:
    """For each name that a template sets, the names that its value uses."""
    sources: dict[str, set[str]] = {}
    for node in tree.find_all((nodes.For, nodes.Assign, nodes.With)):
        pairs: list[tuple[nodes.Node, nodes.Node]]
        if isinstance(node, nodes.For):
            pairs = [(node.target, node.iter)]
        elif isinstance(node, nodes.Assign):
            pairs = [(node.target, node.node)]
        elif isinstance(node, nodes.With):
            pairs = list(zip(node.targets, node.values, strict=True))
        else:
            continue
        for target, value in pairs:
            for name in _names(target):
                sources.setdefault(name, set()).update(_names(value))
    return sources


def _boundary(node: nodes.Node) -> tuple[str, str] | None:
    if isinstance(node, nodes.Output) and node.nodes and isinstance(node.nodes[0], nodes.EnvironmentAttribute):
        word, role = node.nodes[0].name.split("_")
        return word, role
    return None


class MessageCheck:
    """Checks that message tags stand in allowed places, and that no text is outside of them."""

    def __init__(self, tree: nodes.Template) -> None:
        self.any = any(_boundary(node) for node in tree.find_all(nodes.Output))
        if self.any:
            self.walk(tree.body, None)

    def walk(self, body: Iterable[nodes.Node], inside: str | None) -> None:
        for node in body:
            boundary = _boundary(node)
            if boundary:
                word, role = boundary
                if word == "open" and inside:
                    raise LayoutProblem(f"`{{% {role} %}}` inside {inside}", node.lineno, "messages cannot be nested")
                inside = f"`{{% {role} %}}`" if word == "open" else None
            elif isinstance(node, nodes.Output) and not inside:
                self._outside(node)
            elif isinstance(node, nodes.Macro | nodes.CallBlock | nodes.FilterBlock | nodes.AssignBlock):
                self.walk(node.body, "a macro or a block that is kept as text")
            elif isinstance(node, nodes.For):
                within = "a recursive loop" if node.recursive else inside
                self.walk(node.body, within)
                self.walk(node.else_, within)
            elif isinstance(node, nodes.If):
                for branch in (node, *node.elif_):
                    self.walk(branch.body, inside)
                self.walk(node.else_, inside)
            elif isinstance(node, nodes.With):
                self.walk(node.body, inside)

    @staticmethod
    def _outside(node: nodes.Output) -> None:
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData) and child.data.strip():
                skipped = child.data[: len(child.data) - len(child.data.lstrip())].count("\n")
                raise text_outside_messages(child.data, child.lineno + skipped)


def text_outside_messages(text: str, line: int | None) -> LayoutProblem:
    shown = " ".join(text.split())[:40]
    return LayoutProblem(
        f"text outside of the messages: {shown!r}", line, "put it into {% system %}, {% user %} or {% assistant %}"
    )
