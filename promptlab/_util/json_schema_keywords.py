"""What the keywords of JSON schemas allow together, when all of these schemas must hold for the same value.

    keywords = Keywords(root, [place_of_type_integer, place_with_minimum], search)
    keywords.kinds()        # the kinds of value that are possible, and a Contradiction if one was excluded

A kind is a JSON type, such as "string". Keywords that choose between schemas (`anyOf`, `oneOf`) are not looked at here;
json_schema_unsatisfiable.py does that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from promptlab._util.json_schema_formats import CHECKED, ecma_pattern, find_pattern
from promptlab._util.json_schema_refs import Place, Root

KINDS = frozenset({"null", "boolean", "number", "string", "array", "object"})
MOST_ITEMS = 64
"""How many required items of an array are looked at."""

Key = tuple[frozenset[tuple[int, str]], frozenset[int]]
"""Identifies a set of schemas that hold together, and the alternatives chosen for it."""
Search = Callable[[Sequence[Place]], tuple[frozenset[str], Key]]
"""The kinds of value that are valid under all of some schemas, and the key of these schemas."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Why a schema has no valid value, and its place. `inner` is set if the reason lies in schemas further inside."""

    why: str
    at: str
    inner: Key | None = None


def place_id(place: Place) -> tuple[int, str]:
    """Identifies a schema. Python has one `True` and one `False`, so these need their position, too."""
    return (id(place.schema), place.at if isinstance(place.schema, bool) else "")


def key_of(places: Sequence[Place], chosen: frozenset[int]) -> Key:
    """Identifies `places`, in any order, with the alternatives `chosen` for them."""
    return frozenset(place_id(place) for place in places), chosen


