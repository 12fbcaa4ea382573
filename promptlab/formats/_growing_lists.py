"""Jinja texts that grow a list by printing nothing, as texts that set it.

    {% set found = [] %}{% for x in items %}{{ found.append(x) or "" }}{% endfor %}{{ found | join }}

Templates here cannot change a value. What the text above means can be said without: the list lives in a
namespace, which a loop may set, and each step makes a longer one.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)
_STRING = re.compile(r'("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')', re.DOTALL)
_NOTHING = r"""(?:or\s*(?:""|'')|\|\s*default\(\s*(?:""|'')\s*,\s*[Tt]rue\s*\))"""
_APPEND = re.compile(
    rf"\{{\{{(-?)\s*((?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*)\.append\((.*)\)\s*{_NOTHING}\s*(-?)\}}\}}", re.DOTALL
)
_SET = re.compile(r"(\{%-?\s*set\s+)([A-Za-z_]\w*)(\s*=\s*)(.*?)(\s*-?%\})", re.DOTALL)
FIELD = "list"


def rewrite_growing_lists(text: str) -> str:
    """`text` with its growing lists in namespaces; as it was where it has none."""
    tags = _TAG.split(text)
    grown = {match[2] for tag in tags if (match := _APPEND.fullmatch(tag))}
    own = {name for name in grown if "." not in name}
    if not grown:
        return text
    return "".join(_tag(tag, own) if tag.startswith(("{{", "{%")) else tag for tag in tags)


def _tag(tag: str, own: set[str]) -> str:
    append = _APPEND.fullmatch(tag)
    if append:
        before, name, what, after = append.groups()
        place = f"{name}.{FIELD}" if name in own else name
        return f"{{%{before} set {place} = {place} + [{_named(what, own)}] {after}%}}"
    assignment = _SET.fullmatch(tag)
    if assignment and assignment[2] in own:
        head, name, equals, value, end = assignment.groups()
        return f"{head}{name}{equals}namespace({FIELD}={_named(value, own)}){end}"
    return _named(tag, own)


def _named(code: str, own: set[str]) -> str:
    """`code` with the list behind each name in `own`, but not in quotes."""
    if not own:
        return code
    pattern = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, sorted(own)))})(?!\w)")
    parts = _STRING.split(code)
    return "".join(part if number % 2 else pattern.sub(rf"\1.{FIELD}", part) for number, part in enumerate(parts))
