"""Leaves out the reasoning that some models write before their answer: `<think>…</think>`.

    without_reasoning("<think>2 or 3?</think>3")      # Answered("3", "the reasoning of 20 characters")

The rule: a closed block is left out wherever it is. A closing tag without its opening tag ends a block that began in
the prompt, so all before it is left out. An opening tag without its closing tag begins a block that was cut, so all
after it is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAG = re.compile(r"<(/?)(?:think|thinking|reasoning)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answered:
    """The `text` of an answer without its reasoning. `skipped` says what was left out; empty if there was none."""

    text: str
    skipped: str = ""


def without_reasoning(answer: str) -> Answered:
    """The answer without the reasoning in it."""
    kept: list[str] = []
    start, is_open = 0, False
    for tag in _TAG.finditer(answer):
        if tag[1]:
            kept = kept if is_open else []
            start, is_open = tag.end(), False
        elif not is_open:
            kept.append(answer[start : tag.start()])
            is_open = True
    text = "".join(kept) + ("" if is_open else answer[start:])
    if text == answer:
        return Answered(answer)
    cut = ", which does not end" if is_open else ""
    return Answered(text, f"the reasoning of {len(answer) - len(text):,} characters{cut}")


__all__ = ["Answered", "without_reasoning"]
