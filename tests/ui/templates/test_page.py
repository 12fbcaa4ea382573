"""The Templates page: the list, the form with its live preview, and new templates."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.errors import TemplateError
from promptlab.templates import _load as templates
from promptlab.ui.state.open_template import open_template
from promptlab.workspace._workspace import Workspace
from tests.ui.conftest import Desk, said

CUP = "templates/cup.yaml"
Desks = Callable[..., Desk]
PLAIN = "inputs:\n  question: {sample: Who won?}\ninstructions: Answer.\n"


def preview(tab: AppTest) -> str:
    return said(tab).split("#### Preview")[1].split("#### History")[0]


def form(here: Desk, path: str = CUP) -> AppTest:
    tab = here.open("templates", template=path)
    assert not tab.exception
    return tab


def changes(here: Desk, path: str = CUP) -> dict[str, Any]:
    return dict(here.session.drafts.load(path).changes)


# The list


def test_the_list_says_what_each_is_for_and_finds_by_words(desk: Desks) -> None:
    tab = desk(alpha=["ok"]).open("templates")
    assert not tab.exception
    assert "Answer a question from an article" in said(tab)
    tab.text_input(key="templates-text").set_value("ARTICLE answer").run()
    assert "cup" in said(tab)
    tab.text_input(key="templates-text").set_value("nothing like it").run()
    assert "No template matches" in said(tab)


def test_an_empty_workspace_says_what_to_do(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    where = make_workspace()
    (where.root / CUP).unlink()
    tab = desk(where, alpha=["ok"]).open("templates")
    assert not tab.exception
    assert "No templates yet" in said(tab)
    assert tab.button(key="new-template")


def test_a_template_with_a_problem_is_in_the_list_and_can_be_mended(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    where = make_workspace(files={"templates/bad.yaml": "instrutions: x\n"})
    here = desk(where, alpha=["ok"])
    assert "has an error" in said(here.open("templates"))
    tab = form(here, "templates/bad.yaml")
    assert "did you mean `instructions`?" in said(tab)
    tab.text_area[0].set_value("instructions: x\n").run()
    assert not tab.exception
    assert "x" in preview(tab)
    assert (where.root / "templates/bad.yaml").read_text() == "instrutions: x\n", (
        "nothing is written before it is saved"
    )


def test_the_list_being_read_says_so_and_then_comes(desk: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    here = desk(alpha=["ok"])
    entries, go = here.session.listing.entries, threading.Event()

    def slowly() -> Any:
        go.wait(20)
        return entries()

    with monkeypatch.context() as patched:
        patched.setattr(here.session.listing, "entries", slowly)
        tab = here.open("templates")
        assert "Reading the templates" in said(tab)
        go.set()
    here.until(lambda: here.session.templates() is not None, "the list")
    assert "Answer a question from an article" in said(tab.run())


def test_a_template_that_is_not_there_says_so(desk: Desks) -> None:
    tab = desk(alpha=["ok"]).open("templates", template="templates/gone.yaml")
    assert not tab.exception
    assert "Template not found" in said(tab)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "promptlab.yaml", "templates/cup.yaml\x00", ""])
def test_an_address_outside_the_templates_shows_nothing_of_it(desk: Desks, path: str) -> None:
    tab = desk(alpha=["ok"]).open("templates", template=path)
    assert not tab.exception
    assert "root:" not in said(tab)
    assert "models:" not in said(tab)


# The form


def test_what_is_typed_is_in_the_preview_and_on_the_workbench(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = form(here)
    tab.text_area(key="text-instructions-cup").set_value("Be brief.").run()
    assert not tab.exception
    assert "Be brief." in preview(tab)
    assert here.open().text_area(key="text-instructions-cup").value == "Be brief."
    assert changes(here) == {"instructions": "Be brief."}


def test_what_is_typed_on_the_workbench_is_in_the_form(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    here.open().text_area(key="text-output_format-cup").set_value("In JSON.").run()
    assert form(here).text_area(key="text-output_format-cup").value == "In JSON."


def test_half_a_tag_is_kept_and_said_where_it_is(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    here = desk(make_workspace(files={CUP: PLAIN}), alpha=["ok"])
    tab = form(here)
    tab.text_area(key="text-instructions-cup").set_value("Answer in {{ to").run()
    assert not tab.exception
    assert tab.text_area(key="text-instructions-cup").value == "Answer in {{ to"
    assert "Instructions: unexpected end of template" in preview(tab)
    tab.text_area(key="text-instructions-cup").set_value("Answer in {{ tone }}").run()
    assert tab.text_input(key="in-name-tone-cup").value == "tone"
    assert "No sample for `tone`" in preview(tab)
    assert "‹tone›" in preview(tab)
    tab.text_area(key="input-sample-tone-cup").set_value("a loud voice").run()
    assert "a loud voice" in preview(tab)


def test_an_input_is_renamed_wherever_it_is_used(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    text = PLAIN.replace("Answer.", "Answer {{ question }}.")
    here = desk(make_workspace(files={CUP: text}), alpha=["ok"])
    tab = form(here)
    tab.text_input(key="in-name-question-cup").set_value("q").run()
    assert not tab.exception
    assert tab.text_area(key="text-instructions-cup").value == "Answer {{ q }}."
    tab.text_input(key="in-name-q-cup").set_value("no name").run()
    assert "cannot be the name of an input" in said(tab)


def test_an_input_has_a_type_a_default_and_can_go(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    here = desk(make_workspace(files={CUP: PLAIN}), alpha=["ok"])
    tab = form(here)
    tab.button(key="inputs-add").click().run()
    tab.selectbox(key="in-type-input-cup").set_value("list").run()
    tab.text_area(key="input-sample-input-cup").set_value("[1, 2").run()
    assert "list" in preview(tab)
    tab.text_area(key="input-sample-input-cup").set_value("[1, 2]").run()
    tab.checkbox(key="in-optional-input-cup").set_value(True).run()
    spec = open_template(here.session, CUP).template.inputs["input"]
    assert (spec.type, spec.sample, spec.default) == ("list", [1, 2], [])
    tab.button(key="in-remove-input").click().run()
    assert not tab.exception
    assert changes(here) == {}


@pytest.mark.parametrize("first", ["string", "number", "boolean", "list", "object"])
@pytest.mark.parametrize("then", ["string", "number", "boolean", "list", "object"])
def test_an_input_can_change_from_any_type_to_any_other(
    desk: Desks, make_workspace: Callable[..., Workspace], first: str, then: str
) -> None:
    sample = {"string": "x", "number": "3", "boolean": "true", "list": "[1]", "object": "{a: 1}"}[first]
    text = f"inputs:\n  v: {{type: {first}, sample: {sample}, default: {sample}}}\nuser: x {{{{ v }}}}\n"
    here = desk(make_workspace(files={CUP: text}), alpha=["ok"])
    tab = form(here)
    tab.selectbox(key="in-type-v-cup").set_value(then).run()
    assert not tab.exception
    assert "Something went wrong" not in said(tab)
    spec = open_template(here.session, CUP).template.inputs["v"]
    assert spec.type == then
    assert (spec.sample is not None) == (first == then)


def test_a_schema_is_built_from_fields_and_seen_as_json(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = form(here)
    tab.button(key="schema-add").click().run()
    tab.text_input(key="schema-name-0-cup").set_value("winner").run()
    tab.selectbox(key="schema-type-0-cup").set_value("object").run()
    tab.button(key="schema-into-0").click().run()
    tab.text_input(key="schema-name-1-cup").set_value("team").run()
    tab.text_input(key="schema-choices-1-cup").set_value("France, Argentina").run()
    tab.segmented_control(key="schema-view").set_value("JSON").run()
    assert not tab.exception
    shown = json.loads(tab.text_area(key="text-schema-cup").value)
    assert shown["properties"]["winner"]["properties"] == {"team": {"type": "string", "enum": ["France", "Argentina"]}}
    assert json.loads(open_template(here.session, CUP).template.schema or "") == shown


def test_a_pasted_schema_shows_as_fields_and_a_broken_one_stays_text(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = form(here)
    tab.button(key="schema-add").click().run()
    tab.segmented_control(key="schema-view").set_value("JSON").run()
    tab.text_area(key="text-schema-cup").set_value('{"type": "object", ').run()
    assert "not JSON" in said(tab)
    assert tab.text_area(key="text-schema-cup").value == '{"type": "object", '
    tab.text_area(key="text-schema-cup").set_value(
        '{"type": "object", "properties": {"year": {"type": "integer"}}}'
    ).run()
    tab.segmented_control(key="schema-view").set_value("Fields").run()
    assert not tab.exception
    assert tab.text_input(key="schema-name-0-cup").value == "year"
    assert tab.checkbox(key="schema-required-0-cup").value is False


def test_the_shots_are_shown_with_why_they_were_chosen(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = form(here)
    before = said(tab)
    assert "in the pool's order" in before
    tab.selectbox(key="examples-select-cup").set_value("random").run()
    assert not tab.exception
    assert tab.number_input(key="examples-seed-cup").value == 0
    tab.selectbox(key="examples-pool-cup").set_value(None).run()
    assert changes(here) == {"examples": None}


def test_documents_are_taken_out_and_put_back(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = form(here)
    (path,) = open_template(here.session, CUP).template.context
    tab.button(key="document-remove-0").click().run()
    assert not tab.exception
    assert open_template(here.session, CUP).template.context == ()
    tab.selectbox(key="documents-pick").set_value(path).run()
    assert not tab.exception
    assert changes(here) == {}


def test_an_own_layout_starts_with_the_standard_one_and_renders_the_same(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = form(here)
    before = preview(tab)
    tab.toggle(key="own-layout-cup").set_value(True).run()
    assert not tab.exception
    assert "{% system -%}" in tab.text_area(key="text-layout-cup").value
    assert preview(tab) == before
    tab.text_area(key="text-layout-cup").set_value("{% sistem %}x{% endsistem %}").run()
    assert "unknown tag" in said(tab)
    tab.toggle(key="own-layout-cup").set_value(False).run()
    assert changes(here) == {}


def test_discarding_goes_back_to_the_file(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = form(here)
    tab.text_area(key="text-instructions-cup").set_value("Be brief.").run()
    tab.button(key="discard-now").click().run()
    assert not tab.exception
    assert "Be brief." not in said(tab)
    assert changes(here) == {}


def test_a_file_changed_on_disk_does_not_change_what_one_types(desk: Desks, workspace: Workspace) -> None:
    here = desk(alpha=["ok"])
    tab = form(here)
    tab.text_area(key="text-instructions-cup").set_value("Be brief.").run()
    file = workspace.root / CUP
    file.write_text(file.read_text().replace("Reply with the name only.", "In JSON."))
    assert "changed here and on disk" in said(tab.run())
    opened = open_template(here.session, CUP)
    assert opened.base == opened.original.source != opened.disk
    assert "Be brief." in opened.text


def test_text_keeps_the_form_it_is_typed_in(desk: Desks) -> None:
    tab = form(desk(alpha=["ok"]))
    tab.button(key="schema-add").click().run()
    tab.segmented_control(key="schema-view").set_value("JSON").run()
    for key, text in (("text-schema-cup", '{"type":  "object"}'), ("param-stop-cup", "END\n")):
        assert tab.text_area(key=key).set_value(text).run().run().text_area(key=key).value == text


def test_a_file_typed_wrongly_can_be_discarded(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    here.session.drafts.write(CUP, "instructions: [", open_template(here.session, CUP).text)
    tab = form(here)
    assert "has an error" in said(tab)
    tab.button(key="discard-now").click().run()
    assert not tab.exception
    assert "#### Preview" in said(tab)


# New ones


def create(tab: AppTest, name: str, way: str = "", **given: str) -> AppTest:
    tab.button(key="new-template").click().run()
    tab.text_input(key="new-name").set_value(name).run()
    if way:
        tab.segmented_control(key="new-way").set_value(way).run()
    for key, value in given.items():
        tab.text_area(key=f"new-{key}").set_value(value).run()
    tab.button(key="new-create").click().run()
    assert not tab.exception
    return tab


def test_a_new_template_is_a_draft_until_it_is_saved(desk: Desks, workspace: Workspace) -> None:
    here = desk(alpha=["ok"])
    tab = create(here.open("templates"), "fresh")
    assert "What is the capital of France?" in preview(tab)
    assert "not saved yet" in said(here.open("templates"))
    assert not (workspace.root / "templates/fresh.yaml").exists()
    bench = here.run(here.open(template="templates/fresh.yaml"))
    assert not bench.exception
    assert [m.role for m in here.models["alpha"].history[0].messages] == ["system", "user"]


def test_a_new_template_survives_a_restart(desk: Desks) -> None:
    create(desk(alpha=["ok"]).open("templates"), "fresh")
    assert "What is the capital of France?" in preview(form(desk(alpha=["ok"]), "templates/fresh.yaml"))


def test_discarding_a_new_template_takes_it_off_the_list(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = create(here.open("templates"), "fresh")
    tab.button(key="discard-now").click().run()
    assert not tab.exception
    assert "fresh" not in said(tab)
    assert here.session.drafts.edited() == {}


def test_a_request_a_text_and_a_copy_begin_templates(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    request = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Who won?"}], "temperature": 0.5})
    create(here.open("templates"), "one", "An OpenAI request", request=request)
    create(here.open("templates"), "two", "Plain text", text="Translate {{ text }}.")
    create(here.open("templates"), "three", "A copy")
    one, two, three = (open_template(here.session, f"templates/{n}.yaml").template for n in ("one", "two", "three"))
    assert one.params.temperature == 0.5
    assert (two.user, list(two.inputs)) == ("Translate {{ text }}.", ["text"])
    assert three.source == open_template(here.session, CUP).text


@pytest.mark.parametrize(
    ("name", "way", "given", "why"),
    [
        ("cup", "", {}, "There is a template `cup` already"),
        ("../x", "", {}, "cannot be the name of a template"),
        ("", "", {}, "Give it a name"),
        ("x", "An OpenAI request", {"request": "{"}, ""),
        ("x", "An OpenAI request", {"request": '{"a": 1}'}, "neither `messages` nor `input`"),
        ("x", "Plain text", {"text": " "}, "There is no text"),
    ],
)
def test_what_cannot_begin_a_template_is_said_in_the_dialog(
    desk: Desks, name: str, way: str, given: dict[str, str], why: str
) -> None:
    here = desk(alpha=["ok"])
    tab = create(here.open("templates"), name, way, **given)
    assert "#### Preview" not in said(tab)
    text = " ".join(part.proto.body for part in tab.get("html"))
    assert "pl-bad" in text
    assert why in text
    assert here.session.drafts.edited() == {}


def test_a_template_deleted_while_it_is_open_keeps_what_was_typed(desk: Desks, workspace: Workspace) -> None:
    here = desk(alpha=["ok"])
    tab = form(here)
    tab.text_area(key="text-instructions-cup").set_value("Be brief.").run()
    (workspace.root / CUP).unlink()
    assert "Be brief." in preview(tab.run())
    here.session.drafts.reset(CUP)
    with pytest.raises(TemplateError, match="no such template"):
        open_template(here.session, CUP)
    assert templates.template_paths(workspace) == []
