"""Every structured answer is judged by its schema, wherever it came from, and the verdict is kept with it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from promptlab.errors import TemplateError
from promptlab.models import _structured_output as structured
from promptlab.runs import _report as report
from promptlab.runs import _runner as runner
from promptlab.runs._trial import Recalled, Trial
from promptlab.types import Completion, Message, Prompt, Request, Result
from tests.conftest import House
from tests.schema_cases import EMPTY

SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'


def ask(house: House, answers: dict[str, Any], **options: Any) -> dict[str, Result]:
    for name, answer in answers.items():
        house.model(name, [answer])
    results = house.ask(house.trials(*answers, template=house.template(schema=SCHEMA)), **options)
    return {one.model: one for one in results}


def test_the_verdict_is_part_of_the_answer_its_json_and_the_stored_run(house: House) -> None:
    found = ask(house, {"good": '{"n": 1}', "wrong": '{"n": "1"}', "loose": "n is 1"})
    told = {name: report.result_as_json(one) for name, one in found.items()}
    assert {name: one["valid"] for name, one in told.items()} == {
        "good": True,
        "wrong": False,
        "loose": False,
    }
    assert told["good"]["details"]["schema"] == {"valid": True}
    assert told["wrong"]["details"]["schema"]["at"] == "/n"
    cut = structured.with_schema_verdict(Completion('{"n": ', "length"), SCHEMA)
    assert "max_tokens" in cut.details["schema"]["why"]
    assert (
        structured.with_schema_verdict(Completion("12", "length"), '{"type": "integer"}').details["schema"]["valid"]
        is False
    )
    assert structured.with_schema_verdict(Completion("12"), '{"type": "integer"}').details["schema"]["valid"] is True
    assert "not JSON" in report.result_as_text(found["loose"])
    assert "not valid" not in report.result_as_text(found["good"])
    stored = {one.model: one for one in house.store.results(found["good"].run_id)}
    assert {name: report.result_as_json(one)["valid"] for name, one in stored.items()} == {
        name: one["valid"] for name, one in told.items()
    }


def test_an_answer_from_the_store_is_judged_too(house: House) -> None:
    ask(house, {"m": '{"n": "1"}'})
    again = house.ask(house.trials("m", template=house.template(schema=SCHEMA)))[0]
    assert again.cached
    assert again.completion is not None
    assert again.completion.details["schema"]["valid"] is False


def test_an_answer_stored_before_answers_were_judged_is_judged_when_it_is_shown() -> None:
    request = Request("m", Prompt((Message("user", "?"),)), schema=SCHEMA)
    old = Result("1", "r", "m", request, "k", completion=Completion('{"n": 1.5}'))
    assert report.result_as_json(old)["valid"] is False
    assert report.result_as_json(replace(old, request=replace(request, schema=None)))["valid"] is None


def test_without_a_schema_nothing_is_said(house: House) -> None:
    house.model("m", ["no json"])
    done = house.ask(house.trials())[0]
    assert report.result_as_json(done)["valid"] is None
    assert done.completion is not None
    assert "schema" not in done.completion.details


def test_what_the_model_was_not_held_to_is_said_where_the_answer_is_wrong() -> None:
    held = {structured.NOT_HELD: ["`uniqueItems` at #"], structured.ONLY_NAMED: ["#"]}
    schema = '{"type": "array", "uniqueItems": true}'
    wrong = structured.with_schema_verdict(Completion("[1,1]", details=held), schema)
    right = structured.with_schema_verdict(Completion("[1,2]", details=held), schema)
    assert wrong.details["schema"][structured.NOT_HELD] == ["`uniqueItems` at #"]
    assert right.details == {"schema": {"valid": True, structured.ONLY_NAMED: ["#"]}}
    request = Request("m", Prompt((Message("user", "?"),)), schema=schema)
    assert "uniqueItems" in structured.schema_failure(Result("1", "r", "m", request, "k", completion=wrong))


@pytest.mark.parametrize(("schema", "at"), EMPTY, ids=lambda value: json.dumps(value)[:60])
def test_no_model_is_asked_for_what_no_json_can_be(house: House, schema: Any, at: str) -> None:
    model = house.model("m", ["{}"])
    if isinstance(schema, dict):
        with pytest.raises(TemplateError, match="no JSON is valid"):
            house.template(schema=json.dumps(schema))
    prompt = Prompt((Message("user", "?"),))
    stored = Request("m", prompt, schema=json.dumps(schema))
    trial: Trial = replace(house.trials("m")[0], request=Recalled(stored, (), "public"))
    done = house.ask([trial])[0]
    assert (done.error_kind, model.history) == ("RequestRejected", [])
    assert f"#{at}:" in done.error


def test_half_a_character_in_a_schema_is_refused_before_anything_is_asked(house: House) -> None:
    model = house.model("m", ["{}"])
    for schema in ('{"enum": ["\\ud83d"]}', '{"properties": {"\\ud83d": {}}}', '{"pattern": "\\ud83d"}'):
        stored = Request("m", Prompt((Message("user", "?"),)), schema=schema)
        done = house.ask([replace(house.trials("m")[0], request=Recalled(stored, (), "public"))])[0]
        assert "half a character" in done.error
    assert model.history == []


def test_a_schema_in_a_template_keeps_its_values(house: House) -> None:
    """Long integers stay whole, and a date is text, with quotes and without."""
    template = house.template(schema='{enum: [12345678901234567890, "2022-12-31", 2022-12-30, 0.1]}')
    assert json.loads(template.schema or "")["enum"] == [12345678901234567890, "2022-12-31", "2022-12-30", 0.1]


def test_the_request_of_a_judged_answer_is_the_one_that_was_asked(house: House) -> None:
    found = ask(house, {"m": '{"n": 1}'})["m"]
    assert found.request_id == runner.request_of(house.trials("m", template=house.template(schema=SCHEMA))[0]).key(
        "scripted:m"
    )
