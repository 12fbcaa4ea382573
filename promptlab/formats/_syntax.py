"""Translates prompt texts of other tools (Nunjucks, `$x`, Mustache) to Jinja."""

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


_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', re.DOTALL)
_NUNJUCKS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"\|\s*dump\s*\(\s*\)"), "| tojson", "`dump` is `tojson` here"),
    (re.compile(r"\|\s*dump\b"), "| tojson", "`dump` is `tojson` here"),
    (re.compile(r"\s*\|\s*safe\b(\s*\(\s*\))?"), "", "`safe` is left out: nothing is escaped here"),
    (re.compile(r"\s*\|\s*(?:escape|e)\b(\s*\(\s*\))?"), "", "`escape` is left out: nothing is escaped here"),
    (re.compile(r"==="), "==", "`===` is `==` here"),
    (re.compile(r"!=="), "!=", "`!==` is `!=` here"),
    (re.compile(r"\bnull\b"), "none", "`null` is `none` here"),
    (re.compile(r"\bundefined\b"), "none", "`undefined` is `none` here"),
    (re.compile(r"(\{%-?\s*)elseif\b"), r"\1elif", "`elseif` is `elif` here"),
    (re.compile(r"(\{%-?\s*)asyncEach\b"), r"\1for", "`asyncEach` is `for` here"),
    (re.compile(r"(\{%-?\s*)endeach\b"), r"\1endfor", "`endeach` is `endfor` here"),
    (re.compile(r"(\{%-?\s*)asyncAll\b"), r"\1for", "`asyncAll` is `for` here"),
    (re.compile(r"(\{%-?\s*)endall\b"), r"\1endfor", "`endall` is `endfor` here"),
    (re.compile(r"(\{%-?\s*)ifAsync\b"), r"\1if", "`ifAsync` is `if` here"),
    (re.compile(r"\.length\b(?!\s*\()"), "|length", "`.length` is `|length` here"),
)


def from_nunjucks(text: str) -> Translation:
    """A Nunjucks text as Jinja. Only code in tags is changed, but not strings there."""
    notes: list[str] = []

    def tag(match: re.Match[str]) -> str:
        parts, at, whole = [], 0, match[0]
        for string in _STRING.finditer(whole):
            parts += [outside(whole[at : string.start()]), string[0]]
            at = string.end()
        return "".join([*parts, outside(whole[at:])])

    def outside(code: str) -> str:
        for pattern, into, note in _NUNJUCKS:
            changed = pattern.sub(into, code)
            if changed != code:
                code = changed
                notes.append(note)
        return code

    return Translation(_TAG.sub(tag, text), tuple(dict.fromkeys(notes)))


def from_braces(text: str) -> Translation:
    r"""A text with `{x}` for variables, `{{` and `}}` or `\{` and `\}` for braces, as Jinja."""
    return _translated(re.compile(r"\\(?P<char>[{}])|(?P<pair>\{\{|\}\})|\{(?P<name>[A-Za-z_]\w*)\}"), text, "`{x}`")


def from_dollars(text: str, own_name: Callable[[str], str] = str) -> Translation:
    """A text with `$x` and `${x}` for variables and `$$` for a dollar sign, as Jinja.

    `own_name` gives the name of the input for a variable.
    """
    pattern = r"(?P<pair>\$\$)|\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})"
    return _translated(re.compile(pattern, re.ASCII), text, "`$x`", own_name)


def dollar_names(text: str) -> list[str]:
    """The names of the variables `$x` and `${x}` in a text."""
    names: list[str] = []

    def noted(name: str) -> str:
        names.append(name)
        return name

    from_dollars(text, noted)
    return names


def _translated(pattern: re.Pattern[str], text: str, shown: str, own_name: Callable[[str], str] = str) -> Translation:
    parts: list[str] = []
    at, changed = 0, False
    plain = ""
    for match in pattern.finditer(text):
        plain += text[at : match.start()]
        groups = match.groupdict()
        name = groups.get("name") or groups.get("braced")
        if name:
            parts += [escape_jinja(plain), f"{{{{ {own_name(name)} }}}}"]
            plain, changed = "", True
        else:
            plain += groups.get("char") or match[0][0]
        at = match.end()
    parts.append(escape_jinja(plain + text[at:]) if parts or at else escape_jinja(text))
    return Translation("".join(parts), (f"{shown} is `{{{{ x }}}}` here",) if changed else ())


_MUSTACHE = re.compile(r"\{\{\{?\s*([A-Za-z_][\w.]*)\s*\}?\}\}")


def from_mustache(text: str) -> Translation:
    """A text with `{{x}}` for variables and no other syntax, as Jinja."""
    parts: list[str] = []
    at = 0
    for match in _MUSTACHE.finditer(text):
        parts += [escape_jinja(text[at : match.start()]), f"{{{{ {match[1]} }}}}"]
        at = match.end()
    return Translation("".join([*parts, escape_jinja(text[at:])]))


def join_notes(notes: Iterable[str]) -> str:
    """The notes as one text, without duplicates."""
    return "; ".join(dict.fromkeys(notes))
