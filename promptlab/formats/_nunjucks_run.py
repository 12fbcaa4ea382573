"""Runs Nunjucks as Nunjucks 3.2 does, to know what promptfoo makes of a prompt, and notes the values that it meets.

    run = Run({"n": 5})
    run.text(parse_nunjucks("{{ n / 2 }}"))      # "2.5"
    run.seen                                     # the values of each expression, which the translation to Jinja needs

What is not modelled exactly raises `NotModelled`. A test compares it with the real Nunjucks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.formats import _js_values as js
from promptlab.formats._js_methods import method_of
from promptlab.formats._js_values import UNDEFINED, NotModelled
from promptlab.formats._nunjucks_expressions import Expr
from promptlab.formats._nunjucks_filters import FILTERS, KEYWORDS, TESTS, utf16_length
from promptlab.formats._nunjucks_parse import Block, For, If, Macro, Node, Print, Set, Text

MAX_STEPS = 200_000
MAX_SEEN = 400


class _Frame:
    """Names that loops, `set` and macros give values; a name is looked for from the inside to the outside."""

    def __init__(self, parent: _Frame | None = None) -> None:
        self.parent = parent
        self.values: dict[str, Any] = {}

    def lookup(self, name: str) -> Any:
        frame: _Frame | None = self
        while frame is not None:
            if name in frame.values:
                return frame.values[name]
            frame = frame.parent
        return UNDEFINED

    def assign(self, name: str, value: Any) -> None:
        """Change the name where it is known already, else make it known here."""
        frame: _Frame | None = self
        while frame is not None:
            if name in frame.values:
                frame.values[name] = value
                return
            frame = frame.parent
        self.values[name] = value


class Run:
    """One rendering with the variables `variables`. `seen` has the values of each expression."""

    def __init__(self, variables: Mapping[str, Any], seen: dict[Expr, list[Any]] | None = None) -> None:
        self.context = dict(variables)
        self.seen = {} if seen is None else seen
        self.top = self.frame = _Frame()
        self.steps = 0

    def text(self, nodes: Sequence[Node]) -> str:
        """The text that the nodes print."""
        try:
            return "".join(self._node(node) for node in nodes)
        except RecursionError as exc:
            raise NotModelled("nested too deeply") from exc
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as exc:
            raise NotModelled(f"it fails with these values: {exc}") from exc

    def _node(self, node: Node) -> str:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise NotModelled("it takes too long")
        if isinstance(node, Text):
            return node.text
        if isinstance(node, Print):
            return js.printed(self.value(node.value))
        if isinstance(node, If):
            for branch in node.branches:
                if branch.condition is None or js.is_true(self.value(branch.condition)):
                    return self.text(branch.body)
            return ""
        if isinstance(node, For):
            return self._loop(node)
        if isinstance(node, Set):
            value = self.value(node.value) if node.value is not None else self.text(node.body)
            for name in node.names:
                self.frame.assign(name, value)
                if self.frame is self.top:
                    self.context[name] = value
        if isinstance(node, Macro):
            self._assign_here(node.name, node)
        return self.text(node.body) if isinstance(node, Block) else ""

    def _assign_here(self, name: str, value: Any) -> None:
        self.frame.values[name] = value
        if self.frame is self.top:
            self.context[name] = value

    def _loop(self, node: For) -> str:
        items = self.value(node.iterable)
        if isinstance(items, Mapping) and len(node.names) == 1:
            items = []  # an object has no length, so the loop does nothing
        if js.is_number(items) or items is True:
            items = []
        if isinstance(items, str):
            items = js.in_units(items)
        if js.kind_of(items) == "fun":
            raise NotModelled("a loop over a function")
        rows = list(items.items()) if isinstance(items, Mapping) else list(items) if js.is_true(items) else []
        self.frame = _Frame(self.frame)
        parts = []
        for number, item in enumerate(rows):
            self._bind(node, item)
            self.frame.values["loop"] = _loop_values(number, len(rows))
            parts.append(self.text(node.body))
        if not rows and node.otherwise is not None:
            parts.append(self.text(node.otherwise.body))
        assert self.frame.parent is not None
        self.frame = self.frame.parent
        return "".join(parts)

    def _bind(self, node: For, item: Any) -> None:
        if len(node.names) == 1:
            self.frame.values[node.names[0]] = item
            return
        for number, name in enumerate(node.names):
            if isinstance(item, tuple):
                value = item[number] if number < 2 else UNDEFINED
            elif isinstance(item, list | str):
                value = item[number] if number < len(item) else UNDEFINED
            elif isinstance(item, Mapping):
                value = item.get(str(number), UNDEFINED)
            else:
                raise NotModelled("a loop that takes apart what is no list")
            self.frame.values[name] = value

    # expressions

    def value(self, expr: Expr) -> Any:
        """The value of an expression; it is noted in `seen`."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise NotModelled("it takes too long")
        value = self._value(expr)
        values = self.seen.setdefault(expr, [])
        if len(values) < MAX_SEEN:
            values.append(value)
        return value

    def _value(self, expr: Expr) -> Any:
        match expr.op:
            case "lit":
                return expr.value
            case "name":
                return self._name(expr.value)
            case "list":
                return [self.value(item) for item in expr.args]
            case "dict":
                return js.js_value(dict(zip(expr.value, map(self.value, expr.args), strict=True)))
            case "if":
                return self.value(expr.args[1] if js.is_true(self.value(expr.args[0])) else expr.args[2])
            case "in":
                return _inside(self.value(expr.args[0]), self.value(expr.args[1]))
            case "un":
                return _unary(expr.value, self.value(expr.args[0]))
            case "bin":
                return self._binary(expr)
            case "pow":
                base, power = (js.to_number(self.value(arg)) for arg in expr.args)
                return _power(base, power)
            case "floor":
                number = js.to_number(self.value(expr.args[0]))
                return math.floor(number) if math.isfinite(number) else number
            case "get":
                return member(self.value(expr.args[0]), self.value(expr.args[1]))
            case "filter":
                return self._filter(expr)
            case "test":
                return self._test(expr)
            case "call":
                return self._call(expr)
        raise NotModelled("a regular expression")

    def _name(self, name: str) -> Any:
        value = self.frame.lookup(name)
        if value is UNDEFINED:
            value = self.context.get(name, UNDEFINED)
        if value is UNDEFINED and name in ("range", "cycler", "joiner"):
            return name_of_function(name)
        return value

    def _binary(self, expr: Expr) -> Any:
        left = self.value(expr.args[0])
        if expr.value in ("||", "&&"):
            return left if js.is_true(left) is (expr.value == "||") else self.value(expr.args[1])
        return binary(expr.value, left, self.value(expr.args[1]))

    def _filter(self, expr: Expr) -> Any:
        name, words = expr.value
        if name not in FILTERS:
            raise NotModelled(f"the filter `{name}`")
        values = [self.value(arg) for arg in expr.args]
        if name not in _OF_SAFE and any(isinstance(value, js.Safe) for value in values):
            raise NotModelled(f"the filter `{name}` of text that `safe` or `escape` made")
        given, named = (
            values[: len(values) - len(words)],
            dict(zip(words, values[len(values) - len(words) :], strict=True)),
        )
        if named:
            order = KEYWORDS.get(name, ())
            if not set(named) <= set(order):
                raise NotModelled(f"the filter `{name}` with keywords")
            given += [named.get(word, UNDEFINED) for word in order[len(given) - 1 :]]
        try:
            return FILTERS[name](*given)
        except (TypeError, ValueError, OverflowError, AttributeError) as exc:
            raise NotModelled(f"the filter `{name}` with these arguments") from exc

    def _test(self, expr: Expr) -> bool:
        if expr.value not in TESTS:
            raise NotModelled(f"the test `{expr.value}`")
        values = [self.value(arg) for arg in expr.args]
        if any(isinstance(value, js.Safe) for value in values):
            raise NotModelled(f"the test `{expr.value}` of text that `safe` or `escape` made")
        try:
            return TESTS[expr.value](*values)
        except (TypeError, ValueError) as exc:
            raise NotModelled(f"the test `{expr.value}` with these arguments") from exc

    def _call(self, expr: Expr) -> Any:
        target, *given = expr.args
        values = [self.value(arg) for arg in given]
        if target.op == "get":
            if expr.value:
                raise NotModelled("a method with keywords")
            owner, name = self.value(target.args[0]), self.value(target.args[1])
            return method_of(owner, name)(*values)
        function = self.value(target)
        if isinstance(function, Macro):
            return self._macro(function, values, expr.value)
        if function == name_of_function("range") and not expr.value:
            return _range(*values)
        raise NotModelled("a call of something that is no function")

    def _macro(self, macro: Macro, values: list[Any], words: Sequence[str]) -> str:
        split = len(values) - len(words)
        given = dict(zip(macro.params, values[:split], strict=False))
        given |= {word: value for word, value in zip(words, values[split:], strict=True) if word in macro.params}
        outer, self.frame = self.frame, _Frame()
        top, self.top = self.top, _Frame()  # a `set` in a macro stays there
        for name in macro.params:
            default = macro.defaults.get(name)
            missing = UNDEFINED if default is None or name in given else self.value(default)
            self.frame.values[name] = given.get(name, missing)
        text = self.text(macro.body)
        self.frame, self.top = outer, top
        return text


