"""Running suites, for the pages: a record, a rerun or a replay; and running experiments, which are suites in stages.

A job owns an `Asking`, a `Replaying` or an `ExperimentWork` and a thread that iterates it. Pages read snapshots of the
job. Nothing here uses Streamlit. If the process is killed, the suite log has what was done, and the run can be resumed
from there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from promptlab.errors import PromptlabError
from promptlab.suites import SuiteRun, Verb

log = logging.getLogger(__name__)


class Work(Protocol):
    """What a job works through: an `Asking`, a `Replaying` or an `ExperimentWork`, which has several runs."""

    verb: Verb
    out_of: str

    @property
    def run(self) -> SuiteRun | None: ...
    @property
    def total(self) -> int: ...
    @property
    def resumed(self) -> int: ...
    @property
    def halted(self) -> bool: ...
    def pause(self) -> None: ...
    def stop(self) -> None: ...
    def __iter__(self) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Snapshot:
    """The progress of a job. `seconds_left` is None if too little is known, `run_id` is "" until the run has begun."""

    run_id: str
    done: int
    total: int
    resumed: int
    seconds_left: float | None
    running: bool
    ending: bool
    out_of: str
    said: str


class SuiteJob:
    """A running suite. Safe to read from any thread."""

    def __init__(
        self,
        path: str,
        verb: Verb,
        make: Callable[[], Work],
        finish: Callable[[Work], str],
        hold: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.path, self.verb = path, verb
        self.error: PromptlabError | None = None
        self._make, self._finish, self._hold = make, finish, hold
        self._work: Work | None = None
        self._wish: str = ""
        self._lock = threading.Lock()
        self._done = self._fresh = 0
        self._began: float | None = None
        self._said = ""
        self._ended = threading.Event()
        threading.Thread(target=self._run, name=f"suite-{verb}", daemon=True).start()

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    def pause(self) -> None:
        """Start nothing more; running answers go on to their end. Returns at once."""
        self._want("pause")

    def stop(self) -> None:
        """End soon: running answers are broken off. Returns at once."""
        self._want("stop")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended. False if it had not after `timeout` seconds."""
        return self._ended.wait(timeout)

    def snapshot(self) -> Snapshot:
        """The progress now."""
        with self._lock:
            work, left = self._work, None
            if work and self._began is not None and self._fresh:
                seconds_each = (time.monotonic() - self._began) / self._fresh
                left = seconds_each * max(0, work.total - self._done)
            return Snapshot(
                run_id=work.run.id if work and work.run else "",
                done=self._done,
                total=work.total if work else 0,
                resumed=work.resumed if work else 0,
                seconds_left=left,
                running=self.running,
                ending=bool(self._wish),
                out_of=work.out_of if work else "",
                said=self._said,
            )

    def _want(self, wish: str) -> None:
        with self._lock:
            self._wish = wish
            work = self._work
        if work:
            getattr(work, wish)()

    def _run(self) -> None:
        try:
            with self._hold():
                self._work_through()
        except PromptlabError as exc:
            self.error = exc
        except Exception as exc:
            log.exception("a suite could not be worked through")
            self.error = PromptlabError(f"unexpected {type(exc).__name__}: {exc}", hint="see the log")
        finally:
            self._ended.set()

    def _work_through(self) -> None:
        work = self._make()
        with self._lock:
            self._work, wish = work, self._wish
        if wish:
            getattr(work, wish)()
        self._listen(work)
        self._said = self._finish(work)

    def _listen(self, work: Work) -> None:
        self._began = time.monotonic()
        for number, _ in enumerate(work, 1):
            with self._lock:
                self._done = number
                # Items that an earlier part of the run answered come at once, and say nothing about the speed.
                if number == work.resumed:
                    self._began = time.monotonic()
                self._fresh = max(0, number - work.resumed)


class SuiteJobs:
    """The jobs of a workspace in this process. Each suite has at most one running job."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, SuiteJob] = {}

    def start(
        self,
        path: str,
        verb: Verb,
        make: Callable[[], Work],
        finish: Callable[[Work], str],
        hold: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> SuiteJob:
        """Start `verb` on the suite at `path`, all of it within the context `hold`. If the suite has a running
        job, it is returned instead."""
        with self._lock:
            known = self._jobs.get(path)
            if known and known.running:
                return known
            job = self._jobs[path] = SuiteJob(path, verb, make, finish, hold)
            return job

    def get(self, path: str) -> SuiteJob | None:
        """The newest job of a suite in this process."""
        with self._lock:
            return self._jobs.get(path)

    def running(self) -> list[SuiteJob]:
        with self._lock:
            return [job for job in self._jobs.values() if job.running]

    def close(self) -> None:
        """Stop all jobs and wait a few seconds for them to end."""
        for job in self.running():
            job.stop()
            job.wait(5)
