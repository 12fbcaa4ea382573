"""Inputs follow what is typed: made, renamed and removed, and never guessed at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from promptlab import templates
from promptlab.templates import Template

PATH = "templates/cup.yaml"
BASE = 'inputs:\n  question: {sample: Who won?}\ninstructions: |\n  Answer.\nuser: "{{ question }}"\n'
PLAIN = "# A comment.\ninputs:\n  question: {sample: Who won?}  # asked\ninstructions: |\n  Answer.\n"
DESCRIBED = BASE.replace("instructions:", "  team: {description: Whose team}\ninstructions:").replace(
    "Answer.", "Think of {{ team }}."
)


def typed(source: str, name: str, *texts: str) -> tuple[Template, Mapping[str, Any], dict[str, str]]:
    """What typing `texts` one after another gives: the template, the changes, and the last names of inputs."""
    original = templates.parse(source, path=PATH)
    changes: dict[str, Any] = {}
    names: dict[str, str] = {}
    shown = original
    for text in texts:
        values = templates.field_values(original, changes)
        before = getattr(shown, name) or ""
        edit = templates.edit_text(original, values, name, text, before=before)
        for field, value in edit.fields.items():
            changes = templates.set_field(original, changes, field, value)
        names |= edit.renamed
        template, problems = templates.apply_valid_changes(original, changes)
        shown = shown if problems else template
    return shown, changes, names


@pytest.mark.parametrize("name", ["instructions", "output_format", "user", "layout"])
def test_a_name_typed_in_any_text_makes_an_input(name: str) -> None:
    text = "{% user %}{{ user }} {{ team }}{% enduser %}" if name == "layout" else "Of {{ team }}, {{ question }}."
    template, _, _ = typed(BASE, name, text)
    assert list(template.inputs) == ["question", "team"]
    assert (template.inputs["team"].type, template.inputs["team"].sample) == ("string", None)
    assert getattr(template, name) == text


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("{% for one in teams %}{{ one }}{{ loop.index }}{% endfor %}", ["teams"]),
        ("{% set a = b %}{{ a }}", ["b"]),
        ("{{ team | upper }} {{ range(3) | join }}", ["team"]),
        ("{{ team.name }}", ["team"]),
        ("{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1) }}", []),
        ("{{ schema }}", []),
        ("{# {{ team }} #}", []),
        ("{% raw %}{{ team }}{% endraw %}", []),
        ("{{ _hidden }}", []),
        ("{{ class }}", []),
        ("{{ te", []),
        ("{{ team }", []),
        ("{% if team %}", []),
        ("{ team }", []),
    ],
)
def test_only_names_that_nothing_else_defines_are_inputs(text: str, made: list[str]) -> None:
    _, changes, _ = typed(BASE, "instructions", text)
    inputs = [name.removeprefix("inputs.") for name in changes if name.startswith("inputs")]
    assert inputs == made


def test_the_question_stays_as_it_was_and_the_edit_is_minimal() -> None:
    template, _, _ = typed(PLAIN, "instructions", "Answer about {{ team }}.\n")
    assert template.user == "{{ question }}"
    assert template.source.startswith("# A comment.\ninputs:\n  question: {sample: Who won?}  # asked\n  team:")


def test_a_name_taken_back_leaves_nothing() -> None:
    _, changes, _ = typed(PLAIN, "instructions", "Answer {{ t }}.\n", "Answer {{ te }}.\n", "Answer.\n")
    assert changes == {}


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (("Of {{ team }}.", "Of {{ club }}."), {"team": "club"}),
        (("Of {{ team }}.", "Of {{ club  }}."), {"team": "club"}),
        (("Of {{ team }}.", "Of {{  }}.", "Of {{ club }}."), {"team": "club"}),
        (("Of {{ team }}, {{ team }}.", "Of {{ club }}, {{ club }}."), {"team": "club"}),
        (("Of {{ team }}.", "By {{ club }}."), {}),
        (("Of {{ team }}, {{ team }}.", "Of {{ club }}, {{ team }}."), {}),
        (("Of {{ question }}.", "Of {{ club }}."), {}),
    ],
)
def test_an_input_is_renamed_only_if_it_is_clear_which_one(texts: tuple[str, ...], names: dict[str, str]) -> None:
    assert typed(BASE, "instructions", *texts)[2] == names


def test_what_the_author_described_is_offered_and_never_dropped() -> None:
    template, changes, _ = typed(DESCRIBED, "instructions", "Answer.\n")
    assert changes == {"instructions": "Answer.\n"}
    assert templates.unused_inputs(template) == ("team",)
    assert templates.unused_inputs(templates.parse(DESCRIBED, path=PATH)) == ()
    template, _, names = typed(DESCRIBED, "instructions", "Think of {{ club }}.\n")
    assert names == {"team": "club"}
    assert template.inputs["club"].description == "Whose team"


def test_an_example_needs_the_inputs_of_its_turn_only() -> None:
    from promptlab.types import Example

    template, _, _ = typed(PLAIN, "instructions", "Answer about {{ team }}.\n")
    prompt = templates.render(
        template, {"question": "Who won?", "team": "Ajax"}, shots=[Example("a", {"question": "Who lost?"}, "France")]
    )
    assert [message.content for message in prompt.messages][1:] == ["Who lost?", "France", "Who won?"]
