"""A training that others can watch and stop: the lock is held, and its state is written while it goes on.

with watch_training(workspace, tuning) as watched:
    for progress in watched.train(planned):
        print(progress.step)
watched.tuned                # None if somebody asked to stop; the next training goes on at the checkpoint
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from promptlab.errors import PromptlabError
from promptlab.finetune._lock import hold_training
from promptlab.finetune._state import STOP, TrainingState, write_state
from promptlab.finetune._train import TrainingProgress
from promptlab.finetune._tune import PlannedTuning, Tuned
from promptlab.finetune._tuning import Tuning
from promptlab.models import training_folder
from promptlab.workspace import Workspace

WRITE_SECONDS = 0.5
"""At most so often the state is written."""


class WatchedTraining:
    """A training whose lock this process holds. `watch_training` makes it."""

    def __init__(self, workspace: Workspace, tuning: Tuning) -> None:
        self._folder = training_folder(workspace, tuning.model)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._state = TrainingState(tuning, os.getpid(), started)
        self._written = 0.0
        self.tuned: Tuned | None = None
        """What it left behind, once it has come to its end."""

    def train(self, planned: PlannedTuning, *, again: bool = False) -> Iterator[TrainingProgress]:
        """Train to the end, or until somebody asks to stop, and write the adapter. Raises as `planned.train` does."""
        steps = planned.tuning.recipe.steps_of(len(planned.split.train))
        self.write(steps=steps, label=planned.label, identity=planned.identity)
        if self._should_stop():
            return
        for progress in planned.train(again=again):
            self._see(progress)
            yield progress
            if self._should_stop() and not planned.has_ended:
                planned.save()
                return
        self.write(phase="writing", left=0.0)
        self.tuned = planned.finish()

    def write(self, **changes: object) -> None:
        """Write the state with `changes` to it."""
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]  # fields of the state
        write_state(self._folder, self._state)
        self._written = time.monotonic()

    def forget_stop(self) -> None:
        """Remove what asks to stop: it was meant for an earlier training, or has been done."""
        (self._folder / STOP).unlink(missing_ok=True)

    def _should_stop(self) -> bool:
        return (self._folder / STOP).exists()

    def _see(self, progress: TrainingProgress) -> None:
        changes = {name: getattr(progress, name) for name in ("step", "steps", "loss", "seconds", "resumed")}
        look = progress.look or self._state.look
        left = progress.left if progress.step else None
        self._state = replace(self._state, phase="training", look=look, left=left, **changes)
        if time.monotonic() - self._written > WRITE_SECONDS or progress.look:
            self.write()


@contextmanager
def watch_training(workspace: Workspace, tuning: Tuning) -> Iterator[WatchedTraining]:
    """Hold the lock of the training, and write how it ends. Raises `FinetuneError` if another process trains it."""
    watched = WatchedTraining(workspace, tuning)
    with hold_training(training_folder(workspace, tuning.model)):
        watched.forget_stop()
        watched.write()
        try:
            yield watched
        except PromptlabError as exc:
            watched.write(phase="failed", error=exc.message, hint=exc.hint)
            raise
        except Exception as exc:
            watched.write(phase="failed", error=f"{type(exc).__name__}: {exc}", hint=_hint(exc))
            raise
        except BaseException:  # Ctrl-C
            watched.write(phase="stopped")
            raise
        else:
            watched.write(phase="done" if watched.tuned else "stopped")
        finally:
            watched.forget_stop()


def _hint(exc: Exception) -> str:
    if isinstance(exc, MemoryError) or "memory" in str(exc).lower():
        return "the memory is too small: close other programs, or train a smaller base model"
    return ""


__all__ = ["WatchedTraining", "watch_training"]
