"""The scan: keys and personal data in text that is about to go to an API, found by libraries made for it.

    find("Call +44 20 7946 0958", ("GB",))     # (Found(5, 21, "personal", "phone number"),)

Keys are what the plugins of detect-secrets know, without its entropy and keyword plugins, which take much other text
for keys, and six rules of CredSweeper. Phone numbers are phonenumbers' business; numbers with check digits (cards,
IBANs, identity numbers of some countries) are python-stdnum's, and mail addresses email-validator's. What is here only
cuts out candidates for them, and holds every search to a time: a text that takes longer counts as not scanned.
docs/privacy.md says, kind by kind, what is found and what is not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from cachetools import LRUCache

from promptlab.types import sha256
from promptlab.workspace._scan_keys import find_keys, kinds_of_keys
from promptlab.workspace._scan_personal import find_personal
from promptlab.workspace._scan_search import WORDS, Finding, FindingGroup, NotScanned

LIBRARIES: dict[FindingGroup, tuple[str, ...]] = {
    "keys": ("detect_secrets", "regex"),
    "personal": ("detect_secrets", "regex", "phonenumbers", "stdnum", "email_validator"),
}


def missing_libraries(group: FindingGroup) -> tuple[str, ...]:
    """The libraries that a scan for `group` needs and that are not installed."""
    return tuple(name for name in LIBRARIES[group] if not _is_there(name))


def _is_there(name: str) -> bool:
    """Whether a library can be imported; what is there once stays there."""
    if name not in _THERE and find_spec(name) is not None:
        _THERE.add(name)
    return name in _THERE


_THERE: set[str] = set()


def scan_text(text: str, group: FindingGroup, regions: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What of `group` is in `text`, in order and without overlaps. Phone numbers without a country code are looked for
    as those of `regions` write them. What was found in a text is remembered, not the text.

    Raises:
        NotScanned: a library is missing, or it took too long.
    """
    key: _Key = group, tuple(regions), sha256(text)
    if (known := _KNOWN.get(key)) is not None:
        return known
    if lacking := missing_libraries(group):
        raise NotScanned(
            group,
            f"cannot be scanned for {WORDS[group]}: the Python package `{lacking[0]}` is not installed",
            hint="install it with: pip install 'promptlab[openai]'",
        )
    if len(text) < LONG:
        return _scanned(key, text)
    with _ONCE:  # at the start of a suite every thread comes with the same article
        return known if (known := _KNOWN.get(key)) is not None else _scanned(key, text)


def _scanned(key: _Key, text: str) -> tuple[Finding, ...]:
    group, regions, _ = key
    found = without_overlaps(find_keys(text) if group == "keys" else find_personal(text, regions))
    _KNOWN.put(key, found)
    return found


_Key = tuple[FindingGroup, tuple[str, ...], str]
_ONCE = threading.Lock()
LONG = 2_000
"""Characters from which a text is scanned by one thread at a time."""


class _Memory:
    """The last few thousand results."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._held: LRUCache[Any, tuple[Finding, ...]] = LRUCache(most)

    def get(self, key: Any) -> tuple[Finding, ...] | None:
        with self._lock:
            return self._held.get(key)

    def put(self, key: Any, value: tuple[Finding, ...]) -> None:
        with self._lock:
            self._held[key] = value


_KNOWN = _Memory(4096)


def without_overlaps(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """In order; of two that overlap, the longer one."""
    kept: list[Finding] = []
    for one in sorted(set(found), key=lambda f: (f.start - f.end, f.start, f.kind)):
        if all(one.end <= other.start or one.start >= other.end for other in kept):
            kept.append(one)
    return tuple(sorted(kept, key=lambda f: f.start))


__all__ = [
    "LIBRARIES",
    "Finding",
    "FindingGroup",
    "NotScanned",
    "kinds_of_keys",
    "missing_libraries",
    "scan_text",
    "without_overlaps",
]
