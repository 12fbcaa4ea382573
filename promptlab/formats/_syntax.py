"""Translates prompt texts with `$x` to Jinja, and joins notes of reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from promptlab.templates import escape_jinja


@dataclass(frozen=True)
class Translation:
    """A translated text, with notes on what was changed."""

    text: str
    notes: tuple[str, ...] = ()


_DOLLAR = re.compile(r"(?P<pair>\$\$)|\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})", re.ASCII)


def from_dollars(text: str, own_name: Callable[[str], str] = str) -> Translation:
    """A text with `$x` and `${x}` for variables and `$$` for a dollar sign, as Jinja.

    `own_name` gives the name of the input for a variable.
    """
    parts: list[str] = []
    at, changed = 0, False
    plain = ""
    for match in _DOLLAR.finditer(text):
        plain += text[at : match.start()]
        name = match["name"] or match["braced"]
        if name:
            parts += [escape_jinja(plain), f"{{{{ {own_name(name)} }}}}"]
            plain, changed = "", True
        else:
            plain += "$"
        at = match.end()
    parts.append(escape_jinja(plain + text[at:]))
    return Translation("".join(parts), ("`$x` is `{{ x }}` here",) if changed else ())


def dollar_names(text: str) -> list[str]:
    """The names of the variables `$x` and `${x}` in a text."""
    names: list[str] = []

    def noted(name: str) -> str:
        names.append(name)
        return name

    from_dollars(text, noted)
    return names


def join_notes(notes: Iterable[str]) -> str:
    """The notes as one text, without duplicates."""
    return "; ".join(dict.fromkeys(notes))
