"""Whether a JSON Schema has no JSON at all that is valid under it: `false`, two limits that cross, an `enum` that its
own `type` forbids, an object that needs another one inside it without end.

What is found is certain; what is not found may still be empty (a `pattern` against another, a `not`). A schema is
looked at together with all that must hold beside it (`allOf`, `$ref`), one alternative at a time, and asks which kinds
of value are left. That is computed from below: a schema that needs itself has nothing until something else gives it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from promptlab._util.json_schema_formats import CHECKED, found, readable
from promptlab._util.json_schema_refs import Place, Root

KINDS = frozenset({"null", "boolean", "number", "string", "array", "object"})
MOST = 20_000
"""Schemas looked at before giving up."""
MOST_ITEMS = 64

Key = tuple[frozenset[tuple[int, str]], frozenset[int]]


@dataclass(frozen=True, slots=True)
class Empty:
    """Why a schema has nothing, and where in it."""

    why: str
    at: str
    inner: Key | None = None


class _TooMuch(Exception):
    pass


def why_empty(root: Root) -> Empty | None:
    """Why no JSON is valid under the schema; None where some may be. Raises `RefError`."""
    try:
        return _Search(root).why()
    except (_TooMuch, RecursionError):
        return None


class _Search:
    def __init__(self, root: Root) -> None:
        self._root = root
        self._kinds: dict[Key, frozenset[str]] = {}
        self._why: dict[Key, Empty] = {}
        self._left = MOST
        self._visited: set[Key] = set()
        self._changed = False

    def why(self) -> Empty | None:
        """Look until nothing changes any more."""
        while True:
            self._visited, self._changed = set(), False
            left = self._look([self._root.place], frozenset())
            if left:
                return None
            if not self._changed:
                break
        return self._deepest(_key([self._root.place], frozenset()))

    def _deepest(self, key: Key) -> Empty:
        seen: set[Key] = set()
        while key not in seen:
            seen.add(key)
            found_here = self._why.get(key) or Empty("it is empty", "#")
            if found_here.inner is None or self._kinds.get(found_here.inner):
                return found_here
            key = found_here.inner
        return Empty("it needs a value inside itself without end", found_here.at)

    def _look(self, places: Sequence[Place], chosen: frozenset[int]) -> frozenset[str]:
        """The kinds of value that may be valid under all of `places`."""
        key = _key(places, chosen)
        if key in self._visited:
            return self._kinds.get(key, frozenset())
        self._visited.add(key)
        self._left -= 1
        if self._left < 0:
            raise _TooMuch
        found_kinds = self._fresh(key, places, chosen)
        if found_kinds != self._kinds.get(key, frozenset()):
            self._kinds[key] = found_kinds
            self._changed = True
        return found_kinds

    def _fresh(self, key: Key, places: Sequence[Place], chosen: frozenset[int]) -> frozenset[str]:
        together = self._together(places)
        for place in together:
            if place.schema is False:
                return self._nothing(key, Empty("it is `false`", place.at))
            if "not" in place.said and place.said["not"] in (True, {}):
                return self._nothing(key, Empty("`not` excludes everything", place.at))
        level = _Level(self._root, together, self)
        kinds, why = level.kinds()
        groups = [
            (place, word)
            for place in together
            for word in ("anyOf", "oneOf")
            if word in place.said and id(place.said[word]) not in chosen
        ]
        taken = chosen | {id(place.said[word]) for place, word in groups}
        for place, word in groups:
            options = [self._root.child(place, word, number) for number in range(len(place.said[word]))]
            some: frozenset[str] = frozenset()
            for option in options:
                some |= self._look([*together, option], taken)
            if kinds and not kinds & some:
                inner = _key([*together, options[0]], taken) if len(options) == 1 else None
                why = Empty(f"none of `{word}` can hold", place.at, inner)
            kinds &= some
        return kinds if kinds else self._nothing(key, why or Empty("what it asks for contradicts itself", places[0].at))

    def _nothing(self, key: Key, why: Empty) -> frozenset[str]:
        self._why[key] = why
        return frozenset()

    def _together(self, places: Sequence[Place]) -> list[Place]:
        """`places`, and all that must hold where they do."""
        done: dict[Any, Place] = {}
        waiting = list(reversed(places))
        while waiting:
            place = waiting.pop()
            name = _name(place)
            if name in done:
                continue
            done[name] = place
            said = place.said
            if "$ref" in said:
                waiting.append(self._root.follow(place))
                if self._root.old:
                    done[name] = Place({}, place.at, place.resolver)
                    continue
            for number in reversed(range(len(said.get("allOf", ())))):
                inner = self._root.child(place, "allOf", number)
                waiting.append(inner)
        return list(done.values())

    def needs(self, places: Sequence[Place]) -> tuple[frozenset[str], Key]:
        """The kinds that may stand where all of `places` hold."""
        return self._look(places, frozenset()), _key(places, frozenset())


def _name(place: Place) -> tuple[int, str]:
    return (id(place.schema), place.at if isinstance(place.schema, bool) else "")


def _key(places: Sequence[Place], chosen: frozenset[int]) -> Key:
    return frozenset(_name(place) for place in places), chosen


class _Level:
    """The keywords of several schemas that hold together, but for those that look inside."""

    def __init__(self, root: Root, places: Sequence[Place], search: _Search) -> None:
        self._root, self._places, self._search = root, places, search

    def kinds(self) -> tuple[frozenset[str], Empty | None]:
        kinds, why = set(KINDS), None
        for place in self._places:
            if "type" in place.said:
                kinds &= {"number" if one == "integer" else one for one in _types(place.said)}
                if not kinds:
                    return frozenset(), Empty("its types exclude each other", place.at)
        listed = [place for place in self._places if "enum" in place.said or "const" in place.said]
        if listed:
            values = _values(listed[0].said)
            allowed = [{_same_as(v) for v in _values(place.said)} for place in listed[1:]]
            values = [v for v in values if all(_same_as(v) in one for one in allowed)]
            kept = [v for v in values if all(_may(v, place.said) for place in self._places)]
            word = "enum" if "enum" in listed[0].said else "const"
            why = Empty(f"no value of `{word}` fits what stands beside it", listed[0].at)
            kinds &= {_kind_of(v) for v in kept}
        for kind, check in (
            ("string", self._strings),
            ("number", self._numbers),
            ("array", self._arrays),
            ("object", self._objects),
        ):
            if kind in kinds and (wrong := check()):
                kinds.discard(kind)
                why = wrong
        return frozenset(kinds), why

    def _said(self, word: str) -> Iterator[tuple[Any, Place]]:
        return ((place.said[word], place) for place in self._places if word in place.said)

    def _most(self, word: str) -> Any:
        return max((value for value, _ in self._said(word)), default=None)

    def _least(self, word: str) -> Any:
        return min((value for value, _ in self._said(word)), default=None)

    def _crossed(self, low: str, high: str) -> Empty | None:
        least, most = self._most(low), self._least(high)
        if least is None or most is None or least <= most:
            return None
        return Empty(f"`{low}` is above `{high}`", next(self._said(low))[1].at)

    def _strings(self) -> Empty | None:
        return self._crossed("minLength", "maxLength")

    def _numbers(self) -> Empty | None:
        low, open_low = self._limit("minimum", "exclusiveMinimum", max)
        high, open_high = self._limit("maximum", "exclusiveMaximum", min)
        steps = [_exact(value) for value, _ in self._said("multipleOf")]
        at = next((p.at for p in self._places if {"minimum", "exclusiveMinimum"} & set(p.said)), self._places[0].at)
        whole = any("number" not in _types(p.said) for p in self._places if "type" in p.said)
        step = _common([*steps, *([Fraction(1)] if whole else [])])
        if low is None or high is None:
            return None
        if step is None:
            if low > high or (low == high and (open_low or open_high)):
                return Empty("its lower limit is above its upper limit", at)
            return None
        first = math.ceil(low / step) * step
        if open_low and first == low:
            first += step
        if first > high or (open_high and first == high):
            return Empty(f"no {'integer' if whole and len(steps) == 0 else 'multiple'} lies between its limits", at)
        return None

    def _limit(self, word: str, beyond: str, choose: Any) -> tuple[Fraction | None, bool]:
        closed = [_exact(v) for v, _ in self._said(word)]
        opened = [_exact(v) for v, _ in self._said(beyond) if not isinstance(v, bool)]
        # Draft 4 says by a flag that the limit itself is not allowed.
        opened += [_exact(p.said[word]) for v, p in self._said(beyond) if v is True and word in p.said]
        if not closed and not opened:
            return None, False
        limit = choose([*closed, *opened])
        return limit, limit in opened

    def _arrays(self) -> Empty | None:
        if wrong := self._crossed("minItems", "maxItems"):
            return wrong
        for number in range(min(int(self._most("minItems") or 0), MOST_ITEMS)):
            inside = [one for place in self._places for one in self._item(place, number)]
            if wrong := self._needs(inside, f"item {number + 1} must be there and cannot be"):
                return wrong
        for _, place in self._said("contains"):
            if place.said.get("minContains", 1) == 0:
                continue
            if self._least("maxItems") == 0:
                return Empty("`contains` needs an item and `maxItems` is 0", place.at)
            if wrong := self._needs([self._root.child(place, "contains")], "`contains` needs what cannot be"):
                return wrong
        return None

    def _item(self, place: Place, number: int) -> Iterator[Place]:
        said = place.said
        first, rest = ("items", "additionalItems") if isinstance(said.get("items"), list) else ("prefixItems", "items")
        if isinstance(said.get(first), list) and number < len(said[first]):
            yield self._root.child(place, first, number)
        elif rest in said:
            yield self._root.child(place, rest)

    def _objects(self) -> Empty | None:
        if wrong := self._crossed("minProperties", "maxProperties"):
            return wrong
        required = {name: place for names, place in self._said("required") if isinstance(names, list) for name in names}
        most = self._least("maxProperties")
        if most is not None and len(required) > most:
            return Empty(
                f"`required` names {len(required)} properties and `maxProperties` is {most}",
                next(self._said("maxProperties"))[1].at,
            )
        for name, place in required.items():
            inside = [one for other in self._places for one in self._property(other, name)]
            if wrong := self._needs(inside, f"`{name}` is required and cannot be", place.at):
                return wrong
            for names, there in self._said("propertyNames"):
                if names is False or not _may(name, names if isinstance(names, Mapping) else {}):
                    return Empty(f"`{name}` is required and `propertyNames` forbids it", there.at)
        least = self._most("minProperties") or 0
        for closed, place in self._said("additionalProperties"):
            if closed is False and not place.said.get("patternProperties"):
                names = place.said.get("properties", {})
                if len(names) < least:
                    return Empty(f"`minProperties` is {least} and {len(names)} are allowed", place.at)
        return None

    def _property(self, place: Place, name: str) -> Iterator[Place]:
        said = place.said
        matched = False
        if name in said.get("properties", {}):
            matched = True
            yield self._root.child(place, "properties", name)
        for pattern in said.get("patternProperties", {}):
            if readable(pattern) is not None and found(pattern, name):
                matched = True
                yield self._root.child(place, "patternProperties", pattern)
        if not matched and "additionalProperties" in said:
            yield self._root.child(place, "additionalProperties")

    def _needs(self, inside: Sequence[Place], words: str, at: str = "") -> Empty | None:
        if not inside:
            return None
        kinds, key = self._search.needs(inside)
        return None if kinds else Empty(words, at or inside[0].at, key)


def _exact(number: Any) -> Fraction:
    """The number that was written: 0.07, not the binary one next to it."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def _common(steps: Sequence[Fraction]) -> Fraction | None:
    """The least number that is a multiple of all `steps`."""
    made: Fraction | None = None
    for step in steps:
        if step <= 0:
            continue
        made = (
            step
            if made is None
            else Fraction(
                math.lcm(made.numerator * step.denominator, step.numerator * made.denominator),
                made.denominator * step.denominator,
            )
        )
    return made


