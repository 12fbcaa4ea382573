"""Drafts keep what differs from the file, survive everything, and read back as templates."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.errors import StoreError, TemplateError
from promptlab.templates import _edit as template_edit
from promptlab.templates import _load as templates
from promptlab.templates._template import Template
from promptlab.ui.state.drafts import Draft, Drafts
from promptlab.workspace._workspace import Workspace

CUP = "templates/cup.yaml"


@pytest.fixture
def cup(workspace: Workspace) -> Template:
    return templates.load(workspace, CUP)


def test_a_draft_of_nothing_is_the_template_itself(cup: Template) -> None:
    assert Draft(template=CUP).applied_to(cup) is cup
    assert not Draft(template=CUP).edited


def test_edits_reach_the_template(cup: Template) -> None:
    changes = {"instructions": "Be brief.", "params.temperature": 0.5, "params.stop": ["."], "examples.k": 0}
    edited = Draft(template=CUP, changes=changes).applied_to(cup)
    assert (edited.instructions, edited.output_format) == ("Be brief.", cup.output_format)
    assert edited.params == replace(cup.params, temperature=0.5, stop=(".",))
    assert edited.examples
    assert edited.examples.k == 0


def test_switches_and_inputs_do_not_change_the_template(cup: Template) -> None:
    draft = Draft(template=CUP, without=("context",), inputs={"question": "Who lost?"})
    assert not draft.edited
    assert draft.applied_to(cup) is cup
    assert draft.inputs_for(cup) == {"question": "Who lost?"}
    assert draft.switched_off() == ("context",)


def test_an_edited_template_has_the_text_it_will_be_saved_as(cup: Template) -> None:
    changes = {"instructions": "Be brief.\n", "params.temperature": 0.5}
    edited = Draft(template=CUP, changes=changes).applied_to(cup)
    assert edited.source == template_edit.edit_template(cup.source, changes, path=CUP)
    assert templates.parse(edited.source, path=CUP).params.temperature == 0.5


def test_an_edit_changes_what_the_run_will_name_as_its_template(cup: Template) -> None:
    edited = Draft(template=CUP, changes={"instructions": "Be brief."}).applied_to(cup)
    assert edited.sha256 != cup.sha256
    assert templates.parse(edited.source, path=CUP).instructions == "Be brief."


def test_inputs_are_read_as_their_types(make_workspace: Callable[..., Workspace]) -> None:
    text = (
        "inputs:\n  n: {type: number, sample: 3}\n  rows: {type: list, sample: [1, 2]}\n  note: {}\ninstructions: x\n"
    )
    template = templates.load(make_workspace(files={"templates/t.yaml": text}), "t")
    draft = Draft(template=template.path)
    assert draft.typed_inputs(template) == {"n": 3, "rows": "[\n 1,\n 2\n]", "note": ""}
    assert draft.inputs_for(template) == {"n": 3, "rows": [1, 2], "note": ""}
    with pytest.raises(TemplateError, match="cannot be read as a list"):
        draft.model_copy(update={"inputs": {"rows": "[1,"}}).inputs_for(template)


def test_a_change_is_kept_for_the_next_process(tmp_path: Path, cup: Template) -> None:
    Drafts(tmp_path).edit(CUP, cup.source, {"examples.k": 0})
    Drafts(tmp_path).change(CUP, without=("context",))
    draft = Drafts(tmp_path).load(CUP)
    assert (draft.changes, draft.without, draft.revision) == ({"examples.k": 0}, ("context",), 2)


def test_the_base_is_the_file_as_it_was_at_the_first_change(tmp_path: Path, cup: Template) -> None:
    drafts = Drafts(tmp_path)
    drafts.edit(CUP, cup.source, {"examples.k": 0})
    later = cup.source.replace("Reply", "Answer")
    draft = drafts.edit(CUP, later, {"instructions": "Be brief."})
    assert draft.base == cup.source
    assert draft.changes == {"examples.k": 0, "instructions": "Be brief."}


def test_a_change_taken_back_is_no_draft(tmp_path: Path, cup: Template) -> None:
    drafts = Drafts(tmp_path)
    drafts.edit(CUP, cup.source, {"params.temperature": 0.5})
    draft = drafts.edit(CUP, cup.source, {"params.temperature": 0})
    assert (draft.changes, draft.base, draft.edited) == ({}, None, False)
    assert drafts.edited() == {}


def test_a_new_template_is_a_draft_with_a_text_of_its_own(tmp_path: Path) -> None:
    drafts, text = Drafts(tmp_path), "instructions: |\n  Answer.\n"
    drafts.write("templates/new.yaml", text, None)
    draft = drafts.edit("templates/new.yaml", text, {"instructions": "Be brief.\n"})
    assert (draft.base, draft.text) == (None, text)
    assert list(drafts.edited()) == ["templates/new.yaml"]
    assert draft.applied_to(templates.parse(text, path="templates/new.yaml")).source == text.replace(
        "Answer.", "Be brief."
    )


def test_saving_lets_go_of_the_changes_and_of_nothing_else(tmp_path: Path, cup: Template) -> None:
    drafts = Drafts(tmp_path)
    drafts.edit(CUP, cup.source, {"instructions": "Be brief."})
    drafts.change(CUP, inputs={"question": "Who lost?"}, without=("context",))
    was = drafts.load(CUP)
    text = was.applied_to(cup).source
    draft = drafts.saved(CUP, was, text, text)
    assert draft == drafts.load(CUP)
    assert not draft.edited
    assert (draft.inputs, draft.without) == ({"question": "Who lost?"}, ("context",))


def test_what_was_typed_while_it_was_saved_is_still_a_draft(tmp_path: Path, cup: Template) -> None:
    drafts = Drafts(tmp_path)
    was = drafts.edit(CUP, cup.source, {"instructions": "Be brief."})
    text = was.applied_to(cup).source
    drafts.edit(CUP, cup.source, {"params.temperature": 0.5})
    draft = drafts.saved(CUP, was, text, text)
    assert (draft.changes, draft.base) == ({"params.temperature": 0.5}, text)

    drafts.write(CUP, "user: typed\n", text)
    was = drafts.load(CUP)
    drafts.write(CUP, "user: typed on\n", text)
    draft = drafts.saved(CUP, was, "user: typed\n", "user: typed\n")
    assert (draft.text, draft.base) == ("user: typed on\n", "user: typed\n")


def test_reset_keeps_only_the_choice_of_models(tmp_path: Path, cup: Template) -> None:
    drafts = Drafts(tmp_path)
    drafts.edit(CUP, cup.source, {"instructions": "x"})
    drafts.change(CUP, models=("alpha",))
    after = drafts.reset(CUP)
    assert (after.changes, after.base, after.models, after.revision) == ({}, None, ("alpha",), 3)
    assert drafts.load(CUP) == after


def test_a_draft_of_an_earlier_release_is_taken_over(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    drafts.change(CUP, fresh=True)
    (file,) = tmp_path.glob("*.json")
    old = {"template": CUP, "revision": 7, "texts": {"instructions": "x"}, "params": {"temperature": 0.7}, "k": 0}
    file.write_text(json.dumps(old))
    draft = drafts.load(CUP)
    assert draft.changes == {"instructions": "x", "params.temperature": 0.7, "examples.k": 0}
    assert drafts.edited() == {CUP: draft}


@pytest.mark.parametrize("damage", ["", "{", '{"template": 3}', '{"template": "templates/other.yaml"}', "\x00"])
def test_a_damaged_draft_is_left_out_and_replaced(tmp_path: Path, damage: str) -> None:
    drafts = Drafts(tmp_path)
    drafts.change(CUP, fresh=True)
    (file,) = tmp_path.glob("*.json")
    file.write_text(damage)
    assert drafts.load(CUP) == Draft(template=CUP)
    drafts.change(CUP, fresh=True)
    assert drafts.load(CUP).fresh


def test_templates_with_like_names_have_drafts_of_their_own(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    drafts.change("templates/a b.yaml", counted_by="one")
    drafts.change("templates/a-b.yaml", counted_by="two")
    assert drafts.load("templates/a b.yaml").counted_by == "one"


def test_changes_from_two_tabs_are_both_kept(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    inputs = [("counted_by", "beta"), ("fresh", True), ("without", ("context",)), ("models", ("alpha",))]
    threads = [threading.Thread(target=lambda f=f, v=v: drafts.change(CUP, **{f: v})) for f, v in inputs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    draft = drafts.load(CUP)
    assert (draft.counted_by, draft.fresh, draft.without, draft.models) == ("beta", True, ("context",), ("alpha",))
    assert not list(tmp_path.glob("*.half"))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "drafts").write_text("a file in the way")
    with pytest.raises(StoreError, match="cannot be saved"):
        Drafts(tmp_path / "drafts").change(CUP, fresh=True)


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    Drafts(tmp_path).change(CUP, inputs={"question": "Modrić?"})
    (file,) = tmp_path.glob("*.json")
    assert json.loads(file.read_text())["inputs"] == {"question": "Modrić?"}
