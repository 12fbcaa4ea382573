"""Planners: which trials a question becomes, and from which files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promptlab.errors import DocumentError, ExampleError, InputError
from promptlab.runs import _plans as plans
from promptlab.runs._trial import Given
from promptlab.templates import _load as templates
from promptlab.templates._materials import load_materials
from promptlab.types import SWITCHABLE, Params
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE

QUESTION = {"question": "Who won?"}


def compare(workspace: Workspace, *models: str, **rest: Any) -> list[Any]:
    return plans.plan_comparison(
        workspace, templates.load(workspace, "cup"), Given(QUESTION, rest.pop("label", "public")), models, **rest
    )


def test_each_model_is_asked_the_same_prompt_as_often_as_wanted(workspace: Workspace) -> None:
    trials = compare(workspace, "a", "b", repeats=2, expected="Argentina", label="internal")
    assert [(t.model, t.repeat) for t in trials] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert {(t.expected, t.label, t.inputs["question"]) for t in trials} == {("Argentina", "internal", "Who won?")}
    first = trials[0]
    assert all((t.documents, t.shots, t.params) == (first.documents, first.shots, first.params) for t in trials)


def test_materials_are_the_files_the_template_names(workspace: Workspace) -> None:
    found = load_materials(workspace, templates.load(workspace, "cup"), QUESTION)
    assert [d.path for d in found.documents] == ["fixtures/documents/cup.md"]
    assert [e.id for e in found.shots] == ["host"]


def test_an_item_is_never_its_own_shot(workspace: Workspace) -> None:
    found = load_materials(workspace, templates.load(workspace, "cup"), {"question": " who HOSTED it? "})
    assert [e.id for e in found.shots] == ["second"]


@pytest.mark.parametrize(("params", "used"), [(None, Params(max_tokens=16)), (Params(seed=3), Params(seed=3))])
def test_parameters_are_the_templates_unless_given(workspace: Workspace, params: Params | None, used: Params) -> None:
    assert compare(workspace, "a", params=params)[0].params == used


@pytest.mark.parametrize(
    ("off", "missing", "error"),
    [
        ("context", "fixtures/documents/cup.md", DocumentError),
        ("examples", "fixtures/examples/cup.jsonl", ExampleError),
    ],
)
def test_what_is_switched_off_is_not_read(
    workspace: Workspace, off: str, missing: str, error: type[InputError]
) -> None:
    template = templates.load(workspace, "cup")
    (workspace.root / missing).unlink()
    (trial,) = plans.plan_comparison(workspace, template, Given.typed(QUESTION), ["a"], without=[off])
    assert trial.without == (off,)
    assert trial.documents == () if off == "context" else trial.shots == ()
    with pytest.raises(error):
        plans.plan_comparison(workspace, template, Given.typed(QUESTION), ["a"])


def test_no_pool_is_read_for_no_examples(make_workspace: Callable[..., Workspace]) -> None:
    workspace = make_workspace(files={"templates/none.yaml": TEMPLATE.replace("k: 1", "k: 0")})
    template = templates.load(workspace, "none")
    (workspace.root / "fixtures/examples/cup.jsonl").unlink()
    assert load_materials(workspace, template, QUESTION).shots == ()


def test_switches_come_in_the_order_of_the_prompt() -> None:
    assert plans.sections_to_leave_out(["examples", "instructions", "examples"]) == ("instructions", "examples")
    assert plans.sections_to_leave_out([]) == ()
    assert plans.sections_to_leave_out(set(SWITCHABLE)) == SWITCHABLE


@pytest.mark.parametrize(
    ("name", "hint"),
    [("contxt", "did you mean `context`?"), ("input", "known: "), ("layout", "known: "), ("", "known: ")],
)
def test_what_cannot_be_left_out_is_named(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"there is no section `{name}` to leave out") as caught:
        plans.sections_to_leave_out(["context", name])
    assert hint in caught.value.hint


def test_documents_and_examples_bring_their_labels(make_workspace: Callable[..., Workspace]) -> None:
    workspace = make_workspace("labels: {fixtures/documents/**: confidential, fixtures/examples/**: internal}\n")
    (trial,) = compare(workspace, "a")
    assert (trial.documents[0].label, trial.shots[0].label) == ("confidential", "internal")
