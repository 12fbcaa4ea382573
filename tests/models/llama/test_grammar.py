"""What a grammar lets a model write, tried with llguidance's tokenizer of single bytes."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

import pytest
from llguidance import LLMatcher, LLTokenizer

from benchmarks import json_schema as measured
from promptlab._util.json_schema import validate
from promptlab.errors import RequestRejected
from promptlab.models._llama._grammar import Grammar, grammar_of
from tests.schema_cases import CASES, EMPTY, Case

HERE = json.dumps({"type": "object", "properties": {"b": {}, "a": {"type": "integer"}}, "required": ["b", "a"]})


@cache
def byte_by_byte() -> LLTokenizer:
    return LLTokenizer("byte")


def writes(grammar: Grammar, text: str) -> bool:
    """True if an answer may be exactly `text`."""
    matcher = LLMatcher(byte_by_byte(), grammar.text)
    data = list(text.encode())
    return matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_valid_answer_can_be_written(case: Case) -> None:
    grammar = grammar_of(case.text)
    assert [text for text in case.valid if not writes(grammar, text)] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whatever_a_model_chooses_an_answer_can_be_ended(case: Case) -> None:
    """A model that chooses by chance never comes to where nothing may follow, and what it wrote is valid unless the
    words say what was not held."""
    grammar, chance, ended = grammar_of(case.text), random.Random(case.name), 0
    for _ in range(8):
        text = written_by_chance(grammar, chance)
        if text is not None:
            ended += 1
            assert validate(case.text, text).valid or grammar.wider or case.name in LEFT_TO_THE_VERDICT, text
    assert ended


def written_by_chance(grammar: Grammar, chance: random.Random) -> str | None:
    """An answer of bytes taken at random, with a liking for those that close something; None for a long one."""
    tokenizer = byte_by_byte()
    matcher, data = LLMatcher(tokenizer, grammar.text), bytearray()
    for _ in range(400):
        mask = matcher.compute_bitmask()
        assert not matcher.is_error(), matcher.get_error()
        allowed = [one for one in range(tokenizer.vocab_size) if mask[one // 8] >> one % 8 & 1]
        assert allowed, bytes(data)
        if tokenizer.eos_token in allowed:
            return data.decode()
        closing = [one for one in allowed if one in b'"]}']
        token = chance.choice(closing if closing and chance.random() < 0.5 else allowed)
        data.append(token)
        assert matcher.consume_token(token)
    return None


LEFT_TO_THE_VERDICT = {"dates", "times", "e-mails", "ipv6", "numbers", "a free object", "exactly one"}
"""Cases of which the grammar lets something invalid pass without naming a keyword."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_invalid_answer_can_be_written_where_nothing_is_named(case: Case) -> None:
    grammar = grammar_of(case.text)
    loose = [text for text in case.invalid if writes(grammar, text)]
    assert bool(loose) <= (bool(grammar.wider) or case.name in LEFT_TO_THE_VERDICT)


@pytest.mark.parametrize(("schema", "at"), EMPTY, ids=lambda value: json.dumps(value)[:60])
def test_a_schema_without_any_json_is_refused_with_its_place(schema: Any, at: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        grammar_of(json.dumps(schema))
    assert f"#{at}" in caught.value.message


@pytest.mark.parametrize(
    ("schema", "wider"),
    [
        ({"type": "array", "uniqueItems": True}, ("`uniqueItems` at #",)),
        ({"type": "array", "uniqueItems": False}, ()),
        ({"properties": {"a/b": {"not": {"type": "null"}}}}, ("`not` at #/properties/a~1b",)),
        ({"type": "string", "pattern": "^(?=x)"}, ("`pattern` at #",)),
        ({"type": "string", "format": "regex"}, ("`format` at #",)),
        ({"$defs": {"d": {"const": 2**60 + 1}}, "items": {"$ref": "#/$defs/d"}}, ("`const` at #/$defs/d",)),
        ({"type": "number", "maximum": 1e300}, ("`maximum` at #",)),
        ({"type": "integer", "minimum": 2**53 + 2}, ("`minimum` at #",)),
        ({"type": "integer", "multipleOf": 0.123456789}, ("`multipleOf` at #",)),
        (
            {"properties": {"a": {}, "b": {}}, "minProperties": 2, "maxProperties": 3},
            ("`minProperties` at #", "`maxProperties` at #"),
        ),
        ({"patternProperties": {"a": {}, "b": {}}}, ("`patternProperties` at #",)),
        ({"type": "string", "format": "date"}, ()),
        ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, ()),
    ],
)
def test_what_is_not_held_is_named_with_its_place(schema: Any, wider: tuple[str, ...]) -> None:
    assert grammar_of(json.dumps(schema)).wider == wider


