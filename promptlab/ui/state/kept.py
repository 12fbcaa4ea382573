"""Values that are made once and kept while they are used, for the state of several pages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class Kept:
    """At most `most` values by key, the ones used last. Safe to use from several threads."""

    def __init__(self, most: int = 64) -> None:
        self._lock = threading.Lock()
        self._values: LRUCache[Hashable, object] = LRUCache(most)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`, made if it is not there. Two threads may make it at once; either value will do."""
        with self._lock:
            if key in self._values:
                return self._values[key]  # type: ignore[return-value]  # a key is only ever used with its own kind
        value = make()
        with self._lock:
            self._values[key] = value
        return value
