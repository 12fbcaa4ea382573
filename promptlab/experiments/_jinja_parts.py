"""What Jinja puts into a text, and the words around it."""

from __future__ import annotations

import re

_STRING = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|.)*?"""
JINJA = re.compile(rf"(\{{\{{{_STRING}\}}\}}|\{{%{_STRING}%\}}|\{{#.*?#\}})", re.DOTALL)
"""An expression, a tag or a comment; braces in its strings do not end it."""
OPENS = re.compile(r"\{\{|\{%|\{#")
"""What Jinja would read as the beginning of one."""


def jinja_parts(text: str, *, between: bool = False) -> list[str]:
    """The expressions, tags and comments of `text`, in their order; or the texts `between` them."""
    return JINJA.split(text)[0 if between else 1 :: 2]
