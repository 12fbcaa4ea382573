"""One search of a scan: the matches of a pattern in a text, within a time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from promptlab.errors import PromptlabError

FindingGroup = Literal["keys", "personal"]
WORDS: Mapping[FindingGroup, str] = {"keys": "keys", "personal": "personal data"}
SECONDS = 2.0
"""Longest search in one text for one kind."""
_PIECE, _OVERLAP = 20_000, 2_000


class NotScanned(PromptlabError):
    """A text could not be scanned: a library is missing, or the search took too long. `group` is what it was scanned
    for."""

    def __init__(self, group: FindingGroup, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.group = group


@dataclass(frozen=True, slots=True)
class Finding:
    """The characters from `start` to `end` look like a `kind` (such as "phone number") of the `group`."""

    start: int
    end: int
    group: FindingGroup
    kind: str


def search(pattern: Any, text: str, group: FindingGroup, kind: str) -> list[Any]:
    """The matches in `text`, within `SECONDS`. A long text is searched in overlapping pieces."""
    try:
        if len(text) <= _PIECE:
            return list(pattern.finditer(text, timeout=SECONDS))
        end, matches = time.monotonic() + SECONDS, []
        for start in range(0, len(text), _PIECE - _OVERLAP):
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            matches += pattern.finditer(text, start, min(start + _PIECE, len(text)), timeout=left)
    except TimeoutError:
        raise NotScanned(
            group,
            f"cannot be scanned for {WORDS[group]}: searching for `{kind}` took longer than {SECONDS:g} s",
            hint="much of the text looks like the beginning of such a key or number; remove that part",
        ) from None
    return matches


@cache
def compiled(pattern: str, flags: int = 0) -> Any:
    import regex

    return regex.compile(pattern, flags)
