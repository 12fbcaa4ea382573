"""The schema as an API gets it: a copy for strict mode where that means the same, else the schema itself.

    sent('{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}')

Strict mode holds the model to a schema, and has few words: every object names all its properties, requires them and
allows no others; there is no `allOf`, no `not`, no count of properties. Where the copy would mean something else, the
schema goes out as it is, without strict mode, and `words` say why. They also say what the copy leaves out: properties
that the schema does not name, and the absence of a property that may be null instead. An answer that fits the copy fits
the schema; every answer is judged by the schema itself afterwards (promptlab/models/_structured_output.py).
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
"""Those that OpenAI's strict mode knows."""
NOT_STRICT = frozenset(
    {"not", "if", "then", "else", "contains", "minContains", "maxContains", "uniqueItems", "propertyNames"}
    | {"dependencies", "dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"}
    | {"patternProperties", "minProperties", "maxProperties", "minLength", "maxLength", "prefixItems"}
    | {"additionalItems", "$dynamicRef", "$recursiveRef"}
)
"""What strict mode has no word for. Any other word means nothing to JSON Schema and is left out of the copy."""

_LOOKS_AROUND = re.compile(r"\(\?<?[=!]")


@dataclass(frozen=True, slots=True)
class SentSchema:
    """What goes out, whether in strict mode, and what there is to say about it."""

    schema: Any
    strict: bool
    words: tuple[str, ...] = ()


class _Cannot(Exception):
    pass


@lru_cache(maxsize=64)
def sent(schema: str) -> SentSchema:
    """What to send for JSON Schema `schema` (JSON text), which has no problem."""
    parsed = json.loads(schema)
    strict = _Strict(parsed)
    try:
        copy = strict.copy()
    except (_Cannot, RefError) as exc:
        words = (
            f"the schema was sent as it is and not in strict mode, where {exc}: the model is asked to keep to it and "
            "not held to it",
        )
        return SentSchema(parsed, False, words)
    return SentSchema(copy, True, strict.words)