def _types(said: Mapping[str, Any]) -> list[str]:
    types = said["type"]
    return [types] if isinstance(types, str) else list(types)


def _values(said: Mapping[str, Any]) -> list[Any]:
    return list(said["enum"]) if "enum" in said else [said["const"]]


def _kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds = ((str, "string"), (list, "array"), (Mapping, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "number")


def _may(value: Any, said: Mapping[str, Any]) -> bool:
    """Whether `value` fits the keywords of `said` that do not look inside a value."""
    kind = _kind_of(value)
    if "type" in said:
        types = _types(said)
        whole = kind == "number" and value == math.floor(value)
        if kind not in types and not (whole and "integer" in types):
            return False
    if "const" in said and _same_as(value) != _same_as(said["const"]):
        return False
    if kind == "string":
        ok = said.get("minLength", 0) <= len(value) <= said.get("maxLength", math.inf)
        check = CHECKED.get(said.get("format", ""))
        if "pattern" in said and readable(said["pattern"]) is not None:
            ok = ok and found(said["pattern"], value)
        return ok and (check is None or check(value))
    if kind == "array":
        return bool(said.get("minItems", 0) <= len(value) <= said.get("maxItems", math.inf))
    if kind == "object":
        required = said.get("required", ())
        return isinstance(required, bool) or all(name in value for name in required)
    if kind == "number":
        low, high = said.get("minimum", -math.inf), said.get("maximum", math.inf)
        return bool(low <= value <= high)
    return True


def _same_as(value: Any) -> Any:
    """Something that is equal for equal JSON values, and can be looked up: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(value, list):
        return ("list", tuple(_same_as(one) for one in value))
    if isinstance(value, Mapping):
        return ("object", frozenset((name, _same_as(one)) for name, one in value.items()))
    return (isinstance(value, bool), value)


__all__ = ["Empty", "why_empty"]
