"""From a JSON Schema to a grammar (GBNF) that a local model's answer must follow.

    {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}

becomes rules by which the model can write nothing but such an object. The promise is one-sided: every
whole answer is valid under the schema. Where the grammar allows less than the schema, that is by choice
(declared properties in their order, no others beside them). A keyword that neither holds by this nor can
be ignored is refused by name and place; the schema is never weakened. llama-cpp-python's own converter
ignores what it does not know and lets raw line breaks into strings, so it is not used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.errors import RequestRejected

ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
    | {"$schema", "$id", "$comment", "$defs", "definitions"}
)
KEYWORDS: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength", "format"}),
    "integer": frozenset({"minimum", "maximum"}),
    "number": frozenset({"minimum", "maximum"}),
    "boolean": frozenset(),
    "null": frozenset(),
}
"""What is understood beside `type`, `enum`, `const`, `anyOf`, `oneOf`, `allOf` with one entry, and `$ref`."""

FORMATS: Mapping[str, str] = {
    "date": "date",
    "time": "time",
    "date-time": 'date "T" time',
    "uuid": '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}',
}
MOST_REPEATS = 1000
MOST_NUMBERS = 1000

BASICS: Mapping[str, str] = {
    # Some white space, so that a model may write JSON the way it learned to, but never an endless run of it.
    "ws": '| " " | "\\n" [ \\t]{0,16}',
    # No control characters and no halves of surrogate pairs.
    "char": '[^"\\\\\\x00-\\x1F\\x7F] | "\\\\" (["\\\\/bfnrt] | "u" ([0-9a-cefA-CEF] hex | [dD] [0-7]) hex hex)',
    "hex": "[0-9a-fA-F]",
    "string": '"\\"" char* "\\""',
    "whole": '"0" | [1-9] [0-9]{0,14}',
    "integer": '"-"? whole',
    "part": '("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?',
    "number": "integer part",
    "boolean": '"true" | "false"',
    "null": '"null"',
    "object": '"{" ws (member ("," ws member)*)? "}"',
    "member": 'string ws ":" ws value ws',
    "array": '"[" ws (value ws ("," ws value ws)*)? "]"',
    "value": "object | array | string | number | boolean | null",
    "date": '[0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8])',
    "time": '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? ("Z" | [-+] '
    '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])',
}
"""Rules any schema may use. Days end at 28: a grammar cannot count the days of a month."""


def grammar_of(schema: str) -> str:
    """GBNF with start rule `root` for JSON Schema `schema` (JSON text).

    Raises:
        RequestRejected: names the keyword that no grammar can hold, and where it stands.
    """
    try:
        parsed = json.loads(schema)
    except ValueError as exc:
        raise RequestRejected(f"the schema is not JSON: {exc}") from exc
    return _Compiler(parsed).text()


class _Compiler:
    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._rules: dict[str, str] = {}
        self._refs: dict[str, str] = {}
        self._rules["root"] = self._value(schema, "#")

    def text(self) -> str:
        rules = {**BASICS, **self._rules}
        return "\n".join(f"{name} ::= {rule}" for name, rule in rules.items())

    def _rule(self, rule: str) -> str:
        """A rule of its own for `rule`; returns its name."""
        name = f"r{len(self._rules)}"
        self._rules[name] = rule
        return name

    def _value(self, schema: Any, at: str) -> str:
        """A GBNF expression, safe to put in a sequence, for every JSON text of `schema`."""
        if schema is True or schema == {}:
            return "value"
        if not isinstance(schema, dict):
            raise _refused(f"no answer can satisfy {json.dumps(schema)} at {at}")
        told = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
        for key in ("$ref", "const", "enum", "anyOf", "oneOf", "allOf"):
            if key in told:
                return self._special(key, told, at)
        types = told.get("type", _guess(told))
        types = [types] if isinstance(types, str) else types
        known = {"type"}.union(*(words for words in KEYWORDS.values()))
        for key in told:
            if key not in known:
                raise _refused(f"`{key}` at {at} cannot be turned into a grammar")
        if types is None:
            return "value"
        return _either([self._typed(kind, told, at) for kind in types])

    def _special(self, key: str, told: dict[str, Any], at: str) -> str:
        beside = set(told) - {key} - ({"type"} if key in ("const", "enum") else set())
        if beside:
            raise _refused(f"`{key}` beside `{min(beside)}` at {at} cannot be turned into a grammar")
        if key == "$ref":
            return self._ref(told[key], at)
        if key in ("const", "enum"):
            values = [told[key]] if key == "const" else told[key]
            kept = [v for v in values if _is_a(v, told.get("type"))]
            if not kept:
                raise _refused(f"no value of `{key}` at {at} has the type asked for")
            return _either([_literal(json.dumps(v, ensure_ascii=False)) for v in kept])
        options = told[key]
        if key == "allOf" and len(options) > 1:
            raise _refused(f"`allOf` with several entries at {at} cannot be turned into a grammar")
        if key == "oneOf" and not self._disjoint(options):
            raise _refused(f"`oneOf` at {at} has alternatives that may both hold; use `anyOf` if that is fine")
        return _either([self._value(option, f"{at}/{key}/{n}") for n, option in enumerate(options)])

    def _ref(self, ref: Any, at: str) -> str:
        if ref not in self._refs:
            target = self._find(ref, at)
            name = self._refs[ref] = self._rule("")  # named before it is filled: a schema may contain itself
            self._rules[name] = self._value(target, ref)
        return self._refs[ref]

    def _find(self, ref: Any, at: str) -> Any:
        target = self._schema
        if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
            raise _refused(f"`$ref` to {ref!r} at {at} leads out of the schema")
        for part in ref.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or part not in target:
                raise _refused(f"`$ref` to {ref} at {at} leads nowhere")
            target = target[part]
        return target

    def _disjoint(self, options: Sequence[Any]) -> bool:
        """Whether no value can satisfy two of the options: other types, or objects told apart by a constant."""
        seen = [self._find(o["$ref"], "#") if isinstance(o, dict) and "$ref" in o else o for o in options]
        if not all(isinstance(o, dict) for o in seen):
            return False
        types = [o.get("type") for o in seen]
        if all(isinstance(t, str) for t in types) and len(set(types)) == len(types):
            return not {"integer", "number"} <= set(types)
        names = set.intersection(*(set(o.get("required", ())) for o in seen)) if seen else set()
        for name in names:
            constants = [o.get("properties", {}).get(name, {}).get("const") for o in seen]
            if None not in constants and len({json.dumps(c) for c in constants}) == len(constants):
                return True
        return False

    def _typed(self, kind: Any, told: dict[str, Any], at: str) -> str:
        if kind not in KEYWORDS:
            raise _refused(f"`type` {kind!r} at {at} is none that JSON knows")
        if kind == "object":
            return self._object(told, at)
        if kind == "array":
            return self._array(told, at)
        if kind == "string":
            return _string(told, at)
        if kind in ("integer", "number"):
            return _number(kind, told, at)
        return str(kind)

    def _object(self, told: dict[str, Any], at: str) -> str:
        properties: dict[str, Any] = dict(told.get("properties", {}))
        required = list(told.get("required", ()))
        others = told.get("additionalProperties", True)
        for name in required:
            if name not in properties:
                if others is False:
                    raise _refused(f"`required` at {at} asks for `{name}`, which `additionalProperties` forbids")
                properties[name] = others
        if not properties:
            if others is False:
                return '"{" ws "}"'
            value = self._value(others, f"{at}/additionalProperties")
            member = self._rule(f'string ws ":" ws {value} ws')
            return f'"{{" ws ({member} ("," ws {member})*)? "}}"'
        members = [
            self._rule(f'{_literal(json.dumps(n, ensure_ascii=False))} ws ":" ws {self._value(s, _at(at, n))} ws')
            for n, s in properties.items()
        ]
        return f'"{{" ws {self._members(list(zip(properties, members, strict=True)), set(required))} "}}"'

    def _members(self, members: list[tuple[str, str]], required: set[str]) -> str:
        """Members in order with commas between; those not required may be missing."""
        after = first = ""  # what may follow once a member is written, and while none is
        for name, member in reversed(members):
            one = f"{member} {after}".strip()
            if name in required:
                first = one
            else:
                first = f"({one} | {first})" if first else f"({one})?"
            rest = f'"," ws {member}' if name in required else f'("," ws {member})?'
            after = self._rule(f"{rest} {after}".strip())
        return first

    def _array(self, told: dict[str, Any], at: str) -> str:
        item = self._rule(f"{self._value(told.get('items', True), f'{at}/items')} ws")
        least, most = _bounds(told, "minItems", "maxItems", at)
        if most == 0:
            return '"[" ws "]"'
        more = f'("," ws {item}){_repeat(max(0, least - 1), None if most is None else most - 1)}'
        return f'"[" ws {item} {more} "]"' if least else f'"[" ws ({item} {more})? "]"'


def _string(told: dict[str, Any], at: str) -> str:
    least, most = _bounds(told, "minLength", "maxLength", at)
    if "format" in told:
        if told["format"] not in FORMATS:
            raise _refused(f"`format` {told['format']!r} at {at} cannot be turned into a grammar")
        if least or most is not None:
            raise _refused(f"`format` with a length at {at} cannot be turned into a grammar")
        return f'"\\"" {FORMATS[told["format"]]} "\\""'
    return "string" if not least and most is None else f'"\\"" char{_repeat(least, most)} "\\""'


def _number(kind: str, told: dict[str, Any], at: str) -> str:
    low, high = told.get("minimum"), told.get("maximum")
    if low is None and high is None:
        return kind
    if kind == "integer" and low is not None and high is not None:
        first, last = int(-(-low // 1)), int(high // 1)
        if first > last:
            raise _refused(f"no integer lies between `minimum` and `maximum` at {at}")
        if last - first < MOST_NUMBERS:
            return _either([f'"{n}"' for n in range(first, last + 1)])
    if low == 0 and high is None:
        return "whole" if kind == "integer" else "whole part"
    raise _refused(
        f"`minimum` and `maximum` of the {kind} at {at} cannot be turned into a grammar; "
        f"a minimum of 0 can, and integers between two limits fewer than {MOST_NUMBERS} apart"
    )


def _bounds(told: dict[str, Any], low: str, high: str, at: str) -> tuple[int, int | None]:
    least, most = int(told.get(low, 0)), told.get(high)
    most = None if most is None else int(most)
    if max(least, most or 0) > MOST_REPEATS:
        raise _refused(f"`{low}` or `{high}` above {MOST_REPEATS} at {at} cannot be turned into a grammar")
    if most is not None and least > most:
        raise _refused(f"`{low}` is above `{high}` at {at}")
    return least, most


def _repeat(least: int, most: int | None) -> str:
    return f"{{{least},{'' if most is None else most}}}"


def _guess(told: Mapping[str, Any]) -> str | None:
    """A type for a schema that names none: one of those its keywords speak of, which is a valid choice."""
    return next((kind for kind, words in KEYWORDS.items() if words & set(told)), None)


def _is_a(value: Any, types: Any) -> bool:
    if types is None:
        return True
    kinds = [types] if isinstance(types, str) else types
    number = isinstance(value, int | float) and not isinstance(value, bool)
    checks = {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "number": number,
        "integer": number and value == int(value),
        "boolean": isinstance(value, bool),
        "null": value is None,
    }
    return any(checks.get(kind, False) for kind in kinds)


def _either(options: Sequence[str]) -> str:
    return options[0] if len(options) == 1 else f"({' | '.join(options)})"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _at(at: str, name: str) -> str:
    return f"{at}/properties/{name.replace('~', '~0').replace('/', '~1')}"


def _refused(what: str) -> RequestRejected:
    return RequestRejected(
        f"the schema asks for more than a local model can be held to: {what}",
        hint="simplify the schema, or ask a model behind an API",
    )


__all__ = ["grammar_of"]
