"""Assertions of promptfoo as scorers, beside promptfoo's own results.

`promptfoo_asserts.json` has, for each assertion, the answers that promptfoo 0.121.20 passed. A scorer that an import
writes passes the same answers; an assertion without one is named in the report.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptlab.formats.promptfoo_asserts import scorers_of
from promptlab.formats.promptfoo_csv import comma_values, short_assertion
from promptlab.scorers import build_scorer, pass_mark, scorer_spec
from promptlab.workspace import Workspace

TABLE = json.loads((Path(__file__).parent / "promptfoo_asserts.json").read_text(encoding="utf-8"))
NAMED = {"contains-json", "not-is-json", "levenshtein"}


def passed(assertion: dict[str, Any], answer: str, workspace: Workspace) -> bool:
    """True if all scorers of the assertion pass the answer."""
    found = scorers_of(assertion, {}, {})
    specs = [scorer_spec(scorer) for scorer in found.scorers]
    return all(build_scorer(s, workspace)(answer, found.answer).value >= pass_mark(s) for s in specs)


@pytest.mark.parametrize("row", TABLE["rows"], ids=[json.dumps(row["assertion"]) for row in TABLE["rows"]])
def test_a_scorer_passes_what_promptfoo_passes_or_the_assertion_is_named(
    row: dict[str, Any], workspace: Workspace
) -> None:
    assertion = row["assertion"]
    found = scorers_of(assertion, {}, {})
    if not found.scorers:
        assert found.note
        return
    ours = [answer for answer in TABLE["answers"] if passed(assertion, answer, workspace)]
    assert ours == row["passes"]


def test_only_these_kinds_are_named() -> None:
    named = {json.dumps(row["assertion"]) for row in TABLE["rows"] if not scorers_of(row["assertion"], {}, {}).scorers}
    kinds = {json.loads(text)["type"] for text in named}
    assert kinds == {*NAMED, "equals", "regex"}  # `equals` with JSON, and expressions that Python does not have
    assert len(named) <= 8


@pytest.mark.parametrize(
    "assertion",
    [
        {"type": "javascript", "value": "output.length > 3"},
        {"type": "python", "value": "file://check.py"},
        {"type": "not-javascript", "value": "1"},
        {"type": "similar", "value": "x", "threshold": 0.8},
        {"type": "llm-rubric", "value": "is polite"},
        {"type": "latency", "threshold": 500},
        {"type": "cost", "threshold": 0.01},
        {"type": "contains", "value": "file://x.txt"},
        {"type": "contains", "value": ""},
        {"type": "contains-any", "value": ["a", ""]},
        {"type": "contains", "value": "x", "transform": "output.trim()"},
        {"type": "contains", "value": "x", "weight": 0},
        {"type": "assert-set", "assert": [{"type": "equals", "value": "x"}]},
        {"type": "select-best", "value": "the nicest"},
        {"type": "moderation"},
        {"type": "something-new", "value": 1},
        {"type": "contains", "value": "{% include 'x' %}"},
        "contains",
    ],
    ids=str,
)
def test_an_assertion_without_an_equal_is_named_and_has_no_scorer(assertion: Any) -> None:
    found = scorers_of(assertion, {}, {})
    assert (found.scorers, found.answer) == ([], None)
    assert found.note


def test_variables_of_the_test_are_in_the_value() -> None:
    found = scorers_of({"type": "icontains", "value": "{{ city | upper }}!"}, {"city": "Lima"}, {})
    assert found.scorers == [{"regex": {"pattern": "LIMA!", "ignore_case": True}}]


def test_a_rubric_is_judged_by_the_model_that_it_names_if_that_came_over() -> None:
    rubric = {"type": "llm-rubric", "value": "is kind to {{ who }}", "provider": "openai:chat:gpt-4o"}
    found = scorers_of(rubric, {"who": "Ada"}, {"openai:chat:gpt-4o": "gpt-4o"})
    assert found.scorers == [{"judge": {"model": "gpt-4o", "question": "is kind to Ada"}}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there", {"type": "equals", "value": "Hello there"}),
        ("equals:  Yes ", {"type": "equals", "value": "Yes"}),
        ("=ok", {"type": "equals", "value": "=ok"}),
        ("contains: 4", {"type": "contains", "value": "4"}),
        ("not-contains: sorry", {"type": "not-contains", "value": "sorry"}),
        ("contains-any: a, \"b,c\" ,d", {"type": "contains-any", "value": ["a", "b,c", "d"]}),
        ("similar(0.7): x", {"type": "similar", "value": "x", "threshold": 0.7}),
        ("similar: x", {"type": "similar", "value": "x", "threshold": 0.8}),
        ("levenshtein(3): x", {"type": "levenshtein", "value": "x", "threshold": 3.0}),
        ("latency(500)", {"type": "latency", "value": None, "threshold": 500.0}),
        ("is-json", {"type": "is-json", "value": None}),
        ("llm-rubric: polite: yes", {"type": "llm-rubric", "value": " polite: yes"}),
        ("grade: polite", {"type": "llm-rubric", "value": " polite"}),
        ("javascript: output > 1", {"type": "javascript", "value": "javascript: output > 1"}),
        ("fn: x", {"type": "javascript", "value": "fn: x"}),
        ("python: x", {"type": "python", "value": "python: x"}),
        ("file://check.py:f", {"type": "python", "value": "file://check.py:f"}),
        ("file://check.js", {"type": "javascript", "value": "file://check.js"}),
        ("starts-with: Go", {"type": "starts-with", "value": "Go", "threshold": 0.75}),
        ("not-an-assertion: x", {"type": "equals", "value": "not-an-assertion: x"}),
        ("https://example.org", {"type": "equals", "value": "https://example.org"}),
    ],
)  # fmt: skip
def test_the_short_form_of_an_assertion_is_read_as_promptfoo_reads_it(text: str, expected: dict[str, Any]) -> None:
    assert short_assertion(text) == expected


def test_values_between_commas_may_have_quotes() -> None:
    assert comma_values(' a ,"b ""c""", "d\\"e" ,, f') == ["a", 'b "c"', 'd"e', "f"]
