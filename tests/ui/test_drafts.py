"""Drafts keep what differs from the file, survive everything, and read back as templates."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab import templates
from promptlab.errors import StoreError, TemplateError
from promptlab.types import Params, Template
from promptlab.ui.drafts import Draft, Drafts, as_file
from promptlab.workspace import Workspace

CUP = "templates/cup.yaml"


@pytest.fixture
def cup(workspace: Workspace) -> Template:
    return templates.load(workspace, CUP)


def test_a_draft_of_nothing_is_the_template_itself(cup: Template) -> None:
    assert Draft(template=CUP).applied_to(cup) is cup
    assert Draft(template=CUP).edits(cup) == []


def test_edits_reach_the_template_and_are_named(cup: Template) -> None:
    draft = Draft(template=CUP, texts={"instructions": "Be brief."}, params={"temperature": 0.5, "stop": ["."]}, k=0)
    edited = draft.applied_to(cup)
    assert (edited.instructions, edited.output_format) == ("Be brief.", cup.output_format)
    assert edited.params == replace(cup.params, temperature=0.5, stop=(".",))
    assert edited.examples
    assert edited.examples.k == 0
    assert draft.edits(cup) == ["instructions", "examples", "parameters"]


def test_switches_and_inputs_do_not_change_the_template(cup: Template) -> None:
    draft = Draft(template=CUP, without=("context",), inputs={"question": "Who lost?"})
    assert draft.edits(cup) == []
    assert draft.inputs_for(cup) == {"question": "Who lost?"}
    assert draft.switched_off() == ("context",)


@pytest.mark.parametrize(
    "changes",
    [
        {"instructions": "a {{ question }} ß\n\n"},
        {"user": "Q: {{ question }}", "layout": "{% user %}{{ user }}{% enduser %}"},
        {"schema": '{"type":"object"}', "output_format": ""},
        {"params": Params(temperature=1, seed=3, top_p=0.5, stop=("\n", "x"))},
        {"examples": None, "context": (), "description": ""},
    ],
    ids=lambda c: "+".join(c),
)
def test_an_edited_template_is_a_template_file_that_reads_back_the_same(
    cup: Template, changes: dict[str, object]
) -> None:
    edited = replace(cup, **changes)  # type: ignore[arg-type]  # the table's values fit their fields
    again = templates.parse(as_file(edited), path=CUP)
    assert replace(again, source="", lines={}) == replace(edited, source="", lines={})


def test_an_edit_changes_what_the_run_will_name_as_its_template(cup: Template) -> None:
    edited = Draft(template=CUP, texts={"instructions": "Be brief."}).applied_to(cup)
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


def test_a_change_is_kept_for_the_next_process(tmp_path: Path) -> None:
    Drafts(tmp_path).change(CUP, k=0)
    Drafts(tmp_path).change(CUP, without=("context",))
    draft = Drafts(tmp_path).load(CUP)
    assert (draft.k, draft.without, draft.revision) == (0, ("context",), 2)


def test_reset_keeps_only_the_choice_of_models(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    drafts.change(CUP, k=0, texts={"instructions": "x"}, models=("alpha",))
    after = drafts.reset(CUP)
    assert (after.k, after.texts, after.models, after.revision) == (None, {}, ("alpha",), 2)
    assert drafts.load(CUP) == after


@pytest.mark.parametrize("damage", ["", "{", '{"template": 3}', '{"template": "templates/other.yaml"}', "\x00"])
def test_a_damaged_draft_is_left_out_and_replaced(tmp_path: Path, damage: str) -> None:
    drafts = Drafts(tmp_path)
    drafts.change(CUP, k=0)
    (file,) = tmp_path.glob("*.json")
    file.write_text(damage)
    assert drafts.load(CUP) == Draft(template=CUP)
    drafts.change(CUP, k=1)
    assert drafts.load(CUP).k == 1


def test_templates_with_like_names_have_drafts_of_their_own(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    drafts.change("templates/a b.yaml", k=1)
    drafts.change("templates/a-b.yaml", k=2)
    assert drafts.load("templates/a b.yaml").k == 1


def test_changes_from_two_tabs_are_both_kept(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    inputs = [("k", 0), ("fresh", True), ("without", ("context",)), ("models", ("alpha",))]
    threads = [threading.Thread(target=lambda f=f, v=v: drafts.change(CUP, **{f: v})) for f, v in inputs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    draft = drafts.load(CUP)
    assert (draft.k, draft.fresh, draft.without, draft.models) == (0, True, ("context",), ("alpha",))
    assert not list(tmp_path.glob("*.half"))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "drafts").write_text("a file in the way")
    with pytest.raises(StoreError, match="cannot be kept"):
        Drafts(tmp_path / "drafts").change(CUP, k=0)


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    Drafts(tmp_path).change(CUP, inputs={"question": "Modrić?"})
    (file,) = tmp_path.glob("*.json")
    assert json.loads(file.read_text())["inputs"] == {"question": "Modrić?"}
