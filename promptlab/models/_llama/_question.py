"""A request on its way to the host that has its model loaded."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable
from typing import cast

from promptlab.models._llama._generation import Task, Waiting
from promptlab.models._llama._host import Host
from promptlab.models._llama._job import Job
from promptlab.models._llama._prefix_tree import common
from promptlab.types import Completion


class Question(Job):
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
