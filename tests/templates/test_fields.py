"""Changes of a template field by field: what is taken back is no change, and what is wrong stays apart."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.errors import TemplateError
from promptlab.templates import _fields as fields
from promptlab.templates import _load as templates

PATH = "templates/t.yaml"
TEXT = """\
inputs: {q: {sample: Who?}}
instructions: Answer.  # said once
context: [a.md, {path: b.md, passages: {by: bm25, n: 2}}]
examples: {pool: p.jsonl, k: 1}
schema: {type: object, properties: {a: {type: string}}}
params: {temperature: 0.5, stop: [END]}
"""
CUP = templates.parse(TEXT, path=PATH)


@pytest.mark.parametrize("name", fields.plain_fields(CUP))
def test_a_field_set_to_what_it_is_changes_nothing(name: str) -> None:
    assert fields.set_field(CUP, {}, name, fields.plain_fields(CUP)[name]) == {}
    assert fields.apply_changes(CUP, {name: fields.plain_fields(CUP)[name]}) is CUP


@pytest.mark.parametrize(
    ("steps", "changes"),
    [
        ([("params.temperature", 0.7)], {"params.temperature": 0.7}),
        ([("params.temperature", 0.7), ("params.temperature", 0.5)], {}),
        ([("examples", {"pool": "x.csv", "k": 3}), ("examples.k", 4)], {"examples": {"pool": "x.csv", "k": 4}}),
        ([("examples.k", 4), ("examples", None)], {"examples": None}),
        ([("inputs.r", {}), ("inputs.r.sample", "x")], {"inputs.r": {}, "inputs.r.sample": "x"}),
        ([("inputs.r", {}), ("inputs.r.sample", "x"), ("inputs.r", None)], {}),
        ([("inputs", {"q": {}}), ("inputs.q", None)], {"inputs": {}}),
        ([("layout", "")], {"layout": ""}),
    ],
)
def test_changes_follow_one_another(steps: list[tuple[str, Any]], changes: dict[str, Any]) -> None:
    now: dict[str, Any] = {}
    for name, value in steps:
        now = fields.set_field(CUP, now, name, value)
    assert now == changes


def test_values_are_those_of_the_form_also_where_they_make_no_template() -> None:
    values = fields.field_values(CUP, {"instructions": "{{", "inputs.r": {}, "params.temperature": -1})
    assert values["instructions"] == "{{"
    assert values["inputs"]["r"] == {"type": "string", "sample": None, "default": None, "description": ""}
    assert (values["params"]["temperature"], values["params"]["stop"]) == (-1, ["END"])


def test_an_edit_keeps_comments_and_label() -> None:
    after = fields.apply_changes(CUP, {"params.temperature": 0.7})
    assert "# said once" in after.source
    assert (after.params.temperature, after.label) == (0.7, CUP.label)


def test_what_is_wrong_is_named_and_the_rest_is_done() -> None:
    changes = {"instructions": "{{", "output_format": "One word.", "params.temperature": -1}
    after, problems = fields.apply_valid_changes(CUP, changes)
    assert (after.instructions, after.output_format) == ("Answer.", "One word.")
    assert [problem.field for problem in problems] == ["instructions", "params.temperature"]
    with pytest.raises(TemplateError):
        fields.apply_changes(CUP, changes)


def test_changes_that_need_each_other_are_made_together() -> None:
    after, problems = fields.apply_valid_changes(CUP, {"instructions": "In {{ tone }}.", "inputs.tone": {}})
    assert problems == ()
    assert after.instructions == "In {{ tone }}."
    changes = {"params.temperature": -1, "instructions": "In {{ tone }}.", "inputs.tone": {}}
    after, problems = fields.apply_valid_changes(CUP, changes)
    assert [problem.field for problem in problems] == ["params.temperature"]
    assert after.instructions == "In {{ tone }}."
    assert list(after.inputs) == ["q", "tone"]
