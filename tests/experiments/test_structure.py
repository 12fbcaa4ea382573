"""What structure takes: new tokens and validity, paired, of a model whose answers are known; missing stays missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.experiments import (
    Outcome,
    answer_rows,
    answers_as_csv,
    arm_rows,
    headline,
    html_report,
    report_data,
    report_lines,
    structure_lines,
    structure_rows,
    structure_sentence,
)
from promptlab.experiments._seen import _is_valid
from promptlab.models import ScriptedBackend
from promptlab.types import Completion, Request, Result
from tests.experiments.bench import asked, experiment, workspace


def reply(request: Request) -> str:
    """Two words as free text; JSON of three where a schema or words ask for it. In words, each fourth is broken."""
    number = int(re.findall(r"What is (\d+)", request.prompt.messages[-1].content)[0])
    data = {"answer": f"word-{number}"}
    if request.schema:
        explained = "explanation" in request.schema
        return json.dumps({"explanation": "so it stands there", **data} if explained else data)
    in_words = "Its only key" in request.prompt.messages[0].content
    if in_words:
        return "It is this" if number % 4 == 0 else json.dumps(data)
    return f"word-{number}"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    space = workspace(tmp_path_factory.mktemp("w"))
    return asked(space, experiment("format", options={"asked": True}), ScriptedBackend("m", reply))


def test_validity_and_tokens_of_every_arm(outcome: Outcome) -> None:
    rows = {row["arm"]: row for row in arm_rows(outcome)}
    assert {arm: (row["valid"], row["valid_of"], row["new_tokens"]) for arm, row in rows.items()} == {
        "free text": (0, 40, 1.0),
        "schema": (40, 40, 2.0),
        "schema with explanation": (40, 40, 7.0),
        "JSON in words": (30, 40, 2.25),
    }


def test_they_are_compared_on_the_same_cases(outcome: Outcome) -> None:
    rows = {row["what"]: row for row in structure_rows(outcome)}
    forced = rows["schema, not JSON in words"]
    assert (forced["valid_before"], forced["valid_after"], forced["valid_cases"]) == (0.75, 1.0, 40)
    assert forced["valid_difference"] == pytest.approx(0.25)
    assert 0.1 < forced["valid_low"] < 0.25 < forced["valid_high"] < 0.45
    explained = rows["schema with explanation"]
    assert explained["tokens_difference"] == pytest.approx(6)
    assert explained["tokens_low"] <= 6 <= explained["tokens_high"]
    assert explained["tokens_high"] - explained["tokens_low"] < 12
    words = structure_sentence(outcome)
    assert "100 % of the answers are valid, against 75 % (+25 points, 95 % interval " in words
    assert "an answer takes 6 tokens more (95 % interval " in words


def test_they_are_in_every_report(outcome: Outcome) -> None:
    assert structure_sentence(outcome) in headline(outcome)
    for text in ("\n".join(report_lines(outcome)), html_report(outcome)):
        assert "against 75 %" in text
        assert "new tokens" in text
        assert "75 % → 100 %" in text
    data = json.loads(json.dumps(report_data(outcome)))
    assert [row["valid_after"] for row in data["structure"]] == [1.0, 1.0, 0.75, 1.0]
    row = next(row for row in answer_rows(outcome) if row["arm"] == "schema with explanation")
    assert (row["new_tokens"], row["valid"]) == (7, True)
    assert '"new_tokens","valid"' in answers_as_csv(outcome).splitlines()[0].replace(
        "new_tokens,valid", '"new_tokens","valid"'
    )


def test_what_is_missing_is_not_0(outcome: Outcome) -> None:
    first = outcome.seen.every[0].case
    lacking = tuple(
        replace(one, tokens=None, valid=None) if one.case == first and one.arm == "schema" else one
        for one in outcome.seen.every
    )
    less = replace(outcome, seen=replace(outcome.seen, every=lacking))
    row = next(row for row in arm_rows(less) if row["arm"] == "schema")
    assert (row["new_tokens"], row["new_tokens_unknown"], row["valid_of"]) == (2.0, 1, 39)
    compared = next(row for row in structure_rows(less) if row["what"] == "schema")
    assert (compared["tokens_cases"], compared["valid_cases"]) == (39, 39)
    none = tuple(replace(one, tokens=None, valid=None) for one in outcome.seen.every)
    nothing = replace(outcome, seen=replace(outcome.seen, every=none))
    assert (structure_rows(nothing), structure_lines(nothing), structure_sentence(nothing)) == ([], [], "")
    assert {row["new_tokens"] for row in arm_rows(nothing)} == {None}


@pytest.mark.parametrize(
    ("completion", "valid"),
    [
        (None, None),
        (Completion('{"a": 1}', "length"), None),
        (Completion('{"a": ', "content_filter"), None),
        (Completion('{"a": ', "stopped"), None),
        (Completion('{"a": 1}'), True),
        (Completion('{"a": "1"}'), False),
        (Completion("1"), False),
    ],
)
def test_an_answer_that_is_not_whole_is_neither_valid_nor_invalid(
    completion: Completion | None, valid: bool | None
) -> None:
    schema = '{"type": "object", "properties": {"a": {"type": "integer"}}}'
    assert _is_valid(Result("r", "run", "m", None, "q", completion), schema) is valid
    assert _is_valid(Result("r", "run", "m", None, "q", completion), None) is None


def test_other_kinds_have_tokens_but_no_validity(tmp_path: Path) -> None:
    outcome = asked(workspace(tmp_path, cases=6), experiment("ablate"), ScriptedBackend("m", reply))
    assert {(row["new_tokens"], row["valid"]) for row in arm_rows(outcome)} == {(1.0, None)}
    lines = structure_lines(outcome)
    assert "valid" not in lines[0]
    assert structure_sentence(outcome) == ""
