"""The options of scorers are checked when a suite is read."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.errors import InputError
from promptlab.scorers._registry import FACTORIES, scorer_spec


@pytest.mark.parametrize(
    ("named", "said", "hint"),
    [
        ({"exact": {"normalised": "yes"}}, "`normalised` of `exact` is true or false", ""),
        ({"exact": {"normalised": 1}}, "true or false", ""),
        ({"regex": {"pattern": 5}}, "`pattern` of `regex` is a text", ""),
        ({"regex": {"pattern": "("}}, "not a valid regular expression", ""),
        ({"regex": {"whole": "no"}}, "true or false", ""),
        ({"one_of": {"among": "cat"}}, "`among` of `one_of` is a list of texts", ""),
        ({"one_of": {"among": ["cat"]}}, "at least two different texts", ""),
        ({"one_of": {"among": ["cat", "Cat."]}}, "'Cat.' twice", ""),
        ({"one_of": {"among": ["cat", " "]}}, "an empty text", ""),
        ({"one_of": {"among": [1, 2]}}, "a list of texts", ""),
        ({"one_of": {"among": []}}, "at least two different texts", ""),
        ({"numeric": {"absolute": "0.5"}}, "`absolute` of `numeric` is a number", ""),
        ({"numeric": {"absolute": -1}}, "a number from 0", ""),
        ({"numeric": {"relative": float("nan")}}, "a number from 0", ""),
        ({"numeric": {"absolute": True}}, "a number", ""),
        ({"numeric": {"take": "lst"}}, "`take` of `numeric` is `only` or `first` or `last`", "did you mean `last`?"),
        ({"json_fields": {"fields": "winner"}}, "`fields` of `json_fields` is a list of texts", ""),
        ({"json_fields": {"fields": []}}, "at least one field", ""),
        ({"json_fields": {"fields": ["a", "a"]}}, "`a` twice", ""),
        ({"json_fields": {"fields": ["a", ""]}}, "an empty name", ""),
        ({"json_fields": {"tolerance": float("inf")}}, "a number from 0", ""),
        ({"json_schema": {"schema": "text"}}, "`schema` of `json_schema` is an object", ""),
        ({"json_schema": {"schema": {"type": "strin"}}}, "no valid schema", ""),
        ({"python": {}}, "`python` needs the option `function`", ""),
        ({"python": {"function": 3}}, "`function` of `python` is a text", ""),
        ({"judge": {}}, "`judge` needs the option `model`", ""),
        ({"judge": {"model": ["a"]}}, "`model` of `judge` is a text", ""),
        ({"judge": {"model": "j", "question": " "}}, "`question` of `judge` is empty", ""),
        ({"contains": {"at_least": "1"}}, "`at_least` of `contains`", ""),
        ({"contains": {"extract": 3}}, "`extract` is not a valid regular expression", ""),
    ],
)
def test_an_option_of_a_wrong_type_or_value_is_refused(named: Any, said: str, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        scorer_spec(named)
    assert said in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    "named",
    [
        {"exact": {"normalised": False}},
        {"regex": {"pattern": "a|b", "ignore_case": True}},
        {"one_of": {"among": ["C", "C++", "C#"]}},
        {"one_of": {"among": None}},
        {"numeric": {"absolute": 1, "relative": 0.01, "take": "last"}},
        {"json_fields": {"fields": ["a.b"], "tolerance": 0, "at_least": 0.5}},
        {"json_schema": {"schema": {"type": "object"}}},
        {"judge": {"model": "j", "template": "templates/judge.yaml"}},
        {"contains": None},
    ],
)
def test_what_fits_is_taken(named: Any) -> None:
    (name,) = named
    assert scorer_spec(named).name == name


def test_every_option_has_a_type_that_can_be_checked() -> None:
    for name, factory in FACTORIES.items():
        needed = {"function": "checks:f"} if name == "python" else {}
        assert factory.__annotations__, name
        scorer_spec({name: needed})
