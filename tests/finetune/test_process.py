"""A training in a process of its own, on a tiny model: watched, refused twice at once, stopped, killed, gone on with.

Skipped where torch is not installed (`make finetune`)."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="make finetune installs what training needs")
pytest.importorskip("peft")

from promptlab.errors import FinetuneError
from promptlab.finetune import (
    KnownTraining,
    Recipe,
    Tuning,
    find_training,
    read_curve,
    request_stop,
    start_training,
    trainings,
    watch_training,
)
from promptlab.workspace import LlamaModel, Workspace
from tests.finetune.test_data import workspace

SHORT = Recipe(rank=2, alpha=4, learning_rate=5e-3, batch=4, epochs=2, warm_up=1)
LONG = Recipe(rank=2, alpha=4, learning_rate=1e-4, batch=4, epochs=20_000, patience=20_000)
"""It would take minutes: a test stops it or kills it."""


def tuning(recipe: Recipe = SHORT) -> Tuning:
    return Tuning("t", "pool.jsonl", "tiny", recipe=recipe)


def until(space: Workspace, arrived: Callable[[KnownTraining], bool]) -> KnownTraining:
    """The training once `arrived` is true of it."""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        training = find_training(space, "tiny-t")
        if training is not None and arrived(training):
            return training
        time.sleep(0.05)
    raise AssertionError(f"never came: {training}")


def has_ended(training: KnownTraining) -> bool:
    return not training.is_running


def has_steps(training: KnownTraining) -> bool:
    return not training.is_running or (training.state is not None and training.state.step > 3)


def test_it_trains_to_its_end_and_leaves_adapter_model_and_record(tmp_path: Path) -> None:
    space = workspace(tmp_path, label="confidential")
    start_training(space, tuning())
    training = until(space, has_ended)
    assert training.status == "done", training.state
    assert training.state is not None
    assert training.record is not None
    assert training.state.pid != os.getpid()
    assert (training.state.step, training.state.steps) == (training.record["steps"], training.record["steps"])
    assert training.state.label == training.record["label"] == "confidential"
    curve = read_curve(space, "tiny-t")
    assert len(curve.losses) == training.record["steps"]
    assert curve.looks[0].step == 0
    entry = Workspace.load(tmp_path).models["tiny-t"]
    assert isinstance(entry, LlamaModel)
    assert (entry.lora, entry.label) == (("models/adapters/tiny-t.gguf",), "confidential")
    assert (tmp_path / entry.lora[0]).is_file()
    assert [one.model for one in trainings(space)] == ["tiny-t"]


def test_it_is_refused_twice_stops_with_a_checkpoint_and_goes_on(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    start_training(space, tuning(LONG))
    running = until(space, has_steps)
    assert running.status == "running", running.state
    for start in (lambda: start_training(space, tuning()), lambda: watch_training(space, tuning()).__enter__()):
        with pytest.raises(FinetuneError, match="is being trained by another process"):
            start()
    assert until(space, has_steps).status == "running", "who was refused changes nothing"

    request_stop(space, "tiny-t")
    stopped = until(space, has_ended)
    assert (stopped.status, stopped.has_checkpoint, stopped.is_stopping) == ("stopped", True, False)
    assert stopped.state is not None
    steps = stopped.state.step
    assert 3 < steps < stopped.state.steps
    assert len(read_curve(space, "tiny-t").losses) == steps, "the step that was asked to be the last is kept"

    start_training(space, stopped.state.tuning)
    gone_on = until(space, lambda one: has_ended(one) or (one.state is not None and one.state.step > steps))
    assert gone_on.state is not None
    assert (gone_on.status, gone_on.state.resumed) == ("running", steps), gone_on.state
    os.kill(gone_on.state.pid, signal.SIGKILL)
    killed = until(space, has_ended)
    assert (killed.status, killed.has_checkpoint) == ("interrupted", True)


def test_an_error_of_the_process_is_kept_with_its_hint(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    (tmp_path / "pool.jsonl").write_text(json.dumps({"id": "r", "inputs": {"q": "Mug, mug!"}, "output": "o"}) + "\n")
    start_training(space, tuning())
    failed = until(space, has_ended)
    assert failed.status == "failed"
    assert failed.state is not None
    assert "no row is left to train on" in failed.state.error
    assert "--suite" in failed.state.hint
