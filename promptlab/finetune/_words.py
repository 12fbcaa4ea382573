"""Trainings in words: how far one is, what came of it, and what its losses say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from promptlab.finetune._state import KnownTraining, LossCurve, TrainingState
from promptlab.finetune._train import Look

MOST_ROWS = 12
"""Lines of the table of losses where no look says which steps to show."""


@dataclass(frozen=True)
class CurveRow:
    """A line of the table of losses: the mean of the losses since the line before, and the look after `step`."""

    step: int
    loss: float | None
    look: Look | None


def curve_rows(curve: LossCurve) -> list[CurveRow]:
    """The losses as a table: a line for each look; without looks, some lines with the same distance."""
    looks = {look.step: look for look in curve.looks}
    count = len(curve.losses)
    every = max(1, -(-count // MOST_ROWS))
    steps = sorted({*(looks or range(every, count, every)), *([count] if count else [])})
    rows, before = [], 0
    for step in steps:
        losses = curve.losses[before:step]
        rows.append(CurveRow(step, fmean(losses) if losses else None, looks.get(step)))
        before = step
    return rows


def curve_words(curve: LossCurve) -> str:
    """What the losses say, as sentences for who does not see the picture."""
    parts = []
    if curve.losses:
        first, last, count = curve.losses[0], curve.losses[-1], len(curve.losses)
        parts.append(
            f"Loss {first:.2f} at the first step, {last:.2f} at step {count:,}."
            if count > 1
            else f"Loss {first:.2f} at the first step."
        )
    if curve.looks:
        best = min(curve.looks, key=lambda look: look.loss)
        first_look = curve.looks[0]
        if first_look.step == 0:
            parts.append(f"Held-out rows before training: {_look_words(first_look)}.")
        if best.step:
            parts.append(f"Best after step {best.step:,}: {_look_words(best)}.")
    return " ".join(parts)


def progress_words(training: KnownTraining) -> str:
    """How far a training is that runs now, without the time that is left."""
    state = training.state
    if training.is_stopping:
        return "Stopping after this step, with a checkpoint"
    if state is None or state.phase == "preparing":
        return "Preparing: the rows, the libraries and the base model are read"
    if state.phase == "writing":
        return "Writing the adapter"
    if not state.step:
        return "Looking at the held-out rows before the first step"
    loss = f", loss {state.loss:.2f}" if state.loss is not None else ""
    return f"Step {state.step:,} of at most {state.steps:,}{loss}"


def stopped_words(state: TrainingState) -> str:
    """Where a training stopped that has not ended."""
    if not state.step:
        return "before its first step"
    return f"after step {state.step:,} of at most {state.steps:,}"


def result_words(record: Mapping[str, Any], before: Look | None = None) -> str:
    """What came of a training, as a sentence. `before` is the look before the first step."""
    best = record["best"]
    parts = []
    if best:
        was = f", {before.right} before training" if before is not None and before.rows == best["rows"] else ""
        parts.append(f"{best['right']} of {best['rows']} held-out answers right{was}")
    parts.append(f"loss from {record['first_loss']:.2f} to {record['last_loss']:.2f}")
    steps = f"{record['steps']:,} step{'' if record['steps'] == 1 else 's'}"
    parts.append(f"{steps} in {minutes_words(record['seconds'])}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def minutes_words(seconds: float) -> str:
    """The time of a training."""
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.1f} minutes"


def _look_words(look: Look) -> str:
    return f"loss {look.loss:.2f}, {look.right} of {look.rows} right"


__all__ = [
    "CurveRow",
    "curve_rows",
    "curve_words",
    "minutes_words",
    "progress_words",
    "result_words",
    "stopped_words",
]
