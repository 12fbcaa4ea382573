"""Writes the filters of Nunjucks as Jinja that has the same value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from promptlab.formats import _js_values as js
from promptlab.formats._js_values import NotModelled
from promptlab.formats._nunjucks_expressions import Expr
from promptlab.formats._nunjucks_filters import ESCAPED, KEYWORDS
from promptlab.formats._nunjucks_operators import SCALARS, ExpressionWriter, inner, literal

JSON_MACRO = (
    '{% macro json_of(v) %}{% if v is mapping %}{{ "{" }}{% for k, x in v.items() %}{{ k | tojson }}:{{ json_of(x) }}'
    '{% if not loop.last %},{% endif %}{% endfor %}{{ "}" }}{% elif v is iterable and v is not string %}['
    "{% for x in v %}{{ json_of(x) }}{% if not loop.last %},{% endif %}{% endfor %}]{% else %}{{ v | tojson }}"
    "{% endif %}{% endmacro %}"
)


def filtered(writer: ExpressionWriter, expr: Expr) -> str:
    """The Jinja of a filter."""
    name, words = expr.value
    args = list(expr.args[1:])
    if words:
        given = dict(zip(words, args[len(args) - len(words) :], strict=True))
        order = KEYWORDS.get(name, ())
        args = args[: len(args) - len(words)]
        args += [given.get(word, Expr("lit", value=js.UNDEFINED)) for word in order[len(args) :]]
    while args and args[-1].op == "lit" and args[-1].value is js.UNDEFINED:
        args.pop()
    if name not in _FILTERS:
        raise NotModelled(f"the filter `{name}`")
    return _FILTERS[name](writer, expr.args[0], args)


def _need(writer: ExpressionWriter, expr: Expr, kinds: set[str], name: str) -> str:
    """The value of `expr`, if all its values are of these kinds."""
    if writer.kinds(expr) - kinds:
        raise NotModelled(f"`{name}` of {', '.join(sorted(writer.kinds(expr) - kinds))}")
    return inner(writer.value(expr))


def _constant(args: list[Expr], number: int, otherwise: Any) -> Any:
    if len(args) <= number or args[number].value is js.UNDEFINED:
        return otherwise
    if args[number].op != "lit":
        raise NotModelled("a filter whose option is not a constant")
    return args[number].value


_Filter = Callable[[ExpressionWriter, Expr, list[Expr]], str]


def _same(name: str, kinds: set[str], most: int = 0) -> _Filter:
    """A filter that Jinja has too, for values of these kinds."""

    def write(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
        if len(args) > most:
            raise NotModelled(f"`{name}` with these arguments")
        text = _need(writer, expr, kinds, name)
        shown = f"({', '.join(writer.value(arg) for arg in args)})" if args else ""
        return f"{text} | {name}{shown}"

    return write


_TEXT = {"str", "undef"}


def _title(writer: ExpressionWriter, expr: Expr, _args: list[Expr]) -> str:
    writer.note("`title` changes words between blanks only")
    return f'{_need(writer, expr, _TEXT, "title")}.split(" ") | map("capitalize") | join(" ")'


def _truncate(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
    text = _need(writer, expr, _TEXT, "truncate")
    most = _constant(args, 0, 255) or 255
    end = _constant(args, 2, "...")
    end = "..." if end is None else end
    writer.note("`truncate` counts the text without its end, and allows nothing more")
    if js.is_true(_constant(args, 1, False)):
        cut = f"{text}[:{most}]"
    else:
        cut = f'({text}[:{text}[:{most + 1}].rfind(" ")] if " " in {text}[:{most + 1}] else {text}[:{most}])'
    return f"({text} if {text} | length <= {most} else {cut} ~ {literal(js.js_text(end))})"


def _indent(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
    text = _need(writer, expr, _TEXT, "indent")
    margin = " " * int(_constant(args, 0, 4) or 4)
    writer.note("`indent` includes blank lines")
    shifted = f'{text} | replace("\\n", {literal(chr(10) + margin)})'
    return f'({literal(margin)} ~ ({shifted}) if {text} else "")' if js.is_true(_constant(args, 1, False)) else shifted


def _round(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
    number = writer.number(expr)
    digits, how = int(_constant(args, 0, 0) or 0), _constant(args, 1, "common")
    factor = 10**digits
    scaled = number if digits == 0 else f"{number} * {factor}"
    writer.note("`round` rounds halves up")
    whole = {"ceil": f"-(-({scaled}) // 1)", "floor": f"({scaled}) // 1"}.get(str(how), f"({scaled} + 0.5) // 1")
    return f"({whole}) | int" if digits == 0 else f"({whole}) / {factor}"


def _replace(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
    text = _need(writer, expr, {"str"}, "replace")
    if len(args) < 2 or any(writer.kinds(arg) - {"str"} for arg in args[:2]):
        raise NotModelled("`replace` with something that is no text")
    if "" in writer.values(args[0]):
        raise NotModelled("`replace` of an empty text")
    return f"{text} | replace({', '.join(writer.value(arg) for arg in args)})"


def _dump(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
    kinds = writer.kinds(expr)
    if kinds & {"fun"} or ("undef" in kinds and "null" in kinds):
        raise NotModelled("`dump` of a function, or of a value that is null in one test and missing in another")
    if writer.is_optional(expr) and "null" in kinds:
        raise NotModelled("`dump` of a variable that is null in a test")
    text = _dumped(writer, expr, int(_constant(args, 0, 0) or 0))
    if "undef" in kinds:
        return f'({text} if {inner(writer.value(expr))} != {writer.empty_of(expr)} else "")'
    return text


def _dumped(writer: ExpressionWriter, expr: Expr, spaces: int) -> str:
    """The JSON of a value that is there."""
    kinds = writer.kinds(expr) - {"undef"}
    if spaces or (kinds and kinds <= SCALARS | {"null"}):
        writer.note("`dump` is `tojson` here")
        return f"{inner(writer.value(expr))} | tojson" + (f"({spaces})" if spaces else "")
    writer.note("`dump` is a macro here: JSON without blanks")
    writer.macros["json_of"] = JSON_MACRO
    return f"json_of({writer.value(expr)})"


def joined(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
    items = _need(writer, expr, {"list"}, "join")
    between = writer.value(args[0]) if args else '""'
    if len(args) > 1:
        return f"{items} | join({between}, attribute={writer.value(args[1])})"
    values = [item for value in writer.values(expr) for item in (value if isinstance(value, list) else [])]
    if any(js.kind_of(item) not in SCALARS for item in values):
        raise NotModelled("`join` of a list that holds lists, objects or null")
    return f"{items} | join({between})"


def _length(writer: ExpressionWriter, expr: Expr, _args: list[Expr]) -> str:
    return f"{_need(writer, expr, {'str', 'list', 'obj', 'undef'}, 'length')} | length"


def _end(name: str) -> _Filter:
    def write(writer: ExpressionWriter, expr: Expr, _args: list[Expr]) -> str:
        items = _need(writer, expr, {"list", "str"}, name)
        if any(not value for value in writer.values(expr)):
            return f'({items}[{0 if name == "first" else -1}] if {items} else "")'
        return f"{items} | {name}"

    return write


def _default(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
    other = writer.value(args[0]) if args else '""'
    text = writer.value(expr)
    if js.is_true(_constant(args, 1, False)):
        writer.note("`default` with `true` is a condition here")
        return f"({text} if {writer.condition(expr)} else {other})"
    kinds = writer.kinds(expr)
    if writer.is_optional(expr) and "null" in kinds:
        raise NotModelled("`default` of a variable that is null in a test")
    if "undef" not in kinds:
        return inner(text) if kinds else f"{inner(text)} | default({other})"
    writer.note("`default` replaces an empty value")
    return f"({text} if {inner(text)} != {writer.empty_of(expr)} else {other})"


def _escape(writer: ExpressionWriter, expr: Expr, _args: list[Expr]) -> str:
    if expr.op == "filter" and expr.value[0] in ("safe", "escape", "e"):
        return writer.value(expr)
    text = _need(writer, expr, {"str"}, "escape")
    writer.note("`escape` is a chain of `replace` here")
    return text + "".join(f" | replace({literal(char)}, {literal(to)})" for char, to in ESCAPED.items())


def _unchanged(writer: ExpressionWriter, expr: Expr, _args: list[Expr]) -> str:
    writer.note("`safe` is left out: nothing is escaped here")
    return _need(writer, expr, {"str", "undef"}, "safe")


def _sort(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
    items = _need(writer, expr, {"list"}, "sort")
    named = [f"{word}={writer.value(arg)}" for word, arg in zip(KEYWORDS["sort"], args, strict=False)
             if arg.value is not js.UNDEFINED]  # fmt: skip
    return f"{items} | sort({', '.join(named)})" if named else f"{items} | sort"


def _listed(name: str, kinds: set[str]) -> _Filter:
    def write(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
        text = _need(writer, expr, kinds, name)
        if name == "reverse" and writer.kinds(expr) <= {"str"}:
            return f"{text}[::-1]"
        return f"{text} | {name}{'(' + ', '.join(map(writer.value, args)) + ')' if args else ''} | list"

    return write


def _nl2br(writer: ExpressionWriter, expr: Expr, _args: list[Expr]) -> str:
    writer.note("`nl2br` is `replace` here")
    text = _need(writer, expr, {"str"}, "nl2br")
    return f'{text} | replace("\\r\\n", "\\n") | replace("\\n", "<br />\\n")'


def _clean(name: str, pattern: Callable[[str], bool]) -> _Filter:
    """`int` and `float`: only of texts that are numbers as a whole."""

    def write(writer: ExpressionWriter, expr: Expr, args: list[Expr]) -> str:
        text = _need(writer, expr, {"str", "num"}, name)
        if args or any(isinstance(v, str) and not pattern(v) for v in writer.values(expr)):
            raise NotModelled(f"`{name}` of a text that is no plain number")
        return f"{text} | {name}"

    return write


def _wordcount(writer: ExpressionWriter, expr: Expr, _args: list[Expr]) -> str:
    if any(isinstance(v, str) and (not v.isascii() or not v) for v in writer.values(expr)):
        raise NotModelled("`wordcount` of text that is empty or has letters outside of ASCII")
    return f'({_need(writer, expr, {"str"}, "wordcount")} | wordcount or "")'


def _is_float(text: str) -> bool:
    return text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit()


_FILTERS: Mapping[str, _Filter] = {
    "abs": lambda writer, expr, _args: f"{writer.number(expr)} | abs",
    "batch": _listed("batch", {"list"}),
    "capitalize": _same("capitalize", _TEXT),
    "d": _default,
    "default": _default,
    "dictsort": _same("dictsort", {"obj"}),
    "dump": _dump,
    "e": _escape,
    "escape": _escape,
    "first": _end("first"),
    "float": _clean("float", _is_float),
    "indent": _indent,
    "int": _clean("int", lambda text: text.isascii() and text.isdigit()),
    "join": joined,
    "last": _end("last"),
    "length": _length,
    "list": _listed("list", {"str", "list"}),
    "lower": _same("lower", _TEXT),
    "nl2br": _nl2br,
    "rejectattr": _listed("rejectattr", {"list"}),
    "replace": _replace,
    "reverse": _listed("reverse", {"str", "list"}),
    "round": _round,
    "safe": _unchanged,
    "selectattr": _listed("selectattr", {"list"}),
    "sort": _sort,
    "string": _unchanged,
    "sum": _same("sum", {"list"}, 1),
    "title": _title,
    "trim": _same("trim", {"str"}),
    "truncate": _truncate,
    "upper": _same("upper", _TEXT),
    "wordcount": _wordcount,
}
