"""JSON Schemas are checked, and answers are validated with them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from promptlab._util.json_schema import problem_of, validate
from promptlab._util.json_schema_formats import CHECKED
from promptlab._util.json_text import indented, read_json
from tests.places import SHARED
from tests.schema_cases import CASES, EMPTY, NOT_EMPTY, Case

UNLIKE = {"format", "vocabulary"}
"""Files of the suite: `format` is checked here, where its main part holds it to be a comment; the other one is about a
meta-schema that would have to be fetched."""
SUITE = SHARED / "corpora" / "json-schema" / "tests"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_answer_is_valid_under_the_schema_or_not(case: Case) -> None:
    assert problem_of(case.schema) is None
    assert [text for text in case.valid if not validate(case.text, text).valid] == []
    assert [text for text in case.invalid if validate(case.text, text).valid] == []


@pytest.mark.parametrize(("schema", "at"), EMPTY, ids=lambda value: json.dumps(value)[:60])
def test_a_schema_without_any_json_is_found_and_its_place_named(schema: Any, at: str) -> None:
    problem = problem_of(schema)
    assert problem is not None
    assert "no JSON is valid" in problem.message
    assert "".join(f"/{part}" for part in problem.path) == at


@pytest.mark.parametrize("schema", NOT_EMPTY, ids=lambda value: json.dumps(value)[:60])
def test_a_schema_that_has_some_json_is_not_refused(schema: Any) -> None:
    assert problem_of(schema) is None


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"enum": ["\ud83d"]}, ("enum", 0)),
        ({"const": {"a": ["\udc00"]}}, ("const", "a", 0)),
        ({"type": "string", "pattern": "\ud83d"}, ("pattern",)),
        ({"properties": {"\ud83d": {}}}, ("properties",)),
        ({"required": ["a", "\ud83d"]}, ("required", 1)),
        ({"description": "\ud83d"}, ("description",)),
        ({"minimum": float("inf")}, ("minimum",)),
        ({"type": "obj"}, ("type",)),
        ({"type": "string", "pattern": "("}, ("pattern",)),
        ({"properties": {"a": {"items": [1]}}}, ("properties", "a", "items")),
    ],
)
def test_what_is_no_schema_is_said_with_its_place(schema: Any, path: tuple[Any, ...]) -> None:
    problem = problem_of(schema)
    assert problem is not None
    assert problem.path == path


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.org/x.json"},
        {"properties": {"a": {"$ref": "other.json#/x"}}},
        {"$ref": "#/$defs/none"},
        {"$ref": "#nowhere"},
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    ],
)
def test_a_reference_out_of_the_schema_or_in_a_circle_is_refused(schema: Any) -> None:
    problem = problem_of(schema)
    assert problem is not None
    assert "$ref" in problem.message


def test_no_reference_is_ever_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    remote = {"$ref": "http://json-schema.invalid/x.json"}
    assert problem_of(remote) is not None
    found = validate(json.dumps(remote), "1")
    assert not found.valid
    assert "could not be validated" in found.why


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("", "not JSON"),
        ("```json\n{}\n```", "not JSON"),
        ('{"a":1,"a":1}', "twice"),
        ("[NaN]", "NaN"),
        ("[1e400]", "outside the range"),
        ("[1e-400]", "outside the range"),
        ("[1e999999999999999999999]", "too large"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "not JSON"),
        ('{"a":1', "not JSON"),
    ],
)
def test_text_that_programs_read_in_several_ways_or_not_at_all_is_not_valid(answer: str, word: str) -> None:
    found = validate("{}", answer)
    assert not found.valid
    assert word in found.why


def test_what_is_wrong_is_said_with_its_place_and_numbers_as_they_are_written() -> None:
    schema = json.dumps({"properties": {"a/b": {"items": {"multipleOf": 0.01}}}})
    found = validate(schema, '{"a/b":[1.10,19.995]}')
    assert (found.valid, found.at) == (False, "/a~1b/1")
    assert found.why == "19.995 is not a multiple of 0.01"
    assert repr(read_json("[1.10, 12345678901234567890]")) == "[1.10, 12345678901234567890]"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("[]", ["[]"]),
        ('{"a":1.10,"b":[1E5,{}]}', ["{", '  "a": 1.10,', '  "b": [', "    1E5,", "    {}", "  ]", "}"]),
        ('"a: {, \\" [b"', ['"a: {, \\" [b"']),
        ('{"a":1,"a":12345678901234567890}', ["{", '  "a": 1,', '  "a": 12345678901234567890', "}"]),
        ("no {json", ["no {json"]),
    ],
)
def test_json_is_set_out_with_every_value_as_it_is_written(text: str, lines: list[str]) -> None:
    assert indented(text).split("\n") == lines
    if lines != [text]:
        assert json.loads(indented(text)) == json.loads(text)


@pytest.mark.skipif(not SUITE.exists(), reason="the JSON-Schema-Test-Suite is not there")
@pytest.mark.parametrize("name", sorted(CHECKED))
def test_formats_are_checked_as_the_official_suite_has_them(name: str) -> None:
    """But for two: the rules of internationalised labels, and what ECMA 262 allows outside its Unicode mode."""
    file = SUITE / "draft2020-12" / "optional" / "format" / f"{name}.json"
    wrong = [
        (one["description"], one["data"])
        for group in json.loads(file.read_text(encoding="utf-8"))
        for one in group["tests"]
        if isinstance(one["data"], str)
        if CHECKED[name](one["data"]) != one["valid"]
        if not (name == "hostname" and "xn--" in one["data"].lower())
        and one["data"] not in ("\\a", "^\\S(|(.|\\n)*\\S)\\Z")
    ]
    assert wrong == []


@pytest.mark.skipif(not SUITE.exists(), reason="the JSON-Schema-Test-Suite is not there")
@pytest.mark.parametrize("draft", ["draft2020-12", "draft7"])
def test_answers_are_judged_as_the_official_suite_judges_them(draft: str) -> None:
    """Every keyword; schemas that lead to other files are refused."""
    wrong, count = [], 0
    for file in sorted((SUITE / draft).glob("*.json")):
        for group in json.loads(file.read_text(encoding="utf-8")) if file.stem not in UNLIKE else ():
            schema = group["schema"]
            if draft == "draft7" and isinstance(schema, dict):
                schema = {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
            problem = problem_of(schema)
            if problem:
                # Refused before anything is asked: rightly, where nothing is valid or another file is needed.
                told = "out of the schema" in problem.message or not any(one["valid"] for one in group["tests"])
                wrong += [] if told else [(file.name, group["description"], problem.message)]
                continue
            for one in group["tests"]:
                count += 1
                if validate(json.dumps(schema), json.dumps(one["data"])).valid != one["valid"]:
                    wrong.append((file.name, group["description"], one["description"]))
    assert wrong == []
    assert count > 700


def test_a_library_that_knows_the_standard_agrees() -> None:
    """jsonschema itself, where its numbers and patterns are those of the standard, too."""
    unlike = {"money", "a pattern", "a pattern that looks ahead", "a pattern of ECMA 262", "numbers", "a free object"}
    for case in CASES:
        if case.name in unlike or "format" in case.text:
            continue
        validator = jsonschema.validators.validator_for(case.schema, jsonschema.Draft202012Validator)(case.schema)
        for text in (*case.valid, *case.invalid):
            assert validator.is_valid(json.loads(text)) == validate(case.text, text).valid, (case.name, text)
