"""A job for tests: its work is one function call."""

from __future__ import annotations

import threading
from collections.abc import Callable

from promptlab.models._llama._job import Job
from promptlab.types import Completion


class Single(Job):
    """A job whose work is one call, which returns the answer."""

    def __init__(
        self,
        name: str,
        work: Callable[[Job], Completion],
        cancel: threading.Event,
        *,
        text: bytes = b"",
        near: Callable[[bytes], int] = len,
    ) -> None:
        super().__init__(name, cancel, text=text, near=near)
        self._work = work

    def do(self, _more: Callable[[], Job | None], /) -> None:
        self.deliver(self._work(self))
