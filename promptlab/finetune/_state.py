"""How far trainings are, as files in their folders say it: any process can read it, at any time.

.promptlab/finetune/NAME/state.json     what is wanted, and how far it is; written by the process that trains
.promptlab/finetune/NAME/curve.jsonl    the losses
.promptlab/finetune/NAME/record.json    what was trained, at the end
.promptlab/finetune/NAME/stop           there if somebody asked to stop

for training in trainings(workspace):
    print(training.model, training.status, training.state and training.state.step)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from promptlab._util.files import write_atomically
from promptlab.finetune._lock import is_held
from promptlab.finetune._recipe import Recipe
from promptlab.finetune._train import CHECKPOINT, Look
from promptlab.finetune._tune import CURVE
from promptlab.finetune._tuning import Tuning
from promptlab.models import training_folder, training_record
from promptlab.types import LABELS, Label
from promptlab.workspace import MODEL_NAME, Workspace

STATE, STOP = "state.json", "stop"
Phase = Literal["preparing", "training", "writing", "stopped", "failed", "done"]
AT_WORK: tuple[Phase, ...] = ("preparing", "training", "writing")
Status = Literal["running", "interrupted", "stopped", "failed", "done"]


@dataclass(frozen=True)
class TrainingState:
    """How far a training was when its process `pid` last wrote it. `left` are the seconds that it may still take, None
    if nothing is known yet. `identity` is that of the plan, "" before there is one."""

    tuning: Tuning
    pid: int
    started: str
    phase: Phase = "preparing"
    step: int = 0
    steps: int = 0
    resumed: int = 0
    loss: float | None = None
    look: Look | None = None
    seconds: float = 0.0
    left: float | None = None
    label: Label = "public"
    identity: str = ""
    error: str = ""
    hint: str = ""


@dataclass(frozen=True)
class KnownTraining:
    """A training of the workspace. `record` is that of the adapter that was finished last, None if none was; `state`
    is that of the newest training of this name, None if it was made before states were written."""

    model: str
    record: Mapping[str, Any] | None
    state: TrainingState | None
    is_running: bool
    is_stopping: bool
    has_checkpoint: bool

    @property
    def status(self) -> Status:
        if self.is_running:
            return "running"
        if self.state is None:
            return "done" if self.record else "interrupted"
        return "interrupted" if self.state.phase in AT_WORK else self.state.phase  # type: ignore[return-value]


@dataclass(frozen=True)
class LossCurve:
    """The loss of each step, the first one first, and the looks at the held-out rows."""

    losses: tuple[float, ...] = ()
    looks: tuple[Look, ...] = field(default=())


def trainings(workspace: Workspace) -> list[KnownTraining]:
    """Every training of the workspace, the one that was written last first."""
    home = training_folder(workspace, "name").parent
    try:
        folders = [path for path in home.iterdir() if path.is_dir() and MODEL_NAME.fullmatch(path.name)]
    except OSError:
        return []
    ordered = sorted(folders, key=lambda path: (-_last_written(path), path.name))
    found = (find_training(workspace, path.name) for path in ordered)
    return [training for training in found if training is not None]


def find_training(workspace: Workspace, model: str) -> KnownTraining | None:
    """The training of `model`; None if there is none."""
    folder = training_folder(workspace, model)
    if not MODEL_NAME.fullmatch(model) or not folder.is_dir():
        return None
    # Before the state is read: a process that has ended by now has written its last state before.
    running = is_held(folder)
    record, state = training_record(workspace, model), _read_state(folder / STATE)
    has_checkpoint = (folder / CHECKPOINT).is_file()
    if record is None and state is None and not has_checkpoint and not running:
        return None
    return KnownTraining(model, record, state, running, running and (folder / STOP).exists(), has_checkpoint)


def request_stop(workspace: Workspace, model: str) -> None:
    """Ask the process that trains `model` to stop after the step that it is at, with a checkpoint. Returns at once."""
    folder = training_folder(workspace, model)
    if is_held(folder):
        write_atomically(folder / STOP, b"")


def read_curve(workspace: Workspace, model: str) -> LossCurve:
    """The losses of a training so far; nothing if they cannot be read."""
    try:
        lines = (training_folder(workspace, model) / CURVE).read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        losses = tuple(float(row["loss"]) for row in rows if "loss" in row)
        return LossCurve(losses, tuple(Look(**row["look"]) for row in rows if "look" in row))
    except (OSError, ValueError, TypeError, KeyError):
        return LossCurve()


def write_state(folder: Path, state: TrainingState) -> None:
    """Write `state`, whole or not at all. Raises `NotWritten`."""
    data = asdict(state)
    if state.loss is not None and not math.isfinite(state.loss):
        data["loss"] = None
    write_atomically(folder / STATE, json.dumps(data, indent=1).encode())


def tuning_from_data(data: Mapping[str, Any]) -> Tuning:
    """The tuning as `dataclasses.asdict` wrote it. Raises `TypeError`, `KeyError` or `ValueError` for other data."""
    return Tuning(**{**data, "suites": tuple(data["suites"]), "recipe": Recipe(**data["recipe"])})


def _read_state(path: Path) -> TrainingState | None:
    """The state at `path`; None if there is none, or if it is not understood, such as one of a later version."""
    try:
        data = json.loads(path.read_text("utf-8"))
        look = Look(**data["look"]) if data["look"] else None
        state = TrainingState(**{**data, "tuning": tuning_from_data(data["tuning"]), "look": look})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return state if state.phase in get_args(Phase) and state.label in LABELS else None


def _last_written(folder: Path) -> float:
    times = []
    for name in (STATE, CURVE, "record.json"):
        try:
            times.append((folder / name).stat().st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)


__all__ = [
    "STOP",
    "KnownTraining",
    "LossCurve",
    "TrainingState",
    "find_training",
    "read_curve",
    "request_stop",
    "trainings",
    "tuning_from_data",
    "write_state",
]
