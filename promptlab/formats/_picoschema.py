"""Picoschema, the short form of JSON Schema in dotprompt files.

json_schema({"name": "string, who asks", "tags?(array)": "string"})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptlab.errors import FormatError

_SCALARS = ("any", "boolean", "integer", "null", "number", "string")


def json_schema(schema: Any) -> dict[str, Any]:
    """The JSON Schema that dotprompt makes of `schema`. Raises `FormatError` for what it refuses, and named schemas."""
    if isinstance(schema, str):
        kind, description = _described(schema)
        if kind not in _SCALARS:
            raise FormatError(f"the schema `{kind}` is kept elsewhere")
        return {"type": kind, **({"description": description} if description else {})}
    if not isinstance(schema, Mapping):
        raise FormatError("a schema is an object or a text")
    if schema.get("type") in (*_SCALARS, "object", "array"):
        return dict(schema)
    if isinstance(schema.get("properties"), Mapping):
        return {**schema, "type": "object"}
    return _pico(schema)


def _pico(node: Any) -> dict[str, Any]:
    if isinstance(node, str):
        kind, description = _described(node)
        if kind not in _SCALARS:
            raise FormatError(f"the schema `{kind}` is kept elsewhere")
        return {**({} if kind == "any" else {"type": kind}), **({"description": description} if description else {})}
    if not isinstance(node, Mapping):
        raise FormatError(f"picoschema has objects and texts, not `{node}`")
    properties: dict[str, Any] = {}
    required: list[str] = []
    whole: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    for key, inner in node.items():
        if key == "(*)":
            whole["additionalProperties"] = _pico(inner)
            continue
        name, _, kind = key.partition("(")
        optional = name.endswith("?")
        name = name.removesuffix("?")
        if not optional:
            required.append(name)
        properties[name] = _property(kind, inner, optional)
    if required:
        whole["required"] = required
    return whole


def _property(kind: str, inner: Any, optional: bool) -> dict[str, Any]:
    if not kind:
        plain = _pico(inner)
        if optional and isinstance(plain.get("type"), str):
            plain["type"] = [plain["type"], "null"]
        return plain
    word, description = _described(kind[:-1])
    if word == "array":
        made: dict[str, Any] = {"type": ["array", "null"] if optional else "array", "items": _pico(inner)}
    elif word == "object":
        made = _pico(inner)
        if optional:
            made["type"] = [made.get("type"), "null"]
    elif word == "enum" and isinstance(inner, list):
        made = {"enum": [*inner, None] if optional and None not in inner else list(inner)}
    else:
        raise FormatError(f"picoschema has no `({word})`")
    if description:
        made["description"] = description
    return made


def _described(text: str) -> tuple[str, str]:
    kind, comma, description = text.partition(",")
    return (kind, description.lstrip(" ")) if comma else (text, "")
