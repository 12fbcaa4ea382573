"""runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._util.lazy import lazy

if TYPE_CHECKING:
    from promptlab.runs._difference import Asked, Change, asked, difference, prompt_changes, text_changes
    from promptlab.runs._plans import compare, switches
    from promptlab.runs._report import as_json, as_text, seconds
    from promptlab.runs._runner import Run, now, refuse_if_over, request_of, score, start
    from promptlab.runs._store import RunInfo, Store

__all__ = [
    "Asked",
    "Change",
    "Run",
    "RunInfo",
    "Store",
    "as_json",
    "as_text",
    "asked",
    "compare",
    "difference",
    "now",
    "prompt_changes",
    "refuse_if_over",
    "request_of",
    "score",
    "seconds",
    "start",
    "switches",
    "text_changes",
]

__getattr__ = lazy(__name__)
