"""Inputs of a template by name: adding one, taking one away, and calling one differently everywhere it is used.

renamed(values, "q", "question")     # {"inputs": …, "instructions": "Answer {{ question }}."}
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment
from jinja2.exceptions import TemplateError as JinjaError

from promptlab.templates._parse import RESERVED_NAMES, TEXT_FIELDS, type_problem

_JINJA = Environment(keep_trailing_newline=True, autoescape=True)  # it only takes texts apart
EMPTY_DEFAULTS: Mapping[str, Any] = {"string": "", "number": 0, "boolean": False, "list": [], "object": {}}
"""The default an input of each type starts with when it may be left out."""


def unused_input_name(values: Mapping[str, Any], name: str = "input") -> str:
    """`name`, or with a number what no input has for its name."""
    number, found = 2, name
    while found in values["inputs"]:
        found, number = f"{name}_{number}", number + 1
    return found


def rename_input(values: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The fields that change when the input `old` is called `new`: the inputs, and the texts that use it."""
    new = new.strip()
    if new == old or not new or new in values["inputs"]:
        return {}
    found: dict[str, Any] = {"inputs": {new if n == old else n: spec for n, spec in values["inputs"].items()}}
    for field in TEXT_FIELDS:
        text = values[field]
        if text and (changed := rename_in_text(text, old, new)) != text:
            found[field] = changed
    context = [_in_query(entry, old, new) for entry in values["context"]]
    return {**found, "context": context} if context != values["context"] else found


def rename_in_text(text: str, old: str, new: str) -> str:
    """`text` with the variable `old` called `new`; a text that is no Jinja, yet, stays as it is."""
    try:
        tokens = list(_JINJA.lex(text))
    except JinjaError:
        return text
    if "".join(value for _, _, value in tokens) != text:
        return text
    done, before = [], ""
    for _, kind, value in tokens:
        own = kind == "name" and value == old and before not in (".", "|")
        done.append(new if own else value)
        before = before if kind == "whitespace" else value
    return "".join(done)


def _in_query(entry: Any, old: str, new: str) -> Any:
    query = entry.get("passages", {}).get("query") if isinstance(entry, Mapping) else None
    if not query or old not in query:
        return entry
    return {**entry, "passages": {**entry["passages"], "query": [new if one == old else one for one in query]}}


def set_input_type(spec: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """`spec` as an input of type `kind`; a sample and a default that do not fit are left out, or start anew."""
    found = {**spec, "type": kind}
    for name in ("sample", "default"):
        if spec[name] is not None and type_problem(kind, spec[name]):
            found[name] = EMPTY_DEFAULTS[kind] if name == "default" else None
    return found


def is_input_name(name: str) -> bool:
    """Whether a template can have an input of this name."""
    plain = name.isidentifier() and name.isascii() and not name.startswith("_")
    return plain and name not in RESERVED_NAMES and not keyword.iskeyword(name)


_NEEDS_ESCAPE = re.compile(r"\{(?=[{%#]|\Z)")


def escape_jinja(text: str) -> str:
    """`text` as Jinja (and Nunjucks) that prints it as it is, whatever stands behind it."""
    return _NEEDS_ESCAPE.sub('{{ "{" }}', text)


__all__ = ["EMPTY_DEFAULTS", "rename_in_text", "rename_input", "set_input_type", "unused_input_name"]
