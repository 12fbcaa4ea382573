"""When a pass on the beginning of an answer is a pass of the whole, and what names a scorer."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.runs import score_answer
from promptlab.scorers._registry import build_scorer, scorer_spec
from promptlab.types import Completion, Score, Usage
from promptlab.workspace._workspace import Workspace


def of_cut(workspace: Workspace, named: Any, answer: str, expected: Any, *, judge_cut: bool = False) -> Score:
    done = Completion(answer, "length", Usage(written=7))
    (score,) = score_answer([build_scorer(scorer_spec(named), workspace)], done, expected, judge_cut=judge_cut)
    return score


@pytest.mark.parametrize(
    ("named", "answer", "expected", "value"),
    [
        ("contains", "It was Argentina, which won", "Argentina", 1),
        ("contains", "Argentina won the", ["France", "Argentina"], 1),
        ("contains", "It was Argentina", "Argentina", None),  # "Argentinas"
        ("contains", "There were 3", "3", None),  # "3,000"
        ("contains", "There were 3 0", "3 0", None),
        ("contains", "It was France and", "Argentina", None),  # it may be said later
        ("contains", "", "Argentina", None),
        ({"contains": {"extract": "Answer: (.*)"}}, "Answer: Argentina is it", "Argentina", None),  # the last counts
        ("best_subspan_em", "It was Argentina, which won", "Argentina", 1),
        ("best_subspan_em", "It was Argent", "Argentina", None),
        ({"regex": {"pattern": "Arg\\w+"}}, "It was Argentina, which", None, 1),
        ({"regex": {"pattern": r"costs \$5\b"}}, "it costs $5 in all, and", None, 1),
        ({"regex": {"pattern": "Arg\\w+"}}, "It was Argentina", None, None),
        ({"regex": {"pattern": "Argentina$"}}, "Argentina\nand then", None, None),
        ({"regex": {"pattern": r"Argentina\Z"}}, "It was Argentina", None, None),
        ({"regex": {"pattern": "^(?!.*France)It was"}}, "It was Argentina, which", None, None),
        ({"regex": {"pattern": "It was.*", "whole": True}}, "It was Argentina, which", None, None),
        ("regex", "It was Argentina, which won", "Arg\\w+", 1),
        ("regex", "It was Argentina, which won", "^(?!.*France)It", None),
        ("exact", "Argentina", "Argentina", None),
        ({"one_of": {"among": ["a cat", "a dog"]}}, "It is a cat and", "a cat", None),  # "… and a dog"
        ("numeric", "There were 3 goals in", 3, None),
        ("json_schema", '{"a": 1}', {"type": "object"}, None),
        ("json_fields", '{"a": 1}', {"a": 1}, None),
        ("list_f1", "a, b", ["a", "b"], None),
        ("chrf", "Argentina won", "Argentina won", None),
    ],
)
def test_only_a_pass_that_stays_one_is_taken_from_a_cut_answer(
    workspace: Workspace, named: Any, answer: str, expected: Any, value: float | None
) -> None:
    if named == "chrf":
        pytest.importorskip("sacrebleu")
    score = of_cut(workspace, named, answer, expected)
    assert score.value == value
    assert "cut off at 7 tokens" in score.reason


@pytest.mark.parametrize(("answer", "value"), [("It was Argentina", 1.0), ("It was France", 0.0)])
def test_a_suite_may_judge_cut_answers_as_they_are_and_says_so(workspace: Workspace, answer: str, value: float) -> None:
    score = of_cut(workspace, "contains", answer, "Argentina", judge_cut=True)
    assert score.value == value
    assert "cut off at 7 tokens" in score.reason


def test_what_a_filter_held_back_is_not_judged_even_so(workspace: Workspace) -> None:
    done = Completion("It was Argentina, which", "content_filter")
    scorer = build_scorer(scorer_spec("contains"), workspace)
    (score,) = score_answer([scorer], done, "Argentina", judge_cut=True)
    assert (score.scorer, score.value, score.spec) == ("contains", None, "contains")


def test_a_score_names_the_whole_spec_but_for_its_pass_mark(workspace: Workspace) -> None:
    def spec_of(named: Any) -> str:
        return build_scorer(scorer_spec(named), workspace)("x", "x").spec

    assert spec_of("contains") == spec_of({"contains": {"at_least": 0.5}}) == "contains"
    assert spec_of({"contains": {"extract": "a"}}) != spec_of({"contains": {"extract": "b"}})
