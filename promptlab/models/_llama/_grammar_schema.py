"""The copy of a JSON Schema that llguidance makes a grammar of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab._util.json_schema_formats import CHECKED
from promptlab._util.json_schema_refs import Place, Root
from promptlab.errors import ModelNotReady

WHITE = r"[ ]|\r?\n[ \t]{0,32}"
"""White space between the parts of an answer: a space, or a new line and its indent. A model that may write as much as
it likes does."""
OPTIONS: Any = {
    "whitespace_pattern": WHITE,
    "coerce_one_of": True,
    "json_allow_general_unicode_escapes": True,
}
FORMATS = frozenset({"date", "time", "date-time", "duration", "hostname", "uuid", "uri", "ipv4"})
"""Those that llguidance holds, all of each."""
ATOM, LABEL = r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+", r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
PATTERNS: Mapping[str, str] = {
    "email": rf"^({ATOM}(\.{ATOM})*|"
    + r'"([ !#-\[\]-~]|\\[ -~])*")@'
    + rf"({LABEL}(\.{LABEL})*|\[([0-9.]+|[Ii][Pp][Vv]6:[0-9A-Fa-f:.]+)\])$",
    "json-pointer": r"^(/([^~/]|~[01])*)*$",
}
"""Formats of which llguidance holds less than there is, or nothing: as patterns that hold at least all of it."""
IPV4_AT_THE_END = r"^[0-9A-Fa-f:]{2,30}:([0-9]{1,3}\.){3}[0-9]{1,3}$"
"""The form of `ipv6` that llguidance does not have."""
KEPT = frozenset(
    {"type", "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "required"}
)
LIMITS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
LEFT_OUT = frozenset(
    {"not", "if", "then", "else", "contains", "minContains", "maxContains", "uniqueItems", "propertyNames"}
    | {"dependencies", "dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"}
    | {"$dynamicRef", "$recursiveRef"}
)
"""What no grammar of llguidance holds."""
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
"""Keywords that say something of a value."""
MORE_NAMES = frozenset(
    {"additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames", "minProperties"}
    | {"if", "then", "else", "dependentSchemas", "dependentRequired", "dependencies", "not", "$dynamicRef"}
)
"""What says something of properties that are not named, or names others."""
REGEXES = ("pattern", "format", "minLength", "maxLength")
LARGEST = 2**53
"""llguidance reads numbers as doubles, which hold each integer up to this one."""


def compile_grammar(copy: Any) -> tuple[str, str]:
    """llguidance's grammar for `copy`, and what it says against it; empty where nothing."""
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
class Copy:
    """A schema that allows at least what `schema` does, of words that llguidance knows. `dropped` are pairs of place
    and keyword to leave out."""

    schema: Any
    dropped: frozenset[tuple[str, str]] = frozenset()
    wider: list[tuple[str, str]] = field(default_factory=list)
    only_named: list[str] = field(default_factory=list)

    def copy(self) -> Any:
        """The copy; `wider` then names what it leaves out."""
        self.root = Root(self.schema)
        self._names: dict[tuple[int, bool], str] = {}
        self._made: dict[str, Any] = {}
        self._parts: list[tuple[Place, dict[str, Any]]] = []
        copy = self._of(self.root.place, whole=True)
        if not self._made:
            return copy
        return {**copy, "$defs": self._made} if isinstance(copy, dict) else copy

    def _leave(self, place: Place, key: str) -> None:
        if (place.at, key) not in self.wider:
            self.wider.append((place.at, key))

    def _of(self, place: Place, *, whole: bool = False) -> Any:
        """The copy of `place`; `whole` where it alone says what a value may be."""
        if isinstance(place.schema, bool):
            return place.schema
        keywords = place.keywords
        made: dict[str, Any] = {}
        in_place = [key for key in keywords if key in SPEAKING and (place.at, key) not in self.dropped]
        pure = in_place in (["$ref"], ["anyOf"], ["oneOf"]) or (in_place == ["allOf"] and len(keywords["allOf"]) == 1)
        # Where several schemas speak of one object, each property may have several that speak of it, too.
        joined = bool(set(in_place) & {"$ref", "allOf", "anyOf", "oneOf", "patternProperties"})
        inside = whole and (pure or not joined)
        only_ref = "$ref" in keywords and self.root.old
        for key, value in keywords.items():
            if (only_ref and key != "$ref") or (place.at, key) in self.dropped:
                continue
            for name, part in self._keyword(place, key, value, whole=inside):
                # Where two keywords become one, both must hold.
                if name in made:
                    made.setdefault("allOf", []).append({name: part})
                elif name == "allOf":
                    made["allOf"] = [*made.get("allOf", ()), *part]
                else:
                    made[name] = part
        made = self._checked(place, made)
        if whole and not pure and (named := self._named(place)):
            self.only_named.append(place.at)
            closed = {"properties": dict.fromkeys(named, True), "additionalProperties": False}
            alone = set(named) <= set(made.get("properties", {}))
            made = (
                {**made, "additionalProperties": False}
                if alone
                else {**made, "allOf": [*made.get("allOf", ()), closed]}
            )
        self._parts.append((place, made))
        return made

    def _keyword(self, place: Place, key: str, value: Any, *, whole: bool) -> Iterator[tuple[str, Any]]:
        if key in LEFT_OUT:
            if not (key == "uniqueItems" and value is False):
                self._leave(place, key)
        elif key == "$ref":
            yield from self._ref(self.root.follow(place), whole=whole)
        elif key in ("const", "enum"):
            yield "anyOf", [self._value(place, key, one) for one in (value if key == "enum" else [value])]
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
                self._leave(place, key)
        elif key == "format":
            if value in FORMATS:
                yield key, value
            elif value in PATTERNS:
                yield "pattern", PATTERNS[value]
            elif value == "ipv6":
                yield "anyOf", [{"format": "ipv6"}, {"pattern": IPV4_AT_THE_END}]
            elif value in CHECKED:
                self._leave(place, key)
        elif key in KEPT:
            if key != "required" or isinstance(value, list):
                yield key, int(value) if isinstance(value, float) else value
        elif key in ("pattern", "multipleOf"):
            yield key, value

    def _named(self, place: Place) -> list[str]:
        """The properties that an object here is written with; empty where it may have others, or names none."""
        names: dict[str, None] = {}
        required: dict[str, None] = {}
        typed, seen, waiting = False, set(), [place]
        while waiting:
            one = waiting.pop(0)
            if id(one.schema) in seen:
                continue
            seen.add(id(one.schema))
            keywords = one.keywords
            if set(keywords) & MORE_NAMES:
                return []
            typed = typed or keywords.get("type") == "object"
            names |= dict.fromkeys(keywords.get("properties", {}))
            required |= dict.fromkeys(_texts(keywords.get("required")))
            if "$ref" in keywords:
                waiting.append(self.root.follow(one))
            for key in ("allOf", "anyOf", "oneOf"):
                waiting += [self.root.child(one, key, number) for number in range(len(keywords.get(key, ())))]
        return [*(names | required)] if typed and names else []

    def _ref(self, target: Place, *, whole: bool) -> Iterator[tuple[str, Any]]:
        if isinstance(target.schema, bool):
            yield "allOf", [target.schema]
            return
        key = (id(target.schema), whole)
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"d{len(self._names)}"  # named first: it may contain itself
            self._made[name] = self._of(target, whole=whole)
        yield "$ref", f"#/$defs/{name}"

    def _value(self, place: Place, key: str, value: Any) -> Any:
        """A schema for one value and no other, but for numbers that llguidance would change."""
        if isinstance(value, list):
            items = [self._value(place, key, one) for one in value]
            return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
        if isinstance(value, Mapping):
            inner = {name: self._value(place, key, one) for name, one in value.items()}
            return {"type": "object", "properties": inner, "required": [*inner], "additionalProperties": False}
        if isinstance(value, bool) or not isinstance(value, int | float):
            return {"const": value}
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if _plain(value):
            return {"const": value}
        self._leave(place, key)
        return {"type": "integer" if isinstance(value, int) else "number"}

    def _checked(self, place: Place, made: dict[str, Any]) -> dict[str, Any]:
        """`made` without those of its own keywords that llguidance refuses or reads otherwise."""
        kept = {key: made[key] for key in REGEXES if key in made}
        for key in ("pattern", "format"):
            if key in kept and compile_grammar({"type": "string", **kept})[1]:
                if compile_grammar({"type": "string", **kept})[1].startswith("Unsatisfiable"):
                    break
                del kept[key], made[key]
                self._leave(place, key)
        if "multipleOf" in made:
            numbers = {key: made[key] for key in ("multipleOf", *LIMITS) if key in made}
            wrong = compile_grammar({"type": "number", **numbers})[1]
            if wrong and not wrong.startswith("Unsatisfiable"):
                del made["multipleOf"]
                self._leave(place, "multipleOf")
        for key in LIMITS & set(made):
            if compile_grammar({"type": "number", key: made[key]})[1]:
                del made[key]
                self._leave(place, key)
        if (
            "patternProperties" in made
            and compile_grammar({"patternProperties": dict.fromkeys(made["patternProperties"], True)})[1]
        ):
            self._leave(place, "patternProperties")
            patterns = list(made.pop("patternProperties").values())
            if made.get("additionalProperties", True) is not True:
                # A name that a pattern allowed must stay allowed.
                others = made["additionalProperties"]
                made["additionalProperties"] = {"anyOf": [*patterns, *([others] if others is not False else [])]}
        counts = {key: made[key] for key in ("minProperties", "maxProperties") if key in made}
        if counts:
            flat = {
                "properties": dict.fromkeys(made.get("properties", {}), True),
                "required": made.get("required", []),
                "additionalProperties": made.get("additionalProperties", True) is not False,
            }
            wrong = compile_grammar({"type": "object", **flat, **counts})[1]
            if wrong and not wrong.startswith("Unsatisfiable"):
                for key in counts:
                    del made[key]
                    self._leave(place, key)
        return made

    def too_much(self) -> Iterator[tuple[str, str]]:
        """Pairs of place and keyword to leave out of a copy that llguidance refuses as a whole, the best first."""
        definitions = {"$defs": self._made}
        for place, made in self._parts:  # the innermost first
            if not isinstance(place.schema, Mapping) or not _refused({**definitions, **made}):
                continue
            for key in sorted(set(place.keywords) - {"type", "$defs", "definitions"}, key=_worth):
                slim = Copy(self.schema, self.dropped | {(place.at, key)})
                slim.copy()
                again = next((m for p, m in slim._parts if p.at == place.at), None)
                if again is not None and not _refused({"$defs": slim._made, **again}):
                    yield place.at, key


def _texts(value: Any) -> list[str]:
    return value if isinstance(value, list) else []


def _worth(key: str) -> int:
    """How much of a schema a keyword says: what is left out first says least."""
    order = (REGEXES, LIMITS, ("multipleOf", "minItems", "maxItems", "minProperties", "maxProperties"), ())
    later = {"allOf": 5, "anyOf": 6, "oneOf": 6, "properties": 7, "$ref": 8}
    return next((rank for rank, keys in enumerate(order) if key in keys), later.get(key, 4))


def _refused(copy: Any) -> bool:
    wrong = compile_grammar(copy)[1]
    return bool(wrong) and not wrong.startswith("Unsatisfiable")


def _plain(value: Any) -> bool:
    """Whether llguidance reads the number as it is written."""
    if isinstance(value, int):
        return abs(value) <= LARGEST
    return isinstance(value, float) and "e" not in repr(value) and abs(value) < 1e15