@pytest.mark.parametrize(
    ("schema", "only_named"),
    [
        ({"type": "object", "properties": {"a": {}}}, ("#",)),
        ({"properties": {"a": {}}}, ()),
        ({"type": "object"}, ()),
        ({"type": "object", "required": ["a"]}, ()),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": True}, ()),
        ({"type": "object", "properties": {"a": {}}, "patternProperties": {"^x": {}}}, ()),
        ({"type": "object", "properties": {"a": {}}, "minProperties": 1}, ()),
        ({"allOf": [{"type": "object", "properties": {"a": {}}}, {"properties": {"b": {}}}]}, ("#",)),
        ({"$defs": {"t": {"type": "object", "properties": {"a": {}}}}, "items": {"$ref": "#/$defs/t"}}, ("#/$defs/t",)),
    ],
)
def test_an_object_that_names_its_properties_has_only_those_and_it_is_said(
    schema: Any, only_named: tuple[str, ...]
) -> None:
    grammar = grammar_of(json.dumps(schema))
    assert grammar.only_named == only_named
    answer = '[{"zz":1}]' if "items" in schema else '{"a":1,"b":1,"zz":1}'
    assert writes(grammar, answer) == (not only_named)


def test_objects_that_hold_together_keep_the_properties_of_each() -> None:
    """Closed each by itself, no object would be left, at whatever depth."""
    part = {"type": "object", "properties": {"x": {}}, "required": ["x"]}
    other = {"type": "object", "properties": {"y": {}}, "required": ["y"]}
    deep = {
        "allOf": [
            {"type": "object", "properties": {"a": part}, "required": ["a"]},
            {"type": "object", "properties": {"a": other}},
        ]
    }
    assert writes(grammar_of(json.dumps({"allOf": [part, other]})), '{"x":1,"y":2}')
    assert writes(grammar_of(json.dumps(deep)), '{"a":{"x":1,"y":2}}')


def test_properties_stand_in_the_order_of_the_schema() -> None:
    assert writes(grammar_of(HERE), '{"b":null,"a":1}')
    assert not writes(grammar_of(HERE), '{"a":1,"b":null}')


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ('{ "b": 1, "a": 2 }', True),
        ('{\n  "b": 1,\r\n\t"a": 2\n}', True),
        ('{"b":1,  "a":2}', False),
        ('{"b":1,\n\n"a":2}', False),
        (' {"b":1,"a":2}', False),
        ('{"b":1,"a":2}\n', False),
    ],
)
def test_white_space_never_runs_on(text: str, may: bool) -> None:
    assert writes(grammar_of(HERE), text) == may


def test_a_whole_schema_that_is_too_much_is_held_to_without_what_makes_it_so() -> None:
    loop = {
        "$defs": {
            "t": {
                "type": "object",
                "properties": {"n": {"$ref": "#/$defs/t", "minProperties": 1}, "v": {"type": "integer"}},
                "required": ["v"],
            }
        },
        "$ref": "#/$defs/t",
    }
    grammar = grammar_of(json.dumps(loop))
    assert grammar.wider == ("`minProperties` at #/$defs/t/properties/n",)
    assert writes(grammar, '{"n":{"n":{"v":3},"v":2},"v":1}')


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(RequestRejected, match="not JSON"):
        grammar_of("{")


@pytest.mark.skipif(not measured.SUITE.exists(), reason="the JSON-Schema-Test-Suite is not there")
def test_the_official_suite_is_held_to_as_docs_models_says() -> None:
    common, every = measured.of_the_suite(measured.COMMON), measured.of_the_suite(None)
    for found in (common, every):
        assert found.accepted == 0
        assert found.unwritable <= 0.02 * found.valid
        assert found.built >= 0.9 * found.schemas
        assert [words for words in found.refusals if "#" not in words or "`" not in words] == []
    assert (common.schemas, common.built, common.valid, common.unwritable) == (365, 354, 743, 11)
    assert every.schemas == 600
