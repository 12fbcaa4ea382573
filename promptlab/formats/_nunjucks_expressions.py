"""Parses the expressions of Nunjucks as Nunjucks does, and groups their operators as JavaScript then does.

Nunjucks writes `not a == b` as `!a == b` and `a ~ b + c` as `a + "" + b + c`, so the precedence of JavaScript counts,
and not its own. `Parser.expression` returns the tree of what is calculated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.formats._js_values import NotModelled
from promptlab.formats._nunjucks_lexer import Token


@dataclass(frozen=True, eq=False, slots=True)
class Expr:
    """An expression. `op` is one of lit, regex, name, list, dict, get, call, filter, test, in, if, bin, un, pow, floor.

    `value` is the literal, the name, the operator, or the names of keys and keyword arguments.
    """

    op: str
    args: tuple[Expr, ...] = ()
    value: Any = None


@dataclass(frozen=True, slots=True)
class _Flat:
    """Operands and operators in a row, as Nunjucks writes them into JavaScript."""

    items: tuple[Any, ...]


_JS_LEVELS: dict[str, int] = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "===", "!=="), 3),
    **dict.fromkeys(("<", ">", "<=", ">="), 4),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/", "%"), 6),
}


class Parser:
    """Reads an expression from tokens. `at` is the number of the next one."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self, value: Any = None, kind: str = "op") -> bool:
        token = self.tokens[self.at]
        return token.kind == kind and (value is None or token.value == value)

    def skip(self, value: Any, kind: str = "op") -> bool:
        there = self.peek(value, kind)
        self.at += there
        return there

    def next(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, value: str) -> None:
        if not self.skip(value):
            raise NotModelled(f"`{value}` is missing before `{self.tokens[self.at].value}`")

    def end(self) -> None:
        if not self.peek("", "end"):
            raise NotModelled(f"`{self.tokens[self.at].value}` is not expected there")

    def name(self) -> str:
        token = self.next()
        if token.kind != "name":
            raise NotModelled(f"a name is needed instead of `{token.value}`")
        return str(token.value)

    def expression(self) -> Expr:
        value = self._grouped(self._binary(0))
        if not self.skip("if", "name"):
            return value
        condition = self._grouped(self._binary(0))
        other = self._grouped(self._binary(0)) if self.skip("else", "name") else Expr("lit", value="")
        return Expr("if", (condition, value, other))

    # the levels of Nunjucks: or, and, not, in, is, compare, ~, +, -, *, /, //, %, **

    def _binary(self, level: int) -> _Flat:
        if level < 2:
            word, sign = (("or", "||"), ("and", "&&"))[level]
            flat = self._binary(level + 1)
            while self.skip(word, "name"):
                flat = _Flat((*flat.items, sign, *self._binary(level + 1).items))
            return flat
        return self._not()

    def _not(self) -> _Flat:
        if self.skip("not", "name"):
            return _Flat(("u!", *self._not().items))
        flat = self._is()
        while True:
            before = self.at
            inverted = self.skip("not", "name")
            if not self.skip("in", "name"):
                self.at = before
                return flat
            inside = Expr("in", (self._grouped(flat), self._grouped(self._is())))
            flat = _Flat(("u!", inside) if inverted else (inside,))

    def _is(self) -> _Flat:
        flat = self._compare()
        if not self.skip("is", "name"):
            return flat
        inverted = self.skip("not", "name")
        right = self._grouped(self._compare())
        arguments: tuple[Expr, ...] = ()
        if right.op == "call" and right.args[0].op == "name":
            right, arguments = right.args[0], right.args[1:]
        if right.op not in ("name", "lit"):
            raise NotModelled("a test that is no name")
        name = "null" if right.value is None else str(right.value)
        test = Expr("test", (self._grouped(flat), *arguments), name)
        return _Flat(("u!", test) if inverted else (test,))

    def _compare(self) -> _Flat:
        flat = self._chain(0)
        while self.tokens[self.at].kind == "op" and self.tokens[self.at].value in _COMPARES:
            flat = _Flat((*flat.items, str(self.next().value), *self._chain(0).items))
        return flat

    def _chain(self, level: int) -> _Flat:
        if level == len(_CHAIN):
            return self._unary()
        sign = _CHAIN[level]
        flat = self._chain(level + 1)
        while self.skip(sign):
            right = self._chain(level + 1)
            if sign == "**":
                flat = _Flat((Expr("pow", (self._grouped(flat), self._grouped(right))),))
            elif sign == "//":
                whole = self._grouped(_Flat((*flat.items, "/", *right.items)))
                flat = _Flat((Expr("floor", (whole,)),))
            elif sign == "~":
                flat = _Flat((*flat.items, "+", Expr("lit", value=""), "+", *right.items))
            else:
                flat = _Flat((*flat.items, sign, *right.items))
        return flat

    def _unary(self, filters: bool = True) -> _Flat:
        for sign in ("-", "+"):
            if self.skip(sign):
                inner = _Flat((f"u{sign}", *self._unary(filters=False).items))
                return self._filters(inner) if filters else inner
        flat = _Flat((self.primary(),))
        return self._filters(flat) if filters else flat

    def _filters(self, flat: _Flat) -> _Flat:
        while self.skip("|"):
            name = self.name()
            while self.skip("."):
                name += f".{self.name()}"
            arguments, words = self.arguments() if self.peek("(") else ((), ())
            flat = _Flat((Expr("filter", (self._grouped(flat), *arguments), (name, words)),))
        return flat

    def primary(self, postfix: bool = True) -> Expr:
        token = self.next()
        if token.kind in ("text", "number", "const"):
            expr = Expr("lit", value=token.value)
        elif token.kind == "regex":
            expr = Expr("regex", value=token.value)
        elif token.kind == "name":
            expr = Expr("name", value=token.value)
        elif token.kind == "op" and token.value in ("(", "[", "{"):
            expr = self._aggregate(str(token.value))
        else:
            raise NotModelled(f"`{token.value}` is not expected there" if token.value else "code ends too early")
        return self._postfix(expr) if postfix else expr

    def _aggregate(self, opened: str) -> Expr:
        close = {"(": ")", "[": "]", "{": "}"}[opened]
        keys: list[str] = []
        values: list[Expr] = []
        while not self.skip(close):
            if values:
                self.expect(",")
            if opened == "{":
                key = self.primary()
                if key.op not in ("name", "lit") or not isinstance(key.value, str):
                    raise NotModelled("a key that is neither a name nor a text")
                keys.append(key.value)
                self.expect(":")
            values.append(self.expression())
        if opened == "{":
            return Expr("dict", tuple(values), tuple(keys))
        if opened == "[":
            return Expr("list", tuple(values))
        if len(values) != 1:
            raise NotModelled("brackets with no or several values")
        return values[0]

    def _postfix(self, expr: Expr) -> Expr:
        while True:
            if self.peek("("):
                arguments, words = self.arguments()
                expr = Expr("call", (expr, *arguments), words)
            elif self.skip("["):
                index = self.expression()
                self.expect("]")
                expr = Expr("get", (expr, index))
            elif self.skip("."):
                word = self.next()
                if word.kind != "name":
                    raise NotModelled(f"a name is needed after the dot, not `{word.value}`")
                expr = Expr("get", (expr, Expr("lit", value=word.value)))
            else:
                return expr

    def arguments(self) -> tuple[tuple[Expr, ...], tuple[str, ...]]:
        """Arguments in brackets, and the names of the last ones if they are keywords."""
        self.expect("(")
        values: list[Expr] = []
        words: list[str] = []
        named: list[Expr] = []
        while not self.skip(")"):
            if values or named:
                self.expect(",")
            value = self.expression()
            if self.skip("="):
                if value.op != "name":
                    raise NotModelled("a keyword that is no name")
                words.append(str(value.value))
                named.append(self.expression())
            else:
                values.append(value)
        return (*values, *named), tuple(words)

    def _grouped(self, flat: _Flat) -> Expr:
        """The tree of operands and operators by the precedence of JavaScript."""
        items = list(flat.items)
        expr, left = _climb(items, 1)
        if left:
            raise NotModelled("operators that cannot be grouped")
        return expr


def _climb(items: list[Any], level: int) -> tuple[Expr, list[Any]]:
    if not items:
        raise NotModelled("a value is missing")
    first, *rest = items
    if isinstance(first, str):
        if rest and isinstance(rest[0], str) and rest[0] == first and first != "u!":
            raise NotModelled(f"`{first[1:] * 2}` is an error in JavaScript")
        operand, rest = _climb(rest, 7)
        left = Expr("un", (operand,), first[1:])
    else:
        left = first
    while rest and isinstance(rest[0], str) and _JS_LEVELS.get(rest[0], 0) >= level:
        sign, *rest = rest
        right, rest = _climb(rest, _JS_LEVELS[sign] + 1)
        left = Expr("bin", (left, right), sign)
    return left, rest


_COMPARES = ("==", "===", "!=", "!==", "<", ">", "<=", ">=")
_CHAIN = ("~", "+", "-", "*", "/", "//", "%", "**")
