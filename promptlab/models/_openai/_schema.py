"""The schema that an API gets: a copy for strict mode if that means the same, else the schema itself.

    sent('{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}')

Strict mode makes the model follow a schema, but knows few keywords: every object names all its properties, requires
them and allows no others; `allOf`, `not` and counts of properties do not exist. If a copy in these keywords would mean
something else, the schema is sent unchanged, without strict mode, and `words` say why. They also say what the copy
excludes: properties that the schema does not name, and a property that is missing though it may be null. An answer that
is valid under the copy is valid under the schema. Afterwards every answer is judged by the schema itself
(promptlab/models/_structured_output.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from promptlab._util.json_schema import validate
from promptlab._util.json_schema_refs import Place, RefError, Root

AS_THEY_ARE = frozenset(
    {"title", "description", "type", "enum", "const", "pattern", "minimum", "maximum", "exclusiveMinimum"}
    | {"exclusiveMaximum", "multipleOf", "minItems", "maxItems"}
)
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
"""The formats that OpenAI's strict mode knows."""
NOT_STRICT = frozenset(
    {"not", "if", "then", "else", "contains", "minContains", "maxContains", "uniqueItems", "propertyNames"}
    | {"dependencies", "dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"}
    | {"patternProperties", "minProperties", "maxProperties", "minLength", "maxLength", "prefixItems"}
    | {"additionalItems", "$dynamicRef", "$recursiveRef"}
)
"""Keywords that strict mode does not have. Other words mean nothing in JSON Schema, and the copy leaves them out."""

_LOOKS_AROUND = re.compile(r"\(\?<?[=!]")


@dataclass(frozen=True, slots=True)
class SentSchema:
    """The schema that is sent, True if in strict mode, and sentences about the difference."""

    schema: Any
    strict: bool
    words: tuple[str, ...] = ()


class _NotStrictError(Exception):
    """Strict mode has no copy of the schema; the message says what it requires instead."""


@lru_cache(maxsize=64)
def sent(schema: str) -> SentSchema:
    """The schema to send for `schema`, a valid JSON Schema as JSON text."""
    parsed = json.loads(schema)
    strict = _Strict(parsed)
    try:
        copy = strict.copy()
    except (_NotStrictError, RefError) as exc:
        words = (
            f"the schema was sent unchanged and not in strict mode, where {exc}: the model is asked to follow it, but "
            "not made to",
        )
        return SentSchema(parsed, False, words)
    return SentSchema(copy, True, strict.words)


