"""Results for programs and for people: nothing left out, nothing that could rewrite the screen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promptlab.runs import _report as report
from promptlab.types import Completion, Message, Prompt, Request, Result, Score, Timings, Usage

REQUEST = Request("gpt", Prompt((Message("user", "Who won?"),)), repeat=2)
DONE = Completion("Argentina\n", "stop", Usage(1_200, 34, 3), Timings(0.25, 0.51234, 1.5), "f", {"device": "there"})


def result(completion: Completion | None = DONE, **rest: Any) -> Result:
    return Result("id", "run", "gpt", REQUEST, "key", completion=completion, **rest)


FAILED = result(None, error="cut off", error_kind="StreamCut", hint="try again", partial="Argen")


def test_an_answer_as_json_is_whole() -> None:
    made = result(without=("context",), scores=(Score("exact", 1.0, "Argentina", "is 'Argentina'"),), case="c1")
    assert report.result_as_json(made) == {
        "model": "gpt",
        "text": "Argentina\n",
        "thinking": "",
        "finish_reason": "stop",
        "usage": {"prompt": 1_234, "read": 1_200, "reused": 34, "written": 3, "thinking": None},
        "timings": {"waited": 0.25, "first_token": 0.5123, "total": 1.5, "tokens_per_second": 2.0},
        "cost": None,
        "price": None,
        "cached": False,
        "error": None,
        "request_id": "key",
        "run_id": "run",
        "case": "c1",
        "repeat": 2,
        "without": ["context"],
        "scores": [{"scorer": "exact", "spec": "", "value": 1.0, "answer": "Argentina", "reason": "is 'Argentina'"}],
        "valid": None,
        "details": {"device": "there"},
    }


def test_a_failure_as_json_says_what_and_keeps_what_had_arrived() -> None:
    data = report.result_as_json(FAILED)
    assert data["error"] == {"kind": "StreamCut", "message": "cut off", "hint": "try again"}
    assert data["text"] == "Argen"
    assert {data[name] for name in ("finish_reason", "usage", "timings", "case")} == {None}
    assert (data["details"], data["scores"]) == ({}, [])


def test_the_times_of_a_stored_answer_are_no_measurement() -> None:
    data = report.result_as_json(result(cached=True))
    assert (data["timings"], data["cached"], data["text"]) == (None, True, "Argentina\n")
    assert "total" not in " ".join(report.facts(result(cached=True)))
    assert "earlier answer" in report.facts(result(cached=True))


@pytest.mark.parametrize(
    "made",
    [
        result(),
        FAILED,
        result(cached=True),
        Result("id", "run", "gpt", None, "", error="refused"),
        result(Completion("")),
    ],
)
def test_every_result_has_exactly_the_documented_fields(made: Result) -> None:
    data = report.result_as_json(made)
    assert list(data) == list(report.FIELDS)
    assert json.loads(json.dumps(data)) == data


def test_a_result_that_never_became_a_request_has_none() -> None:
    data = report.result_as_json(Result("id", "run", "gpt", None, "", error="refused"))
    assert (data["request_id"], data["repeat"]) == (None, None)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.0004, "0 ms"),
        (0.0316, "32 ms"),
        (0.9994, "999 ms"),
        (1, "1.0 s"),
        (75.04, "75.0 s"),
    ],
)
def test_seconds_as_people_read_them(value: float | None, shown: str) -> None:
    assert report.duration_text(value) == shown


@pytest.mark.parametrize(
    ("made", "facts"),
    [
        (
            result(),
            ["1,234 tokens in, 34 reused", "3 out", "first token 512 ms", "total 1.5 s", "2 tokens/s"],
        ),
        (result(Completion("a", "length", Usage(written=0))), ["0 out", "total 0 ms", "finish: length"]),
        (result(Completion("a", "stopped")), ["total 0 ms", "finish: stopped"]),
        (result(DONE, cached=True), ["1,234 tokens in, 34 reused", "3 out", "earlier answer"]),
        (FAILED, []),
    ],
)
def test_facts_say_what_is_known_and_what_is_unusual(made: Result, facts: list[str]) -> None:
    assert report.facts(made) == facts


@pytest.mark.parametrize(
    ("made", "lines"),
    [
        (result(Completion("a\nb\n\n")), ["── gpt #3  total 0 ms", "a", "b"]),
        (result(Completion("")), ["── gpt #3  total 0 ms", "(an empty answer)"]),
        (FAILED, ["── gpt #3", "Argen", "failed: cut off", "  try again"]),
        (Result("i", "r", "gpt", None, "", error="no"), ["── gpt", "failed: no"]),
        (
            result(
                Completion("a", details={"warnings": ["no GPU in this build"]}),
                scores=(Score("exact", 1.0, "a", "is 'a'"), Score("contains", 0.5, "a", "does not hold 'b'")),
            ),
            [
                "── gpt #3  total 0 ms",
                "a",
                "warning: no GPU in this build",
                "✓ exact: is 'a'",
                "✗ contains: does not hold 'b'",
            ],
        ),
    ],
)
def test_a_result_for_a_terminal(made: Result, lines: list[str]) -> None:
    assert report.result_as_text(made).splitlines() == lines
