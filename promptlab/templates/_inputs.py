"""Adds, renames and converts inputs of a template, and checks names of inputs.

rename_input(values, "q", "question")     # {"inputs": …, "instructions": "Answer {{ question }}."}
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment
from jinja2.exceptions import TemplateError as JinjaError

from promptlab.templates._parse import RESERVED_NAMES, TEXT_FIELDS, type_problem

_JINJA = Environment(keep_trailing_newline=True, autoescape=True)  # used for its lexer only
EMPTY_DEFAULTS: Mapping[str, Any] = {"string": "", "number": 0, "boolean": False, "list": [], "object": {}}
"""The default value that an optional input of each type starts with."""


def unused_input_name(values: Mapping[str, Any], name: str = "input") -> str:
    """A name that no input has: `name`, or `name` with a number."""
    number, unused = 2, name
    while unused in values["inputs"]:
        unused, number = f"{name}_{number}", number + 1
    return unused


def rename_input(values: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The changed fields if the input `old` is renamed to `new`: the inputs, and the texts that use it."""
    new = new.strip()
    if new == old or not new or new in values["inputs"]:
        return {}
    fields: dict[str, Any] = {"inputs": {new if n == old else n: spec for n, spec in values["inputs"].items()}}
    for field in TEXT_FIELDS:
        text = values[field]
        if text and (changed := rename_in_text(text, old, new)) != text:
            fields[field] = changed
    context = [_in_query(entry, old, new) for entry in values["context"]]
    return {**fields, "context": context} if context != values["context"] else fields


def rename_in_text(text: str, old: str, new: str) -> str:
    """`text` with the variable `old` renamed to `new`; a text that is not valid Jinja (yet) stays the same."""
    try:
        tokens = list(_JINJA.lex(text))
    except JinjaError:
        return text
    if "".join(value for _, _, value in tokens) != text:
        return text
    parts, before = [], ""
    for _, kind, value in tokens:
        # After a dot it is an attribute, after a bar a filter.
        is_variable = kind == "name" and value == old and before not in (".", "|")
        parts.append(new if is_variable else value)
        before = before if kind == "whitespace" else value
    return "".join(parts)


def is_renamed_text(before: str, after: str, old: str, new: str) -> bool:
    """True if only the name `old` became `new` from `before` to `after`, apart from white space inside of tags."""
    if rename_in_text(before, old, new) == after:
        return True
    try:
        tokens = [
            [(kind, value) for _, kind, value in _JINJA.lex(text) if kind != "whitespace"]
            for text in (rename_in_text(before, old, new), after)
        ]
    except JinjaError:
        return False
    return tokens[0] == tokens[1]


def _in_query(entry: Any, old: str, new: str) -> Any:
    query = entry.get("passages", {}).get("query") if isinstance(entry, Mapping) else None
    if not query or old not in query:
        return entry
    return {**entry, "passages": {**entry["passages"], "query": [new if name == old else name for name in query]}}


def set_input_type(spec: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """`spec` with the type `kind`. A sample that does not fit is removed; a default that does not fit is reset."""
    converted = {**spec, "type": kind}
    for name in ("sample", "default"):
        if spec[name] is not None and type_problem(kind, spec[name]):
            converted[name] = EMPTY_DEFAULTS[kind] if name == "default" else None
    return converted


def is_input_name(name: str) -> bool:
    """True if an input can have this name."""
    plain = name.isidentifier() and name.isascii() and not name.startswith("_")
    return plain and name not in RESERVED_NAMES and not keyword.iskeyword(name)


_NEEDS_ESCAPE = re.compile(r"\{(?=[{%#]|\Z)")


def escape_jinja(text: str) -> str:
    """Jinja (and Nunjucks) source that prints exactly `text`, also if more source follows it."""
    return _NEEDS_ESCAPE.sub('{{ "{" }}', text)


__all__ = [
    "EMPTY_DEFAULTS",
    "escape_jinja",
    "is_input_name",
    "is_renamed_text",
    "rename_in_text",
    "rename_input",
    "set_input_type",
    "unused_input_name",
]
