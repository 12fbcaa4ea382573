"""A cause in words that need no knowledge of hashes, and its exact text for those who want it.

cause_in_words(Cause("model", "sha256:0a1b… → sha256:77fe…", certain=False))
# CauseWords("Perhaps the model: its file or version is another one", "sha256:0a1b… → sha256:77fe…")
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from promptlab.suites._cause import Cause

_WHAT = {
    "prompt": "the prompt",
    "model": "the model",
    "parameters": "the parameters",
    "schema": "the JSON schema",
    "scorer": "a scorer",
    "sampling": "chance",
}
_HASH = re.compile(r"[0-9a-f…]{10,}")
_NAME = re.compile(r"(?!sha256)([a-z][a-z_-]*)=")


@dataclass(frozen=True, slots=True)
class CauseWords:
    """A cause as a sentence without hashes; `exact` is its whole text, "" if the sentence has all of it."""

    words: str
    exact: str = ""


def cause_in_words(cause: Cause) -> CauseWords:
    """`cause` for the page of a case."""
    start = _WHAT[cause.kind] if cause.certain else f"perhaps {_WHAT[cause.kind]}"
    start = start[:1].upper() + start[1:]
    if not cause.detail or (cause.kind == "schema" and cause.detail == _WHAT["schema"]):
        return CauseWords(start)
    if cause.kind != "model" or not _HASH.search(cause.detail):
        return CauseWords(f"{start}: {cause.detail}")
    parts = dict.fromkeys(_without_hash(part) for part in cause.detail.split(", "))
    return CauseWords(f"{start}: {', '.join(parts)}", cause.detail)


def _without_hash(part: str) -> str:
    if not _HASH.search(part):
        return part
    name = _NAME.match(part)
    return f"another {name[1]}" if name else "its file or version is another one"
