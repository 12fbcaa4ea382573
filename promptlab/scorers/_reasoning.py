"""Leaves out the reasoning that some models write before their answer: `<think>…</think>`.

    without_reasoning("<think>2 or 3?</think>3")      # Answered("3", "the reasoning of 20 characters")

The rule: a closed block is left out wherever it is. A closing tag without its opening tag ends a block that began in
the prompt, so all before it is left out. An opening tag without its closing tag begins a block that was cut, so all
after it is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAG = r"(think|thinking|reasoning)"
_CLOSED = re.compile(rf"<{_TAG}>.*?</\1>", re.DOTALL | re.IGNORECASE)
_END = re.compile(rf"\A.*</{_TAG}>", re.DOTALL | re.IGNORECASE)
_CUT = re.compile(rf"<{_TAG}>.*\Z", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answered:
    """The `text` of an answer without its reasoning. `skipped` says what was left out; empty if there was none."""

    text: str
    skipped: str = ""


def without_reasoning(answer: str) -> Answered:
    """The answer without the reasoning in it."""
    if "think" not in answer.lower() and "reasoning" not in answer.lower():
        return Answered(answer)
    kept = _END.sub("", _CLOSED.sub("", answer))
    text = _CUT.sub("", kept)
    if text == answer:
        return Answered(answer)
    cut = ", which does not end" if text != kept else ""
    return Answered(text, f"the reasoning of {len(answer) - len(text):,} characters{cut}")


__all__ = ["Answered", "without_reasoning"]
