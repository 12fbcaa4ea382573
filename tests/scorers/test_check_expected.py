"""What cases expect is checked when they are read: a scorer that cannot read it could judge no answer."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.errors import InputError
from promptlab.scorers._check_expected import check_expected
from promptlab.scorers._registry import FACTORIES, scorer_spec

AMONG = {"one_of": {"among": ["billing", "shipping"]}}


@pytest.mark.parametrize(
    ("named", "expected", "said", "hint"),
    [
        *((name, None, "", "") for name in FACTORIES if name != "python"),
        ("contains", {}, "no expected answer", ""),
        ("contains", [], "no expected answer", ""),
        ("regex", "", "empty text", ""),  # it would match every answer
        ("chrf", ["Argentina", " "], "empty text", ""),
        ("best_subspan_em", "The", "nothing is left of 'The'", ""),
        ("numeric", "many", "number", ""),
        ("numeric", True, "number", ""),
        ("numeric", {"a": 1}, "number", ""),
        (AMONG, "shiping", "'shiping' is not among the choices", "did you mean `shipping`?"),
        (AMONG, ["billing", "refund"], "'refund' is not among", ""),
        ("regex", "(", "not a valid regular expression", ""),
        ("json_schema", "text", "schema", ""),
        ("json_schema", {"type": "strin"}, "", ""),
        ("json_fields", "text", "object", ""),
        ("json_fields", {}, "no field", ""),
        ({"json_fields": {"fields": ["winner", "golas"]}}, {"winner": "A", "goals": 3}, "`golas`", "`goals`?"),
        ({"json_fields": {"fields": ["a.c"]}}, {"a": {"b": 1}}, "`a.c`", "a.b"),
        ("list_f1", [], "list", ""),
    ],
)
def test_what_a_scorer_cannot_read_is_refused(named: Any, expected: Any, said: str, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        check_expected(scorer_spec(named), expected)
    assert said in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("contains", "Argentina"),
        ("contains", 172),
        ("contains", ""),  # an empty answer
        ("contains", ["a", "b"]),
        ("exact", ""),
        ("numeric", 172),
        ("numeric", "1,234.5"),
        (AMONG, "Billing."),
        ("one_of", "anything"),
        ("regex", r"^\d+$"),
        ({"regex": {"pattern": "x"}}, None),
        ({"json_schema": {"schema": {"type": "object"}}}, None),
        ("json_schema", {"type": "object"}),
        ("json_fields", {"a": {"b": None}}),
        ({"json_fields": {"fields": ["a.b"]}}, {"a": {"b": None}}),
        ("list_f1", ["a"]),
        ("chrf", "text"),
        ("similarity", "text"),
        ({"python": {"function": "checks:f"}}, None),
        ({"judge": {"model": "j"}}, None),
    ],
)
def test_what_it_can_read_is_taken(named: Any, expected: Any) -> None:
    check_expected(scorer_spec(named), expected)
