"""Schemas with JSON texts that are valid under them and texts that are not, for all that reads schemas."""

from __future__ import annotations

import datetime
import json
import uuid
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal

import pydantic


@dataclass(frozen=True)
class Case:
    """`valid` can be written by a local model, spelled so; `invalid` never passes for valid."""

    name: str
    schema: Any
    valid: tuple[str, ...]
    invalid: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return json.dumps(self.schema)


def _one(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": schema}, "required": ["x"], "additionalProperties": False}


class Stage(Enum):
    GROUP = "group"
    FINAL = "final"


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    bark: str


class Match(pydantic.BaseModel):
    """Whatever people put into a model."""

    id: uuid.UUID
    day: datetime.date
    at: datetime.datetime | None = None
    stage: Stage
    goals: Annotated[int, pydantic.Field(ge=0, le=99)]
    chance: Annotated[float, pydantic.Field(ge=0, le=1)]
    fee: pydantic.PositiveInt
    code: Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Z]{3}$")]
    pet: Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]
    point: tuple[float, float]
    tags: set[str] = set()
    notes: dict[str, int] = {}


class Node(pydantic.BaseModel):
    value: str
    children: list[Node] = []


MATCH = (
    '{"id":"0E37DF36-F698-11E6-8DD4-CB9CED3DF976","day":"2022-12-31","at":null,"stage":"final","goals":6,'
    '"chance":0.25,"fee":3,"code":"ARG","pet":{"kind":"cat","lives":9},"point":[1,2.5],"tags":["a","b"],"notes":{"k":1}}'
)
DAYS = tuple(f'"2022-{month:02}-{day}"' for month in range(1, 13) for day in ("28", "29", "30", "31"))
THERE = tuple(day for day in DAYS if day not in ('"2022-02-29"', '"2022-02-30"', '"2022-02-31"'))
THERE = tuple(d for d in THERE if d not in ('"2022-04-31"', '"2022-06-31"', '"2022-09-31"', '"2022-11-31"'))

