"""The kind `finetune`, and the rule of every kind: a model is not asked cases that it was trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptlab._util.same_question import hash_of_question
from promptlab.errors import ExperimentError
from promptlab.experiments import Experiment, plan_experiment
from promptlab.models import training_folder
from promptlab.workspace import Workspace

KINDS: list[tuple[str, dict[str, Any]]] = [("finetune", {"ks": [2]}), ("models", {}), ("shots", {"ks": [1]})]


def workspace(folder: Path) -> Workspace:
    (folder / "templates").mkdir()
    (folder / "promptlab.yaml").write_text(
        "models:\n  base: {backend: openai, model: m}\n  tuned: {backend: openai, model: m}\n"
    )
    text = "inputs: {q: {type: string}, lang: {type: string, default: en}}\ninstructions: Sort it.\n"
    (folder / "templates/t.yaml").write_text(text + "examples: {pool: pool.jsonl, k: 1}\n")
    pool = [{"id": f"e{n}", "inputs": {"q": f"example {n}"}, "output": "a"} for n in range(4)]
    (folder / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pool))
    cases = [{"id": f"c{n}", "inputs": {"q": f"What is number {n}?"}, "expected": "a"} for n in range(6)]
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in cases))
    return Workspace.find(folder)


def experiment(kind: str, options: dict[str, Any]) -> Experiment:
    models = ("base", "tuned")
    return Experiment("x", kind, "t", "cases.jsonl", models, options=options, scorers=("exact",))


def record(space: Workspace, *questions: dict[str, Any]) -> None:
    """The record of a training of `tuned` on `questions`."""
    folder = training_folder(space, "tuned")
    folder.mkdir(parents=True)
    kept = {"rows": 1, "dropped": [], "steps": 3, "seconds": 90.0, "peak_bytes": 10**9}
    (folder / "record.json").write_text(json.dumps({**kept, "trained_on": list(map(hash_of_question, questions))}))


def test_base_and_tuned_model_are_asked_in_each_way(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    record(space, {"q": "other", "lang": "en"})
    design = plan_experiment(space, experiment("finetune", {"ks": [2, 3]})).design
    assert [arm.name for arm in design.arms] == ["instructions alone", "2 examples", "3 examples"]
    assert [contrast.primary for contrast in design.contrasts] == [False, False, True, False]
    assert {contrast.models for contrast in design.contrasts} == {("tuned", "base"), ("tuned", "tuned")}
    assert "1.5 minutes" in design.notes[0]


@pytest.mark.parametrize(("kind", "options"), KINDS)
@pytest.mark.parametrize(
    ("question", "known"),
    [
        ({"q": "what is NUMBER 3", "lang": "en"}, True),  # case c3, whose language is the default
        ({"lang": "en", "q": "What is number 3?"}, True),
        ({"q": "What is number 3?", "lang": "de"}, False),
        ({"q": "What is number 33?", "lang": "en"}, False),
    ],
)
def test_no_kind_asks_a_model_what_it_was_trained_on(
    tmp_path: Path, kind: str, options: dict[str, Any], question: dict[str, Any], known: bool
) -> None:
    space = workspace(tmp_path)
    record(space, question)
    if known:
        with pytest.raises(ExperimentError, match="c3"):
            plan_experiment(space, experiment(kind, options))
    else:
        assert plan_experiment(space, experiment(kind, options)).design.arms
