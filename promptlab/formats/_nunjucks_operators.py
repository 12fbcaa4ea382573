"""Writes the expressions of Nunjucks as Jinja that has the same value, from the kinds of values that the tests have."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from promptlab.formats import _js_values as js
from promptlab.formats._js_values import NotModelled
from promptlab.formats._nunjucks_expressions import Expr

SCALARS = {"str", "num", "bool"}
MISSING = {"undef", "null"}
_LOOP = ("index", "index0", "revindex", "revindex0", "first", "last", "length")
_METHODS_OF_DICTS = ("get", "items", "keys", "values")
_BOOLEAN = {"==", "!=", "===", "!==", "<", ">", "<=", ">="}
_WORDS = {"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"}


class ExpressionWriter:
    """Writes expressions. `value` keeps the value, `printed` what is printed of it, `condition` its truth."""

    def __init__(
        self,
        seen: Mapping[Expr, Sequence[Any]],
        kinds: Mapping[str, set[str]],
        empty: Mapping[str, Any],
        own: Callable[[str], str],
        environment: Callable[[str], str],
    ) -> None:
        self.seen, self.kinds_of_names, self.empty, self.own, self.environment = seen, kinds, empty, own, environment
        self.notes: list[str] = []
        self.unreached: list[int] = []
        self.macros: dict[str, str] = {}
        self.locals: list[set[str]] = [set()]
        self.spaces: set[str] = set()
        self.line = 0

    def note(self, text: str) -> None:
        """Say what was translated, once."""
        if text not in self.notes:
            self.notes.append(text)

    def values(self, expr: Expr) -> list[Any]:
        """The values that the expression had in the tests."""
        if expr.op == "lit":
            return [expr.value]
        return list(self.seen.get(expr, ()))

    def kinds(self, expr: Expr) -> set[str]:
        """The kinds of the values of the expression; empty if they are not known."""
        if expr.op == "name" and not self.is_local(expr.value) and expr.value in self.kinds_of_names:
            return self.kinds_of_names[expr.value]
        if expr.op == "if" or (expr.op == "bin" and expr.value in ("||", "&&")):  # also what no test chose
            return {kind for arg in expr.args[expr.op == "if" :] for kind in self.kinds(arg)}
        return {js.kind_of(value) for value in self.values(expr)}

    def is_local(self, name: str) -> bool:
        return name in self.spaces or any(name in names for names in self.locals)

    def is_optional(self, expr: Expr) -> bool:
        """True for a variable that some test does not set: its empty value stands for undefined."""
        return expr.op == "name" and not self.is_local(expr.value) and expr.value in self.empty

    def empty_of(self, expr: Expr) -> str:
        """The value that stands for undefined in this expression."""
        return literal(self.empty[expr.value]) if self.is_optional(expr) else '""'

    # what is printed

    def printed(self, expr: Expr) -> str:
        """What `{{ expr }}` prints in Nunjucks."""
        if expr.op == "if":
            condition, one, other = expr.args
            shown = f"{inner(self.printed(one))} if {self.condition(condition)}"
            return f"{shown} else {inner(self.printed(other))}"
        if expr.op == "filter" and expr.value[0] in ("safe", "string") and not self.kinds(expr.args[0]) & MISSING:
            self.note(f"`{expr.value[0]}` is left out: nothing is escaped here")
            return self.printed(expr.args[0])
        kinds, text = self.kinds(expr), self.value(expr)
        if not kinds and expr.op in ("name", "get"):
            self.unreached.append(self.line)
        if kinds == {"obj"}:
            self.note("an object prints as [object Object]")
            plain = expr.op == "name" and not self.is_local(expr.value)
            return '"[object Object]"' if plain else f'"[object Object]" if {inner(text)} is mapping else {inner(text)}'
        if "list" in kinds:
            self._check_items(expr)
            self.note("a list prints with commas between its items")
            joined = f'{inner(text)} | join(",")'
            text = (
                joined
                if kinds == {"list"}
                else f"({joined} if {inner(text)} is iterable and {inner(text)} is not string else {inner(text)})"
            )
        elif "num" in kinds and self.may_be_float(expr):
            text = self._number(text)
        if "obj" in kinds:
            self.note("an object prints as [object Object]")
            text = f'("[object Object]" if {inner(self.value(expr))} is mapping else {text})'
        if "null" in kinds and not self.is_optional(expr):
            self.note("null prints nothing")
            text = f'{inner(text)} if {inner(self.value(expr))} is not none else ""'
        return text

    def _check_items(self, expr: Expr) -> None:
        items = [item for value in self.values(expr) if isinstance(value, list) for item in value]
        if any(js.kind_of(item) not in SCALARS for item in items):
            raise NotModelled("a list is printed that holds lists, objects or null")
        if not items:
            self.unreached.append(self.line)

    def _number(self, text: str) -> str:
        if re.fullmatch(r"-?\d+", text):
            return text
        self.note("whole numbers print without `.0`")
        return f"({inner(text)} | int if {inner(text)} == {inner(text)} | int else {inner(text)})"

    def may_be_float(self, expr: Expr) -> bool:
        """True if Python may make `3.0` where JavaScript has `3`."""
        if expr.op == "bin" and expr.value in ("/", "+", "-", "*", "%"):
            return expr.value == "/" or not all(self.is_whole(arg) for arg in expr.args)
        if expr.op in ("pow", "un"):
            return not all(self.is_whole(arg) for arg in expr.args)
        if expr.op == "filter":
            return expr.value[0] in ("float", "round", "sum", "abs", "first", "last") and expr.value[0] != "int"
        if expr.op == "if":
            return any(self.may_be_float(arg) for arg in expr.args[1:])
        values = self.values(expr)
        if expr.op == "lit":
            return isinstance(expr.value, float) and not float(expr.value).is_integer()
        return expr.op in ("name", "get") and (not values or any(isinstance(value, float) for value in values))

    def is_whole(self, expr: Expr) -> bool:
        """True for a number that is always whole: a constant, a place in a loop, a length, and sums of them."""
        if expr.op == "lit":
            return isinstance(expr.value, int)
        if expr.op == "bin":
            return expr.value in ("+", "-", "*") and all(self.is_whole(arg) for arg in expr.args)
        if expr.op == "filter":
            return expr.value[0] in ("length", "int", "wordcount")
        if expr.op == "get":
            key = expr.args[1].value if expr.args[1].op == "lit" else None
            return key == "length" or (expr.args[0].op == "name" and expr.args[0].value == "loop")
        return False

    # conditions

    def condition(self, expr: Expr) -> str:
        """Jinja that is true where the expression is true in JavaScript."""
        if expr.op == "bin" and expr.value in ("&&", "||"):
            word = "and" if expr.value == "&&" else "or"
            return f"{self._part(expr.args[0])} {word} {self._part(expr.args[1])}"
        if expr.op == "un" and expr.value == "!":
            return f"not {self._part(expr.args[0])}"
        kinds = self.kinds(expr)
        text = self.value(expr)
        if any(isinstance(value, js.Safe) for value in self.values(expr)):
            raise NotModelled("a condition on text that `safe` or `escape` made: it is always true")
        if expr.op in ("test", "in") or (expr.op == "bin" and expr.value in _BOOLEAN):
            return text
        if not kinds:
            self.unreached.append(self.line)
        if "fun" in kinds:
            raise NotModelled("a condition on a function")
        if kinds & {"list", "obj"} and not (self.is_optional(expr) and not self._seen_empty(expr)):
            self.note("a list or an object is true, also if it is empty")
            if not kinds - {"list", "obj"}:
                return f"{inner(text)} is iterable"
            return f"({inner(text)} is iterable and {inner(text)} is not string or {inner(text)})"
        return text

    def _part(self, expr: Expr) -> str:
        text = self.condition(expr)
        return f"({text})" if expr.op in ("bin", "if") and expr.value not in _BOOLEAN else text

    def _seen_empty(self, expr: Expr) -> bool:
        return any(isinstance(value, list | Mapping) and not value for value in self.values(expr))

    # values

    def value(self, expr: Expr) -> str:
        """Jinja with the value of the expression."""
        match expr.op:
            case "lit":
                return literal(expr.value)
            case "name":
                return self._name(expr)
            case "list":
                return f"[{', '.join(self.value(arg) for arg in expr.args)}]"
            case "dict":
                pairs = zip(expr.value, expr.args, strict=True)
                return "{" + ", ".join(f"{literal(key)}: {self.value(arg)}" for key, arg in pairs) + "}"
            case "if":
                condition, one, other = expr.args
                return f"({self.value(one)} if {self.condition(condition)} else {self.value(other)})"
            case "in":
                return self._in(expr)
            case "un":
                return self._unary(expr)
            case "bin":
                return self._binary(expr)
            case "pow":
                return f"{self.number(expr.args[0])} ** {self.number(expr.args[1])}"
            case "floor":
                left, right = (self.number(arg) for arg in expr.args[0].args)
                return f"({left} // {right}) | int"
            case "get":
                return self._get(expr)
        return self.call(expr)

    def call(self, expr: Expr) -> str:
        """Jinja with the value of a filter, a test or a call."""
        raise NotModelled(f"`{expr.op}`")

    def _name(self, expr: Expr) -> str:
        name = str(expr.value)
        if self.is_local(name):
            return f"{name}_now.value" if name in self.spaces else name
        if name in self.kinds_of_names:
            return self.own(name)
        if name == "undefined" or name in _WORDS:
            self.note(f"`{name}` is an unset variable in Nunjucks")
            return '""'
        raise NotModelled(f"`{name}` is no variable")

    def number(self, expr: Expr) -> str:
        """The value of an expression that must be a number."""
        if self.kinds(expr) - {"num"}:
            raise NotModelled("arithmetic with values that are not all numbers")
        return inner(self.value(expr))

    def _unary(self, expr: Expr) -> str:
        (operand,) = expr.args
        if expr.value == "!":
            return f"(not {self._part(operand)})"
        if expr.value == "+":
            raise NotModelled("`+` before a value")
        return f"-{self.number(operand)}"

    def _in(self, expr: Expr) -> str:
        key, holder = expr.args
        kinds = self.kinds(holder)
        if "str" in kinds and self.kinds(key) - {"str"}:
            raise NotModelled("`in` a text with something that is no text")
        if "list" in kinds and self.kinds(key) - {"str", "num"}:
            raise NotModelled("`in` a list with something that is neither a text nor a number")
        return f"{inner(self.value(key))} in {inner(self.value(holder))}"

    def _binary(self, expr: Expr) -> str:
        sign, (left, right) = expr.value, expr.args
        if sign in ("||", "&&"):
            return self._choice(expr)
        if sign in ("==", "===", "!=", "!=="):
            return self._equal(sign, left, right)
        lk, rk = self.kinds(left), self.kinds(right)
        if sign in ("<", ">", "<=", ">="):
            if (lk | rk) - {"num"} and (lk | rk) - {"str"}:
                raise NotModelled(f"`{sign}` between values of different kinds")
            return f"{inner(self.value(left))} {sign} {inner(self.value(right))}"
        if sign == "+":
            return self._sum(left, right)
        if sign == "%" and any(js.is_number(v) and v < 0 for v in [*self.values(left), *self.values(right)]):
            raise NotModelled("the remainder of a negative number")
        return f"{self.number(left)} {sign} {self.number(right)}"

    def _sum(self, left: Expr, right: Expr) -> str:
        lk, rk = self.kinds(left), self.kinds(right)
        if "str" in (lk | rk):
            if (lk | rk) & {*MISSING, "list", "obj", "fun"}:
                raise NotModelled("text joined with a missing value, a list or an object")
            if (lk and "str" not in lk and len(rk - {"str"})) or (rk and "str" not in rk and len(lk - {"str"})):
                raise NotModelled("`+` that sometimes adds and sometimes joins")
            if left.op == "lit" and left.value == "":
                return self._joined(right)
            if right.op == "lit" and right.value == "":
                return self._joined(left)
            self.note("`+` with text is `~` here")
            return f"{self._joined(left)} ~ {self._joined(right)}"
        if not lk or not rk:
            raise NotModelled("`+` of values that no test has: it may add or join")
        return f"{self.number(left)} + {self.number(right)}"

    def _joined(self, expr: Expr) -> str:
        text = self.printed(expr)
        return text if expr.op == "bin" and expr.value == "+" and "str" in self.kinds(expr) else inner(text)

    def _choice(self, expr: Expr) -> str:
        left, right = expr.args
        one, other = self.value(left), self.value(right)
        safe = any(isinstance(value, js.Safe) for value in self.values(left))
        if self.kinds(left) <= {*SCALARS, *MISSING} and not safe:
            return f"({inner(one)} {'or' if expr.value == '||' else 'and'} {inner(other)})"
        first, second = (one, other) if expr.value == "||" else (other, one)
        return f"({first} if {self.condition(left)} else {second})"

    def _equal(self, sign: str, left: Expr, right: Expr) -> str:
        same = sign.startswith("=")
        for one, other in ((left, right), (right, left)):
            if self.is_nothing(other):
                return self.missing(one, same, null=other.op == "lit", strict=len(sign) == 3)
        lk, rk = self.kinds(left), self.kinds(right)
        word = "==" if same else "!="
        first, second = inner(self.value(left)), inner(self.value(right))
        if any(isinstance(value, js.Safe) for value in [*self.values(left), *self.values(right)]):
            raise NotModelled("text that `safe` or `escape` made is compared")
        if (lk | rk) & {"list", "obj", "fun"}:
            raise NotModelled("lists or objects are compared")
        if "" in [v for e in (left, right) for v in self.values(e)] and (lk | rk) & MISSING:
            raise NotModelled("an empty text is compared with a value that may be missing")
        kinds = [lk - MISSING, rk - MISSING]
        if all(kind <= {"str"} for kind in kinds) or all(kind <= {"num"} for kind in kinds):
            return f"{first} {word} {second}"
        if all(kind <= {"bool"} for kind in kinds):
            return f"{first} {word} {second}"
        if len(sign) == 3:
            if any("bool" in kind for kind in kinds):
                raise NotModelled("`===` between a boolean and another kind")
            return f"{first} {word} {second}"
        if lk | rk <= {"bool", "num"}:  # true is 1 and false is 0 in both languages
            return f"{first} {word} {second}"
        return self._loosely(left, right, word)

    def _loosely(self, left: Expr, right: Expr, word: str) -> str:
        for written, number in ((left, right), (right, left)):
            if written.op != "lit" or not isinstance(written.value, str) or self.kinds(number) - {"num"}:
                continue
            if not re.fullmatch(r"-?\d+(\.\d+)?", written.value):
                break
            self.note("a number is compared with the number in a text")
            return f"{inner(self.value(number))} {word} {js.number_text(float(written.value))}"
        raise NotModelled("values of different kinds are compared")

    def is_nothing(self, expr: Expr) -> bool:
        """True for `null` and `undefined`."""
        if expr.op == "lit":
            return expr.value is None
        return expr.op == "name" and expr.value == "undefined" and not self.is_local("undefined")

    def missing(self, expr: Expr, same: bool, *, null: bool, strict: bool) -> str:
        """Jinja that tests if a value is missing, or (`same` false) that it is not."""
        kinds, text = self.kinds(expr), inner(self.value(expr))
        if strict and {"null", "undef"} <= kinds:
            raise NotModelled("null and undefined are told apart")
        tests = []
        if self.is_optional(expr):
            tests.append(f"{text} {'==' if same else '!='} {self.empty_of(expr)}")
        else:
            if "undef" in kinds and not (strict and null):
                tests.append(f'{text} {"==" if same else "!="} ""')
            if "null" in kinds and not (strict and not null):
                tests.append(f"{text} is {'' if same else 'not '}none")
        if tests:
            self.note("a missing value is the empty one here")
        return f"({(' or ' if same else ' and ').join(tests)})" if tests else f"{text} is {'' if same else 'not '}none"

    def _get(self, expr: Expr) -> str:
        owner, key = expr.args
        name = key.value if key.op == "lit" else None
        if owner.op == "name" and owner.value == "loop" and self.is_local("loop"):
            if name not in _LOOP:
                raise NotModelled(f"`loop.{name}`, which Nunjucks does not have")
            return f"loop.{name}"
        if owner.op == "name" and owner.value == "env" and "env" not in self.kinds_of_names and isinstance(name, str):
            return self.environment(name)
        kinds, missing = self.kinds(owner), "undef" in self.kinds(expr)
        holder = inner(self.value(owner))
        if name == "length" and "obj" not in kinds:
            self.note("`.length` is `|length` here")
            return f'({holder} | length if {holder} else "")' if kinds & MISSING else f"{holder} | length"
        if isinstance(name, str):
            return self._member(holder, name, kinds, missing or not kinds)
        if isinstance(name, int | float) and name < 0:
            return '""'
        if kinds & {"obj"} and self.kinds(key) - {"str"}:
            raise NotModelled("a number as the key of an object")
        index = self.value(key)
        if any(js.is_number(value) and value < 0 for value in self.values(key)):
            raise NotModelled("an index below 0")
        if missing:
            return f'({holder}[{index}] if {holder} | length > {index} else "")'
        return f"{holder}[{index}]"

    def _member(self, holder: str, name: str, kinds: set[str], missing: bool) -> str:
        plain = name.isidentifier() and name not in _METHODS_OF_DICTS
        if kinds & (SCALARS | {"list"}):
            raise NotModelled(f"`.{name}` of a value that is no object")
        if missing and kinds:
            self.note(f"`.{name}` may be missing")
            text = f'{holder}.get({literal(name)}, "")'
        else:
            text = f"{holder}.{name}" if plain else f"{holder}[{literal(name)}]"
        return f'({text} if {holder} is mapping else "")' if kinds & MISSING else text


def literal(value: Any) -> str:
    """A constant in Jinja."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        number = js.tidy_number(value)
        if isinstance(number, float) and not re.fullmatch(r"-?\d+\.\d+", repr(number)):
            raise NotModelled(f"the number {js.number_text(number)}")
        return repr(number)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\\/", "/")
    return json.dumps(value, ensure_ascii=False)


def inner(text: str) -> str:
    """`text` as part of a larger expression: in brackets, unless it is one value."""
    simple = re.fullmatch(r'-?[\w.]+(\[[^\[\]]*\])*|"(?:[^"\\]|\\.)*"|\[[^\[\]]*\]', text)
    whole = text.startswith("(") and _closes(text) == len(text) - 1
    return text if simple or whole or re.fullmatch(r"[\w.]+\([^()]*\)", text) else f"({text})"


def _closes(text: str) -> int:
    depth = 0
    for at, char in enumerate(re.sub(r'"(?:[^"\\]|\\.)*"', lambda m: " " * len(m[0]), text)):
        depth += (char == "(") - (char == ")")
        if not depth:
            return at
    return -1