CASES = (
    Case("dates", {"type": "string", "format": "date"}, THERE, ('"2022-02-29"', '"2022-04-31"', '"31.12.2022"')),
    Case(
        "times",
        {"type": "string", "format": "date-time"},
        ('"2022-12-31T23:59:59Z"', '"2022-12-31T23:59:59.1234567+01:00"', '"2016-12-31T23:59:60Z"'),
        ('"2022-12-31"', '"2022-12-31T24:00:00Z"', '"2022-12-31T22:59:60Z"', '"2022-12-31T23:59:59Z\\n"'),
    ),
    Case(
        "uuids",
        {"type": "string", "format": "uuid"},
        ('"0E37DF36-F698-11E6-8DD4-CB9CED3DF976"', '"0e37df36-f698-11e6-8dd4-cb9ced3df976"'),
        ('"0E37DF36F69811E68DD4CB9CED3DF976"', '"0E37DF36-F698-11E6-8DD4-CB9CED3DF97"'),
    ),
    Case(
        "e-mails",
        {"type": "string", "format": "email"},
        ('"ann@example.org"', '"\\"ann brown\\"@example.org"', '"ann+x@[127.0.0.1]"', '"ann@[IPv6:::1]"'),
        ('"ann"', '"ann@"', '"a..b@example.org"', '"ann brown@example.org"', '"ann@-x.org"'),
    ),
    Case(
        "addresses",
        {"type": "string", "format": "uri"},
        ('"https://example.org/a?b=c#d"', '"urn:x:y"'),
        ('"//example.org"', '"example"', '"http://a b"'),
    ),
    Case("ipv6", {"format": "ipv6"}, ('"::ffff:192.168.0.1"', '"fe80::1"', "7"), ('"fe80::1%eth0"', '"1::2::3"')),
    Case(
        "a format that is not checked", {"type": "string", "format": "phone"}, ('"+49 30 123"', '""'), ("1",)
    ),
    Case(
        "integers",
        {"type": "integer"},
        ("12345678901234567890", "-1", "0", "123456789012345678901234567890"),
        ("1.5", '"1"', "true"),
    ),
    Case("numbers", {"type": "number"}, ("1.5e-10", "0.1234567890123456789", "1E5", "-0.5"), ("1e400", "NaN", '"1"')),
    Case("money", {"type": "number", "multipleOf": 0.01}, ("19.99", "0.07", "1234567.01", "5"), ("19.995",)),
    Case("zod's integer", {"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991},
         ("9007199254740991", "-3"), ("9007199254740992", "1.5")),
    Case("above 0", {"type": "integer", "exclusiveMinimum": 0}, ("1", "123456789012345678"), ("0", "-1")),
    Case("0 to 1", {"type": "number", "minimum": 0, "maximum": 1}, ("0", "1", "0.5", "1.0"), ("1.1", "-0.1")),
    Case("limits beyond doubles", {"type": "integer", "minimum": 9007199254740993, "maximum": 10**20},
         ("9007199254740993", "100000000000000000000"), ("9007199254740992", "100000000000000000001")),
    Case("an enum of long numbers", {"enum": [12345678901234567891, 0.1, 1e-7, -2.0]},
         ("12345678901234567891", "0.1", "-2", "1e-7"), ("12345678901234567890", "0.2")),
    Case("an enum of all kinds", {"enum": ["a", 1, None, True, {"k": [1, {"v": 2.5}]}, []]},
         ('"a"', "1", "null", "true", '{"k": [1, {"v": 2.5}]}', "[]"), ('"b"', "2", "false", '{"k": [1]}', "[1]")),
    Case("a pattern", {"type": "string", "pattern": "^[A-Z]{3}$"}, ('"EUR"',), ('"EURO"', '"eur"', '"EUR\\n"')),
    Case("a pattern that looks ahead", {"type": "string", "pattern": r"^(?!x)\w+$"}, ('"ab"',), ('"xb"', '"é"')),
    Case("a pattern of ECMA 262", {"type": "string", "pattern": r"^\p{L}+\-\d$"}, ('"é-1"',), ('"1-1"', '"é-١"')),
    Case("lengths", {"type": "string", "minLength": 2, "maxLength": 3}, ('"ab"', '"é😀z"'), ('"a"', '"abcd"')),
    Case("characters", {"type": "string"}, ('"\\u00e9\\ud83d\\ude00"', '"a\\nb\\u0000\\"\\\\"', '"😀"'), ("1",)),
    Case(
        "a list",
        {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3, "uniqueItems": True},
        ("[1]", "[3, 2, 1]"),
        ("[]", "[1,2,3,4]", '["a"]', "[1,1]", "[1,1.0]"),
    ),
    Case("a pair", {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}], "items": False},
         ("[]", '[1,"a"]'), ('["a",1]', '[1,"a",2]')),
    Case("a pair of draft 7",
         {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "number"}],
          "additionalItems": False},
         ("[1]", "{}"), ('["a"]', "[1,2]")),
    Case("what stands beside a reference in draft 7",
         {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"l": {"type": "array"}},
          "properties": {"x": {"$ref": "#/definitions/l", "maxItems": 1}}},
         ('{"x":[1,2,3]}',), ('{"x":1}',)),
    Case("a free object", {"type": "object"}, ("{}", '{"a":1,"b":{"c":[]}}'), ("[]", '{"a":1,"a":2}')),
    Case("a map", _one({"type": "object", "additionalProperties": {"type": "integer"}}),
         ('{"x":{}}', '{"x":{"a":1,"b":2}}'), ('{"x":{"a":"b"}}', "{}", '{"x":{},"y":1}')),
    Case("an optional property",
         {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]},
         ('{"a":"x"}', '{"a":"x","b":"y"}'), ('{"b":"y"}', '{"a":"x","b":null}')),
    Case("other properties",
         {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True},
         ('{"a":"x","c":1}', '{"c":1}'), ('{"a":1}',)),
    Case("patterns of names",
         {"type": "object", "patternProperties": {"a": {"type": "integer"}, "b": {"minimum": 1}},
          "additionalProperties": False},
         ('{"ab":2}', '{"a":0,"b":"x"}'), ('{"c":1}', '{"ab":0}')),
    Case("counts of properties", {"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 1,
                                  "maxProperties": 2, "additionalProperties": True},
         ('{"a":1}', '{"c":1,"d":2}'), ("{}", '{"a":1,"b":2,"c":3}')),
    Case("two objects in one", {"allOf": [
        {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}]},
         ('{"name":"Ann","age":3}',), ('{"name":"Ann"}', '{"name":"Ann","age":"3"}')),
    Case("exactly one", {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 2}]},
         ("1", "2.5"), ("3", "1.5", '"a"')),
    Case("excluded", {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                      "not": {"required": ["a", "b"]}}, ('{"a":1}', "{}"), ('{"a":1,"b":2}',)),
    Case("if and then", {"type": "object", "properties": {"k": {"enum": ["x", "y"]}, "n": {"type": "integer"}},
                         "required": ["k"], "if": {"properties": {"k": {"const": "x"}}}, "then": {"required": ["n"]}},
         ('{"k":"y"}', '{"k":"x","n":1}'), ('{"k":"x"}', '{"k":"z"}')),
    Case("an item that must be there", {"type": "array", "contains": {"const": 5}}, ("[5]", "[1,5]"), ("[]", "[1]")),
    Case("a tree", {"$defs": {"t": {"type": "object", "properties": {"v": {"type": "integer"},
                    "l": {"anyOf": [{"$ref": "#/$defs/t"}, {"type": "null"}]}}, "required": ["v", "l"]}},
                    "$ref": "#/$defs/t"},
         ('{"v":1,"l":null}', '{"v":1,"l":{"v":2,"l":null}}'), ('{"v":1}', '{"v":1,"l":{"v":2}}')),
    Case("a reference by name", {"$id": "https://example.org/s", "properties": {"x": {"$ref": "part"},
                                 "y": {"$ref": "#here"}},
                                 "$defs": {"p": {"$id": "part", "type": "integer"},
                                           "h": {"$anchor": "here", "type": "boolean"}}},
         ('{"x":1,"y":true}',), ('{"x":"a"}', '{"y":1}')),
    Case("words that are none of JSON Schema's",
         {"type": "string", "nullable": True, "x-order": 3, "discriminator": {"propertyName": "k"}, "example": "a"},
         ('"a"',), ("null",)),
    Case("a meta-schema", {"$ref": "https://json-schema.org/draft/2020-12/schema"},
         ('{"type":"object"}', "true"), ('{"type":1}', "3")),
    Case("pydantic", Match.model_json_schema(), (MATCH,), (
        MATCH.replace("2022-12-31", "2022-12-32"), MATCH.replace("0.25", "1.25"), MATCH.replace("ARG", "arg"),
        MATCH.replace('"lives":9', '"bark":"x"'), MATCH.replace('["a","b"]', '["a","a"]'),
        MATCH.replace('"fee":3', '"fee":0'), MATCH.replace("[1,2.5]", "[1,2,3]"), MATCH.replace("final", "semi"))),
    Case("a model that contains itself", Node.model_json_schema(),
         ('{"value":"a","children":[{"value":"b"},{"value":"c","children":[]}]}',),
         ('{"value":"a","children":[{}]}', '{"children":[]}')),
)  # fmt: skip

