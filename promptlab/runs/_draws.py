"""When a stored answer may stand for a new one, and the numbers of draws.

    is_answer_reusable(Params(temperature=0.7))             # False: ask again
    is_answer_reusable(Params(temperature=0.7, seed=3))     # True

At a temperature above 0 without a seed every answer is a draw. It is asked for again each time, under a number
(`Request.repeat`) that no earlier draw had, so that all of them are kept side by side. A local model starts its random
choices from that number: under an old one it would only repeat the old answer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol
from weakref import WeakKeyDictionary

from promptlab.types import Params, Request

BATCH = 16
"""How many numbers are looked up at a time."""


def is_answer_reusable(params: Params) -> bool:
    """True if a second answer to the same request should be the same, so that a stored one may stand for it."""
    return params.temperature == 0 or params.seed is not None


def draws_of(params: Params, wanted: int) -> int:
    """How often to ask for `wanted` answers: once if all of them would be the same."""
    return 1 if is_answer_reusable(params) else wanted


class _KnowsKeys(Protocol):
    def asked_keys(self, keys: Iterable[str]) -> set[str]: ...


@dataclass
class _Numbers:
    """The numbers of one request: how far the store was read, those it has, and those that this run took."""

    read: int = 0
    used: set[int] = field(default_factory=set)
    first: int = -1


_LOCK = threading.Lock()
_TAKEN: WeakKeyDictionary[_KnowsKeys, set[str]] = WeakKeyDictionary()
"""The keys that runs of this process took, by their history: they stand in it only once they are answered."""


class DrawNumbers:
    """Gives each new draw of a run its number. Safe to use from several threads."""

    def __init__(self, store: _KnowsKeys) -> None:
        self._store = store
        with _LOCK:
            self._taken = _TAKEN.setdefault(store, set())
        self._numbers: dict[str, _Numbers] = {}

    def numbered(self, request: Request, fingerprint: str) -> Request:
        """`request` under a number that was never asked. Unchanged if a stored answer may stand for its own."""
        if is_answer_reusable(request.params):
            return request
        with _LOCK:
            numbers = self._numbers.setdefault(replace(request, repeat=0).key(fingerprint), _Numbers())
            if numbers.first < 0:
                numbers.first = self._free(numbers, request, fingerprint, 0)
            # Counted from the planned number, so that draws keep their order whichever thread comes first.
            number = self._free(numbers, request, fingerprint, numbers.first + request.repeat)
            self._taken.add(replace(request, repeat=number).key(fingerprint))
        return replace(request, repeat=number)

    def _free(self, numbers: _Numbers, request: Request, fingerprint: str, number: int) -> int:
        """The first number from `number` on that is not used."""
        while True:
            while number >= numbers.read:
                self._read(numbers, request, fingerprint)
            key = replace(request, repeat=number).key(fingerprint)
            if number not in numbers.used and key not in self._taken:
                return number
            number += 1

    def _read(self, numbers: _Numbers, request: Request, fingerprint: str) -> None:
        upcoming = range(numbers.read, numbers.read + BATCH)
        keys = {replace(request, repeat=number).key(fingerprint): number for number in upcoming}
        numbers.used |= {keys[key] for key in self._store.asked_keys(keys)}
        numbers.read += BATCH


__all__ = ["DrawNumbers", "draws_of", "is_answer_reusable"]
