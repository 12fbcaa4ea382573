"""Running runs, for the pages.

A job owns one `runs.Run` and a thread that reads its events. Pages never wait for a job: they read snapshots of it.
Nothing here uses Streamlit, so a reload, a second tab or a closed browser does not disturb a running answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from promptlab import runs
from promptlab.errors import PromptlabError
from promptlab.models import Catalogue
from promptlab.runs import Store, Trial
from promptlab.types import Delta, Phase, Result, Thought

log = logging.getLogger(__name__)

State = Literal["starting", "waiting", "loading", "reading", "retrying", "thinking", "writing", "ended"]
KEPT = 20
TWICE = 1.0  # seconds within which the same trials again are taken for a double click


@dataclass(frozen=True)
class Snapshot:
    """One trial at this moment. `seconds` is how long it has been in this state, `text` what has arrived of the answer,
    and `thinking` what has arrived of the model's thinking."""

    trial: Trial
    state: State
    seconds: float
    phase: Phase | None = None
    text: str = ""
    thinking: str = ""
    result: Result | None = None


@dataclass
class _Progress:
    state: State = "starting"
    since: float = field(default_factory=time.monotonic)
    phase: Phase | None = None
    pieces: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    result: Result | None = None

    def turn(self, state: State) -> None:
        if state != self.state:
            self.state, self.since = state, time.monotonic()


class Job:
    """A run and its progress. Safe to read from any thread."""

    def __init__(self, slot: str, title: str, run: runs.Run, *, fresh: bool = False) -> None:
        self.slot = slot
        self.title = title
        self.fresh = fresh
        self.run_id = run.id
        self.created = run.created
        self.trials = run.trials
        self.began = time.monotonic()
        self.error: PromptlabError | None = None
        self._run = run
        self._lock = threading.Lock()
        self._progress = [_Progress() for _ in run.trials]
        self._ended = threading.Event()
        threading.Thread(target=self._listen, name=f"job-{run.id[:8]}", daemon=True).start()

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    @property
    def stopped(self) -> bool:
        """True if Stop was pressed. The job may still run for a moment, until its answers have ended."""
        return self._run.cancelled

    def stop(self) -> None:
        """Stop every answer of the run and keep what has arrived. Returns at once."""
        self._run.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended. False if it had not after `timeout` seconds."""
        return self._ended.wait(timeout)

    def snapshots(self) -> list[Snapshot]:
        """A snapshot of every trial, in the order of the run."""
        now = time.monotonic()
        with self._lock:
            return [
                Snapshot(trial, p.state, now - p.since, p.phase, "".join(p.pieces), "".join(p.thoughts), p.result)
                for trial, p in zip(self.trials, self._progress, strict=True)
            ]

    def _listen(self) -> None:
        try:
            for event in self._run:
                with self._lock:
                    self._take(self._progress[event.index], event.step)
        except PromptlabError as exc:
            self.error = exc
        except Exception as exc:
            log.exception("listening to run %s failed", self.run_id)
            self.error = PromptlabError(f"unexpected {type(exc).__name__}: {exc}", hint="see the log")
        finally:
            self._ended.set()

    @staticmethod
    def _take(progress: _Progress, step: Phase | Thought | Delta | Result) -> None:
        if isinstance(step, Delta):
            progress.turn("writing")
            progress.pieces.append(step.text)
        elif isinstance(step, Thought):
            progress.turn("thinking")
            progress.thoughts.append(step.text)
        elif isinstance(step, Phase):
            progress.turn(step.name)
            progress.phase = step
        else:
            progress.turn("ended")
            progress.result = step
            progress.pieces = [step.text]


class Jobs:
    """All jobs of a workspace in this process. Each slot (the path of a template) has at most one running job."""

    def __init__(self, catalogue: Catalogue, store: Store) -> None:
        self._catalogue, self._store = catalogue, store
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(self, slot: str, trials: Sequence[Trial], *, title: str = "", fresh: bool = False) -> Job:
        """Run `trials`. If the slot has a running job, that one is returned instead; so is one that was started with
        the same trials a moment ago, so that a double click asks once.

        Raises `StoreError` if the run cannot be recorded at all.
        """
        with self._lock:
            last = self._last(slot)
            if last and (last.running or self._twice(last, trials, fresh)):
                return last
            run = runs.start_run(trials, catalogue=self._catalogue, store=self._store, title=title, fresh=fresh)
            job = self._jobs[run.id] = Job(slot, title, run, fresh=fresh)
            self._forget()
            return job

    def in_slot(self, slot: str) -> Job | None:
        """The running job of `slot`; None if there is none."""
        with self._lock:
            last = self._last(slot)
            return last if last and last.running else None

    def last_in_slot(self, slot: str) -> Job | None:
        """The newest job of `slot`, running or not; None if there was none."""
        with self._lock:
            return self._last(slot)

    def running(self) -> list[Job]:
        with self._lock:
            return [job for job in self._jobs.values() if job.running]

    def get(self, run_id: str) -> Job | None:
        """The job of a run; None if this process did not start it, or it has been forgotten."""
        with self._lock:
            return self._jobs.get(run_id)

    def close(self) -> None:
        """Stop all jobs and wait a few seconds for them to end."""
        for job in self.running():
            job.stop()
            job.wait(5)

    def _last(self, slot: str) -> Job | None:
        return next((job for job in reversed(self._jobs.values()) if job.slot == slot), None)

    @staticmethod
    def _twice(last: Job, trials: Sequence[Trial], fresh: bool) -> bool:
        just_now = time.monotonic() - last.began < TWICE and not last.stopped
        return just_now and last.fresh == fresh and last.trials == tuple(trials)

    def _forget(self) -> None:
        ended = [run_id for run_id, job in self._jobs.items() if not job.running]
        for run_id in ended[: max(0, len(self._jobs) - KEPT)]:
            del self._jobs[run_id]
