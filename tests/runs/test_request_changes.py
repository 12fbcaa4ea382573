"""What sets two requests apart: the facts that every wording is made of."""

from __future__ import annotations

import pytest

from promptlab.runs._request_changes import ParamChange, request_changes
from promptlab.types import Message, Params, Prompt, Request, Span


def request(*texts: str, model: str = "m", schema: str | None = None, repeat: int = 0, **params: object) -> Request:
    messages = tuple(Message("user", text) for text in texts or ("Who won?",))
    return Request(model, Prompt(messages), Params(**params), schema, repeat)  # type: ignore[arg-type]  # as given


@pytest.mark.parametrize(
    ("other", "changed"),
    [
        (request(), {}),
        (request(model="n"), {"model": True}),
        (request(temperature=0), {}),
        (request(temperature=0.7), {"params": (ParamChange("temperature", 0.0, 0.7),)}),
        (request(stop=("\n",)), {"params": (ParamChange("stop", None, ["\n"]),)}),
        (request(schema='{"a": 1, "b": 2}'), {"schema": True}),
        (request(repeat=2), {"repeat": (0, 2)}),
        (request("Who lost?"), {"messages": (0,)}),
        (request("Who won?", "And then?"), {"messages": None, "counts": (1, 2)}),
    ],
    ids=str,
)
def test_each_difference_is_found_and_no_other(other: Request, changed: dict[str, object]) -> None:
    found = request_changes(request(), other)
    usual = {"model": False, "params": (), "schema": False, "repeat": None, "counts": None, "messages": ()}
    assert {name: getattr(found, name) for name in usual} == {**usual, **changed}
    assert found.prompt == ("messages" in changed)


@pytest.mark.parametrize(
    ("before", "after", "differ"),
    [('{"a": 1, "b": 2}', '{"a":1,"b":2}', False), ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', True)],
)
def test_of_a_schema_the_order_of_its_properties_counts(before: str, after: str, differ: bool) -> None:
    one, other = request(schema=before), request(schema=after)
    assert request_changes(one, other).schema == differ
    assert (one.key("f") != other.key("f")) == differ


def test_where_text_came_from_is_no_difference() -> None:
    one = request()
    other = Request("m", Prompt(one.messages, (Span(0, 0, 8, "input", "q"),)), one.params)
    assert not request_changes(one, other).prompt
