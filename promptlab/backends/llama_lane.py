"""The lane: one thread that makes every call into loaded models, one request at a time.

llama.cpp must not be called for one context from two threads, and two models that share the cores keep
the first answer waiting longer (benchmarks/README.md has the numbers). So requests of all local models
wait here in the order they came. The asking thread follows its job: it sees whom it waits for, how long
loading takes, and can stop at any moment.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from promptlab.types import Completion, Delta, Phase, Timings

Step = Phase | Delta | Completion
log = logging.getLogger(__name__)
POLL_SECONDS = 0.05
TELL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


class Job:
    """A request in the lane. `work` runs on the lane's thread and returns the answer."""

    def __init__(self, name: str, work: Callable[[Job], Completion], cancel: threading.Event) -> None:
        self.name = name
        self.asked = time.monotonic()
        self.waited = 0.0
        self._work = work
        self._cancel = cancel
        self._stop = threading.Event()
        self._steps: queue.SimpleQueue[Step | _Failure] = queue.SimpleQueue()
        self._claim = threading.Lock()
        self._claimed = False
        self._doing: tuple[str, float] | None = None
        # Two bytes: "" while the work goes on, a letter once it is to stop. llama.cpp reads it as a C string.
        self.abort_flag = ctypes.create_string_buffer(2)

    @property
    def stopping(self) -> bool:
        """Whether the work should end now."""
        return self._stop.is_set() or self._cancel.is_set()

    def emit(self, step: Phase | Delta) -> None:
        """Hand a step to the asking thread; called by the work."""
        self._steps.put(step)

    def loading(self, what: str | None) -> None:
        """Say that loading `what` begins, or with None that it is over; called by the work."""
        self._doing = (what, time.monotonic()) if what else None

    def begin(self) -> None:
        """The wait is over: time counts from here as the model's own; called by the work."""
        self.waited = time.monotonic() - self.asked

    def stop(self) -> None:
        """End the work soon, whether or not it has begun."""
        self._stop.set()
        self.abort_flag.value = b"x"

    def unbegun(self) -> Completion:
        """What a job comes to that was stopped before the model turned to it."""
        return Completion("", "stopped", timings=Timings(waited=time.monotonic() - self.asked))

    def claim(self) -> bool:
        """True for the first who asks: the lane to run the job, or the asker to take it back unrun."""
        with self._claim:
            first, self._claimed = not self._claimed, True
        return first

    def run(self) -> None:
        """Do the work; whatever comes of it goes to the asking thread."""
        try:
            self._steps.put(self._work(self))
        except BaseException as exc:
            self._steps.put(_Failure(exc))

    def follow(self, lane: Lane) -> Iterator[Step]:
        """Steps as they come, on the asking thread. Closing the iterator stops the job."""
        told_whom, told_at = "", 0.0
        try:
            while True:
                if self._cancel.is_set():
                    self.stop()
                    if self.claim():
                        yield self.unbegun()
                        return
                try:
                    step = self._steps.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    doing, whom = self._doing, lane.busy_with
                    if doing and time.monotonic() - told_at >= TELL_SECONDS:
                        told_at = time.monotonic()
                        yield Phase("loading", detail=f"{doing[0]}, {told_at - doing[1]:.1f} s")
                    elif not self._claimed and whom and whom != told_whom:
                        told_whom = whom
                        yield Phase("waiting", detail=f"{whom} is answering")
                    continue
                if isinstance(step, _Failure):
                    raise step.error
                yield step
                if isinstance(step, Completion):
                    return
        finally:
            self.stop()


class Lane:
    """A thread and its queue. The thread starts with the first job and ends with the process."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | Callable[[], None] | None] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._current: Job | None = None

    @property
    def busy_with(self) -> str:
        """Name of the model that is at work, empty when none is."""
        current = self._current
        return current.name if current else ""

    def ask(self, job: Job) -> Iterator[Step]:
        """Queue `job` now; its steps when iterated."""
        self._put(job)
        return job.follow(self)

    def do(self, work: Callable[[], None]) -> None:
        """Run `work` on the lane's thread when its turn comes, without waiting for it."""
        self._put(work)

    def _put(self, what: Job | Callable[[], None]) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="promptlab-lane", daemon=True)
                self._thread.start()
                atexit.register(self._leave)
        self._jobs.put(what)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not isinstance(job, Job):
                try:
                    job()
                except Exception:
                    log.exception("work for the local models failed")
            elif job.claim():
                self._current = job
                job.run()
                self._current = None

    def _leave(self) -> None:
        """At exit: native code must not be running while its library is torn down."""
        current = self._current
        if current:
            current.stop()
        self._jobs.put(None)
        if self._thread:
            self._thread.join(timeout=2.0)


LANE = Lane()
"""The one lane of this process."""
