"""runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.runs._difference import (
        Asked,
        Change,
        asked,
        changed_sections,
        difference,
        prompt_changes,
        text_changes,
    )
    from promptlab.runs._plans import compare, question, switches
    from promptlab.runs._prompts import Prompts, rendered, with_prompt
    from promptlab.runs._report import as_json, as_text, seconds
    from promptlab.runs._request_changes import RequestChanges, request_changes
    from promptlab.runs._runner import Run, now, refuse_if_over, request_of, score, start
    from promptlab.runs._store import RunInfo, Store, file_of

__all__ = [
    "Asked",
    "Change",
    "Prompts",
    "RequestChanges",
    "Run",
    "RunInfo",
    "Store",
    "as_json",
    "as_text",
    "asked",
    "changed_sections",
    "compare",
    "difference",
    "file_of",
    "now",
    "prompt_changes",
    "question",
    "refuse_if_over",
    "rendered",
    "request_changes",
    "request_of",
    "score",
    "seconds",
    "start",
    "switches",
    "text_changes",
    "with_prompt",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