class Keywords:
    """The keywords of several schemas that must hold for the same value. `search` decides about values inside it."""

    def __init__(self, root: Root, places: Sequence[Place], search: Search) -> None:
        self._root, self._places, self._search = root, places, search

    def kinds(self) -> tuple[frozenset[str], Contradiction | None]:
        """The kinds of value that are possible, and the last contradiction that excluded one."""
        kinds, why = set(KINDS), None
        for place in self._places:
            if "type" in place.keywords:
                kinds &= {"number" if name == "integer" else name for name in _types(place.keywords)}
                if not kinds:
                    return frozenset(), Contradiction("its types exclude each other", place.at)
        listed = [place for place in self._places if "enum" in place.keywords or "const" in place.keywords]
        if listed:
            values = _values(listed[0].keywords)
            allowed = [{_comparable(v) for v in _values(place.keywords)} for place in listed[1:]]
            values = [v for v in values if all(_comparable(v) in choices for choices in allowed)]
            fitting = [v for v in values if all(_fits(v, place.keywords) for place in self._places)]
            word = "enum" if "enum" in listed[0].keywords else "const"
            why = Contradiction(f"no value of `{word}` fits the keywords beside it", listed[0].at)
            kinds &= {_kind(v) for v in fitting}
        for kind, check in (
            ("string", self._strings),
            ("number", self._numbers),
            ("array", self._arrays),
            ("object", self._objects),
        ):
            if kind in kinds and (contradiction := check()):
                kinds.discard(kind)
                why = contradiction
        return frozenset(kinds), why

    def _each(self, word: str) -> Iterator[tuple[Any, Place]]:
        """The values of the keyword `word`, each with the schema that has it."""
        return ((place.keywords[word], place) for place in self._places if word in place.keywords)

    def _greatest(self, word: str) -> Any:
        return max((value for value, _ in self._each(word)), default=None)

    def _smallest(self, word: str) -> Any:
        return min((value for value, _ in self._each(word)), default=None)

    def _limits_cross(self, low: str, high: str) -> Contradiction | None:
        least, most = self._greatest(low), self._smallest(high)
        if least is None or most is None or least <= most:
            return None
        return Contradiction(f"`{low}` is greater than `{high}`", next(self._each(low))[1].at)

    def _strings(self) -> Contradiction | None:
        return self._limits_cross("minLength", "maxLength")

    def _numbers(self) -> Contradiction | None:
        low, open_low = self._bound("minimum", "exclusiveMinimum", max)
        high, open_high = self._bound("maximum", "exclusiveMaximum", min)
        steps = [_fraction(value) for value, _ in self._each("multipleOf")]
        at = next((p.at for p in self._places if {"minimum", "exclusiveMinimum"} & set(p.keywords)), self._places[0].at)
        whole = any("number" not in _types(p.keywords) for p in self._places if "type" in p.keywords)
        step = _common_multiple([*steps, *([Fraction(1)] if whole else [])])
        if low is None or high is None:
            return None
        if step is None:
            if low > high or (low == high and (open_low or open_high)):
                return Contradiction("its lower limit is greater than its upper limit", at)
            return None
        first = math.ceil(low / step) * step
        if open_low and first == low:
            first += step
        if first > high or (open_high and first == high):
            return Contradiction(
                f"no {'integer' if whole and len(steps) == 0 else 'multiple'} lies between its limits", at
            )
        return None

    def _bound(self, word: str, exclusive: str, choose: Any) -> tuple[Fraction | None, bool]:
        """The tightest limit, and True if the limit itself is excluded."""
        closed = [_fraction(v) for v, _ in self._each(word)]
        open_ = [_fraction(v) for v, _ in self._each(exclusive) if not isinstance(v, bool)]
        # In draft 4 `exclusiveMinimum` is a flag beside `minimum`.
        open_ += [_fraction(p.keywords[word]) for v, p in self._each(exclusive) if v is True and word in p.keywords]
        if not closed and not open_:
            return None, False
        limit = choose([*closed, *open_])
        return limit, limit in open_

    def _arrays(self) -> Contradiction | None:
        if contradiction := self._limits_cross("minItems", "maxItems"):
            return contradiction
        for number in range(min(int(self._greatest("minItems") or 0), MOST_ITEMS)):
            inside = [schema for place in self._places for schema in self._item(place, number)]
            if contradiction := self._needs(inside, f"item {number + 1} is required and cannot exist"):
                return contradiction
        for _, place in self._each("contains"):
            if place.keywords.get("minContains", 1) == 0:
                continue
            if self._smallest("maxItems") == 0:
                return Contradiction("`contains` needs an item and `maxItems` is 0", place.at)
            if contradiction := self._needs(
                [self._root.child(place, "contains")], "`contains` requires an item that cannot exist"
            ):
                return contradiction
        return None

    def _item(self, place: Place, number: int) -> Iterator[Place]:
        """The schemas of `place` for item `number` of an array."""
        keywords = place.keywords
        first, rest = (
            ("items", "additionalItems") if isinstance(keywords.get("items"), list) else ("prefixItems", "items")
        )
        if isinstance(keywords.get(first), list) and number < len(keywords[first]):
            yield self._root.child(place, first, number)
        elif rest in keywords:
            yield self._root.child(place, rest)

    def _objects(self) -> Contradiction | None:
        if contradiction := self._limits_cross("minProperties", "maxProperties"):
            return contradiction
        required = {name: place for names, place in self._each("required") if isinstance(names, list) for name in names}
        most = self._smallest("maxProperties")
        if most is not None and len(required) > most:
            return Contradiction(
                f"`required` names {len(required)} properties and `maxProperties` is {most}",
                next(self._each("maxProperties"))[1].at,
            )
        for name, place in required.items():
            inside = [schema for parent in self._places for schema in self._property(parent, name)]
            if contradiction := self._needs(inside, f"`{name}` is required and cannot exist", place.at):
                return contradiction
            for names, parent in self._each("propertyNames"):
                if names is False or not _fits(name, names if isinstance(names, Mapping) else {}):
                    return Contradiction(f"`{name}` is required and `propertyNames` forbids it", parent.at)
        least = self._greatest("minProperties") or 0
        for closed, place in self._each("additionalProperties"):
            if closed is False and not place.keywords.get("patternProperties"):
                names = place.keywords.get("properties", {})
                if len(names) < least:
                    return Contradiction(f"`minProperties` is {least} and {len(names)} are allowed", place.at)
        return None

    def _property(self, place: Place, name: str) -> Iterator[Place]:
        """The schemas of `place` for the property `name`."""
        keywords = place.keywords
        matched = False
        if name in keywords.get("properties", {}):
            matched = True
            yield self._root.child(place, "properties", name)
        for pattern in keywords.get("patternProperties", {}):
            if ecma_pattern(pattern) is not None and find_pattern(pattern, name):
                matched = True
                yield self._root.child(place, "patternProperties", pattern)
        if not matched and "additionalProperties" in keywords:
            yield self._root.child(place, "additionalProperties")

    def _needs(self, inside: Sequence[Place], why: str, at: str = "") -> Contradiction | None:
        """A contradiction with the reason `why` if no value is valid under all of `inside`."""
        if not inside:
            return None
        kinds, key = self._search(inside)
        return None if kinds else Contradiction(why, at or inside[0].at, key)


