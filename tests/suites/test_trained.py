"""A suite says how many answers are of a model that was trained on the case, wherever its summary is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import promptlab
from promptlab._util.same_question import hash_of_question
from promptlab.models import ScriptedBackend, training_folder
from promptlab.suites import load_suite, summary_of_run, trained_cases
from promptlab.workspace import Workspace


def workspace(folder: Path) -> Workspace:
    (folder / "templates").mkdir()
    (folder / "fixtures/suites").mkdir(parents=True)
    (folder / "promptlab.yaml").write_text("models: {}\n")
    (folder / "templates/t.yaml").write_text("inputs: {q: {type: string}, lang: {type: string, default: en}}\n")
    cases = [{"id": f"c{n}", "inputs": {"q": f"What is number {n}?"}, "expected": "yes"} for n in range(4)]
    suite = {"template": "templates/t.yaml", "models": ["base", "tuned"], "scorers": ["exact"], "cases": cases}
    (folder / "fixtures/suites/s.yaml").write_text(json.dumps(suite))
    return Workspace.load(folder)


def record(space: Workspace, *questions: str) -> None:
    folder = training_folder(space, "tuned")
    folder.mkdir(parents=True)
    hashes = [hash_of_question({"q": question, "lang": "en"}) for question in questions]
    (folder / "record.json").write_text(json.dumps({"trained_on": hashes}))


def test_without_a_training_no_case_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = workspace(tmp_path)
    monkeypatch.setattr("promptlab.suites._trained.case_files", None)
    assert trained_cases(space, load_suite(space, "s"), ["base", "tuned"]) == frozenset()


def test_record_replay_and_rerun_say_what_a_model_was_trained_on(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    record(space, "what is NUMBER 1", "What is number 2", "something else")
    assert trained_cases(space, load_suite(space, "s"), ["base", "tuned"]) == {("c1", "tuned"), ("c2", "tuned")}
    models = {name: ScriptedBackend(name, lambda _: "yes") for name in ("base", "tuned")}
    with promptlab.open(tmp_path, models=models) as lab:
        suite = lab.suite("s")
        summaries = [suite.record().summary, suite.replay().summary, suite.rerun().summary]
        run = lab.suite_log.runs("fixtures/suites/s.yaml")[0]
        summaries.append(summary_of_run(load_suite(space, "s"), lab.suite_log, run, space))
    for summary in summaries:
        assert summary.passed == 8
        assert summary.trained == 2
        assert "2 asked of a model that was trained on them" in summary.sentence
