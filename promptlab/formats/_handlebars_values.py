"""Values of Handlebars as Jinja expressions: paths in their contexts, what they print, and when they are true.

scopes = Scopes(draft.own_name, {"properties": {"name": {"type": "string"}}})
scopes.printed("name", 1)    # "{{ name }}"
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import FormatError

_PART = re.compile(r"\[([^\]]+)\]|([^\s!\"#%&'()*+,./;<=>@\[\\\]^`{|}~]+)")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
HELPERS = ("role", "history", "media", "section", "json", "ifEquals", "unlessEquals")
_WORDS = (*HELPERS, "if", "unless", "each", "with", "lookup", "log", "true", "false", "null", "undefined")


@dataclass(frozen=True)
class Value:
    """A value: its Jinja, its JSON Schema as far as it is known, and whether it may be missing."""

    jinja: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    missing: bool = False
    root: bool = False

    @property
    def type(self) -> str:
        kind = self.schema.get("type")
        kinds = [k for k in kind if k != "null"] if isinstance(kind, list) else [kind]
        return str(kinds[0]) if len(kinds) == 1 and kinds[0] else ""


@dataclass(frozen=True)
class Scope:
    """A context: the value that names are looked up in, and in a loop the names of its parameters and its key."""

    value: Value
    loop: bool = False
    key: str = ""
    names: Mapping[str, Value] = field(default_factory=dict)


@dataclass
class Scopes:
    """The contexts of a place in the text, the innermost last; the inputs are the first."""

    own_name: Callable[[str], str]
    schema: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)
    stack: list[Scope] = field(default_factory=lambda: [Scope(Value("", root=True))])

    def value(self, path: str, line: int) -> Value:
        """The value of a path such as `user.name`, `this`, `../x` or `@index`."""
        rest, depth = path, 0
        if rest.startswith("@"):
            data = self._data(rest, line)
            if isinstance(data, Value):
                return data
            rest, depth = data, len(self.stack) - 1
        while rest == ".." or rest.startswith("../"):
            rest, depth = rest[3:], depth + 1
        if depth >= len(self.stack):
            raise FormatError(f"`{path}` leads out of the prompt", line=line)
        scope = self.stack[-1 - depth]
        value = scope.value
        rest = re.sub(r"\A(?:this|\.)(?:[./]|\Z)", "", rest)
        for number, part in enumerate(self._parts(rest, path, line)):
            if number == 0 and depth == 0:
                named = next((s.names[part] for s in reversed(self.stack) if part in s.names), None)
                if named is not None:
                    value = named
                    continue
            value = self._inside(value, part)
        if value.root:
            raise FormatError(f"`{path}` is all inputs at once", line=line)
        return value

    def _data(self, path: str, line: int) -> Value | str:
        """The value of `@…`, or the path from the root for `@root.…`."""
        if path.startswith("@root."):
            return path.removeprefix("@root.")
        loop = next((s for s in reversed(self.stack) if s.loop), None)
        known = {"@index": "loop.index0", "@first": "loop.first", "@last": "loop.last"}
        if loop is not None and path in known and not (loop.key and path == "@index"):
            return Value(known[path], {"type": "integer" if path == "@index" else "boolean"})
        if loop is not None and path == "@key":
            return Value(loop.key or "loop.index0", {"type": "string" if loop.key else "integer"})
        raise FormatError(f"`{path}` is data that the program gives, which is not known here", line=line)

    def _parts(self, rest: str, path: str, line: int) -> list[str]:
        parts, at = [], 0
        while at < len(rest):
            match = _PART.match(rest, at)
            if match is None or (match.end() < len(rest) and rest[match.end()] not in "./"):
                raise FormatError(f"`{path}` is no path that is known here", line=line)
            parts.append(match[1] or match[2])
            at = match.end() + 1
        return parts

    def _inside(self, value: Value, part: str) -> Value:
        if value.root:
            schema = _property(self.schema, part)
            return Value(self.own_name(part), schema)
        known = value.schema.get("properties")
        required = value.schema.get("required")
        inner = _property(value.schema, part)
        missing = value.missing or not (isinstance(known, Mapping) and part in known and part in (required or ()))
        if part == "length" and value.type in ("array", "string", ""):
            return Value(f"{value.jinja}|length", {"type": "integer"})
        outer = f"({value.jinja}|default({{}}))" if value.missing else value.jinja
        code = f"{outer}.{part}" if _IDENTIFIER.match(part) else f"{outer}[{json.dumps(part)}]"
        return Value(code, inner, missing)

    def printed(self, path: str, line: int) -> str:
        """The Jinja that prints the value of a path as JavaScript prints it, as far as its type is known."""
        value = self.value(path, line)
        if value.type == "object":
            raise FormatError(f"`{{{{{path}}}}}` prints a whole object, as `[object Object]` there", line=line)
        if value.type == "array":
            items = value.schema.get("items")
            if not (isinstance(items, Mapping) and items.get("type") == "string"):
                raise FormatError(f"`{{{{{path}}}}}` prints a whole list, which JavaScript does otherwise", line=line)
            self.notes.append(f"`{{{{{path}}}}}` prints a list with commas")
            return f'{{{{ {value.jinja}|join(",") }}}}'
        if value.type == "number":
            self.notes.append(f"`{path}` is a number: 1.0 prints as 1 there, and as 1.0 here")
        nullable = isinstance(value.schema.get("type"), list)
        if value.missing or (nullable and not value.root):
            filtered = 'default("", true)' if value.type in ("string", "") else 'default("")'
            return f"{{{{ {value.jinja}|{filtered} }}}}" if value.missing else f"{{{{ {value.jinja} }}}}"
        return f"{{{{ {value.jinja} }}}}"

    def condition(self, path: str, line: int) -> str:
        """The Jinja of a condition on a path: empty texts and lists, 0 and what is missing are false, objects true."""
        value = self.value(path, line)
        code = f'{value.jinja}|default("")' if value.missing else value.jinja
        if value.type in ("string", "number", "integer", "boolean", "array") or (not value.type and not value.missing):
            return code
        return f"({code} is mapping or {code})"


def _property(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The schema of a property, empty if it is not known."""
    properties = schema.get("properties")
    inner = properties.get(name) if isinstance(properties, Mapping) else None
    if inner is None and isinstance(schema.get("additionalProperties"), Mapping):
        inner = schema["additionalProperties"]
    return inner if isinstance(inner, Mapping) else {}


def is_path(code: str) -> bool:
    """True if a tag is just a path, and no helper."""
    bare = re.sub(r"\[[^\]]*\]", "x", code)
    return bool(code) and not re.search(r"\s", bare) and code not in _WORDS and code[0] not in "\"'"
