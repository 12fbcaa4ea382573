"""The weights of the two embedded models, as promptlab reads them, give the logits of llama.cpp: in 32-bit floats, with
a random adapter and without."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="make finetune installs what training needs")
pytest.importorskip("peft")

from tests.places import ROOT


@pytest.mark.model
@pytest.mark.parametrize("model", ["smollm2-135m", "gemma-3-270m"])
def test_transformers_has_the_logits_of_llama(model: str) -> None:
    command = [sys.executable, "-m", "benchmarks.finetune_logits", "--json", "--quick", "--model", model]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert row["base"] < 0.05
    assert row["adapted"] < 0.05
    assert row["effect"] > 0.5  # the adapter does something
