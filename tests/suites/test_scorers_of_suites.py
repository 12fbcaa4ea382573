"""The scorers that suites name: what each says of an answer, and which options it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.errors import InputError, NotJudged
from promptlab.runs import _runner as runner
from promptlab.scorers import _registry as scorers
from promptlab.scorers._overlap import list_f1
from promptlab.suites._verdict import passed
from promptlab.types import Score
from promptlab.workspace._workspace import Workspace

SCHEMA = {"type": "object", "properties": {"goals": {"type": "integer"}}, "required": ["goals"]}
TEAMS = ["win", "loss", "draw", "no win"]


def score(workspace: Workspace, named: Any, answer: str, expected: Any) -> Score:
    return scorers.build_scorer(scorers.scorer_spec(named), workspace)(answer, expected)


@pytest.mark.parametrize(
    ("named", "answer", "expected", "value", "extracted"),
    [
        ("exact", "Argentina", ["France", "argentina."], 1, "Argentina"),
        ({"exact": {"normalised": False}}, "argentina", "Argentina", 0, "argentina"),
        ("contains", "It was Argentina.", ["Spain", "Argentina"], 1, "It was Argentina."),
        ("regex", "4-2 after penalties", r"\d-\d", 1, "4-2"),
        ({"regex": {"pattern": r"arg\w+", "ignore_case": True}}, "ARGENTINA won", None, 1, "ARGENTINA"),
        ({"regex": {"pattern": r"\d-\d", "whole": True}}, "4-2 after", None, 0, "4-2 after"),
        ("one_of", "argentina.", ["Argentina", "ARG"], 1, "argentina."),
        ("one_of", "Argentina won", ["Argentina"], 0, "Argentina won"),
        ({"one_of": {"among": TEAMS}}, "It is a win", "win", 1, "win"),
        ({"one_of": {"among": TEAMS}}, "It is no win", "no win", 1, "no win"),
        ({"one_of": {"among": TEAMS}}, "a win or a loss", "win", 0, "a win or a loss"),
        ({"one_of": {"among": TEAMS}}, "no idea", "win", 0, "no idea"),
        ("numeric", "There were 172 goals", 172, 1, "172"),
        ("numeric", "1,234.5 metres", "1234.5", 1, "1,234.5"),
        ("numeric", "about \u22123", -3, 1, "\u22123"),
        ("numeric", "2022: 172", 172, 0, "2022: 172"),
        ({"numeric": {"take": "last"}}, "2022: 172", 172, 1, "172"),
        ({"numeric": {"take": "first"}}, "2022: 172", 172, 0, "2022"),
        ({"numeric": {"absolute": 0.5}}, "3.4", 3, 1, "3.4"),
        ({"numeric": {"absolute": 0.5}}, "3.6", 3, 0, "3.6"),
        ({"numeric": {"relative": 0.01}}, "101", 100, 1, "101"),
        ({"numeric": {"relative": 0.01}}, "102", 100, 0, "102"),
        ("numeric", "none", 3, 0, ""),
        ("numeric", "0.30000000000000004", 0.3, 1, "0.30000000000000004"),
        ({"json_schema": {"schema": SCHEMA}}, '```json\n{"goals": 3}\n```', None, 1, '{"goals": 3}'),
        ("json_schema", '{"goals": "three"}', SCHEMA, 0, '{"goals": "three"}'),
        ("json_schema", "three", SCHEMA, 0, "three"),
        ("json_fields", '{"a": " Yes. ", "n": 3, "x": 1}', {"a": "yes", "n": 3}, 1, '{"a": " Yes. ", "n": 3, "x": 1}'),
        ("json_fields", '{"a": "no", "n": 3}', {"a": "yes", "n": 3}, 0.5, '{"a": "no", "n": 3}'),
        ("json_fields", '{"n": true}', {"n": 1}, 0, '{"n": true}'),
        ("json_fields", '{"a": {"b": [1, 2]}}', {"a": {"b": [1, 2]}}, 1, '{"a": {"b": [1, 2]}}'),
        ({"json_fields": {"fields": ["a.b"]}}, '{"a": {"b": 1}}', {"a": {"b": 1, "c": 2}}, 1, '{"a": {"b": 1}}'),
        ({"json_fields": {"tolerance": 0.1}}, '{"n": 95}', {"n": 100}, 1, '{"n": 95}'),
        ("json_fields", "[1]", {"n": 1}, 0, "[1]"),
        ("list_f1", "- Messi\n- Mbappé", ["Mbappé", "Messi"], 1, '["mbappé", "messi"]'),
        ("list_f1", "Messi, Maradona", ["Messi", "Mbappé"], 0.5, '["maradona", "messi"]'),
        ("list_f1", '["Messi"]', "Messi and Mbappé", 2 / 3, '["messi"]'),
        ("list_f1", "Messi, Messi", ["Messi"], 2 / 3, '["messi", "messi"]'),
        ("list_f1", "", ["Messi"], 0, "[]"),
        ("best_subspan_em", "It was the Argentina!", ["Spain", "An Argentina"], 1, "An Argentina"),
        ("best_subspan_em", "Argentinas", "Argentina", 1, "Argentina"),
        ("best_subspan_em", "France", "Argentina", 0, "France"),
        ({"exact": {"extract": r"answer: (\w+)"}}, "answer: Spain\nanswer: Argentina", "Argentina", 1, "Argentina"),
        ({"exact": {"extract": r"answer: (\w+)"}}, "Argentina", "Argentina", 0, ""),
    ],
)
def test_what_a_scorer_says(
    workspace: Workspace, named: Any, answer: str, expected: Any, value: float, extracted: str
) -> None:
    found = score(workspace, named, answer, expected)
    assert found.value == pytest.approx(value)
    assert found.answer == extracted
    assert found.reason
    assert found.scorer == (named if isinstance(named, str) else next(iter(named)))


def test_chrf_is_that_of_its_library(workspace: Workspace) -> None:
    metrics = pytest.importorskip("sacrebleu.metrics")
    answer, wanted = "Argentina won on penalties", ["Argentina won", "They won on penalties"]
    found = score(workspace, "chrf", answer, wanted)
    assert found.value == pytest.approx(metrics.CHRF().sentence_score(answer, wanted).score / 100)
    assert score(workspace, "chrf", "same", "same").value == pytest.approx(1)
    assert score(workspace, "chrf", "", "same").value == 0


def test_similarity_is_soft_evidence_and_asks_no_hub(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wordllama")

    def no(*_: object, **__: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr("socket.socket.connect", no)
    near = score(workspace, "similarity", "The team from Argentina won", "Argentina was the winner")
    far = score(workspace, "similarity", "Bananas are yellow", "Argentina was the winner")
    assert near.value > far.value + 0.2
    assert near.reason.endswith("soft evidence")
    assert score(workspace, "similarity", "  ", "x").value == 0


# A function of one's own

CHECKS = """
def is_team(answer, expected): return answer.strip() in expected
def half(answer, expected): return 0.5, "half of it"
def wrong(answer, expected): return 7
def breaks(answer, expected): raise KeyError("no")
class Deep:
    @staticmethod
    def inside(answer, expected): return True