class _Strict:
    """The copy of one schema for strict mode."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._closed: list[str] = []
        self._always: list[str] = []
        self._refs: dict[str, None] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """Sentences about what the schema allows and the copy does not."""
        sentences = []
        if self._closed:
            sentences.append(
                f"strict mode allows only the properties that the schema names (at {', '.join(self._closed[:3])}"
                f"{' and elsewhere' if len(self._closed) > 3 else ''}): set `additionalProperties: false` if that is "
                "right, or `true` to send the schema unchanged"
            )
        if self._always:
            names = ", ".join(f"`{name}`" for name in dict.fromkeys(self._always))
            sentences.append(f"strict mode always requires {names}, which may be null")
        return tuple(sentences)

    def copy(self) -> dict[str, Any]:
        """The copy. Raises `_NotStrictError` if there is none."""
        self._root = root = Root(self._schema)
        top, seen = root.place, 0
        while set(top.keywords) & {"$ref"} and seen < 20:  # the outermost schema must be an object itself
            self._check_beside(top)
            top, seen = root.follow(top), seen + 1
        if top.keywords.get("type") != "object":
            raise _NotStrictError("the outermost schema must be an object")
        copy = self._of(top)
        done: set[str] = set()
        while left := [ref for ref in self._refs if ref not in done]:
            for ref in left:
                done.add(ref)
                _, key, name = ref.split("/")
                place = root.child(root.place, key, name)
                copy.setdefault(key, {})[name] = self._of(place)
        return copy

    def _of(self, place: Place) -> dict[str, Any]:
        said = place.keywords
        if not said:
            raise _NotStrictError(f"every value needs a `type` (at {place.at})")
        if "$ref" in said:
            self._check_beside(place)
            ref = said["$ref"]
            if ref != "#" and (not ref.startswith(("#/$defs/", "#/definitions/")) or ref.count("/") > 2 or "~" in ref):
                raise _NotStrictError(f"a `$ref` leads into `$defs` (at {place.at})")
            self._root.follow(place)
            if ref != "#":
                self._refs[ref] = None
            return {"$ref": ref}
        made: dict[str, Any] = {}
        for key, value in said.items():
            if key.startswith("exclusive") and isinstance(value, bool):
                raise _NotStrictError(f"`{key}` is a number (at {place.at})")
            if key == "pattern" and _LOOKS_AROUND.search(value):
                raise _NotStrictError(f"no `pattern` looks ahead or back (at {place.at})")
            if key in AS_THEY_ARE:
                made[key] = value
            elif key == "format":
                if value not in FORMATS:
                    raise _NotStrictError(f"there is no `format` {value} (at {place.at})")
                made[key] = value
            elif key in ("anyOf", "oneOf"):
                made["anyOf"] = self._options(place, key)
            elif key == "allOf":
                made |= self._all(place, said)
            elif key in NOT_STRICT and not (key == "uniqueItems" and value is False):
                raise _NotStrictError(f"there is no `{key}` (at {place.at})")
        return self._typed(place, made)

    def _typed(self, place: Place, made: dict[str, Any]) -> dict[str, Any]:
        said = place.keywords
        if "type" not in made and "anyOf" not in made and "$ref" not in made:
            values = said.get("enum", [said["const"]] if "const" in said else [])
            types = list(dict.fromkeys(_type_of(one) for one in values))
            if not types or "object" in types or "array" in types:
                raise _NotStrictError(f"every value needs a `type` (at {place.at})")
            made["type"] = types[0] if len(types) == 1 else types
        types = made.get("type", [])
        types = [types] if isinstance(types, str) else types
        if any(key in said for key in ("properties", "required", "additionalProperties")) and "object" not in types:
            raise _NotStrictError(f"properties need `type: object` (at {place.at})")
        if "object" in types:
            made |= self._object(place)
        if "array" in types:
            if said.get("items", True) in (True, {}):
                raise _NotStrictError(f"a list needs `items` (at {place.at})")
            if said["items"] is False or isinstance(said["items"], list):
                raise _NotStrictError(f"the items of a list have one schema (at {place.at})")
            made["items"] = self._of(self._root.child(place, "items"))
        return made

    def _object(self, place: Place) -> dict[str, Any]:
        said = place.keywords
        properties = said.get("properties", {})
        others = said.get("additionalProperties")
        if others is None and not properties:
            raise _NotStrictError(f"an object names its properties (at {place.at})")
        if others is not None and others is not False:
            raise _NotStrictError(f"an object has no other properties than those it names (at {place.at})")
        required = said.get("required", [])
        if isinstance(required, bool):
            required = []
        for name in required:
            if name not in properties:
                raise _NotStrictError(f"an object names all its properties, `{name}` too (at {place.at})")
        if others is None:
            self._closed.append(place.at)
        for name in properties:
            if name not in required:
                if not self._may_be_null(properties[name]):
                    raise _NotStrictError(f"every property is required, and `{name}` need not be there (at {place.at})")
                self._always.append(name)
        return {
            "properties": {name: self._of(self._root.child(place, "properties", name)) for name in properties},
            "required": list(properties),
            "additionalProperties": False,
        }

    def _may_be_null(self, schema: Any) -> bool:
        if not isinstance(schema, Mapping):
            return False
        whole = {key: self._schema[key] for key in ("$schema", "$defs", "definitions") if key in self._schema}
        return validate(json.dumps({**whole, **schema}), "null").valid

    def _options(self, place: Place, key: str) -> list[Any]:
        options = [self._root.child(place, key, number) for number in range(len(place.keywords[key]))]
        if "anyOf" in place.keywords and "oneOf" in place.keywords:
            raise _NotStrictError(f"there is no `oneOf` (at {place.at})")
        beside = set(place.keywords) & (NOT_STRICT | AS_THEY_ARE | {"properties", "allOf"}) - {"title", "description"}
        if beside:
            raise _NotStrictError(f"nothing stands beside `{key}` (at {place.at})")
        if key == "oneOf" and not self._disjoint(options):
            raise _NotStrictError(f"there is no `oneOf` (at {place.at})")
        return [self._of(option) for option in options]

    def _all(self, place: Place, said: Mapping[str, Any]) -> dict[str, Any]:
        alone = not set(said) & (NOT_STRICT | AS_THEY_ARE | {"properties", "anyOf", "oneOf"}) - {"title", "description"}
        if len(said["allOf"]) != 1 or not alone:
            raise _NotStrictError(f"there is no `allOf` (at {place.at})")
        return self._of(self._root.child(place, "allOf", 0))

    def _check_beside(self, place: Place) -> None:
        """Raise an error if keywords other than those for people stand beside a reference."""
        beside = set(place.keywords) & (NOT_STRICT | AS_THEY_ARE | {"properties", "anyOf", "oneOf", "allOf", "format"})
        beside -= {"title", "description"}
        if beside and not self._root.old:
            raise _NotStrictError(f"nothing stands beside `$ref` (at {place.at})")

    def _disjoint(self, options: list[Place]) -> bool:
        """True if no value can fit two of the options: they have different types, or a constant property differs."""
        schemas = []
        for option in options:
            for _ in range(20):
                if "$ref" not in option.keywords:
                    break
                option = self._root.follow(option)
            schemas.append(option.keywords)
        types = [schema.get("type") for schema in schemas]
        if all(isinstance(t, str) for t in types) and len(set(types)) == len(types):
            return not {"integer", "number"} <= set(types)
        if types != ["object"] * len(types):
            return False
        required = set.intersection(*(set(schema.get("required", ())) for schema in schemas))
        for name in required:
            values = [_only_text(schema.get("properties", {}).get(name)) for schema in schemas]
            if None not in values and len(set(values)) == len(values):
                return True
        return False


def _only_text(schema: Any) -> str | None:
    """The only text that a schema allows; None if it allows others."""
    if not isinstance(schema, Mapping):
        return None
    value = schema.get("const", schema["enum"][0] if len(schema.get("enum", ())) == 1 else None)
    return value if isinstance(value, str) else None


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"


__all__ = ["SentSchema", "sent"]
