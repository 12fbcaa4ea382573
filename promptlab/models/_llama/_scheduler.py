"""The lane: one thread that makes every call into loaded models, one request at a time.

llama.cpp must not be called for one context from two threads, and two models that share the cores keep
the first answer waiting longer (benchmarks/README.md has the numbers). So requests of all local models
wait here. Whose run has the fewest waiting goes first: somebody at the workbench waits for one or two
answers, a suite for hundreds. Models take turns; of one model's requests the one goes next that has the
most of its text read already, so that many are read along their tree of prefixes, each text once.

The asking thread follows its job: it sees whom it waits for, how long loading takes, and can stop at any
moment (llama_watch.py).
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

from promptlab.models._backend import Step
from promptlab.models._llama._job import Job
from promptlab.models._llama._watchdog import Watchdog

log = logging.getLogger(__name__)
PATIENCE = 256
"""Jobs that came later and may go before one; then it is its turn."""
ROUND = 64
"""Jobs that a model which writes several answers together takes in before it is another's turn."""


class Scheduler:
    """A thread and those who wait for it. The thread starts with the first job and ends with the process."""

    def __init__(self) -> None:
        self._waiting: list[Job] = []
        self._errands: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._current: Job | None = None
        self._served: dict[str, int] = {}
        self._turn = 0
        self._watch = Watchdog(lambda: self.busy_with)

    @property
    def busy_with(self) -> str:
        """Name of the model that is at work, empty when none is."""
        current = self._current
        return current.name if current else ""

    def ask(self, job: Job) -> Iterator[Step]:
        """Queue `job` now; its steps when iterated."""
        with self._changed:
            self._waiting.append(job)
            self._wake()
        return self._followed(job)

    def _followed(self, job: Job) -> Iterator[Step]:
        with self._watch.over(job):
            yield from job.follow()

    def do(self, work: Callable[[], None]) -> None:
        """Run `work` on the lane's thread before any job that waits, without waiting for it."""
        with self._changed:
            self._errands.append(work)
            self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="promptlab-lane", daemon=True)
            self._thread.start()
            atexit.register(self._leave)
        self._changed.notify()

    def _serve(self) -> None:
        while (what := self._next()) is not None:
            if not isinstance(what, Job):
                try:
                    what()
                except Exception:
                    log.exception("work for the local models failed")
            elif what.claim():
                self._current = what
                try:
                    what.do(partial(self._more, what, count(1)))
                except BaseException as exc:  # also one that would end the thread: others wait in the lane
                    what.fail(exc)
                self._current = None

    def _next(self) -> Job | Callable[[], None] | None:
        """What to do next; waits for something, None at the end of the process."""
        with self._changed:
            while not (self._errands or self._waiting or self._closing):
                self._changed.wait()
            if self._closing:
                return None
            if self._errands:
                return self._errands.pop(0)
            # A job that was stopped while it waited has been taken back by its asker.
            self._waiting = [job for job in self._waiting if not job.claimed]
            waiting = [*self._waiting]
        if not waiting:
            return lambda: None
        job = self._pick(waiting)
        with self._changed:
            self._waiting.remove(job)
        return job

    def _more(self, like: Job, taken: Iterator[int]) -> Job | None:
        """Another job to work on together with `like`, claimed; None where there is none or it is another's turn."""
        if like.key is None:
            return None
        with self._changed:
            self._waiting = [job for job in self._waiting if not job.claimed]
            same = [job for job in self._waiting if job.key == like.key]
            backlog = Counter(job.run for job in self._waiting)
            fewest = min((backlog[job.run] for job in same), default=0)
            others = [backlog[job.run] for job in self._waiting if job.key != like.key]
        same = [job for job in same if backlog[job.run] == fewest]
        if not same or min(others, default=fewest) < fewest or (others and next(taken) >= ROUND):
            return None
        chosen = _nearest(same)
        if not chosen.claim():
            return None
        with self._changed:
            self._waiting.remove(chosen)
        return chosen

    def _pick(self, waiting: list[Job]) -> Job:
        """Which of those who wait goes next; `waiting` is in the order they came."""
        if waiting[0].passed >= PATIENCE:
            return waiting[0]
        backlog = Counter(job.run for job in waiting)
        fewest = min(backlog[job.run] for job in waiting)
        mine = [job for job in waiting if backlog[job.run] == fewest]
        model = min({job.name for job in mine}, key=lambda name: (self._served.get(name, 0), name))
        chosen = _nearest([job for job in mine if job.name == model])
        for job in waiting[: waiting.index(chosen)]:
            job.passed += 1
        self._turn += 1
        self._served[model] = self._turn
        return chosen

    def _leave(self) -> None:
        """At exit: native code must not be running while its library is torn down."""
        current = self._current
        if current:
            current.stop()
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread:
            self._thread.join(timeout=2.0)


def _nearest(jobs: list[Job]) -> Job:
    """Of jobs in the order they came, the one of whose text most is read already; of several, one of the run that came
    first, and of its jobs the next along the tree."""
    if len(jobs) == 1:
        return jobs[0]
    came = {run: place for place, run in enumerate(dict.fromkeys(job.run for job in jobs))}
    return min(jobs, key=lambda job: (-job.near(), came[job.run], job.text))


SCHEDULER = Scheduler()
"""The one lane of this process."""
