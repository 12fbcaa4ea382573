"""Answers that another tool asked for: the nouns. `_run_import` makes a run of the history of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.types import FinishReason, Message, Score, Usage, sha256


@dataclass(frozen=True)
class ForeignAnswer:
    """An answer as the other tool gives it. `known` are the parameters that it names; others are not known.

    `seconds` is None if the tool gives no time. `cached`: the tool took the answer from its own cache.
    """

    model: str
    messages: tuple[Message, ...]
    text: str | None
    error: str = ""
    thinking: str = ""
    finish_reason: FinishReason = "unknown"
    known: Mapping[str, Any] = field(default_factory=dict)
    schema: str | None = None
    usage: Usage = field(default_factory=Usage)
    seconds: float | None = None
    cached: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[Score, ...] = ()
    case: str = ""


@dataclass(frozen=True)
class ForeignRun:
    """The answers of one file. `tool` asked them, at the time `created`."""

    tool: str
    version: str
    title: str
    created: str
    answers: tuple[ForeignAnswer, ...]
    record: str = ""
    template: str = ""
    template_text: str = ""

    @property
    def id(self) -> str:
        """An id made of the content, so that a file that is imported twice gives one run."""
        return sha256(f"{self.tool} {self.version} {self.title} {self.created}\n{self.lines()}")[:32]

    @property
    def shown_title(self) -> str:
        return f"asked by {self.tool}: {self.title}"

    def lines(self) -> str:
        """The answers as JSON, a line each."""
        return "".join(json.dumps(_as_data(answer), ensure_ascii=False) + "\n" for answer in self.answers)


def _as_data(answer: ForeignAnswer) -> dict[str, Any]:
    return {
        "model": answer.model,
        "messages": [message.as_data() for message in answer.messages],
        "answer": answer.text,
        "error": answer.error,
        "thinking": answer.thinking,
        "finish_reason": answer.finish_reason,
        "params": dict(answer.known),
        "usage": answer.usage.as_dict(),
        "seconds": answer.seconds,
        "cached": answer.cached,
        "details": dict(answer.details),
        "scores": [{"scorer": s.scorer, "value": s.value, "reason": s.reason} for s in answer.scores],
        "case": answer.case,
    }
