"""What a new template begins with renders at once, and its name is checked."""

from __future__ import annotations

import pytest

from promptlab.errors import TemplateError
from promptlab.templates import _load as templates
from promptlab.templates import _new as beginnings
from promptlab.workspace._workspace import Workspace

PATH = "templates/new.yaml"


def test_the_standard_beginning_renders_with_its_sample() -> None:
    template = templates.parse(beginnings.standard_template(PATH), path=PATH)
    prompt = templates.render(template, templates.sample_inputs(template))
    assert [m.role for m in prompt.messages] == ["system", "user"]


def test_plain_text_is_one_message_with_its_variables_as_inputs() -> None:
    text = "Translate {{ text }} to {{tone}}:\n{% if %} {{ 3 }} {{ user }} {#\n"
    template = templates.parse(beginnings.template_from_prompt(text, PATH), path=PATH)
    assert list(template.inputs) == ["text", "tone"]
    prompt = templates.render(template, {"text": "A", "tone": "B"})
    assert [m.content for m in prompt.messages] == ["Translate A to B:\n{% if %} {{ 3 }} {{ user }} {#\n"]


@pytest.mark.parametrize(
    ("name", "path"), [("a", "a"), (" b.yaml ", "b"), ("templates/c/d-1", "c/d-1"), ("v1.2", "v1.2")]
)
def test_a_name_becomes_a_path(workspace: Workspace, name: str, path: str) -> None:
    assert beginnings.new_template_path(workspace, name) == f"templates/{path}.yaml"


@pytest.mark.parametrize(
    "name", ["", "  ", "../up", "/etc/passwd", "a//b", ".git/x", "a b", "ü", "-x", "a.", "con\x00", "x" * 101, "a/../b"]
)
def test_a_name_that_is_none_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(TemplateError) as found:
        beginnings.new_template_path(workspace, name)
    assert found.value.hint


@pytest.mark.parametrize("name", ["cup", "CUP", "cup.yml", "drafted"])
def test_a_name_that_is_used_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(TemplateError, match="already"):
        beginnings.new_template_path(workspace, name, taken=["templates/drafted.yaml"])