EMPTY: tuple[tuple[Any, str], ...] = (
    (False, ""),
    ({"enum": []}, ""),
    ({"type": "string", "const": 1}, ""),
    ({"type": "integer", "enum": [1.5, "a"]}, ""),
    ({"enum": ["abc"], "minLength": 5}, ""),
    ({"const": 5, "minimum": 6}, ""),
    ({"type": "array", "minItems": 3, "maxItems": 1}, ""),
    ({"type": "string", "minLength": 3, "maxLength": 2}, ""),
    ({"type": "number", "minimum": 2, "exclusiveMaximum": 2}, ""),
    ({"type": "integer", "minimum": 0.4, "maximum": 0.6}, ""),
    ({"type": "integer", "multipleOf": 5, "minimum": 1, "maximum": 4}, ""),
    ({"type": "object", "required": ["a"], "additionalProperties": False}, "/additionalProperties"),
    (_one(False), "/properties/x"),
    (_one({"type": "integer", "enum": ["a"]}), "/properties/x"),
    ({"type": "object", "required": ["a", "b"], "maxProperties": 1}, ""),
    ({"type": "object", "additionalProperties": False, "minProperties": 1}, ""),
    ({"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]}, ""),
    (
        {
            "$defs": {
                "a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}, "required": ["b"]},
                "b": {"type": "array", "items": {"$ref": "#/$defs/a"}, "minItems": 1},
            },
            "$ref": "#/$defs/a",
        },
        "/$defs/a",
    ),
    ({"type": "array", "items": False, "minItems": 1}, "/items"),
    ({"type": "array", "contains": True, "maxItems": 0}, ""),
    ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "/allOf/1"),
    ({"type": "number", "allOf": [{"minimum": 5}, {"maximum": 3}]}, "/allOf/0"),
    ({"anyOf": [False, {"type": "integer", "minimum": 2, "maximum": 1}]}, ""),
    ({"not": {}}, ""),
)
"""Schemas under which no finite JSON is valid, and the JSON pointer of what is wrong."""

NOT_EMPTY: tuple[Any, ...] = (
    {"minItems": 3, "maxItems": 1},
    {"type": "array", "items": False},
    {"type": "number", "minimum": 0.07, "maximum": 0.07, "multipleOf": 0.01},
    {"type": "object", "properties": {"x": False}},
    {"$defs": {"t": {"type": "object", "properties": {"n": {"$ref": "#/$defs/t"}}}}, "$ref": "#/$defs/t"},
    {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True},
    {"anyOf": [{"type": "string"}, False], "oneOf": [{"minLength": 1}, {"type": "integer"}]},
    {"enum": [1, 1.0, True]},
)
