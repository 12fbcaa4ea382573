"""One thread that checks all waiting jobs: if they were stopped, and if they should report a wait.

There is one thread for all jobs. Hundreds of threads that each wake up twenty times a second would take a twentieth of
two cores from the model.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from promptlab.models._llama._job import Job

LOOK_SECONDS = 0.05


class Watchdog:
    """The thread, which starts with the first job. `busy_with` returns the name of the busy model; "" if none is."""

    def __init__(self, busy_with: Callable[[], str]) -> None:
        self._busy_with = busy_with
        self._jobs: dict[Job, None] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, job: Job) -> Iterator[None]:
        """Check `job` regularly until the block ends."""
        with self._changed:
            self._jobs[job] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="promptlab-watch", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._jobs[job]

    def _look(self) -> None:
        while True:
            with self._changed:
                while not self._jobs:
                    self._changed.wait()
                jobs = [*self._jobs]
            for job in jobs:
                job.look(self._busy_with(), quiet=LOOK_SECONDS)
            time.sleep(LOOK_SECONDS)
