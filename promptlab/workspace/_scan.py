"""The scan: keys and personal data in text that is about to be sent to an API, found by libraries for that.

    scan_text("Call +44 20 7946 0958", "personal")     # (Finding(5, 21, "personal", "phone number"),)

Keys are found by the plugins of detect-secrets and by six rules of CredSweeper. The entropy and keyword plugins are not
used, because they report much text that is no key. Phone numbers are checked by phonenumbers, numbers with check digits
(cards, IBANs, identity numbers of some countries) by python-stdnum, and mail addresses by email-validator. Our own code
only finds candidates for these libraries and limits the time: a text that takes longer counts as not scanned.
docs/privacy.md lists what is found and what is not.
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
    """The libraries that a scan for `group` needs but that are not installed."""
    return tuple(name for name in LIBRARIES[group] if not _is_there(name))


def _is_there(name: str) -> bool:
    """True if a library can be imported. A library that was found once is not looked up again."""
    if name not in _INSTALLED and find_spec(name) is not None:
        _INSTALLED.add(name)
    return name in _INSTALLED


_INSTALLED: set[str] = set()


def scan_text(text: str, group: FindingGroup, regions: Sequence[str] = ()) -> tuple[Finding, ...]:
    """The keys or personal data (`group`) in `text`, in order and without overlaps.

    Phone numbers without a country code are found if they are written as in one of `regions`, such as US. The findings
    are cached under the hash of the text; the text itself is not kept.

    Raises:
        NotScanned: a library is missing, or the search took too long.
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
    with _LONG_TEXT_LOCK:  # at the start of a suite, all threads scan the same long document
        return known if (known := _KNOWN.get(key)) is not None else _scanned(key, text)


def _scanned(key: _Key, text: str) -> tuple[Finding, ...]:
    group, regions, _ = key
    findings = without_overlaps(find_keys(text) if group == "keys" else find_personal(text, regions))
    _KNOWN.put(key, findings)
    return findings


_Key = tuple[FindingGroup, tuple[str, ...], str]
_LONG_TEXT_LOCK = threading.Lock()
LONG = 2_000
"""Texts of at least this many characters are scanned by one thread at a time."""


class _Memory:
    """The most recent results. The least recently used one is dropped."""

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


def without_overlaps(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings in order. Of two that overlap, the longer one stays."""
    chosen: list[Finding] = []
    for finding in sorted(set(findings), key=lambda f: (f.start - f.end, f.start, f.kind)):
        if all(finding.end <= longer.start or finding.start >= longer.end for longer in chosen):
            chosen.append(finding)
    return tuple(sorted(chosen, key=lambda f: f.start))


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
