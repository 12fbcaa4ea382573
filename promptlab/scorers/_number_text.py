r"""Writes the characters of an answer in one way, so that numbers can be found in it.

    plain("\boxed{$9{,}500}")     # "$9,500"
    plain("٧٢")                   # "72"
    plain("10<sup>6</sup>")       # "10^6"

No number is changed: superscripts stay apart from the digits before them, and text that is struck out is left out.
"""

from __future__ import annotations

import re
import unicodedata

from promptlab.scorers._reasoning import without_reasoning

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_CHARACTERS = {
    0x066B: ".",
    0x066C: ",",
    0x060C: ",",
    0x2E41: ",",
    0x066A: "%",
    0x2044: "/",
    0x2215: "/",
    0xFE6A: "%",
    0xFE69: "$",
}
_CHARACTERS |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # full width
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe0f\ufeff]")

_REWRITES = tuple(
    (re.compile(pattern, re.DOTALL), replacement)
    for pattern, replacement in (
        (r"~~.*?~~|<(?:s|del|strike)>.*?</(?:s|del|strike)>", " "),
        (r"&nbsp;", "\u00a0"),
        (r"&minus;", "\u2212"),
        (r"<sup>\s*([-\u2212+]?\d+)\s*</sup>", r"^\1"),
        (r"</?(?:b|i|em|strong|code|p|span|u|mark|sup|sub|br|li|td|tr)\b[^<>]{0,200}>", " "),
        (r"(?<=\d)\{,\}(?=\d)", ","),
        (r"(?<=\d)\\[,!;:](?=\d{3}(?!\d))", "\u2009"),
        (r"(?<=\d)(?=\\[dt]?frac\b)", " "),
        (r"\\[dt]?frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}", r"\1/\2"),
        (r"\\[dt]?frac\s*(\d)\s*(\d)", r"\1/\2"),
        (r"\\(?:times|cdot)\b\s*", "×"),
        (r"\^\s*\{?\s*\\circ\s*\}?\s*", "°"),
        (r"\^\s*\{\s*([-\u2212+]?\d+)\s*\}", r"^\1"),
        (r"\\(?:boxed|fbox|text|mathrm|mathbf|textbf|operatorname)\s*\{", " "),
        (r"\\(?:left|right|displaystyle|quad|qquad)\b", " "),
        (r"\\[,!;:]", " "),
        (r"\\([$%#&_])", r"\1"),
        (r"[`{}]", " "),
        (r"(?<!\d)\*\*+|\*\*+(?!\d)", ""),
        (r"(?<!\d)_+|_+(?!\d)", " "),
    )
)


def plain_mark(mark: str) -> str:
    """A thousands or decimal mark as `plain` writes it."""
    return mark.translate(_CHARACTERS)


def plain(answer: str) -> str:
    """The answer with ASCII digits and without reasoning, markup, LaTeX and invisible characters."""
    text = _INVISIBLE.sub("", without_reasoning(answer).text).translate(_CHARACTERS)
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text


__all__ = ["SUPERSCRIPTS", "plain", "plain_mark"]
