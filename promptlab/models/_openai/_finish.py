"""The words with which servers say why an answer ended, and what they mean here.

finish_reason("MAX_TOKENS")     # "length"
finish_reason("cancelled")      # None: the server did not finish the answer
finish_reason("banana")         # "unknown"
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from promptlab.types import FinishReason

FINISH: Mapping[str, FinishReason] = {
    **dict.fromkeys(
        ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "stop_token", "end", "endoftext", "complete",
         "completed", "done", "finished", "eot", "stop_word"),
        "stop",
    ),
    **dict.fromkeys(
        ("length", "max_tokens", "max_output_tokens", "max_completion_tokens", "max_length", "model_length",
         "token_limit", "model_context_window_exceeded"),
        "length",
    ),
    **dict.fromkeys(
        ("content_filter", "content_filtered", "safety", "sensitive", "blocklist", "prohibited_content", "spii",
         "recitation", "guardrail_intervened"),
        "content_filter",
    ),
    **dict.fromkeys(("tool_calls", "function_call", "tool_use"), "tool_calls"),
}  # fmt: skip
"""Words for why an answer ended, in lower case. A word that is neither here nor in `FAILED` becomes `unknown`."""

FAILED = re.compile(
    r"abort|error|fail|cancel|time_?d?_?out|time_limit|insufficient|interrupt|preempt|overload|unavailable|disconnect"
    r"|malformed|exception|crash|kill|oom\b|out_of_memory|terminat|shut_?down|expired|lost|evict"
)
"""Words with which servers end an answer that they could not finish. It is a failure, and never stored as an answer."""


def finish_reason(word: str) -> FinishReason | None:
    """The reason that a server's `word` means, in whatever spelling; None if the word names a failure."""
    plain = re.sub(r"[\s-]+", "_", word.strip().lower()).removeprefix("finish_reason_")
    if plain not in FINISH and FAILED.search(plain):
        return None
    return FINISH.get(plain, "unknown")


__all__ = ["FAILED", "FINISH", "finish_reason"]
