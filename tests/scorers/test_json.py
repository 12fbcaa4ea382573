"""JSON in answers: where it is found, what is never taken for it, and when a field is right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.errors import InputError, NotJudged
from promptlab.scorers import parse_json_answer
from promptlab.scorers._json import json_fields, json_schema
from promptlab.scorers._json_answer import find_json

GOOD = '{"team": "Chile", "goals": 2}'
FENCED = f"```json\n{GOOD}\n```"


@pytest.mark.parametrize(
    ("answer", "skipped"),
    [
        (GOOD, ""),
        (f"\n {GOOD} \n", ""),
        (f"\ufeff{GOOD}", "byte order mark"),
        (FENCED, ""),
        (f"```\n{GOOD}\n```", ""),
        (f"~~~json\n{GOOD}\n~~~", ""),
        (f"````json\n{GOOD}\n````", ""),
        (f"```JSON {GOOD}```", ""),
        (f"```json\n{GOOD}", ""),
        (f"```json\r\n{GOOD}\r\n```", ""),
        (f"Sure! Here you are:\n\n{FENCED}", "before"),
        (f"{FENCED}\nAnything else?", "after"),
        (f"Sure: {GOOD}", "before"),
        (f"{GOOD}\n\nI hope this helps.", "after"),
        (f"Sure: {GOOD}. I hope this helps.", "after"),
        (f"The form {{team}} is filled in: {GOOD}", "before"),
        (f"<think>hm {{}} or {{'a': 1}}</think>\n{GOOD}", "reasoning"),
        (f"<thinking>\n{{}}\n</thinking>{FENCED}", "reasoning"),
        (f'I think {{"team": "Peru"}} is wrong.</think>{GOOD}', "reasoning"),
        (f"{GOOD}\n<think>Was that right?", "reasoning"),
        (f"{FENCED}\nAgain:\n{FENCED}", ""),
        (f'{GOOD}\n{{"goals": 2.0, "team": "Chile"}}', ""),
        (f'```python\nprint("x")\n```\n{FENCED}', "before"),
        (f"```\nno JSON\n```\n{FENCED}", "before"),
    ],
)
def test_json_is_found_and_what_is_skipped_is_said(answer: str, skipped: str) -> None:
    assert parse_json_answer(answer) == {"team": "Chile", "goals": 2}
    assert skipped in find_json(answer).skipped
    score = json_fields()(answer, {"team": "Chile", "goals": 2})
    assert score.value == 1
    assert skipped in score.reason
    assert json_schema(schema={"required": ["team"]})(answer, None).value == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty"),
        ("\ufeff", "empty"),
        ("I do not know.", ""),
        ("{'team': 'Chile', 'goals': 2}", "single quotes"),
        ("Sure: {'team': 'Chile', 'goals': 2}", "single quotes"),
        ('{"team": "Chile", "goals": 2,}', "comma before a closing bracket"),
        ('```json\n{"team": "Chile", "goals": 2,}\n```', "comma before a closing bracket"),
        ('{team: "Chile", goals: 2}', "keys without quotes"),
        ('{"team": "Chile", // the winner\n "goals": 2}', "comments"),
        ('{"team": "Chile", "goals": NaN}', "NaN"),
        ('{"team": "Chile", "goals": Infinity}', "Infinity"),
        ('{"team": "Chile", "goals": 1e999}', "range"),
        ('{"team": "Peru", "team": "Chile", "goals": 2}', "twice"),
        ('Sure: {"team": "Peru", "team": "Chile", "goals": 2}', "twice"),
        ('{"team": "Chile", "goals": 2', ""),
        ('{"team": "Chile", "goals": 2}}', ""),
        ('{"result": {"team": "Chile", "goals": 2}', ""),
        ('{"result": {"team": "Chile", "goals": 2},}', "comma"),
        ("<think>" + GOOD, "reasoning"),
        ("<think>" + FENCED, "reasoning"),
        ("[" * 100_000, ""),
        ('{"a":' * 100_000, ""),
        ('{"team": "Chile\n", "goals": 2}', ""),
        ('[\n{"team": "Chile", "goals": 2},\n{"team": "Pe', ""),
        ("{“team”: “Chile”, “goals”: 2}", ""),
        ('{"team": "Chile" "goals": 2}', ""),
    ],
)
def test_what_is_no_json_is_wrong_with_its_reason_and_is_never_repaired(answer: str, reason: str) -> None:
    with pytest.raises(ValueError):
        parse_json_answer(answer)
    for scorer, expected in ((json_fields(), {"team": "Chile", "goals": 2}), (json_schema(schema={}), None)):
        score = scorer(answer, expected)
        assert score.value == 0
        assert score.reason.startswith("not JSON: ")
        assert reason in score.reason


@pytest.mark.parametrize(
    "answer",
    [
        f'First {GOOD}, then {{"team": "Peru", "goals": 2}}',
        f'{FENCED}\nor\n```json\n{{"team": "Peru"}}\n```',
        '{"team": "Chile"}\n{"team": "Peru"}',
        '{"x": 1}\n{"x": true}',
        "[1]\n[2]",
    ],
)
def test_several_values_that_differ_are_not_judged(answer: str) -> None:
    for scorer, expected in ((json_fields(), {"team": "Chile"}), (json_schema(schema={}), None)):
        with pytest.raises(NotJudged):
            scorer(answer, expected)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("null", None),
        ("3", 3),
        ('"text"', "text"),
        ("[1, 2]", [1, 2]),
        ("```json\n[1, 2]\n```", [1, 2]),
        ("Here:\n[1, 2]\nDone.", [1, 2]),
        ("```\n3\n```", 3),
        ('{"a": "```json {} ```"}', {"a": "```json {} ```"}),
        ('{"a": "<think>no</think>"}', {"a": "<think>no</think>"}),
        ('{"a": "}"} and more', {"a": "}"}),
        ('{"a": 12345678901234567890}', {"a": 12345678901234567890}),
    ],
)
def test_every_kind_of_value_is_read(answer: str, value: Any) -> None:
    assert parse_json_answer(answer) == value


@pytest.mark.parametrize("answer", ["Chile [1], Peru [2]", "x [1, 2] y", "see {3}", "{}x{"[:0], "the set {a, b}"])
def test_brackets_in_a_text_are_not_json(answer: str) -> None:
    with pytest.raises(ValueError):
        parse_json_answer(answer)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["{}", "```json\n{}\n```", "```\n{}\n```", "Here it is:\n```json\n{}\n```\nDone.", "\ufeff{}"]),
)
def test_any_value_comes_back_whatever_is_around_it(value: Any, around: str) -> None:
    text = json.dumps(value)
    if "```" not in text and "<" not in text:
        assert parse_json_answer(around.replace("{}", text, 1)) == value


@given(st.text("{}[]\"':,1a `~\n<>/thinkjson", max_size=40))
def test_no_answer_breaks_it(answer: str) -> None:
    try:
        assert json_fields()(answer, {"a": 1}).value in (0, 1)
    except NotJudged:
        pass


def test_long_answers_take_no_longer_than_their_length() -> None:
    for piece in ('{"a":', "{", "[\n", "```\n", "<think>", "{}", "{a", '{"a"'):
        try:
            json_fields()(piece * (60_000 // len(piece)), {"a": 1})
        except NotJudged:
            pass


# Fields


@pytest.mark.parametrize(
    ("found", "expected", "options", "value"),
    [
        ({"a": 1}, {"a": 1.0}, {}, 1),
        ({"a": 1.0}, {"a": 1}, {}, 1),
        ({"a": True}, {"a": 1}, {}, 0),
        ({"a": 1}, {"a": True}, {}, 0),
        ({"a": False}, {"a": 0}, {}, 0),
        ({"a": [1]}, {"a": [True]}, {}, 0),
        ({"a": [{"b": 1}]}, {"a": [{"b": True}]}, {}, 0),
        ({"a": "2"}, {"a": 2}, {}, 0),
        ({"a": 2}, {"a": "2"}, {}, 0),
        ({"a": "2"}, {"a": 2}, {"numbers_as_text": True}, 1),
        ({"a": 2}, {"a": "2"}, {"numbers_as_text": True}, 1),
        ({"a": "2.0"}, {"a": 2}, {"numbers_as_text": True}, 1),
        ({"a": "true"}, {"a": 1}, {"numbers_as_text": True}, 0),
        ({"a": "2,5"}, {"a": 2.5}, {"numbers_as_text": True}, 0),
        ({"a": 12345678901234567891}, {"a": 12345678901234567890}, {}, 0),
        ({"a": 0.1}, {"a": 0.1}, {}, 1),
        ({"a": 102}, {"a": 100}, {"tolerance": 0.02}, 1),
        ({"a": 103}, {"a": 100}, {"tolerance": 0.02}, 0),
        ({}, {"a": None}, {}, 0),
        ({"a": None}, {"a": None}, {}, 1),
        ({"a": ""}, {"a": None}, {}, 0),
        ({"a": None}, {"a": ""}, {}, 0),
        ({"a": ""}, {"a": "."}, {}, 0),
        ({"a": "?"}, {"a": "!"}, {}, 0),
        ({"a": "Cafe\u0301"}, {"a": "Café"}, {}, 1),
        ({"a": "C"}, {"a": "C++"}, {}, 0),
        ({"a": [1, 2]}, {"a": [2, 1]}, {}, 0),
        ({"a": [1, 2]}, {"a": [2, 1]}, {"any_order": True}, 1),
        ({"a": [1, 1, 2]}, {"a": [1, 2, 2]}, {"any_order": True}, 0),
        ({"a": [1, 2, 3]}, {"a": [1, 2]}, {"any_order": True}, 0),
        ({"a": [1]}, {"a": 1}, {}, 0),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, {}, 0.5),
        ({"a": {"b": 1, "x": 9}}, {"a": {"b": 1}}, {}, 1),
        ({"a": {"x": 1}}, {"a": {}}, {}, 0),
        ({"a.b": 1}, {"a.b": 1}, {}, 1),
        ({"a": {"b": 1}}, {"a.b": 1}, {}, 0),
        ({"a.b": 1}, {"a": {"b": 1}}, {}, 0),
        ([{"a": 1}], {"a": 1}, {}, 0),
        (None, {"a": None}, {}, 0),
        ({"a": {"b": [{"c": 1}, {"c": 2}]}}, {"a": {"b": [{"c": 0}, {"c": 2}]}}, {"fields": ["a.b[1].c"]}, 1),
        ({"a": {"b": [{"c": 1}, {"c": 2}]}}, {"a": {"b": [{"c": 0}, {"c": 2}]}}, {"fields": ["a.b.0.c"]}, 0),
        ({"a": {"b": [{"c": 1}, {"c": 2}]}}, {"a": {"b": [{"c": 0}, {"c": 2}]}}, {"fields": ["/a/b/1/c"]}, 1),
        ({"a.b": {"c.d": 1}}, {"a.b": {"c.d": 1}, "x": 2}, {"fields": ["a.b.c.d"]}, 1),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 1}, "x": 2}, {"fields": ["/a~1b/~0"]}, 1),
        ({"a": 1}, {"a": 1, "b": 2}, {"fields": ["a"]}, 1),
        ({"b": []}, {"b": [1]}, {"fields": ["b[0]"]}, 0),
    ],
)
def test_when_a_field_is_right(found: Any, expected: dict[str, Any], options: dict[str, Any], value: float) -> None:
    assert json_fields(**options)(json.dumps(found), expected).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("fields", "expected", "said"),
    [
        (["golas"], {"team": "Chile", "goals": 2}, "goals"),
        (["team", "goal"], {"team": "Chile", "goals": 2}, "goals"),
        (["result.golas"], {"result": {"goals": 2}}, "result.goals"),
        (["goals.3"], {"goals": [1, 2]}, "goals"),
        (["/goals/x"], {"goals": [1, 2]}, "goals"),
        (["a.b"], {"a.b": 1, "a": {"b": 2}}, "/a/b"),
        ([""], {"a": 1}, "names"),
        ([3], {"a": 1}, "names"),
    ],
)
def test_a_field_that_nobody_expects_is_refused_and_never_equal(fields: Any, expected: Any, said: str) -> None:
    for answer in ("{}", json.dumps(expected), '{"golas": 2}'):
        with pytest.raises(InputError) as refused:
            json_fields(fields=fields)(answer, expected)
        assert said in str(refused.value)


@pytest.mark.parametrize(
    "options", [{"fields": []}, {"fields": "a"}, {"tolerance": -1}, {"tolerance": "much"}, {"tolerance": True}]
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        json_fields(**options)


# `format` in a schema

FORMATS = {
    "date": ("2022-12-18", "2022-13-45"),
    "time": ("10:30:00Z", "25:00:00Z"),
    "date-time": ("2022-12-18T10:30:00Z", "2022-12-18 10:30"),
    "duration": ("P1D", "1 day"),
    "email": ("a@b.org", "a@"),
    "uri": ("https://a.org/x", "a.org"),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000", "123"),
    "ipv4": ("10.0.0.1", "10.0.0.256"),
    "ipv6": ("::1", ":::1"),
    "hostname": ("a.org", "-a.org"),
    "regex": ("a+", "("),
    "json-pointer": ("/a/0", "a/0"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_checked(name: str) -> None:
    good, bad = FORMATS[name]
    schema = {"properties": {"x": {"type": "string", "format": name}}}
    assert json_schema()(json.dumps({"x": good}), schema).value == 1
    assert json_schema()(json.dumps({"x": bad}), schema).value == 0


@pytest.mark.parametrize(
    ("schema", "hint"),
    [
        ({"format": "datetime"}, "date-time"),
        ({"properties": {"x": {"type": "string", "format": "e-mail"}}}, "email"),
        ({"items": {"anyOf": [{"format": "UUID"}]}}, "uuid"),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"format": "unheard-of"}}}, ""),
        ({"format": "idn-email"}, ""),
    ],
)
def test_a_format_that_cannot_be_checked_is_refused_when_the_scorer_is_built(schema: Any, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        json_schema(schema=schema)
    assert hint in refused.value.hint
    with pytest.raises(InputError):
        json_schema()("{}", schema)


def test_a_format_of_openapi_and_a_property_called_format_are_no_faults() -> None:
    assert (
        json_schema(schema={"properties": {"x": {"type": "integer", "format": "int64"}}})('{"x": 1}', None).value == 1
    )
    assert json_schema(schema={"properties": {"format": {"type": "string"}}})('{"format": "x"}', None).value == 1
    assert json_schema(schema={"enum": [{"format": "x"}]})('{"format": "x"}', None).value == 1
