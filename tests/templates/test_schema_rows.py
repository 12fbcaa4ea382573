"""A schema shown as rows and put together again loses nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promptlab.templates._schema_rows import (
    SchemaRow,
    add_row,
    change_row,
    move_row_up,
    remove_row,
    schema_rows,
    schema_with_rows,
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["people", "verdict"],
    "properties": {
        "verdict": {"enum": ["good", "bad"], "type": "string"},
        "score": {"description": "From 0", "type": "number", "minimum": 0},
        "tags": {"type": "array", "items": {"type": "string", "pattern": "^a"}, "maxItems": 3},
        "people": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "home": {"type": "object", "properties": {}}},
                "additionalProperties": False,
            },
        },
        "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "level": {"type": "integer", "enum": [1, 2]},
    },
}


def names(rows: list[SchemaRow]) -> list[tuple[int, str]]:
    return [(row.depth, row.name) for row in rows]


def rows() -> list[SchemaRow]:
    found = schema_rows(SCHEMA)
    assert found is not None
    return found


def test_a_schema_that_nothing_changed_comes_back_to_the_byte() -> None:
    assert json.dumps(schema_with_rows(SCHEMA, rows())) == json.dumps(SCHEMA)


def test_rows_say_types_choices_and_what_is_inside() -> None:
    said = [(row.depth, row.name, row.type, row.required) for row in rows()]
    assert said == [
        (0, "verdict", "string", True),
        (0, "score", "number", False),
        (0, "tags", "list of strings", False),
        (0, "people", "list of objects", True),
        (1, "name", "string", False),
        (1, "home", "object", False),
        (0, "either", "other", False),
        (0, "level", "integer", False),
    ]
    assert rows()[0].choices == ("good", "bad")


@pytest.mark.parametrize("schema", [None, "{", [], {"type": "string"}, {"type": "object", "properties": 3}])
def test_what_is_no_object_has_no_rows(schema: Any) -> None:
    assert schema_rows(schema) is None


def test_a_change_touches_only_its_field() -> None:
    after = schema_with_rows(SCHEMA, change_row(rows(), 1, description="From 0 to 10", required=True))
    assert after["properties"]["score"] == {"description": "From 0 to 10", "type": "number", "minimum": 0}
    assert after["required"] == ["people", "verdict", "score"]
    assert {k: v for k, v in after["properties"].items() if k != "score"} == {
        k: v for k, v in SCHEMA["properties"].items() if k != "score"
    }


def test_another_type_drops_what_only_the_old_one_had() -> None:
    after = schema_with_rows(SCHEMA, change_row(rows(), 3, type="integer"))
    assert after["properties"]["people"] == {"type": "integer"}
    after = schema_with_rows(SCHEMA, change_row(rows(), 0, type="list of objects"))
    assert after["properties"]["verdict"]["items"]["properties"] == {}
    assert "enum" not in after["properties"]["verdict"]


def test_fields_are_added_removed_and_moved_with_what_is_inside() -> None:
    assert names(add_row(rows(), 3))[3:7] == [(0, "people"), (1, "name"), (1, "home"), (1, "field")]
    assert names(add_row(rows()))[-1] == (0, "field")
    assert (1, "name") not in names(remove_row(rows(), 3))
    assert names(move_row_up(rows(), 3))[2:6] == [(0, "people"), (1, "name"), (1, "home"), (0, "tags")]
    assert move_row_up(rows(), 4) == rows(), "the first inside an object stays"
    inside = schema_with_rows(SCHEMA, add_row(rows(), 3))["properties"]["people"]["items"]
    assert list(inside["properties"]) == ["name", "home", "field"]
    assert inside["required"] == ["field"]


def test_a_name_used_twice_gets_a_number() -> None:
    after = schema_with_rows(SCHEMA, change_row(rows(), 1, name="tags"))
    assert list(after["properties"])[1:3] == ["tags", "tags_2"]
