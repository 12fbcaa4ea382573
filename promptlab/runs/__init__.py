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
    from promptlab.runs._explain import Explanation, explain
    from promptlab.runs._plans import compare, question, switches
    from promptlab.runs._prompts import Prompts, rendered, with_prompt
    from promptlab.runs._report import as_json, as_text, seconds
    from promptlab.runs._request_changes import RequestChanges, request_changes
    from promptlab.runs._result_to_example import add_example_from_result, inputs_of_result, label_of_result
    from promptlab.runs._runner import Run, now, request_of, score, start
    from promptlab.runs._store import RunInfo, Store, file_of
    from promptlab.runs._window import refuse_if_over

__all__ = [
    "Asked",
    "Change",
    "Explanation",
    "Prompts",
    "RequestChanges",
    "Run",
    "RunInfo",
    "Store",
    "add_example_from_result",
    "as_json",
    "as_text",
    "asked",
    "changed_sections",
    "compare",
    "difference",
    "explain",
    "file_of",
    "inputs_of_result",
    "label_of_result",
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

__getattr__ = lazy(__name__)