class _Strict:
    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._closed: list[str] = []
        self._always: list[str] = []
        self._refs: dict[str, None] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """What the copy does not allow and the schema does."""
        said = []
        if self._closed:
            said.append(
                f"strict mode allows only the properties that the schema names (at {', '.join(self._closed[:3])}"
                f"{' and elsewhere' if len(self._closed) > 3 else ''}): say `additionalProperties: false` if that is "
                "meant, or `true` to have the schema sent as it is"
            )
        if self._always:
            names = ", ".join(f"`{name}`" for name in dict.fromkeys(self._always))
            said.append(f"strict mode always asks for {names}, which may be null")
        return tuple(said)

    def copy(self) -> dict[str, Any]:
        """The copy. Raises `_Cannot` with what strict mode does not have."""
        self._root = root = Root(self._schema)
        top, seen = root.place, 0
        while set(top.keywords) & {"$ref"} and seen < 20:  # the outermost must be an object itself
            self._check_beside(top)
            top, seen = root.follow(top), seen + 1
        if top.keywords.get("type") != "object":
            raise _Cannot("the outermost schema must be an object")
        made = self._of(top)
        done: set[str] = set()
        while left := [ref for ref in self._refs if ref not in done]:
            for ref in left:
                done.add(ref)
                _, key, name = ref.split("/")
                place = root.child(root.place, key, name)
                made.setdefault(key, {})[name] = self._of(place)
        return made

    def _of(self, place: Place) -> dict[str, Any]:
        said = place.keywords
        if not said:
            raise _Cannot(f"every value needs a `type` (at {place.at})")
        if "$ref" in said:
            self._check_beside(place)
            ref = said["$ref"]
            if ref != "#" and (not ref.startswith(("#/$defs/", "#/definitions/")) or ref.count("/") > 2 or "~" in ref):
                raise _Cannot(f"a `$ref` leads into `$defs` (at {place.at})")
            self._root.follow(place)
            if ref != "#":
                self._refs[ref] = None
            return {"$ref": ref}
        made: dict[str, Any] = {}
        for key, value in said.items():
            if key.startswith("exclusive") and isinstance(value, bool):
                raise _Cannot(f"`{key}` is a number (at {place.at})")
            if key == "pattern" and _LOOKS_AROUND.search(value):
                raise _Cannot(f"no `pattern` looks ahead or back (at {place.at})")
            if key in AS_THEY_ARE:
                made[key] = value
            elif key == "format":
                if value not in FORMATS:
                    raise _Cannot(f"there is no `format` {value} (at {place.at})")
                made[key] = value
            elif key in ("anyOf", "oneOf"):
                made["anyOf"] = self._options(place, key)
            elif key == "allOf":
                made |= self._all(place, said)
            elif key in NOT_STRICT and not (key == "uniqueItems" and value is False):
                raise _Cannot(f"there is no `{key}` (at {place.at})")
        return self._typed(place, made)

    def _typed(self, place: Place, made: dict[str, Any]) -> dict[str, Any]:
        said = place.keywords
        if "type" not in made and "anyOf" not in made and "$ref" not in made:
            values = said.get("enum", [said["const"]] if "const" in said else [])
            types = list(dict.fromkeys(_type_of(one) for one in values))
            if not types or "object" in types or "array" in types:
                raise _Cannot(f"every value needs a `type` (at {place.at})")
            made["type"] = types[0] if len(types) == 1 else types
        types = made.get("type", [])
        types = [types] if isinstance(types, str) else types
        if any(key in said for key in ("properties", "required", "additionalProperties")) and "object" not in types:
            raise _Cannot(f"properties need `type: object` (at {place.at})")
        if "object" in types:
            made |= self._object(place)
        if "array" in types:
            if said.get("items", True) in (True, {}):
                raise _Cannot(f"a list needs `items` (at {place.at})")
            if said["items"] is False or isinstance(said["items"], list):
                raise _Cannot(f"the items of a list have one schema (at {place.at})")
            made["items"] = self._of(self._root.child(place, "items"))
        return made

    def _object(self, place: Place) -> dict[str, Any]:
        said = place.keywords
        properties = said.get("properties", {})
        others = said.get("additionalProperties")
        if others is None and not properties:
            raise _Cannot(f"an object names its properties (at {place.at})")
        if others is not None and others is not False:
            raise _Cannot(f"an object has no other properties than those it names (at {place.at})")
        required = said.get("required", [])
        if isinstance(required, bool):
            required = []
        for name in required:
            if name not in properties:
                raise _Cannot(f"an object names all its properties, `{name}` too (at {place.at})")
        if others is None:
            self._closed.append(place.at)
        for name in properties:
            if name not in required:
                if not self._may_be_null(properties[name]):
                    raise _Cannot(f"every property is required, and `{name}` need not be there (at {place.at})")
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
            raise _Cannot(f"there is no `oneOf` (at {place.at})")
        beside = set(place.keywords) & (NOT_STRICT | AS_THEY_ARE | {"properties", "allOf"}) - {"title", "description"}
        if beside:
            raise _Cannot(f"nothing stands beside `{key}` (at {place.at})")
        if key == "oneOf" and not self._disjoint(options):
            raise _Cannot(f"there is no `oneOf` (at {place.at})")
        return [self._of(option) for option in options]

    def _all(self, place: Place, said: Mapping[str, Any]) -> dict[str, Any]:
        alone = not set(said) & (NOT_STRICT | AS_THEY_ARE | {"properties", "anyOf", "oneOf"}) - {"title", "description"}
        if len(said["allOf"]) != 1 or not alone:
            raise _Cannot(f"there is no `allOf` (at {place.at})")
        return self._of(self._root.child(place, "allOf", 0))

    def _check_beside(self, place: Place) -> None:
        """Beside a reference there may be words for people, no others."""
        beside = set(place.keywords) & (NOT_STRICT | AS_THEY_ARE | {"properties", "anyOf", "oneOf", "allOf", "format"})
        beside -= {"title", "description"}
        if beside and not self._root.old:
            raise _Cannot(f"nothing stands beside `$ref` (at {place.at})")

    def _disjoint(self, options: list[Place]) -> bool:
        """Whether no value can fit two of the options: other types, or objects told apart by a constant."""
        seen = []
        for option in options:
            for _ in range(20):
                if "$ref" not in option.keywords:
                    break
                option = self._root.follow(option)
            seen.append(option.keywords)
        types = [one.get("type") for one in seen]
        if all(isinstance(t, str) for t in types) and len(set(types)) == len(types):
            return not {"integer", "number"} <= set(types)
        if types != ["object"] * len(types):
            return False
        named = set.intersection(*(set(one.get("required", ())) for one in seen))
        for name in named:
            parts = [one.get("properties", {}).get(name) for one in seen]
            values = [_only(part) for part in parts]
            if None not in values and len(set(values)) == len(values):
                return True
        return False


def _only(schema: Any) -> str | None:
    """The one text that a schema allows; None where there may be others."""
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