def _fraction(number: Any) -> Fraction:
    """The number as it is written: 0.07, not the binary fraction next to it."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def _common_multiple(steps: Sequence[Fraction]) -> Fraction | None:
    """The least number that is a multiple of all `steps`."""
    common: Fraction | None = None
    for step in steps:
        if step <= 0:
            continue
        common = (
            step
            if common is None
            else Fraction(
                math.lcm(common.numerator * step.denominator, step.numerator * common.denominator),
                common.denominator * step.denominator,
            )
        )
    return common


def _types(keywords: Mapping[str, Any]) -> list[str]:
    types = keywords["type"]
    return [types] if isinstance(types, str) else list(types)


def _values(keywords: Mapping[str, Any]) -> list[Any]:
    return list(keywords["enum"]) if "enum" in keywords else [keywords["const"]]


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds = ((str, "string"), (list, "array"), (Mapping, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "number")


def _fits(value: Any, keywords: Mapping[str, Any]) -> bool:
    """True if `value` fits those of the `keywords` that do not look inside a value."""
    kind = _kind(value)
    if "type" in keywords:
        types = _types(keywords)
        whole = kind == "number" and value == math.floor(value)
        if kind not in types and not (whole and "integer" in types):
            return False
    if "const" in keywords and _comparable(value) != _comparable(keywords["const"]):
        return False
    if kind == "string":
        ok = keywords.get("minLength", 0) <= len(value) <= keywords.get("maxLength", math.inf)
        check = CHECKED.get(keywords.get("format", ""))
        if "pattern" in keywords and ecma_pattern(keywords["pattern"]) is not None:
            ok = ok and find_pattern(keywords["pattern"], value)
        return ok and (check is None or check(value))
    if kind == "array":
        return bool(keywords.get("minItems", 0) <= len(value) <= keywords.get("maxItems", math.inf))
    if kind == "object":
        required = keywords.get("required", ())
        return isinstance(required, bool) or all(name in value for name in required)
    if kind == "number":
        low, high = keywords.get("minimum", -math.inf), keywords.get("maximum", math.inf)
        return bool(low <= value <= high)
    return True


def _comparable(value: Any) -> Any:
    """A hashable value that is equal for equal JSON: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(value, list):
        return ("list", tuple(_comparable(item) for item in value))
    if isinstance(value, Mapping):
        return ("object", frozenset((name, _comparable(inner)) for name, inner in value.items()))
    return (isinstance(value, bool), value)


__all__ = ["KINDS", "Contradiction", "Key", "Keywords", "Search", "key_of", "place_id"]