def name_of_function(name: str) -> Any:
    return _FUNCTIONS.setdefault(name, object())


_FUNCTIONS: dict[str, Any] = {}
_OF_SAFE = ("safe", "escape", "e", "forceescape")


def _loop_values(number: int, count: int) -> dict[str, Any]:
    return {
        "index": number + 1,
        "index0": number,
        "revindex": count - number,
        "revindex0": count - number - 1,
        "first": number == 0,
        "last": number == count - 1,
        "length": count,
    }


def _inside(key: Any, holder: Any) -> bool:
    if isinstance(holder, str):
        return js.js_text(key) in holder
    if isinstance(holder, list):
        return any(js.strictly_equal(key, item) for item in holder)
    if isinstance(holder, Mapping):
        return js.js_text(key) in holder
    raise NotModelled(f"`in` of {js.kind_of(holder)} fails in Nunjucks")


def _unary(sign: str, value: Any) -> Any:
    if sign == "!":
        return not js.is_true(value)
    number = js.to_number(value)
    return js.tidy_number(-number if sign == "-" else number)


def _power(base: float, power: float) -> Any:
    if math.isnan(power) or (abs(base) == 1 and math.isinf(power)):
        return math.nan
    try:
        return js.tidy_number(math.pow(base, power))
    except (ValueError, OverflowError) as exc:
        raise NotModelled("a power that is no number") from exc


