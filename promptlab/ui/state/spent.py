"""What the answers in the history took, by model. A long history takes seconds to add up, which no page waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime

from promptlab.runs import Store, Taken

QUICK = 0.2
"""A sum that took no longer, in seconds, is made anew for every page."""
KEPT = 60.0
"""Seconds for which a slow sum is shown again."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What answers took, by the name of the model, and when that was added up (UTC, ISO 8601)."""

    by_model: Mapping[str, Taken]
    at: str
    seconds: float


class SpentSoFar:
    """The sums of a history. Safe to use from several threads; at most one adds up."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: tuple[float, Sum] | None = None
        self._adding: Future[Sum] | None = None

    def now(self, wait: float = QUICK) -> Sum | None:
        """The sum, at most a minute old; None if it is not known after `wait` seconds. It is then being added up."""
        with self._lock:
            if self._known is not None:
                at, known = self._known
                if known.seconds > QUICK and time.monotonic() < at + KEPT:
                    return known
            if self._adding is None:
                self._adding = Future()
                threading.Thread(target=self._add_up, args=(self._adding,), name="spent", daemon=True).start()
            adding = self._adding
        try:
            return adding.result(timeout=wait)
        except TimeoutError:
            return self._known[1] if self._known is not None else None

    def _add_up(self, future: Future[Sum]) -> None:
        began = time.monotonic()
        try:
            at = datetime.now(UTC).isoformat()
            rows = {taken.model: taken for taken in self._store().taken_in_all()}
            done = Sum(rows, at, time.monotonic() - began)
        except BaseException as exc:  # the future raises it in the thread that asks
            with self._lock:
                self._adding = None
            future.set_exception(exc)
            return
        with self._lock:
            self._known, self._adding = (time.monotonic(), done), None
        future.set_result(done)