"""


def test_a_function_of_the_workspace_scores(workspace: Workspace) -> None:
    (workspace.root / "own_checks_1.py").write_text(CHECKS)
    found = score(workspace, {"python": {"function": "own_checks_1:is_team"}}, "Spain ", ["Spain"])
    assert found == Score(
        "python", 1.0, "Spain", "by own_checks_1:is_team", 'python {"function":"own_checks_1:is_team"}'
    )
    half = score(workspace, {"python": {"function": "own_checks_1:half"}}, "x", None)
    assert (half.value, half.reason) == (0.5, "half of it")
    assert score(workspace, {"python": {"function": "own_checks_1:Deep.inside"}}, "x", None).value == 1


def test_an_answer_is_not_judged_by_a_function_that_breaks(workspace: Workspace) -> None:
    (workspace.root / "own_checks_2.py").write_text(CHECKS)
    for name in ("wrong", "breaks"):
        scorer = scorers.build_scorer(scorers.scorer_spec({"python": {"function": f"own_checks_2:{name}"}}), workspace)
        (found,) = runner.score_answer([scorer], "x", None)
        assert (found.scorer, found.value) == ("python", None)
        assert {"wrong": "returned 7", "breaks": "KeyError"}[name] in found.reason


@pytest.mark.parametrize(
    "function", ["", "own", "own:", ":x", "no_such_module_at_all:x", "json:nobody", "json:__doc__"]
)
def test_what_is_no_function_is_refused(workspace: Workspace, function: str) -> None:
    with pytest.raises(InputError):
        score(workspace, {"python": {"function": function}}, "x", None)


# What a suite may write


@pytest.mark.parametrize(
    ("named", "said", "hint"),
    [
        ("exakt", "there is no scorer `exakt`", "did you mean `exact`?"),
        ({"numeric": {"absolut": 1}}, "`numeric` has no option `absolut`", "did you mean `absolute`?"),
        ({"numeric": {}, "exact": {}}, "a scorer is a name", ""),
        ({"numeric": 3}, "are a mapping", ""),
        ({"exact": {"at_least": 0}}, "above 0 and at most 1", ""),
        ({"exact": {"at_least": "high"}}, "above 0 and at most 1", ""),
        ({"exact": {"extract": "("}}, "not a valid regular expression", ""),
        (7, "a scorer is a name", ""),
    ],
)
def test_a_scorer_that_cannot_be_is_refused(named: Any, said: str, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        scorers.scorer_spec(named)
    assert said in refused.value.what
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    "named",
    [
        {"numeric": {"absolute": -1}},
        {"numeric": {"absolute": "much"}},
        {"numeric": {"take": "any"}},
        {"regex": {"pattern": "("}},
        {"json_schema": {"schema": {"type": "nothing"}}},
        "python",
    ],
)
def test_options_that_do_not_fit_are_refused_when_it_is_built(workspace: Workspace, named: Any) -> None:
    with pytest.raises(InputError):
        scorers.build_scorer(scorers.scorer_spec(named), workspace)


@pytest.mark.parametrize("name", [name for name in scorers.FACTORIES if name not in ("python", "similarity", "chrf")])
def test_with_nothing_expected_a_scorer_says_what_it_needs_under_its_own_name(
    workspace: Workspace, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    for options in ({}, {"extract": "(.+)"}):
        (found,) = runner.score_answer(
            [scorers.build_scorer(scorers.scorer_spec({name: options}), workspace)], "{}", None
        )
        assert (found.scorer, found.value) == (name, None)
        assert found.reason
    assert caplog.text == ""  # what is expected may be labelled, and a log masks nothing


def test_from_which_value_an_item_passes() -> None:
    specs = [scorers.scorer_spec({"chrf": {"at_least": 0.6}}), scorers.scorer_spec("contains")]
    good, low = Score("chrf", 0.6, "", ""), Score("chrf", 0.59, "", "")
    right = Score("contains", 1.0, "", "")
    assert passed([good, right], specs) is True
    assert passed([low, right], specs) is False
    assert passed([good], specs) is None
    assert passed([], []) is None


@given(
    st.text(max_size=80), st.sampled_from([n for n in scorers.FACTORIES if n not in ("python", "similarity", "chrf")])
)
def test_no_answer_breaks_a_scorer(answer: str, name: str) -> None:
    expected: Any = {
        "json_schema": SCHEMA,
        "json_fields": {"goals": 1},
        "numeric": 3,
        "list_f1": ["a"],
        "gsm8k": 3,
    }.get(name, "A" if name == "multiple_choice" else "cat")
    try:
        found = scorers.build_scorer(scorers.scorer_spec(name), Workspace(Path(), {}, {}))(answer, expected)
    except NotJudged:
        return
    assert 0 <= found.value <= 1


@given(st.lists(st.text("abcdef", min_size=1), min_size=1, max_size=6))
def test_a_list_is_found_in_any_order_and_form(names: list[str]) -> None:
    for answer in (json.dumps(names[::-1]), "\n".join(f"{n}. {name}" for n, name in enumerate(names, 1))):
        assert list_f1()(answer, names).value == 1


def test_a_pattern_tried_on_a_part_of_a_long_answer_says_so_and_never_takes_the_part_for_the_whole() -> None:
    long = "a" * 100_001
    with pytest.raises(NotJudged, match="longer than the 100,000 characters"):
        scorers.FACTORIES["regex"](pattern="a+", whole=True)(long, None)
    with pytest.raises(NotJudged, match="does not match 'b' in its first 100,000 characters"):
        scorers.FACTORIES["regex"](pattern="b")(long + "b", None)
    assert scorers.FACTORIES["regex"](pattern="a+")(long, None).value == 1
