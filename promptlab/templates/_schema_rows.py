"""A JSON schema of an object as rows of fields for a form, and back.

    rows = schema_rows({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]})
    rows[0].name, rows[0].required                        # "name", True
    schema_with_rows(schema, [*rows, SchemaRow(0, "age", "integer")])

Parts that the form has no widget for (a `pattern`, a `$ref`) stay in the schema. Fields keep their order, because a
model writes the keys of an object in the order of its schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

SIMPLE = ("string", "number", "integer", "boolean")
FIELD_TYPES = (*SIMPLE, "object", *(f"list of {simple}s" for simple in SIMPLE), "list of objects")
OTHER_TYPE = "other"
"""The type of a field that the form cannot show: several types, a reference, a list without a type."""
NEW_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
"""The schema that a form starts with."""


@dataclass(frozen=True)
class SchemaRow:
    """A field of the object, `depth` levels deep; the rows of its own fields follow it.

    `schema` is the schema of the field, with everything that has no attribute here.
    """

    depth: int
    name: str
    type: str = "string"
    required: bool = True
    choices: tuple[str, ...] = ()
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def nests(self) -> bool:
        """True if the field can have fields of its own."""
        return self.type in ("object", "list of objects")


def schema_rows(schema: Any) -> list[SchemaRow] | None:
    """The fields of `schema`, depth first; None if it is not the schema of an object."""
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        return None
    if not isinstance(schema.get("properties", {}), Mapping):
        return None
    return list(_rows(schema, 0))


def _rows(schema: Mapping[str, Any], depth: int) -> Iterator[SchemaRow]:
    required = schema.get("required", [])
    properties = schema.get("properties", {})
    for name, one in properties.items() if isinstance(properties, Mapping) else ():
        inner = one if isinstance(one, Mapping) else {}
        kind, choices = _type(inner), inner.get("enum", [])
        listed = kind == "string" and isinstance(choices, list) and all(isinstance(c, str) for c in choices)
        row = SchemaRow(
            depth,
            name,
            kind,
            isinstance(required, list) and name in required,
            tuple(choices) if listed else (),
            str(inner.get("description", "")),
            inner,
        )
        yield row
        if row.nests:
            yield from _rows(inner if kind == "object" else inner["items"], depth + 1)


def _type(schema: Mapping[str, Any]) -> str:
    kind, items = schema.get("type"), schema.get("items")
    if kind in SIMPLE or kind == "object":
        return str(kind)
    inner = items.get("type") if kind == "array" and isinstance(items, Mapping) else None
    return f"list of {inner}s" if inner in (*SIMPLE, "object") else OTHER_TYPE


def schema_with_rows(schema: Mapping[str, Any], rows: Sequence[SchemaRow]) -> dict[str, Any]:
    """`schema` with the fields `rows`. A second field of the same name in one object gets a number."""
    return _filled(schema, list(rows), 0)


def _filled(schema: Mapping[str, Any], rows: list[SchemaRow], depth: int) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    for number, row in enumerate(rows):
        if row.depth != depth:
            continue
        inside = []
        for other in rows[number + 1 :]:
            if other.depth <= depth:
                break
            inside.append(other)
        name = _free(row.name.strip() or "field", properties)
        properties[name] = _of_row(row, inside)
        if row.required:
            required.append(name)
    before = schema.get("required")
    if isinstance(before, list):
        required = [n for n in before if n in required] + [n for n in required if n not in before]
    found = {**schema, "properties": properties, "required": required}
    if not properties and "properties" not in schema:
        del found["properties"]
    if not required and "required" not in schema:
        del found["required"]
    return found


def _of_row(row: SchemaRow, inside: list[SchemaRow]) -> dict[str, Any]:
    found = dict(row.schema)
    if row.type != _type(row.schema):
        for key in ("type", "items", "properties", "required", "additionalProperties", "enum"):
            found.pop(key, None)
        found = {**_new(row.type), **found}
    if row.type == "object":
        found = _filled(found, inside, row.depth + 1)
    elif row.type == "list of objects":
        found["items"] = _filled(found["items"], inside, row.depth + 1)
    found = _with(found, "description", row.description)
    return _with(found, "enum", list(row.choices)) if row.type == "string" else found


def _with(schema: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    return {**schema, key: value} if value else {k: v for k, v in schema.items() if k != key}


def _new(kind: str) -> dict[str, Any]:
    thing: dict[str, Any] = {"type": kind.removeprefix("list of ").removesuffix("s") if "list" in kind else kind}
    if thing["type"] == "object":
        thing |= {"properties": {}, "required": [], "additionalProperties": False}
    return {"type": "array", "items": thing} if "list" in kind else thing


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number, unused = 2, name
    while unused in taken:
        unused, number = f"{name}_{number}", number + 1
    return unused


def end_of(rows: Sequence[SchemaRow], number: int) -> int:
    """The number of the row after the row `number` and its fields."""
    end = number + 1
    while end < len(rows) and rows[end].depth > rows[number].depth:
        end += 1
    return end


def add_row(rows: Sequence[SchemaRow], inside: int | None = None) -> list[SchemaRow]:
    """`rows` with a new field at the end, or at the end of the object in row `inside`."""
    at = len(rows) if inside is None else end_of(rows, inside)
    depth = 0 if inside is None else rows[inside].depth + 1
    return [*rows[:at], SchemaRow(depth, "field"), *rows[at:]]


def remove_row(rows: Sequence[SchemaRow], number: int) -> list[SchemaRow]:
    """`rows` without the field `number` and its own fields."""
    return [*rows[:number], *rows[end_of(rows, number) :]]


def move_row_up(rows: Sequence[SchemaRow], number: int) -> list[SchemaRow]:
    """`rows` with the field `number` moved one place up in the same object."""
    end, depth = end_of(rows, number), rows[number].depth
    before = next((n for n in range(number - 1, -1, -1) if rows[n].depth <= depth), None)
    if before is None or rows[before].depth < depth:
        return list(rows)
    return [*rows[:before], *rows[number:end], *rows[before:number], *rows[end:]]


def change_row(rows: Sequence[SchemaRow], number: int, **values: Any) -> list[SchemaRow]:
    """`rows` with attributes of the field `number` set."""
    row = replace(rows[number], **values)
    inside = rows[number + 1 : end_of(rows, number)] if row.nests else []
    return [*rows[:number], row, *inside, *rows[end_of(rows, number) :]]


__all__ = [
    "FIELD_TYPES",
    "NEW_SCHEMA",
    "OTHER_TYPE",
    "SchemaRow",
    "add_row",
    "change_row",
    "end_of",
    "move_row_up",
    "remove_row",
    "schema_rows",
    "schema_with_rows",
]
