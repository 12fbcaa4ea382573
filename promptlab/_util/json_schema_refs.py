"""Resolves the references of a JSON Schema: inside the schema, or to the meta-schema of a draft. Nothing is fetched.

root = Root({"$defs": {"day": {"type": "string"}}, "items": {"$ref": "#/$defs/day"}})
root.follow(root.child(root.place, "items")).schema         # {"type": "string"}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OLD_DRAFTS = ("draft-03/", "draft-04/", "draft-06/", "draft-07/")
"""Drafts that ignore all keywords beside a `$ref`."""
LISTS_OF_SCHEMAS = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED_SCHEMAS = ("properties", "patternProperties", "dependentSchemas")
ONE_SCHEMA = (
    *("additionalProperties", "additionalItems", "items", "contains", "propertyNames", "not", "if", "then", "else"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
IN_PLACE = ("not", "if", "then", "else")
"""Keywords whose schemas apply to the same value, not to a value inside it."""


class RefError(Exception):
    """A reference leads nowhere, or out of the schema."""


@dataclass(frozen=True, slots=True)
class Place:
    """A schema inside the root schema. `at` is its JSON pointer, "#" for the root. `resolver` knows its base URI."""

    schema: Any
    at: str
    resolver: Any

    @property
    def keywords(self) -> Mapping[str, Any]:
        """The keywords of the schema; none if it is `true` or `false`."""
        return self.schema if isinstance(self.schema, Mapping) else {}


class Root:
    """A whole schema. Raises `RefError` if its identifiers (`$id`) cannot be read."""

    def __init__(self, schema: Any) -> None:
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no stubs
        from referencing import Registry, Resource
        from referencing.exceptions import Unresolvable
        from referencing.jsonschema import DRAFT202012, UnknownDialect, specification_with

        self.schema = schema
        dialect = str(schema.get("$schema", "")) if isinstance(schema, Mapping) else ""
        try:
            self._spec: Any = specification_with(dialect) if dialect else DRAFT202012
        except UnknownDialect:
            self._spec = DRAFT202012
        self.old = any(draft in dialect for draft in OLD_DRAFTS)
        self.listed_items = self.old or "2019-09" in dialect
        resource: Any = Resource.from_contents(schema, default_specification=self._spec)
        base = (resource.id() or "") if isinstance(schema, Mapping) else ""
        registry: Registry[Any] = REGISTRY.with_resource(base, resource)
        try:
            self.registry = registry.crawl()
        except (Unresolvable, ValueError, TypeError) as exc:
            raise RefError(f"its identifiers cannot be read: {exc}") from exc
        self._points = {id(node): at for at, node in _nodes(schema, "#")}
        self.place = Place(schema, "#", self.registry.resolver(base))

    def child(self, place: Place, *path: str | int) -> Place:
        """The schema at `path` below `place`."""
        schema, at = place.schema, place.at
        for part in path:
            schema, at = schema[part], f"{at}/{pointer_part(part)}"
        resolver = place.resolver
        if isinstance(schema, Mapping) and ("$id" in schema or "id" in schema):
            resolver = resolver.in_subresource(self._spec.create_resource(schema))
        return Place(schema, at, resolver)

    def follow(self, place: Place, key: str = "$ref") -> Place:
        """The schema that the `$ref` of `place` names. Raises `RefError`."""
        from referencing.exceptions import Unresolvable

        ref = place.keywords[key]
        try:
            target = place.resolver.lookup(ref)
        except (Unresolvable, ValueError, TypeError, KeyError, AttributeError) as exc:
            local = not isinstance(ref, str) or ref.startswith("#")
            why = "leads nowhere" if local else "leads out of the schema, and nothing is fetched"
            raise RefError(f"`{key}` to {ref} {why}") from exc
        return Place(target.contents, self._points.get(id(target.contents), str(ref)), target.resolver)

    def parts(self, place: Place) -> Iterator[Place]:
        """The schemas directly inside `place`. Definitions (`$defs`) are left out: only references lead to them."""
        keywords = place.keywords
        if "$ref" in keywords and self.old:
            return
        for key in LISTS_OF_SCHEMAS:
            for number in range(len(keywords.get(key, ()))):
                yield self.child(place, key, number)
        for key in NAMED_SCHEMAS:
            for name in keywords.get(key, {}):
                yield self.child(place, key, name)
        for key in ONE_SCHEMA:
            if isinstance(keywords.get(key), list):
                yield from (self.child(place, key, number) for number in range(len(keywords[key])))
            elif key in keywords:
                yield self.child(place, key)
        for name, inner in keywords.get("dependencies", {}).items():
            if not isinstance(inner, list):
                yield self.child(place, "dependencies", name)

    def reached(self) -> Iterator[Place]:
        """Every schema that can be reached, the root first. Raises `RefError` for a reference that leads nowhere."""
        seen: set[int] = set()
        waiting = [self.place]
        while waiting:
            place = waiting.pop()
            if isinstance(place.schema, Mapping):
                if id(place.schema) in seen:
                    continue
                seen.add(id(place.schema))
            yield place
            if "$ref" in place.keywords:
                try:
                    waiting.append(self.follow(place))
                except RefError as exc:
                    raise RefError(f"{exc}, at {place.at}") from exc
            waiting.extend(reversed(list(self.parts(place))))

    def check_circles(self) -> None:
        """Raise `RefError` if a schema refers to itself for the same value: a validator would never end."""
        done: set[int] = set()
        for place in self.reached():
            self._circle(place, (), done)

    def _circle(self, place: Place, path: tuple[int, ...], done: set[int]) -> None:
        here = id(place.schema)
        if not isinstance(place.schema, Mapping) or here in done:
            return
        if here in path:
            raise RefError(f"a `$ref` leads back to itself at {place.at} without a value between")
        inner = [self.follow(place)] if "$ref" in place.keywords else []
        if not (inner and self.old):
            for key in IN_PLACE_LISTS:
                inner += [self.child(place, key, number) for number in range(len(place.keywords.get(key, ())))]
            inner += [self.child(place, key) for key in IN_PLACE if key in place.keywords]
        for schema in inner:
            self._circle(schema, (*path, here), done)
        done.add(here)


def pointer_part(part: str | int) -> str:
    """A name or index, escaped for a JSON pointer."""
    return str(part).replace("~", "~0").replace("/", "~1")


def pointer(path: Any) -> str:
    """A path as a JSON pointer into an answer or a schema; "" for the whole."""
    return "".join(f"/{pointer_part(part)}" for part in path)


def _nodes(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Every object in `value`, with its JSON pointer."""
    waiting = [(at, value)]
    while waiting:
        here, node = waiting.pop()
        if isinstance(node, Mapping):
            yield here, node
            waiting += [(f"{here}/{pointer_part(name)}", inner) for name, inner in node.items()]
        elif isinstance(node, list):
            waiting += [(f"{here}/{number}", inner) for number, inner in enumerate(node)]


__all__ = ["Place", "RefError", "Root", "pointer", "pointer_part"]
