r"""A regular expression of JavaScript as one of Python's `re` that finds the same.

python_pattern(r"^Go to \d+")      # r"\AGo to [0-9]+"

JavaScript's `^` and `$` are the ends of the text, its classes are ASCII, and `.` stops at four kinds of line end.
What has no equal here raises `NotModelled`.
"""

from __future__ import annotations

import re

from promptlab.formats._js_values import NotModelled

_SPACE = r" \t\n\r\f\v\u00a0\ufeff\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CLASSES = {
    "d": "0-9",
    "w": "A-Za-z0-9_",
    "s": _SPACE,
}
_NEGATED = {"D": "d", "W": "w", "S": "s"}
_WORD_EDGE = r"(?:(?<![A-Za-z0-9_])(?=[A-Za-z0-9_])|(?<=[A-Za-z0-9_])(?![A-Za-z0-9_]))"
_PLAIN_ESCAPES = set("nrtfv")
_PIECE = re.compile(
    r"\\u\{|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[1-9]\d*|\\.|\[\^?\]|\[|\]"
    r"|\(\?(?:<[=!]|<|[:=!])|\(\?|\{\d+(?:,\d*)?\}|.",
    re.DOTALL,
)


def python_pattern(pattern: str) -> str:
    """The pattern for `re`, to be searched without flags, or with IGNORECASE or MULTILINE."""
    out: list[str] = []
    inside = False
    for match in _PIECE.finditer(pattern):
        piece = match[0]
        if inside:
            out.append(_in_class(piece))
            inside = piece != "]"
        elif piece == "[":
            inside = True
            out.append("[^" if pattern[match.end() : match.end() + 1] == "^" else "[")
        else:
            out.append(_outside(piece))
    text = "".join(out).replace("[^^", "[^")
    try:
        re.compile(text)
    except re.error as exc:
        raise NotModelled("a regular expression that Python does not have") from exc
    return text


def _outside(piece: str) -> str:
    if piece in ("^", "$"):
        return r"\A" if piece == "^" else r"\Z"
    if piece == ".":
        return r"[^\n\r\u2028\u2029]"
    if piece in ("[]", "[^]", "(?", r"\u{", "(?<"):
        raise NotModelled(f"the regular expression has `{piece}`")
    if piece == r"\b":
        return _WORD_EDGE
    if piece == r"\B":
        raise NotModelled(r"the regular expression has `\B`")
    if piece in ("{", "}"):
        return f"\\{piece}"
    if piece.startswith("\\") and len(piece) == 2:
        letter = piece[1]
        if letter in _CLASSES:
            return f"[{_CLASSES[letter]}]"
        if letter in _NEGATED:
            return f"[^{_CLASSES[_NEGATED[letter]]}]"
        return _escape(letter)
    return piece


def _in_class(piece: str) -> str:
    if piece.startswith("\\") and len(piece) == 2:
        letter = piece[1]
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter in _NEGATED or letter in "bB":
            raise NotModelled(f"the regular expression has `\\{letter}` in a class")
        return _escape(letter)
    if piece in ("[", "[]", "[^]"):
        raise NotModelled("the regular expression has a bracket in a class")
    return {"^": "^", "&": r"\&", "~": r"\~", "|": r"\|"}.get(piece, piece)


def _escape(letter: str) -> str:
    if letter in _PLAIN_ESCAPES:
        return f"\\{letter}"
    if letter.isalnum():
        raise NotModelled(f"the regular expression has `\\{letter}`")
    return re.escape(letter)