def binary(sign: str, left: Any, right: Any) -> Any:
    """The value of `left sign right` in JavaScript."""
    match sign:
        case "+":
            return js.add(left, right)
        case "==" | "!=":
            return js.loosely_equal(left, right) is (sign == "==")
        case "===" | "!==":
            return js.strictly_equal(left, right) is (sign == "===")
        case "<" | ">" | "<=" | ">=":
            return _ordered(sign, left, right)
    one, other = js.to_number(left), js.to_number(right)
    if sign == "-":
        return js.tidy_number(one - other)
    if sign == "*":
        return js.tidy_number(one * other)
    if other == 0 or not math.isfinite(one):
        return _divided_by_zero(one) if sign == "/" and not math.isnan(one + other) else math.nan
    return js.tidy_number(one / other if sign == "/" else math.fmod(one, other))


def _divided_by_zero(number: float) -> float:
    return math.nan if number == 0 else math.copysign(math.inf, number)


def _ordered(sign: str, left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        one, other = left, right
    else:
        objects = [value if not isinstance(value, list | Mapping) else js.js_text(value) for value in (left, right)]
        if all(isinstance(value, str) for value in objects):
            one, other = objects
        else:
            one, other = (js.to_number(value) for value in objects)  # type: ignore[assignment]  # both numbers then
    return {"<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other}[sign]


def member(owner: Any, key: Any) -> Any:
    """`owner[key]`; undefined if there is none."""
    if owner is None or owner is UNDEFINED:
        return UNDEFINED
    if isinstance(owner, Mapping):
        return owner.get(js.js_text(key), UNDEFINED)
    if isinstance(owner, list | str):
        if key == "length":
            return utf16_length(owner) if isinstance(owner, str) else len(owner)
        number = js.to_number(key)
        if isinstance(owner, str) and not math.isnan(number):
            js.in_units(owner)
        if number == number and number == int(number) and 0 <= number < len(owner):
            return owner[int(number)]
        return UNDEFINED
    if isinstance(owner, bool | int | float):
        return UNDEFINED
    raise NotModelled("a member of a function")


def _range(start: Any, stop: Any = UNDEFINED, step: Any = UNDEFINED) -> list[Any]:
    if stop is UNDEFINED:
        start, stop = 0, start
    numbers = [js.to_number(value) for value in (start, stop, step if js.is_true(step) else 1)]
    if any(number != int(number) for number in numbers if math.isfinite(number)) or abs(numbers[1]) > MAX_STEPS:
        raise NotModelled("`range` of numbers that are not whole or very large")
    return list(range(*map(int, numbers)))
