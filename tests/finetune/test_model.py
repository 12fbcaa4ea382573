"""A real model is trained for one pass over tickets that are confidential, and answers with its adapter."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import promptlab
from promptlab.models import training_record
from promptlab.runs import label_of_result
from tests.places import ROOT

pytest.importorskip("torch", reason="make finetune installs what training needs")
pytest.importorskip("peft")
pytestmark = pytest.mark.model

COMMAND = ("finetune", "tickets", "--data", "examples/tickets.jsonl", "--base", "smollm2-135m", "--suite", "tickets")
MOST_BYTES = 2_000_000_000


def test_smollm2_learns_from_confidential_tickets_and_its_answers_are_confidential(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "fixtures/finetune", tmp_path, dirs_exist_ok=True)
    with (tmp_path / "promptlab.yaml").open("a") as file:
        file.write("labels:\n  examples/*: confidential\n")
    command = [sys.executable, "-m", "promptlab.cli", *COMMAND, "--epochs", "1", "--json"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    record = json.loads(process.stdout)
    assert (record["rows"], record["held_out"], record["dropped"]) == (42, 6, [])
    assert record["steps"] == 6
    assert record["best"]["loss"] < 2 < record["first_loss"]  # 4.5 and more before training
    assert record["peak_bytes"] < MOST_BYTES
    with promptlab.open(tmp_path) as lab:
        name = "smollm2-135m-tickets"
        assert lab.workspace.models[name].model_dump()["label"] == record["label"] == "confidential"
        assert training_record(lab.workspace, name) == record
        asked = lab.compare(
            "tickets", {"ticket": "I want my money back."}, models=["smollm2-135m", name], without="examples"
        )
        results = {result.model: result for result in asked.wait()}
        assert not any(result.error for result in results.values())
        assert results[name].text != results["smollm2-135m"].text
        labels = {model: label_of_result(lab.workspace, result) for model, result in results.items()}
        assert labels == {"smollm2-135m": "public", name: "confidential"}
