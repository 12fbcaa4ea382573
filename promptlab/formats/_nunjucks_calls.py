"""Writes the tests and calls of Nunjucks as Jinja that has the same value."""

from __future__ import annotations

from typing import Any

from promptlab.formats._js_values import NotModelled
from promptlab.formats._nunjucks_expressions import Expr
from promptlab.formats._nunjucks_filter_writer import joined
from promptlab.formats._nunjucks_operators import MISSING, ExpressionWriter, inner


def tested(writer: ExpressionWriter, expr: Expr) -> str:
    """The Jinja of a test (`is`)."""
    operand, *args = expr.args
    match expr.value:
        case "defined" | "undefined":
            if "undef" not in writer.kinds(operand) and not writer.is_optional(operand):
                return f"{inner(writer.value(operand))} is {expr.value}"
            return writer.missing(operand, expr.value == "undefined", null=False, strict=True)
        case "null":
            return writer.missing(operand, True, null=True, strict=True)
        case "number":
            return f"({inner(writer.value(operand))} is number and {inner(writer.value(operand))} is not boolean)"
        case "string" | "mapping":
            if writer.kinds(operand) & MISSING:
                raise NotModelled(f"`is {expr.value}` of a value that may be missing")
            return f"{inner(writer.value(operand))} is {expr.value}"
        case "odd" | "even":
            return f"{writer.number(operand)} is {expr.value}"
        case "divisibleby":
            return f"{writer.number(operand)} is divisibleby({writer.number(args[0])})"
        case "eq" | "equalto" | "sameas" | "ne":
            return writer.value(Expr("bin", (operand, args[0]), "!==" if expr.value == "ne" else "==="))
        case "truthy" | "falsy":
            text = writer.condition(operand)
            return f"({text})" if expr.value == "truthy" else f"(not ({text}))"
    raise NotModelled(f"the test `{expr.value}`")


def called(writer: ExpressionWriter, expr: Expr) -> str:
    """The Jinja of a call: of a macro, of `range`, or of a method of text."""
    target, *args = expr.args
    words = expr.value or ()
    values = [writer.value(arg) for arg in args]
    if target.op == "name":
        name = str(target.value)
        if not writer.is_local(name) and name != "range":
            raise NotModelled(f"a call of `{name}`")
        split = len(values) - len(words)
        named = [f"{word}={value}" for word, value in zip(words, values[split:], strict=True)]
        return f"{name}({', '.join([*values[:split], *named])})"
    if target.op != "get" or target.args[1].op != "lit":
        raise NotModelled("a call of something that is no name")
    owner, method = target.args[0], str(target.args[1].value)
    kinds = writer.kinds(owner)
    if kinds - {"str", "list"} or (not kinds and method in ("slice", "includes")):
        raise NotModelled(f"the method `.{method}()`")
    return _method(writer, owner, method, args)


def _method(writer: ExpressionWriter, owner: Expr, method: str, args: list[Expr]) -> str:
    text, values = inner(writer.value(owner)), [writer.value(arg) for arg in args]
    plain = {"toUpperCase": "upper", "toLowerCase": "lower", "trim": "trim", "toString": "string"}
    listed = "list" in writer.kinds(owner)
    writer.note(f"`.{method}()` is Jinja's own way")
    if method in plain and not args and not listed:
        return text if method == "toString" else f"{text} | {plain[method]}"
    if method == "join" and listed:
        return joined(writer, owner, args or [Expr("lit", value=",")])
    if method in ("slice", "substring") and args and all(_whole(arg, method) for arg in args):
        start, *stop = (int(_number(arg)) for arg in args)
        if not stop or start < 0 <= stop[0] or stop[0] < 0 or start <= stop[0]:
            return f"{text}[{start}:{stop[0] if stop else ''}]"
    if any(writer.kinds(arg) - {"str"} for arg in args):
        raise NotModelled(f"the method `.{method}()` with these arguments")
    if method == "includes" and len(args) == 1:
        return f"({inner(values[0])} in {text})"
    if listed:
        raise NotModelled(f"the method `.{method}()` of a list")
    own = {"startsWith": "startswith", "endsWith": "endswith", "indexOf": "find"}
    if method in own and len(args) == 1:
        return f"{text}.{own[method]}({values[0]})"
    if method == "split" and len(args) == 1 and args[0].op == "lit" and args[0].value:
        return f"{text}.split({values[0]})"
    if method in ("replace", "replaceAll") and len(args) == 2 and all(arg.op == "lit" and arg.value for arg in args):
        return f"{text} | replace({', '.join(values)}{', 1' if method == 'replace' else ''})"
    raise NotModelled(f"the method `.{method}()` with these arguments")


def _number(arg: Expr) -> Any:
    if arg.op == "un" and arg.value == "-" and arg.args[0].op == "lit":
        return -arg.args[0].value
    return arg.value if arg.op == "lit" else None


def _whole(arg: Expr, method: str) -> bool:
    number = _number(arg)
    return isinstance(number, int) and not isinstance(number, bool) and (number >= 0 or method == "slice")
