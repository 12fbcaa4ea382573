"""A copy of a JSON Schema in the keywords that llguidance supports. It allows at least what the schema allows.

copy = WiderSchema({"type": "string", "not": {"const": ""}})
copy.build()        # {"type": "string"}
copy.wider          # [("#", "not")]
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab._util.json_schema_formats import CHECKED
from promptlab._util.json_schema_refs import Place, Root
from promptlab.errors import ModelNotReady

WHITE = r"[ ]|\r?\n[ \t]{0,32}"
"""The white space allowed between the parts of an answer: a space, or a new line with its indent. Without a limit, some
models write white space without end."""
OPTIONS: Any = {
    "whitespace_pattern": WHITE,
    "coerce_one_of": True,
    "json_allow_general_unicode_escapes": True,
}
FORMATS = frozenset({"date", "time", "date-time", "duration", "hostname", "uuid", "uri", "ipv4"})
"""The formats that llguidance supports completely."""
ATOM, LABEL = r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+", r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
PATTERNS: Mapping[str, str] = {
    "email": rf"^({ATOM}(\.{ATOM})*|"
    + r'"([ !#-\[\]-~]|\\[ -~])*")@'
    + rf"({LABEL}(\.{LABEL})*|\[([0-9.]+|[Ii][Pp][Vv]6:[0-9A-Fa-f:.]+)\])$",
    "json-pointer": r"^(/([^~/]|~[01])*)*$",
}
"""Formats that llguidance supports partly or not at all, as patterns that allow at least every valid value."""
IPV4_AT_THE_END = r"^[0-9A-Fa-f:]{2,30}:([0-9]{1,3}\.){3}[0-9]{1,3}$"
"""The form of `ipv6` that llguidance does not support: an IPv4 address at its end."""
KEPT = frozenset(
    {"type", "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "required"}
)
LIMITS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
LEFT_OUT = frozenset(
    {"not", "if", "then", "else", "contains", "minContains", "maxContains", "uniqueItems", "propertyNames"}
    | {"dependencies", "dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"}
    | {"$dynamicRef", "$recursiveRef"}
)
"""Keywords that llguidance does not support."""
SPEAKING = (
    KEPT
    | LIMITS
    | LEFT_OUT
    | {
        *(
            "$ref",
            "const",
            "enum",
            "allOf",
            "anyOf",
            "oneOf",
            "properties",
            "patternProperties",
            "prefixItems",
            "items",
        ),
        *("additionalProperties", "format", "pattern", "multipleOf"),
    }
)
"""All keywords that restrict a value."""
MORE_NAMES = frozenset(
    {"additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames", "minProperties"}
    | {"if", "then", "else", "dependentSchemas", "dependentRequired", "dependencies", "not", "$dynamicRef"}
)
"""Keywords that say something about properties that `properties` does not list."""
REGEXES = ("pattern", "format", "minLength", "maxLength")
LARGEST = 2**53
"""llguidance reads numbers as doubles, which represent every integer up to this one."""


def compile_grammar(copy: Any) -> tuple[str, str]:
    """The grammar that llguidance makes from `copy`, and its error message; "" if there is no error."""
    try:
        from llguidance import LLMatcher
    except ImportError as exc:
        raise ModelNotReady(
            "a schema for a local model needs llguidance, which is not installed", hint="pip install 'promptlab[local]'"
        ) from exc
    try:
        text = LLMatcher.grammar_from_json_schema(json.dumps({} if copy is True else copy), defaults=OPTIONS)
    except ValueError as exc:
        return "", str(exc)
    return text, LLMatcher.validate_grammar(text)


@dataclass
class WiderSchema:
    """Builds the copy of `schema`. `dropped` are the places and keywords to leave out. After `build`, `wider` has all
    that were left out, and `only_named` the places of objects that got no properties other than the named ones."""

    schema: Any
    dropped: frozenset[tuple[str, str]] = frozenset()
    wider: list[tuple[str, str]] = field(default_factory=list)
    only_named: list[str] = field(default_factory=list)

    def build(self) -> Any:
        """The copy."""
        self.root = Root(self.schema)
        self._names: dict[tuple[int, bool], str] = {}
        self._definitions: dict[str, Any] = {}
        self._parts: list[tuple[Place, dict[str, Any]]] = []
        copy = self._of(self.root.place, whole=True)
        if not self._definitions:
            return copy
        return {**copy, "$defs": self._definitions} if isinstance(copy, dict) else copy

    def _leave_out(self, place: Place, key: str) -> None:
        if (place.at, key) not in self.wider:
            self.wider.append((place.at, key))

    def _of(self, place: Place, *, whole: bool = False) -> Any:
        """The copy of the schema at `place`. `whole` is True if no other schema applies to the same value."""
        if isinstance(place.schema, bool):
            return place.schema
        keywords = place.keywords
        copy: dict[str, Any] = {}
        in_place = [key for key in keywords if key in SPEAKING and (place.at, key) not in self.dropped]
        pure = in_place in (["$ref"], ["anyOf"], ["oneOf"]) or (in_place == ["allOf"] and len(keywords["allOf"]) == 1)
        # If several schemas apply to one object, several may apply to each of its properties, too.
        joined = bool(set(in_place) & {"$ref", "allOf", "anyOf", "oneOf", "patternProperties"})
        inside = whole and (pure or not joined)
        only_ref = "$ref" in keywords and self.root.old
        for key, value in keywords.items():
            if (only_ref and key != "$ref") or (place.at, key) in self.dropped:
                continue
            for name, part in self._keyword(place, key, value, whole=inside):
                # If two keywords become the same one, both must hold.
                if name in copy:
                    copy.setdefault("allOf", []).append({name: part})
                elif name == "allOf":
                    copy["allOf"] = [*copy.get("allOf", ()), *part]
                else:
                    copy[name] = part
        copy = self._without_unsupported(place, copy)
        if whole and not pure and (named := self._named(place)):
            self.only_named.append(place.at)
            closed = {"properties": dict.fromkeys(named, True), "additionalProperties": False}
            alone = set(named) <= set(copy.get("properties", {}))
            copy = (
                {**copy, "additionalProperties": False}
                if alone
                else {**copy, "allOf": [*copy.get("allOf", ()), closed]}
            )
        self._parts.append((place, copy))
        return copy

    def _keyword(self, place: Place, key: str, value: Any, *, whole: bool) -> Iterator[tuple[str, Any]]:
        """The keywords of the copy for one keyword of the schema; none if llguidance does not support it."""
        if key in LEFT_OUT:
            if not (key == "uniqueItems" and value is False):
                self._leave_out(place, key)
        elif key == "$ref":
            yield from self._ref(self.root.follow(place), whole=whole)
        elif key in ("const", "enum"):
            yield "anyOf", [self._value(place, key, choice) for choice in (value if key == "enum" else [value])]
        elif key in ("allOf", "anyOf", "oneOf"):
            yield key, [self._of(self.root.child(place, key, n), whole=whole) for n in range(len(value))]
        elif key in ("properties", "patternProperties"):
            yield key, {name: self._of(self.root.child(place, key, name), whole=whole) for name in value}
        elif key == "prefixItems" or (key == "items" and isinstance(value, list)):
            yield "prefixItems", [self._of(self.root.child(place, key, n), whole=whole) for n in range(len(value))]
            if key == "items" and "additionalItems" in place.keywords:
                yield "items", self._of(self.root.child(place, "additionalItems"), whole=whole)
        elif key in ("items", "additionalProperties"):
            yield key, self._of(self.root.child(place, key), whole=whole)
        elif key in LIMITS:
            if isinstance(value, bool) or _plain(value):
                yield key, value
            else:
                self._leave_out(place, key)
        elif key == "format":
            if value in FORMATS:
                yield key, value
            elif value in PATTERNS:
                yield "pattern", PATTERNS[value]
            elif value == "ipv6":
                yield "anyOf", [{"format": "ipv6"}, {"pattern": IPV4_AT_THE_END}]
            elif value in CHECKED:
                self._leave_out(place, key)
        elif key in KEPT:
            if key != "required" or isinstance(value, list):
                yield key, int(value) if isinstance(value, float) else value
        elif key in ("pattern", "multipleOf"):
            yield key, value

    def _named(self, place: Place) -> list[str]:
        """The properties that the schemas for this object list; none if it may have others, or is not an object."""
        names: dict[str, None] = {}
        required: dict[str, None] = {}
        typed, seen, waiting = False, set(), [place]
        while waiting:
            schema = waiting.pop(0)
            if id(schema.schema) in seen:
                continue
            seen.add(id(schema.schema))
            keywords = schema.keywords
            if set(keywords) & MORE_NAMES:
                return []
            typed = typed or keywords.get("type") == "object"
            names |= dict.fromkeys(keywords.get("properties", {}))
            required |= dict.fromkeys(_texts(keywords.get("required")))
            if "$ref" in keywords:
                waiting.append(self.root.follow(schema))
            for key in ("allOf", "anyOf", "oneOf"):
                waiting += [self.root.child(schema, key, number) for number in range(len(keywords.get(key, ())))]
        return [*(names | required)] if typed and names else []

    def _ref(self, target: Place, *, whole: bool) -> Iterator[tuple[str, Any]]:
        if isinstance(target.schema, bool):
            yield "allOf", [target.schema]
            return
        key = (id(target.schema), whole)
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"d{len(self._names)}"  # before its copy is made, which may refer to it
            self._definitions[name] = self._of(target, whole=whole)
        yield "$ref", f"#/$defs/{name}"

    def _value(self, place: Place, key: str, value: Any) -> Any:
        """A schema that allows exactly one value. For numbers that llguidance reads wrongly, it allows all numbers."""
        if isinstance(value, list):
            items = [self._value(place, key, item) for item in value]
            return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
        if isinstance(value, Mapping):
            inner = {name: self._value(place, key, part) for name, part in value.items()}
            return {"type": "object", "properties": inner, "required": [*inner], "additionalProperties": False}
        if isinstance(value, bool) or not isinstance(value, int | float):
            return {"const": value}
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if _plain(value):
            return {"const": value}
        self._leave_out(place, key)
        return {"type": "integer" if isinstance(value, int) else "number"}

    def _without_unsupported(self, place: Place, made: dict[str, Any]) -> dict[str, Any]:
        """The copy `made` without keywords that llguidance refuses or reads differently. Each kind is tried alone."""
        texts = {key: made[key] for key in REGEXES if key in made}
        for key in ("pattern", "format"):
            if key in texts and compile_grammar({"type": "string", **texts})[1]:
                if compile_grammar({"type": "string", **texts})[1].startswith("Unsatisfiable"):
                    break
                del texts[key], made[key]
                self._leave_out(place, key)
        if "multipleOf" in made:
            numbers = {key: made[key] for key in ("multipleOf", *LIMITS) if key in made}
            if _refused({"type": "number", **numbers}):
                del made["multipleOf"]
                self._leave_out(place, "multipleOf")
        for key in LIMITS & set(made):
            if compile_grammar({"type": "number", key: made[key]})[1]:
                del made[key]
                self._leave_out(place, key)
        if (
            "patternProperties" in made
            and compile_grammar({"patternProperties": dict.fromkeys(made["patternProperties"], True)})[1]
        ):
            self._leave_out(place, "patternProperties")
            patterns = list(made.pop("patternProperties").values())
            if made.get("additionalProperties", True) is not True:
                # Properties that a pattern allowed must stay allowed.
                rest = made["additionalProperties"]
                made["additionalProperties"] = {"anyOf": [*patterns, *([rest] if rest is not False else [])]}
        counts = {key: made[key] for key in ("minProperties", "maxProperties") if key in made}
        if counts:
            flat = {
                "properties": dict.fromkeys(made.get("properties", {}), True),
                "required": made.get("required", []),
                "additionalProperties": made.get("additionalProperties", True) is not False,
            }
            if _refused({"type": "object", **flat, **counts}):
                for key in counts:
                    del made[key]
                    self._leave_out(place, key)
        return made

    def unsupported(self) -> Iterator[tuple[str, str]]:
        """The places and keywords without which llguidance accepts a copy that it refuses as a whole; the keyword that
        restricts the value least comes first."""
        definitions = {"$defs": self._definitions}
        for place, copy in self._parts:  # the innermost first
            if not isinstance(place.schema, Mapping) or not _refused({**definitions, **copy}):
                continue
            for key in sorted(set(place.keywords) - {"type", "$defs", "definitions"}, key=_worth):
                slimmer = WiderSchema(self.schema, self.dropped | {(place.at, key)})
                slimmer.build()
                part = next((m for p, m in slimmer._parts if p.at == place.at), None)
                if part is not None and not _refused({"$defs": slimmer._definitions, **part}):
                    yield place.at, key


def _texts(value: Any) -> list[str]:
    return value if isinstance(value, list) else []


def _worth(key: str) -> int:
    """How much a keyword restricts a value. The ones that restrict least are left out first."""
    order = (REGEXES, LIMITS, ("multipleOf", "minItems", "maxItems", "minProperties", "maxProperties"), ())
    later = {"allOf": 5, "anyOf": 6, "oneOf": 6, "properties": 7, "$ref": 8}
    return next((rank for rank, keys in enumerate(order) if key in keys), later.get(key, 4))


def _refused(copy: Any) -> bool:
    """True if llguidance does not support the schema; an unsatisfiable schema is supported."""
    error = compile_grammar(copy)[1]
    return bool(error) and not error.startswith("Unsatisfiable")


def _plain(value: Any) -> bool:
    """True if llguidance reads the number as it is written."""
    if isinstance(value, int):
        return abs(value) <= LARGEST
    return isinstance(value, float) and "e" not in repr(value) and abs(value) < 1e15
