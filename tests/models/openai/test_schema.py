"""The copy of a schema for strict mode means what the schema means, or the schema goes out as it is."""

from __future__ import annotations

import json
from typing import Any

import pydantic
import pytest

from promptlab._util.json_schema import problem_of, validate
from promptlab.models._openai._schema import FORMATS, NOT_STRICT, sent
from tests.schema_cases import CASES, Case


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TEXT = {"type": "string"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_copy_means_the_same_in_both_directions(case: Case) -> None:
    """Whatever is not valid under the schema is not valid under the copy; whatever is, is, or the words say so."""
    found = sent(case.text)
    copy = json.dumps(found.schema)
    if not found.strict:
        assert found.schema == json.loads(case.text)
        assert found.words
        return
    assert problem_of(found.schema) is None
    assert [text for text in case.invalid if validate(copy, text).valid] == []
    lost = [text for text in case.valid if not validate(copy, text).valid]
    assert lost == [] or found.words


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        ({"type": "object"}, "names its properties"),
        (closed(a={"type": "object"}), "names its properties"),
        (closed(a={"type": "object", "additionalProperties": TEXT}), "no other properties"),
        ({**closed(a=TEXT), "additionalProperties": True}, "no other properties"),
        ({**closed(a=TEXT), "required": []}, "`a` need not be there"),
        ({**closed(a=TEXT), "required": ["a", "b"], "additionalProperties": {}}, "no other properties"),
        ({"allOf": [closed(a=TEXT), closed(b=TEXT)]}, "outermost"),
        (closed(a={"allOf": [{"type": "object"}, {"type": "object"}]}), "`allOf`"),
        (closed(a={"oneOf": [{"type": "integer"}, {"type": "number"}]}), "`oneOf`"),
        (closed(a={"type": "string", "anyOf": [{"minLength": 2}]}), "beside `anyOf`"),
        ({"type": "array", "items": TEXT}, "outermost"),
        ({"anyOf": [closed(a=TEXT)]}, "outermost"),
        (closed(a={}), "needs a `type`"),
        (closed(a={"properties": {"b": TEXT}}), "needs a `type`"),
        (closed(a={"type": "array"}), "needs `items`"),
        (closed(a={"type": "string", "format": "uri"}), "`format` uri"),
        (closed(a={"type": "string", "pattern": "^(?!x)"}), "`pattern`"),
        (closed(a={"$ref": "#/$defs/d", "minLength": 2}) | {"$defs": {"d": TEXT}}, "beside `$ref`"),
        *((closed(a={"type": ["object", "string", "array"], key: {}}), f"`{key}`") for key in sorted(NOT_STRICT)),
    ],
)
def test_what_strict_mode_cannot_say_is_sent_as_it_is_and_named(schema: Any, word: str) -> None:
    found = sent(json.dumps(schema))
    assert (found.strict, found.schema) == (False, schema)
    assert word in found.words[0]


@pytest.mark.parametrize(
    ("schema", "copy"),
    [
        (closed(a=TEXT), closed(a=TEXT)),
        (closed(a={"enum": ["x", None]}), closed(a={"enum": ["x", None], "type": ["string", "null"]})),
        (closed(a={**TEXT, "default": "x", "x-order": 1, "nullable": True}), closed(a=TEXT)),
        (closed(a={"allOf": [TEXT], "title": "A"}), closed(a={"title": "A", **TEXT})),
        (
            closed(a={"oneOf": [closed(k={"const": "x"}), closed(k={"const": "y"}, v=TEXT)]}),
            closed(
                a={
                    "anyOf": [
                        closed(k={"const": "x", "type": "string"}),
                        closed(k={"const": "y", "type": "string"}, v=TEXT),
                    ]
                }
            ),
        ),
        (
            {"$ref": "#/$defs/t", "$defs": {"t": closed(a={"$ref": "#/$defs/u"}), "u": TEXT, "unused": {"not": {}}}},
            {**closed(a={"$ref": "#/$defs/u"}), "$defs": {"u": TEXT}},
        ),
        *((closed(a={**TEXT, "format": name}), closed(a={**TEXT, "format": name})) for name in sorted(FORMATS)),
    ],
)
def test_what_strict_mode_can_say_keeps_its_meaning_without_a_word(schema: Any, copy: Any) -> None:
    found = sent(json.dumps(schema))
    assert (found.strict, found.schema, found.words) == (True, copy, ())


def test_properties_that_are_not_named_and_such_that_may_be_null_are_said() -> None:
    class Person(pydantic.BaseModel):
        name: str
        email: str | None = None

    found = sent(json.dumps(Person.model_json_schema()))
    assert found.strict
    assert found.schema["required"] == ["name", "email"]
    assert found.schema["additionalProperties"] is False
    assert ["additionalProperties" in found.words[0], "`email`" in found.words[1]] == [True, True]
    assert Person.model_validate_json('{"name":"Ann","email":null}') == Person.model_validate_json('{"name":"Ann"}')


def test_the_schema_itself_stays_as_it_was() -> None:
    text = json.dumps(closed(a={**TEXT, "default": "x"}))
    assert sent(text).schema["properties"]["a"] == TEXT
    assert sent(text).schema is sent(text).schema
    assert json.loads(text)["properties"]["a"]["default"] == "x"
