"""Equations as LaTeX: those of Word (OMML) and of web pages (MathML).

    latex(element)                              # \\frac{a}{b}

An element that is not known gives what is inside it, so no letter of an equation is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_OPERATORS = {"∑": "\\sum", "∫": "\\int", "∏": "\\prod", "∬": "\\iint", "∮": "\\oint", "⋃": "\\bigcup", "⋂": "\\bigcap"}
_ACCENTS = {
    **dict.fromkeys("\u0302^ˆ", "hat"),
    **dict.fromkeys("\u0303~˜", "tilde"),
    **dict.fromkeys("\u0304\u0305¯‾_―", "bar"),
    **dict.fromkeys("\u0307˙", "dot"),
    **dict.fromkeys("\u0308¨", "ddot"),
    **dict.fromkeys("\u20d7→", "vec"),
    "⏞": "overbrace",
    "⏟": "underbrace",
}
_FUNCTIONS = re.compile(r"(?:sin|cos|tan|cot|sec|csc)h?|log|ln|exp|lim|max|min|sup|inf|det|arg")
_ESCAPED = str.maketrans(
    {"%": "\\%", "&": "\\&", "#": "\\#", "$": "\\$", "{": "\\{", "}": "\\}", "\u2061": None, "\u2062": None,
     "\u2063": None, "\u2064": None, "\u00a0": " "}
)  # fmt: skip


def latex(element: Any) -> str:
    """The equation in `element`, an lxml element of OMML or MathML, as LaTeX without dollar signs."""
    return " ".join(_of(element).split())


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""


def _parts(element: Any) -> list[Any]:
    """The child elements that are content: properties and comments are not."""
    return [child for child in element if _name(child) and not _name(child).endswith("Pr")]


def _of(element: Any) -> str:
    rule = _RULES.get(_name(element))
    if rule:
        return rule(element)
    if not len(element):
        return _letters(element.text or "")
    return "".join(_pieces(element))


def _pieces(element: Any) -> Iterator[str]:
    before = ""
    for child in _parts(element):
        piece = _of(child)
        # a command such as \alpha needs a blank before a letter
        yield " " + piece if re.search(r"\\[a-zA-Z]+$", before) and piece[:1].isalpha() else piece
        before = piece or before


def _letters(text: str) -> str:
    return f"\\{text}" if _FUNCTIONS.fullmatch(text) else _OPERATORS.get(text, text.translate(_ESCAPED))


def _child(element: Any, name: str) -> str:
    """The LaTeX of the OMML part `name`, empty if there is none."""
    return next((_of(child) for child in element if _name(child) == name), "")


def _property(element: Any, name: str, default: str | None) -> str | None:
    """The value of an OMML property such as `m:chr`. None if it is there without a value."""
    for child in element.iter():
        if child is not element and _name(child) == "e":
            break
        if _name(child) == name:
            return next((value for key, value in child.attrib.items() if key.rpartition("}")[2] == "val"), None)
    return default


def _scripts(base: str, below: str, above: str) -> str:
    body = (
        base if len(base) <= 1 or re.fullmatch(r"\\?[a-zA-Z]+|[0-9.]+|\{\}|\\left.*\\right.", base) else f"{{{base}}}"
    )
    return body + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")


def _fraction(over: str, under: str) -> str:
    return f"\\frac{{{over}}}{{{under}}}"


def _root(body: str, degree: str = "") -> str:
    return f"\\sqrt[{degree}]{{{body}}}" if degree else f"\\sqrt{{{body}}}"


def _marked(body: str, mark: str, *, below: bool = False) -> str:
    """`body` with an accent, or with anything else above or below it."""
    if mark in _ACCENTS:
        name = "underline" if below and _ACCENTS[mark] == "bar" else _ACCENTS[mark]
        return f"\\{name}{{{body}}}"
    return f"\\{'under' if below else 'over'}set{{{mark}}}{{{body}}}" if mark else body


def _matrix(rows: list[list[str]]) -> str:
    body = " \\\\ ".join(" & ".join(row) for row in rows)
    return f"\\begin{{matrix}}{body}\\end{{matrix}}"


# OMML


def _nary(element: Any) -> str:
    mark = _property(element, "chr", "∫")
    body = _child(element, "e")
    operator = _scripts(_letters(mark or ""), _child(element, "sub"), _child(element, "sup"))
    return f"{operator} {body}"


def _brackets(element: Any) -> str:
    left, right = _property(element, "begChr", "("), _property(element, "endChr", ")")
    separator = _property(element, "sepChr", "|") or ""
    body = separator.join(_of(child) for child in element if _name(child) == "e")
    return f"\\left{_letters(left or '.')}{body}\\right{_letters(right or '.')}"


def _omml_matrix(element: Any) -> str:
    rows = [child for child in element if _name(child) == "mr"]
    return _matrix([[_of(cell) for cell in row if _name(cell) == "e"] for row in rows])


def _omml_root(element: Any) -> str:
    return _root(_child(element, "e"), _child(element, "deg"))


def _function(element: Any) -> str:
    return f"{_child(element, 'fName')} {_child(element, 'e')}"


def _omml_mark(element: Any) -> str:
    """An accent, a bar, or a brace above or below."""
    kind = _name(element)
    default = {"acc": "\u0302", "bar": "\u0305", "groupChr": "⏟"}[kind]
    below = _property(element, "pos", "bot" if kind != "acc" else "top") != "top"
    return _marked(_child(element, "e"), _property(element, "chr", default) or default, below=below)


# MathML


def _arguments(element: Any, count: int) -> list[str]:
    parts = [_of(child) for child in _parts(element)]
    return [*parts, *[""] * count][: max(count, len(parts))]


def _mathml_scripts(element: Any) -> str:
    base, *scripts = _arguments(element, 3)
    below, above = (scripts[0], scripts[1]) if _name(element) in ("msubsup", "munderover") else (scripts[0], "")
    return _scripts(base, "", below) if _name(element) == "msup" else _scripts(base, below, above)


def _mathml_mark(element: Any) -> str:
    base, mark = _arguments(element, 2)[:2]
    below = _name(element) == "munder"
    if base in _OPERATORS.values() or base.startswith("\\"):
        return _scripts(base, mark if below else "", "" if below else mark)
    return _marked(base, mark, below=below)


def _multiscripts(element: Any) -> str:
    """Scripts after the base, and before it, in pairs of below and above."""
    after: list[str] = []
    before: list[str] = []
    side = after
    base, *parts = _parts(element)
    for part in parts:
        if _name(part) == "mprescripts":
            side = before
        else:
            side.append(_of(part))
    pairs = [[*side[at : at + 2], ""][:2] for side in (before, after) for at in range(0, len(side), 2)]
    first = len(before) // 2 + len(before) % 2
    text = "".join(_scripts("{}", *pair) for pair in pairs[:first])
    return text + _scripts(_of(base), *(pairs[first] if pairs[first:] else ("", "")))


def _fenced(element: Any) -> str:
    left, right = element.get("open", "("), element.get("close", ")")
    separator = (element.get("separators", ",") or " ")[0]
    return f"\\left{_letters(left or '.')}{separator.join(_arguments(element, 0))}\\right{_letters(right or '.')}"


def _mathml_table(element: Any) -> str:
    rows = [child for child in _parts(element) if _name(child) in ("mtr", "mlabeledtr")]
    return _matrix([[_of(cell) for cell in _parts(row)] for row in rows])


def _semantics(element: Any) -> str:
    """The TeX that the page gives, else the equation itself."""
    for child in element:
        if _name(child) == "annotation" and "tex" in child.get("encoding", "").lower() and (child.text or "").strip():
            return str(child.text)
    parts = _parts(element)
    return _of(parts[0]) if parts else ""


_RULES: dict[str, Callable[[Any], str]] = {
    "f": lambda e: _fraction(_child(e, "num"), _child(e, "den")),
    "sSup": lambda e: _scripts(_child(e, "e"), "", _child(e, "sup")),
    "sSub": lambda e: _scripts(_child(e, "e"), _child(e, "sub"), ""),
    "sSubSup": lambda e: _scripts(_child(e, "e"), _child(e, "sub"), _child(e, "sup")),
    "sPre": lambda e: _scripts("{}", _child(e, "sub"), _child(e, "sup")) + _child(e, "e"),
    "limLow": lambda e: _scripts(_child(e, "e"), _child(e, "lim"), ""),
    "limUpp": lambda e: _scripts(_child(e, "e"), "", _child(e, "lim")),
    "eqArr": lambda e: _matrix([[_of(child)] for child in e if _name(child) == "e"]),
    "nary": _nary,
    "d": _brackets,
    "rad": _omml_root,
    "func": _function,
    "m": _omml_matrix,
    **dict.fromkeys(("acc", "bar", "groupChr"), _omml_mark),
    "mfrac": lambda e: _fraction(*_arguments(e, 2)[:2]),
    "msqrt": lambda e: _root("".join(_pieces(e))),
    "mroot": lambda e: _root(*_arguments(e, 2)[:2]),
    **dict.fromkeys(("msup", "msub", "msubsup", "munderover"), _mathml_scripts),
    **dict.fromkeys(("mover", "munder"), _mathml_mark),
    "mmultiscripts": _multiscripts,
    "mfenced": _fenced,
    "mtable": _mathml_table,
    "semantics": _semantics,
    "mspace": lambda _: " ",
    "mtext": lambda e: f"\\text{{{''.join(e.itertext())}}}",
}
