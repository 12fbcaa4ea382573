"""Decides if a JSON Schema is unsatisfiable: no JSON at all is valid under it.

    why_unsatisfiable(Root({"minimum": 3, "maximum": 2, "type": "integer"}))    # Contradiction("...", "#")

Examples are `false`, a minimum above its maximum, an `enum` that the `type` beside it forbids, and an object that
requires another one inside it without end. A reported contradiction is certain. A schema without one may still be
unsatisfiable, for example by two patterns that exclude each other or by `not`.

The search takes a schema together with all schemas that must hold for the same value (`allOf`, `$ref`), one alternative
of `anyOf` and `oneOf` at a time, and computes which kinds of value are possible. It starts from "none" everywhere and
repeats until nothing changes (a least fixed point), so a schema that requires itself stays without a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptlab._util.json_schema_keywords import Contradiction, Key, Keywords, key_of, place_id
from promptlab._util.json_schema_refs import Place, Root

MOST = 20_000
"""How many sets of schemas are looked at before the search gives up, with the answer that nothing is known."""


class _TooMuch(Exception):
    pass


def why_unsatisfiable(root: Root) -> Contradiction | None:
    """Why no JSON is valid under the schema; None if some may be valid, or if the search gave up. Raises `RefError`."""
    try:
        return _Search(root).why()
    except (_TooMuch, RecursionError):
        return None


class _Search:
    """The fixed-point search. `_kinds` has, for each set of schemas, the kinds of value found to be possible so far."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._kinds: dict[Key, frozenset[str]] = {}
        self._why: dict[Key, Contradiction] = {}
        self._left = MOST
        self._visited: set[Key] = set()
        self._changed = False

    def why(self) -> Contradiction | None:
        """Repeat the search until nothing changes."""
        while True:
            self._visited, self._changed = set(), False
            if self._look([self._root.place], frozenset()):
                return None
            if not self._changed:
                break
        return self._deepest(key_of([self._root.place], frozenset()))

    def _deepest(self, key: Key) -> Contradiction:
        """The innermost reason: it helps more than "`a` is required and cannot be" of the outermost object."""
        seen: set[Key] = set()
        while key not in seen:
            seen.add(key)
            contradiction = self._why.get(key) or Contradiction("it is empty", "#")
            if contradiction.inner is None or self._kinds.get(contradiction.inner):
                return contradiction
            key = contradiction.inner
        return Contradiction("it needs a value inside itself without end", contradiction.at)

    def _look(self, places: Sequence[Place], chosen: frozenset[int]) -> frozenset[str]:
        """The kinds of value that may be valid under all of `places`. `chosen` are the ids of the `anyOf` and `oneOf`
        lists of which one alternative is already among `places`."""
        key = key_of(places, chosen)
        if key in self._visited:
            return self._kinds.get(key, frozenset())
        self._visited.add(key)
        self._left -= 1
        if self._left < 0:
            raise _TooMuch
        kinds = self._compute(key, places, chosen)
        if kinds != self._kinds.get(key, frozenset()):
            self._kinds[key] = kinds
            self._changed = True
        return kinds

    def _compute(self, key: Key, places: Sequence[Place], chosen: frozenset[int]) -> frozenset[str]:
        together = self._together(places)
        for place in together:
            if place.schema is False:
                return self._nothing(key, Contradiction("it is `false`", place.at))
            if "not" in place.keywords and place.keywords["not"] in (True, {}):
                return self._nothing(key, Contradiction("`not` excludes everything", place.at))
        keywords = Keywords(self._root, together, self.needs)
        kinds, why = keywords.kinds()
        groups = [
            (place, word)
            for place in together
            for word in ("anyOf", "oneOf")
            if word in place.keywords and id(place.keywords[word]) not in chosen
        ]
        chosen_here = chosen | {id(place.keywords[word]) for place, word in groups}
        for place, word in groups:
            options = [self._root.child(place, word, number) for number in range(len(place.keywords[word]))]
            possible: frozenset[str] = frozenset()
            for option in options:
                possible |= self._look([*together, option], chosen_here)
            if kinds and not kinds & possible:
                inner = key_of([*together, options[0]], chosen_here) if len(options) == 1 else None
                why = Contradiction(f"none of `{word}` can hold", place.at, inner)
            kinds &= possible
        return (
            kinds
            if kinds
            else self._nothing(key, why or Contradiction("what it asks for contradicts itself", places[0].at))
        )

    def _nothing(self, key: Key, why: Contradiction) -> frozenset[str]:
        self._why[key] = why
        return frozenset()

    def _together(self, places: Sequence[Place]) -> list[Place]:
        """`places` and all schemas that must hold for the same value."""
        done: dict[Any, Place] = {}
        waiting = list(reversed(places))
        while waiting:
            place = waiting.pop()
            name = place_id(place)
            if name in done:
                continue
            done[name] = place
            keywords = place.keywords
            if "$ref" in keywords:
                waiting.append(self._root.follow(place))
                if self._root.old:
                    done[name] = Place({}, place.at, place.resolver)
                    continue
            for number in reversed(range(len(keywords.get("allOf", ())))):
                inner = self._root.child(place, "allOf", number)
                waiting.append(inner)
        return list(done.values())

    def needs(self, places: Sequence[Place]) -> tuple[frozenset[str], Key]:
        """The kinds of value that are valid under all of `places`, and the key of these schemas."""
        return self._look(places, frozenset()), key_of(places, frozenset())


__all__ = ["why_unsatisfiable"]
