"""`promptlab finetune` killed with kill -9 and begun again: the same losses, looks and adapter as without a kill."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.finetune.test_data import workspace

pytest.importorskip("torch", reason="make finetune installs what training needs")
pytest.importorskip("peft")

COMMAND = (sys.executable, "-m", "promptlab.cli", "finetune", "t", "--data", "pool.jsonl", "--base", "tiny")
OPTIONS = ("--epochs", "20", "--batch", "2", "--patience", "40", "--held-out", "0.2", "--rate", "0.0005")
STEPS_A_PASS = 5
KILLED = ((1, 0.0), (12, 0.02))
"""The looks at the held-out rows after which the process is killed, and how many seconds later; it begins anew each
time."""


def begun(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([*COMMAND, *OPTIONS], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed_after(folder: Path, looks: int, seconds: float) -> None:
    """A training that is killed `seconds` after its `looks`-th look."""
    with begun(folder) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if f"step {STEPS_A_PASS * looks} of" in line:
                break
        time.sleep(seconds)
        process.kill()
    assert process.returncode == -9, "".join(lines)


def ended(folder: Path) -> list[str]:
    process = begun(folder)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return errors.splitlines()


def test_a_training_that_was_killed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    for name in ("whole", "killed"):
        workspace(tmp_path / name)
    ended(tmp_path / "whole")
    for looks, seconds in KILLED:
        killed_after(tmp_path / "killed", looks, seconds)
    lines = ended(tmp_path / "killed")
    assert any("going on after step" in line for line in lines)
    job = ".promptlab/finetune/tiny-t"
    whole, killed = ((tmp_path / name / job / "curve.jsonl").read_text() for name in ("whole", "killed"))
    assert killed == whole
    assert len([line for line in whole.splitlines() if "loss" in json.loads(line)]) == 5 * 20
    adapter = "models/adapters/tiny-t.gguf"
    assert (tmp_path / "killed" / adapter).read_bytes() == (tmp_path / "whole" / adapter).read_bytes()
    before = (tmp_path / "killed" / adapter).stat().st_mtime_ns
    assert not any("held out: loss" in line for line in ended(tmp_path / "killed"))  # it is not trained again
    assert (tmp_path / "killed" / adapter).stat().st_mtime_ns == before
