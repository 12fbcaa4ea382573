import json

import pytest

from promptlab.backends.llama_grammar import grammar_of
from promptlab.errors import RequestRejected


def rules(schema: object) -> dict[str, str]:
    text = grammar_of(json.dumps(schema))
    return dict(line.split(" ::= ", 1) for line in text.splitlines())


@pytest.mark.parametrize(
    ("schema", "root"),
    [
        ({"type": "boolean"}, "boolean"),
        ({}, "value"),
        (True, "value"),
        ({"description": "anything", "title": "T"}, "value"),
        ({"type": ["string", "null"]}, "(string | null)"),
        ({"enum": ["a", 1, None]}, r'("\"a\"" | "1" | "null")'),
        ({"enum": ["a", 1], "type": "integer"}, '"1"'),
        ({"const": 'say "hi"\n'}, r'"\"say \\\"hi\\\"\\n\""'),
        ({"const": "é"}, r'"\"é\""'),
        ({"type": "string", "minLength": 2, "maxLength": 3}, r'"\"" char{2,3} "\""'),
        ({"minLength": 2}, r'"\"" char{2,} "\""'),
        ({"type": "string", "format": "date"}, r'"\"" date "\""'),
        ({"type": "integer", "minimum": -1, "maximum": 1.5}, '("-1" | "0" | "1")'),
        ({"type": "integer", "minimum": 0}, "whole"),
        ({"type": "number", "minimum": 0}, "whole part"),
        ({"type": "object", "additionalProperties": False}, '"{" ws "}"'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "(string | null)"),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, "(string | null)"),
        ({"allOf": [{"type": "null"}]}, "null"),
        ({"type": "array", "maxItems": 0}, '"[" ws "]"'),
    ],
)
def test_what_a_schema_becomes(schema, root):
    assert rules(schema)["root"] == root


def test_required_members_have_commas_between_and_optional_ones_may_be_missing():
    found = rules({"properties": {"a": {}, "b": {}, "c": {}}, "required": ["b"]})
    a, b, c = (next(n for n, r in found.items() if r.startswith(f'"\\"{x}\\""')) for x in "abc")
    after_b = next(n for n, r in found.items() if r.startswith(f'("," ws {c})?'))
    after_a = next(n for n, r in found.items() if r.startswith(f'"," ws {b}'))
    assert found["root"] == f'"{{" ws ({a} {after_a} | {b} {after_b}) "}}"'


def test_a_schema_may_contain_itself():
    found = rules({"$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}, "$ref": "#/$defs/t"})
    name = found["root"]
    item = found[name].split()[2].strip("(")
    assert found[item] == f"{name} ws"


def test_objects_told_apart_by_a_constant_may_be_alternatives():
    def kind(name: str) -> dict[str, object]:
        return {"type": "object", "properties": {"kind": {"const": name}}, "required": ["kind"]}

    assert " | " in rules({"oneOf": [kind("a"), kind("b")]})["root"]
    with pytest.raises(RequestRejected, match="oneOf"):
        rules({"oneOf": [kind("a"), kind("a")]})


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"not": {"type": "string"}}, "`not` at #"),
        ({"if": {}, "then": {}}, "`if`"),
        ({"type": "array", "uniqueItems": True}, "`uniqueItems` at #"),
        ({"properties": {"x": {"type": "string", "pattern": "^a$"}}}, "`pattern` at #/properties/x"),
        ({"items": {"type": "number", "multipleOf": 2}}, "`multipleOf` at #/items"),
        ({"type": "object", "patternProperties": {}}, "`patternProperties`"),
        ({"type": "object", "minProperties": 1}, "`minProperties`"),
        ({"type": "string", "format": "email"}, "`format` 'email' at #"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "`minLength` is above `maxLength`"),
        ({"type": "string", "maxLength": 100_000}, "above 1000"),
        ({"type": "number", "minimum": 1}, "`minimum` and `maximum` of the number"),
        ({"type": "number", "exclusiveMinimum": 0}, "`exclusiveMinimum`"),
        ({"type": "integer", "minimum": 0.4, "maximum": 0.6}, "no integer lies between"),
        ({"enum": []}, "no value of `enum`"),
        ({"const": 1, "type": "string"}, "no value of `const`"),
        ({"allOf": [{}, {}]}, "`allOf` with several"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "`oneOf`"),
        ({"anyOf": [{"type": "object"}], "required": ["a"]}, "`anyOf` beside `required`"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "asks for `a`"),
        ({"$ref": "https://example.org/x"}, "leads out of the schema"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"type": "text"}, "'text' at # is none"),
        (False, "no answer can satisfy false"),
        ({"properties": {"a/b": {"foo": 1}}}, "`foo` at #/properties/a~1b"),
    ],
)
def test_what_no_grammar_can_hold_is_refused_by_name_and_place(schema, named):
    with pytest.raises(RequestRejected) as caught:
        rules(schema)
    assert named in caught.value.message
    assert caught.value.hint


def test_text_that_is_no_json_is_refused():
    with pytest.raises(RequestRejected, match="not JSON"):
        grammar_of("{")
