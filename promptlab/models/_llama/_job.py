"""A request in the scheduler. It passes steps from the scheduler's thread, which does the work, to the caller's."""

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
from promptlab.models._llama._answering import ANSWERING
from promptlab.models._llama._generation import PendingRequest, Task
from promptlab.models._llama._host import Host
from promptlab.models._llama._prefix_tree import common
from promptlab.types import Completion, Delta, Phase, Thought, Timings

TELL_SECONDS = 0.5
"""The shortest time between two steps that say how long loading takes."""
WAKE_SECONDS = 1.0
"""How often a waiting thread wakes up, so that Python can handle Ctrl-C on every system."""


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


class Job(ABC):
    """A request in the scheduler.

    `do` runs on the scheduler's thread. `near` returns, on that thread, how many bytes of the prompt are in the prefix
    cache; `text`, the prompt as bytes, orders jobs that are equally near. Jobs with the same `key` may be answered in
    one batch, unless it is None. A job that only reads `ahead` goes after all others, and is stopped for them.
    """

    ahead = False

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
        self._loading: tuple[str, float] | None = None
        self._told_model, self._told_at = "", 0.0
        # llama.cpp reads this as a C string: empty means go on, a letter means stop.
        self.abort_flag = ctypes.create_string_buffer(2)

    @property
    def run(self) -> int:
        """Identifies the run of the job: jobs that are stopped together have the same event."""
        return id(self._cancel)

    def near(self) -> int:
        """How many bytes of its text are in the prefix cache. Called on the scheduler's thread."""
        return self._near(self.text)

    @property
    def stopping(self) -> bool:
        """True if the work should end now."""
        return self._stop.is_set() or self._cancel.is_set()

    def emit(self, step: Phase | Thought | Delta) -> None:
        """Pass a step to the caller's thread. Called by the work."""
        self._steps.put(step)

    def loading(self, what: str | None) -> None:
        """Note that loading `what` begins, or with None that it is over. Called by the work."""
        self._loading = (what, time.monotonic()) if what else None

    def begin(self) -> None:
        """The wait is over; the time from here on counts as the model's. Called by the work."""
        self.waited = time.monotonic() - self.asked

    def stop(self) -> None:
        """End the work soon, also if it has not begun."""
        self._stop.set()
        self.abort_flag.value = b"x"

    def not_begun(self) -> Completion:
        """The completion of a job that was stopped before the model began with it."""
        return Completion("", "stopped", timings=Timings(waited=time.monotonic() - self.asked))

    @property
    def claimed(self) -> bool:
        """True if the scheduler runs it or the caller has taken it back."""
        return self._claimed

    def claim(self) -> bool:
        """True for the first caller: the scheduler, which then runs the job, or the caller, who takes it back."""
        with self._claim:
            first, self._claimed = not self._claimed, True
        return first

    @abstractmethod
    def do(self, more: Callable[[], Job | None], /) -> None:
        """Do the work, and then `deliver` or `fail`. `more` returns further jobs of the same key, already claimed;
        each of them must be delivered or fail, too."""

    def deliver(self, done: Completion) -> None:
        """Pass on the answer, which ends the job."""
        self._steps.put(done)

    def fail(self, error: BaseException) -> None:
        """Pass on an error, which ends the job."""
        self._steps.put(_Failure(error))

    def look(self, busy_with: str, *, quiet: float) -> None:
        """Stop the job if it was cancelled. Otherwise emit a step about the wait once it takes longer than `quiet`
        seconds: which model is busy, or how long loading takes. Called by the watchdog."""
        if self._cancel.is_set():
            self.stop()
            if self.claim():
                self.deliver(self.not_begun())
            return
        loading, now = self._loading, time.monotonic()
        if loading:
            what, since = loading
            if now >= max(since + quiet, self._told_at + TELL_SECONDS):
                self._told_at = now
                self.emit(Phase("loading", detail=f"{what}, {now - since:.1f} s"))
        elif busy_with and busy_with != self._told_model and now - self.asked >= quiet:
            with self._claim:  # without the lock, this step could follow the first step of the answer
                if not self._claimed:
                    self._told_model = busy_with
                    self.emit(Phase("waiting", detail=f"{busy_with} is answering"))

    def follow(self) -> Iterator[Step]:
        """The steps as they come, on the caller's thread. The watchdog must `look` meanwhile. Closing the iterator
        stops the job."""
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
    """A job that gives `task` to the host of the loaded models. `finish` completes the answer that comes back."""

    def __init__(
        self, name: str, task: Task, cancel: threading.Event, host: Host, finish: Callable[[Completion], Completion]
    ) -> None:
        settings = task.settings

        def near(text: bytes) -> int:
            state = host.state(settings)
            return common(state.live, text) if state else 0

        key = settings if settings.throughput else None
        super().__init__(name, cancel, text=array("i", task.tokens).tobytes(), near=near, key=key)
        self.ahead = task.ahead > 0
        self.task, self._host, self._finish = task, host, finish

    def look(self, busy_with: str, *, quiet: float) -> None:
        super().look(busy_with, quiet=quiet)
        if self.ahead and self.claimed and ANSWERING.elsewhere():
            self.stop()

    def do(self, more: Callable[[], Job | None], /) -> None:
        # `more` returns jobs with the same key only, and these are all of this class.
        self._host.serve(self, cast("Callable[[], PendingRequest | None]", more))

    def end(self, done: Completion | None) -> None:
        """Deliver the answer; `done` is None if the job was stopped before it began."""
        try:
            self.deliver(self.not_begun() if done is None else self._finish(done))
        except Exception as exc:  # a bug in `finish` must not end the other answers of the batch
            self.fail(exc)
