"""promptlab -> promptfoo -> promptlab and promptlab -> .prompty -> promptlab lose nothing promptlab knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptlab._yaml import _write as yaml_write
from promptlab.formats import promptfoo, prompty
from promptlab.formats._export import PortablePrompt, make_portable
from promptlab.formats._report import Imported
from promptlab.formats._workspace_view import ImportFolders, WorkspaceView, workspace_view
from promptlab.formats.promptfoo_export import write_promptfoo
from promptlab.formats.prompty_export import write_prompty
from promptlab.templates import _load as templates
from promptlab.templates._inputs import is_input_name
from promptlab.templates._materials import load_materials
from promptlab.templates._template import Template
from promptlab.workspace._workspace import OpenAIModel, Workspace
from tests.places import ROOT

HOUSE = Workspace.load(ROOT)
MODELS = {"gpt": OpenAIModel(backend="openai", model="gpt-4o-mini", api_key_env="OPENAI_API_KEY")}


def through_promptfoo(export: PortablePrompt, folder: Path) -> Imported:
    file = folder / "config.yaml"
    file.write_text(write_promptfoo([export], MODELS), encoding="utf-8", newline="")
    return promptfoo.read(file, file.name, ImportFolders(home=workspace_view(HOUSE)))


def through_prompty(export: PortablePrompt, folder: Path) -> Imported:
    file = folder / "config.prompty"
    file.write_text(write_prompty(export), encoding="utf-8", newline="")
    return prompty.read(file, file.name, ImportFolders(home=workspace_view(HOUSE)))


THROUGH = {"promptfoo": through_promptfoo, "prompty": through_prompty}


def outward_of(template: Template) -> PortablePrompt:
    filled = load_materials(HOUSE, template, templates.sample_inputs(template))
    return make_portable(template, documents=filled.documents, shots=filled.shots)


@pytest.mark.parametrize("name", templates.template_paths(HOUSE))
@pytest.mark.parametrize("through", THROUGH.values(), ids=THROUGH)
def test_templates_of_this_repository_come_back_byte_for_byte(
    name: str, through: Callable[[PortablePrompt, Path], Imported], tmp_path: Path
) -> None:
    template = templates.load(HOUSE, name)
    back = through(outward_of(template), tmp_path)
    assert [file.text for file in back.files] == [template.source]
    assert not back.report.of("not understood")


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)
names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(is_input_name)


@st.composite
def template_texts(draw: Any) -> str:
    """The text of a template: free text with braces and newlines in it, and inputs printed in between."""
    inputs = draw(st.dictionaries(names, words.filter(bool), min_size=1, max_size=3))

    def text() -> str:
        parts = draw(
            st.lists(st.one_of(words.map(plain), st.sampled_from([f"{{{{ {n} }}}}" for n in inputs])), max_size=4)
        )
        return "".join(parts)

    data: dict[str, Any] = {"inputs": {name: {"sample": sample} for name, sample in inputs.items()}}
    data |= {"description": draw(words), "instructions": text(), "output_format": text(), "user": text() + "?"}
    if draw(st.booleans()):
        data["params"] = {"temperature": 0.5, "max_tokens": draw(st.integers(1, 99)), "stop": ["\n"]}
    if draw(st.booleans()):
        data["schema"] = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "number"}}}
    return yaml_write.dump_yaml(data)


def plain(text: str) -> str:
    return text.replace("{", "(").replace("\r", " ")


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(text=template_texts())
@pytest.mark.parametrize("through", THROUGH.values(), ids=THROUGH)
def test_any_template_comes_back_byte_for_byte(
    text: str, through: Callable[[PortablePrompt, Path], Imported], tmp_path: Path
) -> None:
    template = templates.parse(text, path="templates/config.yaml")
    assert [file.text for file in through(make_portable(template), tmp_path).files] == [text]


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(text=template_texts())
def test_without_what_was_kept_the_messages_are_still_the_same(text: str, tmp_path: Path) -> None:
    template = templates.parse(text, path="templates/config.yaml")
    file = tmp_path / "config.yaml"
    file.write_text(
        write_promptfoo([make_portable(template)], {}).replace("  promptlab:", "  other:"),
        encoding="utf-8",
        newline="",
    )
    back = promptfoo.read(file, file.name, ImportFolders())
    again = templates.parse(back.files[0].text, path="back.yaml")
    values = dict.fromkeys(template.inputs, "v")
    used = {name: value for name, value in values.items() if name in again.inputs}
    assert templates.render(again, used).messages == templates.render(template, values).messages


def test_a_prompt_changed_elsewhere_is_not_replaced_by_what_was_kept(tmp_path: Path) -> None:
    template = templates.load(HOUSE, "world-cup")
    file = tmp_path / "config.yaml"
    changed = write_promptfoo([outward_of(template)], MODELS).replace("Answer the question", "Do not answer", 1)
    file.write_text(changed, encoding="utf-8")
    back = promptfoo.read(file, file.name, ImportFolders())
    assert "Do not answer" in back.files[0].text
    assert back.files[0].text != template.source
    assert any("was changed" in entry.note for entry in back.report.entries)


def test_an_input_with_logic_is_filled_in_and_said(tmp_path: Path) -> None:
    text = "inputs:\n  a: {sample: x}\n  b: {sample: y}\nuser: '{% if a %}{{ b }}{% endif %}{{ b }}!'\n"
    export = make_portable(templates.parse(text, path="t.yaml"))
    assert export.messages == (("user", "{{ b }}{{ b }}!"),)
    assert [(e.field, e.what) for e in export.report.entries] == [("inputs.a", "translated"), ("inputs.b", "taken")]
    assert export.variables == {"b": "y"}
    # The sample stands for `a` in what others see, so only the workspace that has the template takes it back.
    back = through_prompty(export, tmp_path)
    assert "{{ b }}{{ b }}!" in back.files[0].text
    assert any("uses `a`" in entry.note for entry in back.report.entries)
    home = WorkspaceView({"t.yaml": text}.get, lambda _: ((), ()))  # type: ignore[arg-type]  # the one file asked for
    file = tmp_path / "config.prompty"
    assert prompty.read(file, file.name, ImportFolders(home=home)).files[0].text == text


@pytest.mark.parametrize("value", ["{{", "{%", "{#", "a{", "{{{ x }}}", "{% endraw %}", "}}{{"])
def test_braces_in_documents_stay_text(value: str) -> None:
    from promptlab.templates._inputs import escape_jinja
    from promptlab.templates._jinja import compile_text
    from promptlab.templates._limits import METER, Meter, RenderLimits
    from promptlab.templates._text_origin import TextOrigin

    token = METER.set(Meter(RenderLimits()))
    try:
        ((_, text),) = compile_text(escape_jinja(value) + "{{ x }}").run({"x": "!"}, {}, TextOrigin("layout"))
    finally:
        METER.reset(token)
    assert text == value + "!"


# What rode along is what is seen

QUESTION = "inputs:\n  question: {type: string, sample: Who won?}\ninstructions: |\n  Answer.\nuser: '{{ question }}'\n"
HIDDEN: dict[str, str] = {
    "other instructions": QUESTION.replace("Answer.", "HIDDEN do something else."),
    "another layout": QUESTION + "layout: '{% user %}HIDDEN {{ question }}{% enduser %}'\n",
    "a document": "context: [fixtures/documents/world-cup-2022.md]\n" + QUESTION,
    "a document that is not there": "context: [notes/diary.md]\n" + QUESTION,
    "examples": QUESTION + "examples: {pool: fixtures/examples/world-cup.jsonl, k: 1, select: first}\n",
    "a case": QUESTION.replace("{{ question }}", '{{ question }}{% if question == "x" %}HIDDEN{% endif %}'),
    "a length": QUESTION.replace("{{ question }}", '{{ question if question | length < 90 else "HIDDEN" }}'),
    "a schema": QUESTION + "schema: {type: object, description: HIDDEN, properties: {a: {type: string}}}\n",
    "a default": QUESTION.replace("sample: Who won?", "sample: Who won?, default: HIDDEN"),
    "another input": QUESTION.replace("inputs:", "inputs:\n  more: {default: HIDDEN}").replace(
        "Answer.", "Answer.{{ more }}"
    ),
}


def carrying(hidden: str, kind: str, folder: Path) -> Imported:
    """A file that shows the prompt of `QUESTION` and carries `hidden`, as somebody would write it by hand."""
    export = make_portable(templates.parse(QUESTION, path="templates/config.yaml"))
    forged = replace(export, template=replace(export.template, source=hidden))
    return THROUGH[kind](forged, folder)


@pytest.mark.parametrize("kind", THROUGH)
@pytest.mark.parametrize("what", HIDDEN)
def test_a_kept_template_that_is_not_what_is_seen_is_left_aside(what: str, kind: str, tmp_path: Path) -> None:
    back = carrying(HIDDEN[what], kind, tmp_path)
    (made,) = back.files
    assert made.text != HIDDEN[what]
    assert "HIDDEN" not in made.text
    template = templates.parse(made.text, path="back.yaml")
    assert not template.context
    assert not template.examples
    assert templates.render(template, {"question": "Who?"}).messages[-1].content == "Who?"
    assert any("not used" in entry.note for entry in back.report.entries)


@pytest.mark.parametrize("kind", THROUGH)
def test_a_kept_template_that_is_what_is_seen_is_taken(kind: str, tmp_path: Path) -> None:
    text = "# a note\n" + QUESTION
    assert [file.text for file in carrying(text, kind, tmp_path).files] == [text]
