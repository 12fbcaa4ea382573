"""The scheduler: one thread that makes every call into loaded models, one request at a time.

llama.cpp must not be called for one context from two threads, and two models that share the cores delay the first
answer (benchmarks/README.md has the numbers). So the requests of all local models wait here. The run with the fewest
waiting requests goes first: a person at the workbench waits for one or two answers, a suite for hundreds. Models take
turns. Of the requests of one model, the one with the longest cached prefix is next, so that each common prefix is
computed once. A job that only reads ahead goes last, and is stopped as soon as anything else is asked.

The caller's thread follows its job: it sees which model is busy and how long loading takes, and it can stop at any
moment (_watchdog.py).
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from itertools import count

from promptlab.models._backend import Step
from promptlab.models._llama._answering import ANSWERING
from promptlab.models._llama._job import Job
from promptlab.models._llama._watchdog import Watchdog

log = logging.getLogger(__name__)
PATIENCE = 256
"""How many later jobs may go before a job; after that it is next."""
ROUND = 64
"""How many jobs a model with continuous batching takes before it is the turn of another model."""


class Scheduler:
    """The thread and the jobs that wait for it. The thread starts with the first job and ends with the process."""

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
        """The name of the model that is busy; "" if none is, or if it only reads ahead."""
        current = self._current
        return current.name if current and not current.ahead else ""

    def ask(self, job: Job) -> Iterator[Step]:
        """Queue `job` at once; iterating gives its steps."""
        with self._changed:
            self._waiting.append(job)
            self._wake()
            current = self._current
        if current and current.ahead and not job.ahead:
            current.stop()
        return self._follow(job)

    def _follow(self, job: Job) -> Iterator[Step]:
        with self._watch.over(job):
            yield from job.follow()

    def do(self, work: Callable[[], None]) -> None:
        """Run `work` on the scheduler's thread before all waiting jobs. Does not wait for it."""
        with self._changed:
            self._errands.append(work)
            self._wake()
            current = self._current
        if current and current.ahead:
            current.stop()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="promptlab-scheduler", daemon=True)
            self._thread.start()
            atexit.register(self._leave)
        self._changed.notify()

    def _serve(self) -> None:
        while (task := self._next()) is not None:
            if not isinstance(task, Job):
                try:
                    task()
                except Exception:
                    log.exception("work for the local models failed")
            elif task.claim():
                self._current = task
                if task.ahead and self._is_wanted():  # asked after it was picked, and before it could be stopped
                    task.stop()
                try:
                    with nullcontext() if task.ahead else ANSWERING.here():
                        task.do(partial(self._more, task, count(1)))
                except BaseException as exc:  # nothing may end this thread: other jobs wait for it
                    task.fail(exc)
                self._current = None

    def _is_wanted(self) -> bool:
        """True if something waits that is more than reading ahead."""
        with self._changed:
            return bool(self._errands) or not all(job.ahead or job.claimed for job in self._waiting)

    def _next(self) -> Job | Callable[[], None] | None:
        """The next job or work to do. Waits for one; None at the end of the process."""
        with self._changed:
            while not (self._errands or self._waiting or self._closing):
                self._changed.wait()
            if self._closing:
                return None
            if self._errands:
                return self._errands.pop(0)
            # A job that was stopped while it waited was taken back by its caller.
            self._waiting = [job for job in self._waiting if not job.claimed]
            waiting = [*self._waiting]
        if not waiting:
            return lambda: None
        job = self._pick(waiting)
        with self._changed:
            self._waiting.remove(job)
        return job

    def _more(self, like: Job, taken: Iterator[int]) -> Job | None:
        """Another job to answer in one batch with `like`, already claimed. None if there is none, or if it is the turn
        of another model."""
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
        """The job that is next. `waiting` is in the order of arrival."""
        waiting = [job for job in waiting if not job.ahead] or waiting
        if waiting[0].passed >= PATIENCE:
            return waiting[0]
        backlog = Counter(job.run for job in waiting)
        fewest = min(backlog[job.run] for job in waiting)
        first = [job for job in waiting if backlog[job.run] == fewest]
        model = min({job.name for job in first}, key=lambda name: (self._served.get(name, 0), name))
        chosen = _nearest([job for job in first if job.name == model])
        for job in waiting[: waiting.index(chosen)]:
            job.passed += 1
        self._turn += 1
        self._served[model] = self._turn
        return chosen

    def _leave(self) -> None:
        """Stop at exit: native code must not run while its library is unloaded."""
        current = self._current
        if current:
            current.stop()
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread:
            self._thread.join(timeout=2.0)


def _nearest(jobs: list[Job]) -> Job:
    """The job with the longest cached prefix; of several, the first by text in the run that came first. `jobs` are in
    the order of arrival."""
    if len(jobs) == 1:
        return jobs[0]
    arrival = {run: place for place, run in enumerate(dict.fromkeys(job.run for job in jobs))}
    return min(jobs, key=lambda job: (-job.near(), arrival[job.run], job.text))


SCHEDULER = Scheduler()
"""The only scheduler of this process."""
