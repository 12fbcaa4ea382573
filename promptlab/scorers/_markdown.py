"""Markdown and LaTeX that models write around an answer, taken away.

without_markdown("**Answer:** `Argentina`")      # "Answer: Argentina"
without_markdown(r"$\\boxed{B}$")                 # "B"
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n`]*$", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+", re.MULTILINE)
_QUOTE = re.compile(r"^[ \t]{0,3}>[ \t]?", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:-{3,}|\*{3,}|_{3,})[ \t]*$", re.MULTILINE)

# What is between two marks has a limit, because the time for many openings without an end would be quadratic.
_PAIRS = (
    re.compile(r"(?<!`)(`{1,2})(?!`)[ ]?([^`\n]+?)[ ]?\1(?!`)"),  # code
    re.compile(r"(?<![\w*])(\*{2,3})(?=[^\s*])([^\n]{1,500}?)(?<=[^\s*])\1(?!\*)"),  # bold
    re.compile(r"(?<!\*)(\*{2})(?=[^\s*])([^\n]{1,500}?)(?<=[^\s*])\1(?![\w*])"),
    re.compile(r"(?<![\w*])(\*)(?=[^\s*])([^*\n]+?)(?<=[^\s*])\1(?![\w*])"),  # italic
    # `__init__` is a name in Python, not bold text.
    re.compile(r"(?<!\w)(__)(?=[^\s_])((?=[^\n]{0,500}?[A-Z ])[^\n]{1,500}?)(?<=[^\s_])\1(?!\w)"),
    re.compile(r"(?<!\w)(_)(?=[^\s_])([^_\n]+?)(?<=[^\s_])\1(?!\w)"),
    re.compile(r"<(b|i|em|strong|code|u)>([^<\n]*)</\1>", re.IGNORECASE),
)
_LINK = re.compile(r"(?<!!)\[([^\]\[\n]+)\]\((?:[^()\s]|\([^()\s]*\))+(?: \"[^\"\n]*\")?\)")
_FOOTNOTE = re.compile(r"(?<=\S)\[\^[\w-]+\]")
_LATEX = re.compile(r"\\(?:boxed|fbox|text|textbf|textit|mathrm|mathbf)\{([^{}\n]*)\}")
# "$5 and $6" is not a formula: what closes one follows no space and precedes no digit.
_FORMULA = re.compile(
    r"(?<![\w$\\])(\${1,2})(?=[^\s$])([^$\n]*?[^\s$\\])\1(?![\d$])|\\\(\s{0,9}([^\n]{1,500}?)\s{0,9}\\\)"
    r"|\\\[\s{0,9}([^\n]{1,500}?)\s{0,9}\\\]"
)
_ESCAPED = re.compile(r"\\([*_$#~`|%&])")


def without_markdown(text: str) -> str:
    """`text` without the marks of headings, quotations, bold, italic, code, links and formulas."""
    if not re.search(r"[*_`#>$\\<\[~-]", text):
        return text
    text = _RULE.sub("", _FENCE.sub("", text))
    text = _HEADING.sub("", _QUOTE.sub("", text))
    text = _FOOTNOTE.sub("", _LINK.sub(r"\1", text))
    for _ in range(4):  # LaTeX and bold text are nested
        before = text
        text = _LATEX.sub(r"\1", text)
        text = _FORMULA.sub(lambda match: match[2] or match[3] or match[4], text)
        for pair in _PAIRS:
            text = pair.sub(r"\2", text)
        if text == before:
            break
    return _ESCAPED.sub(r"\1", text)
