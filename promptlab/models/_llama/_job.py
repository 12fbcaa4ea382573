"""A request in the lane, between the thread that asks and the lane's, which does the work."""

from __future__ import annotations

import ctypes
import queue
import threading
import time
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import cast

from promptlab.models._backend import Step
from promptlab.models._llama._generation import Task, Waiting
from promptlab.models._llama._host import Host
from promptlab.models._llama._prefix_tree import common
from promptlab.types import Completion, Delta, Phase, Thought, Timings

TELL_SECONDS = 0.5
WAKE_SECONDS = 1.0
"""How often a waiting thread wakes up by itself, so that a keyboard interrupt is not kept waiting anywhere."""


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


class Job(ABC):
    """A request in the lane. `do` is called on the lane's thread; `near` says, on that thread, how much of its text is
    read already, and its text, as bytes, orders those that are equally near. Jobs with the same `key`, unless it is
    None, may be worked on together."""

    def __init__(
        self,
        name: str,
        cancel: threading.Event,
        *,
        text: bytes = b"",
        near: Callable[[bytes], int] = len,
        key: Hashable = None,
    ) -> None:
        self.name, self.key = name, key
        self.text, self._near = text, near
        self.passed = 0
        self.asked = time.monotonic()
        self.waited = 0.0
        self._cancel = cancel
        self._stop = threading.Event()
        self._steps: queue.SimpleQueue[Step | _Failure] = queue.SimpleQueue()
        self._claim = threading.Lock()
        self._claimed = False
        self._doing: tuple[str, float] | None = None
        self._told_whom, self._told_at = "", 0.0
        # Two bytes: "" while the work goes on, a letter once it is to stop. llama.cpp reads it as a C string.
        self.abort_flag = ctypes.create_string_buffer(2)

    @property
    def run(self) -> int:
        """Jobs that are stopped together belong to one run."""
        return id(self._cancel)

    def near(self) -> int:
        """Bytes of its text that are read already; asked on the lane's thread."""
        return self._near(self.text)

    @property
    def stopping(self) -> bool:
        """Whether the work should end now."""
        return self._stop.is_set() or self._cancel.is_set()

    def emit(self, step: Phase | Thought | Delta) -> None:
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

    @property
    def claimed(self) -> bool:
        """Whether somebody has it already."""
        return self._claimed

    def claim(self) -> bool:
        """True for the first who asks: the lane to run the job, or the asker to take it back unrun."""
        with self._claim:
            first, self._claimed = not self._claimed, True
        return first

    @abstractmethod
    def do(self, more: Callable[[], Job | None], /) -> None:
        """Do the work, and `deliver` or `fail`. `more` gives others of its key, claimed: they must have an end too."""

    def deliver(self, done: Completion) -> None:
        """Hand over the answer, which ends the job."""
        self._steps.put(done)

    def fail(self, error: BaseException) -> None:
        """Hand over an error, which ends the job."""
        self._steps.put(_Failure(error))

    def look(self, busy_with: str, *, quiet: float) -> None:
        """See whether it is to stop, and tell its asker what is worth telling while nothing comes: which model is at
        work while it waits, for longer than `quiet` seconds, and how long loading takes."""
        if self._cancel.is_set():
            self.stop()
            if self.claim():
                self.deliver(self.unbegun())
            return
        doing, now = self._doing, time.monotonic()
        if doing:
            what, since = doing
            if now >= max(since + quiet, self._told_at + TELL_SECONDS):
                self._told_at = now
                self.emit(Phase("loading", detail=f"{what}, {now - since:.1f} s"))
        elif busy_with and busy_with != self._told_whom and now - self.asked >= quiet:
            with self._claim:  # or it might be said after the first step of the answer
                if not self._claimed:
                    self._told_whom = busy_with
                    self.emit(Phase("waiting", detail=f"{busy_with} is answering"))

    def follow(self) -> Iterator[Step]:
        """Steps as they come, on the asking thread; somebody must `look` meanwhile. Closing the iterator stops the
        job."""
        try:
            while True:
                try:
                    step = self._steps.get(timeout=WAKE_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(step, _Failure):
                    raise step.error
                yield step
                if isinstance(step, Completion):
                    return
        finally:
            self.stop()


class RequestJob(Job):
    """A request in the lane: its task goes to the host, and `finish` says the rest of what comes back."""

    def __init__(
        self, name: str, task: Task, cancel: threading.Event, host: Host, finish: Callable[[Completion], Completion]
    ) -> None:
        settings = task.settings

        def near(text: bytes) -> int:
            standing = host.standing(settings)
            return common(standing.live, text) if standing else 0

        key = settings if settings.throughput else None
        super().__init__(name, cancel, text=array("i", task.tokens).tobytes(), near=near, key=key)
        self.task, self._host, self._finish = task, host, finish

    def do(self, more: Callable[[], Job | None], /) -> None:
        # Only jobs of the same key come, and those are of this kind.
        self._host.serve(self, cast("Callable[[], Waiting | None]", more))

    def end(self, done: Completion | None) -> None:
        """The answer; None where it was stopped before it began."""
        try:
            self.deliver(self.unbegun() if done is None else self._finish(done))
        except Exception as exc:  # a fault of ours: it is this request's, and not that of those answered beside it
            self.fail(exc)
