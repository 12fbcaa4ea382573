"""Checks of saved templates, and what a change of one does to the prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.errors import ShelfError, TemplateError
from promptlab.templates import _load as templates
from promptlab.templates._check import check_template
from promptlab.versions import _prompt_diff as proofs
from promptlab.versions import _save as shelf
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.repositories import CUP, Repository, edited, isolate, start

CASES = [
    ("instructions: |\n  {{ who }}\n", (2, "instructions", "which no input declares")),
    ("instruction: x\n", (1, "instruction", "unknown key")),
    ("inputs: {q: {}}\n", (1, "inputs.q", "no sample")),
    ("user: x\ncontext:\n  - fixtures/documents/cup.md\n  - none.md\n", (4, "context.1", "no")),
    ("user: x\nexamples: {pool: none.jsonl}\n", (2, "examples", "no")),
    ("inputs: {q: {sample: ''}}\nuser: '{{ 1 // (q | length) }}'\n", (2, "user", "")),
]


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_each_problem_has_its_place(workspace: Workspace, text: str, wanted: tuple[int, str, str]) -> None:
    (workspace.root / CUP).write_text(text)
    (problem,) = check_template(workspace, CUP)
    assert (problem.line, problem.field) == wanted[:2]
    assert wanted[2] in problem.message
    assert check_template(workspace, CUP, text=TEMPLATE) == ()


def test_a_good_template_has_none_and_a_missing_file_is_one(workspace: Workspace) -> None:
    assert check_template(workspace, CUP) == ()
    (problem,) = check_template(workspace, "templates/none.yaml")
    assert "no such file" in problem.message


def test_all_that_is_missing_is_said_at_once(workspace: Workspace) -> None:
    text = "inputs: {a: {}, b: {}}\ncontext: [x.md, y.md]\nexamples: {pool: z.jsonl}\n"
    fields = [problem.field for problem in check_template(workspace, CUP, text=text)]
    assert fields == ["context.0", "context.1", "examples", "inputs.a", "inputs.b"]


def pieces(change: proofs.PromptDifference) -> list[tuple[str, str, str]]:
    return [(m.role, c.kind, c.text) for m in change.messages for c in m.changes if c.kind != "same"]


def test_a_changed_word_is_found_in_the_prompt_it_makes(workspace: Workspace) -> None:
    old = templates.load(workspace, "cup")
    new = templates.parse(edited(new="full name only"), path=CUP)
    found = proofs.prompt_difference(workspace, old, new)
    assert pieces(found) == [("system", "added", "full ")]
    assert found.changed
    assert [m.role for m in found.messages] == ["system", "user", "assistant", "user"]
    assert not proofs.prompt_difference(workspace, old, replace(new, output_format=old.output_format)).changed


def test_both_versions_are_asked_the_same(workspace: Workspace) -> None:
    old = templates.load(workspace, "cup")
    new = templates.parse(edited(old="Who won?", new="Who lost?"), path=CUP)
    assert pieces(proofs.prompt_difference(workspace, old, new)) == []
    shown = proofs.prompt_difference(workspace, old, new, {"question": "Why?"}).messages[-1]
    assert "".join(change.text for change in shown.changes) == "Why?"


def test_messages_that_came_or_went_are_whole(workspace: Workspace) -> None:
    old = templates.load(workspace, "cup")
    found = proofs.prompt_difference(workspace, old, replace(old, examples=None))
    assert pieces(found) == [("user", "removed", "Who hosted it?"), ("assistant", "removed", "Qatar")]


def test_a_version_that_does_not_render_says_why(workspace: Workspace) -> None:
    old = templates.load(workspace, "cup")
    found = proofs.prompt_difference(workspace, old, replace(old, context=("none.md",)))
    assert (found.messages, found.old_problem) == ((), "")
    assert "none.md" in found.new_problem
    assert found.changed


def test_two_texts_give_their_prompts_or_say_why_not(workspace: Workspace) -> None:
    old, new = proofs.render_texts(workspace, CUP, TEMPLATE, edited(new="full name only"))
    assert old.prompt
    assert new.prompt
    assert new.prompt.messages[0].content == old.prompt.messages[0].content.replace("name only", "full name only")
    old, new = proofs.render_texts(workspace, CUP, "instructions: |\n  {{ who }}\n", TEMPLATE)
    assert "which no input declares" in old.problem
    assert (old.prompt, new.prompt, new.problem) == (None, None, "")


def test_a_version_is_read_as_it_was(
    make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    isolate(monkeypatch, tmp_path / "home")
    catalogue = 'models: {}\nlabels: {"templates/secret/**": confidential}\n'
    repo: Repository = start(make_workspace(catalogue, {"templates/secret/a.yaml": TEMPLATE}))
    repo.git("mv", "templates/secret/a.yaml", "templates/a.yaml")
    repo.git("commit", "-qm", "Move")
    shelf.save_template(repo.workspace, "templates/a.yaml", edited(), "Edit", base=TEMPLATE)
    now = proofs.template_at_version(repo.workspace, "templates/a.yaml")
    first = proofs.template_at_version(repo.workspace, "templates/a.yaml", "HEAD~2")
    assert (now.source, now.label) == (edited(), "public")
    assert (first.source, first.label) == (TEMPLATE, "confidential")
    with pytest.raises(ShelfError):
        proofs.template_at_version(repo.workspace, "templates/a.yaml", "none")
    with pytest.raises(TemplateError):
        proofs.template_at_version(repo.workspace, "templates/none.yaml")
