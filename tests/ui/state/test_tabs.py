"""Changes of two tabs meet in one draft, or are both kept."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.ui.state.drafts import Draft
from promptlab.ui.state.tabs import carry_over, differences, settings_of_both

CUP = "templates/cup.yaml"
BASE = "the file"


def draft(**fields: Any) -> Draft:
    edited = "changes" in fields or "text" in fields
    return Draft.model_validate({"template": CUP, **({"base": BASE} if edited else {}), **fields})


@pytest.mark.parametrize(
    ("after", "shared", "result"),
    [
        ({"changes": {"instructions": "A"}}, {}, {"changes": {"instructions": "A"}}),
        (
            {"changes": {"instructions": "A"}},
            {"changes": {"output_format": "B"}},
            {"changes": {"output_format": "B", "instructions": "A"}},
        ),
        ({"changes": {"instructions": "A"}}, {"changes": {"instructions": "A"}}, {"changes": {"instructions": "A"}}),
        ({"changes": {"instructions": "A"}}, {"changes": {"instructions": "B"}}, None),
        ({"changes": {"examples.k": 1}}, {"changes": {"examples.select": "random"}},
         {"changes": {"examples.select": "random", "examples.k": 1}}),
        ({"changes": {"examples": None}}, {"changes": {"examples.k": 1}}, None),
        ({"changes": {"inputs.a": {}}}, {"changes": {"inputs": {"b": {}}}}, None),
        ({"text": "A"}, {"changes": {"instructions": "B"}}, None),
        ({"changes": {"instructions": "B"}}, {"text": "A"}, None),
        ({"without": ("context",)}, {"without": ("examples",)}, {"without": ("context", "examples")}),
        ({"inputs": {"a": "1"}}, {"inputs": {"b": "2"}}, {"inputs": {"b": "2", "a": "1"}}),
        ({"inputs": {"a": "1"}}, {"inputs": {"a": "2"}}, None),
        ({"models": ("a",)}, {"models": ("b",)}, None),
        ({"fresh": True}, {"models": ("b",)}, {"fresh": True, "models": ("b",)}),
    ],
)  # fmt: skip
def test_a_change_is_carried_over_unless_the_same_place_was_changed(
    after: dict[str, Any], shared: dict[str, Any], result: dict[str, Any] | None
) -> None:
    carried = carry_over(draft(), draft(**after), draft(**shared))
    assert carried == (None if result is None else draft(**result))


def test_a_change_taken_back_leaves_the_others() -> None:
    both = draft(changes={"instructions": "A", "output_format": "B"})
    carried = carry_over(draft(changes={"instructions": "A"}), draft(), both)
    assert carried == draft(changes={"output_format": "B"})


def test_drafts_of_two_files_do_not_mix() -> None:
    mine = Draft(template=CUP, base="the file of yesterday", changes={"instructions": "A"})
    assert carry_over(draft(), mine, draft(changes={"output_format": "B"})) is None


def test_every_part_that_differs_is_named() -> None:
    a, b = draft(inputs={"a": "1"}, changes={"instructions": "A"}), draft(without=("context",))
    assert differences(a, b) == [("changes", "instructions"), ("inputs", "a"), ("without", "context")]


def test_settings_are_those_of_this_tab_and_what_only_the_other_changed() -> None:
    base, ours = draft(inputs={"a": "0"}), draft(inputs={"a": "1"}, models=("x",))
    both = settings_of_both(base, ours, draft(inputs={"a": "2", "b": "3"}, without=("context",)))
    assert both["inputs"] == {"a": "1", "b": "3"}
    assert (both["models"], both["without"]) == (("x",), ("context",))
