"""An input that is called differently is called so everywhere, and nowhere else."""

from __future__ import annotations

import pytest

from promptlab.templates import _fields as template_fields
from promptlab.templates import _inputs as input_names
from promptlab.templates import _load as templates

TEXT = """\
inputs:
  q: {sample: Who?}
  tone: {}
instructions: Answer {{ q }} in {{ tone }}, not "q".
context: [{path: a.md, passages: {by: bm25, query: [q, tone]}}]
"""


def test_renaming_reaches_the_inputs_the_texts_and_the_passages() -> None:
    template = templates.parse(TEXT, path="templates/t.yaml")
    changes = input_names.rename_input(template_fields.plain_fields(template), "q", "question")
    after = template_fields.apply_changes(template, changes)
    assert list(after.inputs) == ["question", "tone"]
    assert after.inputs["question"].sample == "Who?"
    assert after.instructions == 'Answer {{ question }} in {{ tone }}, not "q".'
    assert after.passages["a.md"].query == ("question", "tone")


@pytest.mark.parametrize("name", ["q", "", "  ", "tone"])
def test_a_name_that_changes_nothing_or_is_taken_changes_nothing(name: str) -> None:
    values = template_fields.plain_fields(templates.parse(TEXT, path="templates/t.yaml"))
    assert input_names.rename_input(values, "q", name) == {}


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("{{ q }} q {{ q|upper }}\n", "{{ x }} q {{ x|upper }}\n"),
        ("{{ a.q }} {{ a|q }} {{ 'q' }}", "{{ a.q }} {{ a|q }} {{ 'q' }}"),
        ("{% if q %}q{% endif %}{# q #}", "{% if x %}q{% endif %}{# q #}"),
        ("{{ q", "{{ x"),
        ("{{ q ~ 'un", "{{ q ~ 'un"),
        ("{%- raw %}{{ q }}{% endraw -%}", "{%- raw %}{{ q }}{% endraw -%}"),
    ],
)
def test_only_the_variable_is_renamed(text: str, after: str) -> None:
    assert input_names.rename_in_text(text, "q", "x") == after


def test_another_type_keeps_what_fits_and_drops_the_rest() -> None:
    spec = {"type": "string", "sample": "Who?", "default": "x", "description": "d"}
    assert input_names.set_input_type(spec, "number") == {
        "type": "number",
        "sample": None,
        "default": 0,
        "description": "d",
    }
    assert input_names.set_input_type(spec, "string") == spec
