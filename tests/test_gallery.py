"""The gallery of experiments: its inputs are what the tool makes, its experiments plan, its page is whole."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from promptlab.experiments import experiment_paths, kind_names, load_experiment, plan_experiment
from promptlab.workspace import Workspace
from tests.places import ROOT
from tools import gallery_inputs

WORKSPACE = Workspace.load(ROOT)
EXPERIMENTS = [load_experiment(WORKSPACE, path) for path in experiment_paths(WORKSPACE)]
FOLDER = ROOT / "docs/experiments"


def rows(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (gallery_inputs.FOLDER / name).read_text(encoding="utf-8").splitlines()]


def test_the_inputs_are_what_the_tool_makes() -> None:
    for path, text in gallery_inputs.files().items():
        assert (gallery_inputs.FOLDER / path).read_text(encoding="utf-8") == text, path


def test_guessing_a_letter_is_right_in_a_quarter() -> None:
    cases = rows("multiple-choice.jsonl")
    assert Counter(case["expected"] for case in cases) == dict.fromkeys("ABCD", 15)
    for case in cases:
        options = re.findall(r"^[A-D]\. (.+)$", case["inputs"]["question"], re.MULTILINE)  # type: ignore[index]  # JSON
        assert len(set(options)) == 4, case["id"]


def test_sums_are_right() -> None:
    for case in rows("arithmetic.jsonl"):
        first, sign, second, _ = case["inputs"]["question"].split()  # type: ignore[index]  # JSON
        a, b = int(first), int(second)
        assert case["expected"] == (a + b if sign == "+" else a * b)


@pytest.mark.parametrize("name", ["facts.jsonl", "lighthouses.jsonl"])
def test_each_answer_stands_in_its_document_once_and_in_no_decoy(name: str) -> None:
    decoys = "".join(path.read_text() for path in (gallery_inputs.FOLDER / "documents/lighthouses").glob("decoy-*.md"))
    for case in rows(name):
        (path,) = case["documents"]  # type: ignore[misc]  # JSON
        text, answer = (ROOT / path).read_text(encoding="utf-8"), str(case["expected"])
        assert len(re.findall(rf"\b{re.escape(answer)}\b", text, re.IGNORECASE)) == 1, case["id"]
        assert not re.search(rf"\b{re.escape(answer)}\b", decoys)


def test_a_wrong_fact_is_not_in_its_document() -> None:
    for row in gallery_inputs.table("facts.csv"):
        assert row["wrong"].lower() not in row["passage"].lower(), row["id"]
        assert row["wrong"] != row["answer"]


def test_every_kind_has_an_experiment() -> None:
    elsewhere = {"finetune"}  # in a workspace of its own, because git has no adapter: fixtures/finetune
    assert {experiment.kind for experiment in EXPERIMENTS} >= set(kind_names()) - elsewhere
    page = (FOLDER / "finetune-tickets.md").read_text(encoding="utf-8")
    assert "--base smollm2-135m" in page
    assert page.count("| smollm2-135m-tickets |") == 3


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_an_experiment_plans(experiment: object) -> None:
    planned = plan_experiment(WORKSPACE, experiment)  # type: ignore[arg-type]  # a parameter
    assert 100 <= planned.trials <= 1_100
    assert len(planned.experiment.models) == 2


def test_the_page_names_what_is_there() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\(([\w-]+)\.(?:svg|html)\)", page))
    assert named == {path.stem for path in FOLDER.glob("*.html")} == {path.stem for path in FOLDER.glob("*.svg")}
    assert named - {"finetune-tickets"} <= {experiment.name for experiment in EXPERIMENTS}
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page):
        assert (FOLDER / target).exists(), target


def test_reports_load_nothing_and_run_nothing() -> None:
    for path in FOLDER.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "default-src 'none'" in text
        assert "<script" not in text
        assert not re.search(r"(?:src|href)=[\"']?https?:", text), path.name
