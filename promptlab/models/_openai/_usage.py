"""The numbers of a reply: its token counts, and the log-probabilities of its tokens.

{"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
{"content": [{"token": "Argen", "logprob": -0.1, "bytes": [65, 114], "top_logprobs": []}]}
"""

from __future__ import annotations

from typing import Any

from promptlab.types import Usage


def usage_of(value: object) -> Usage | None:
    """The token counts of a reply. A number that makes no sense counts as missing."""
    if not isinstance(value, dict):
        return None
    prompt, written = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    reused = _detail(value, "prompt_tokens_details", "cached_tokens")
    if prompt is not None and reused is not None:
        reused = min(reused, prompt)
    thinking = _detail(value, "completion_tokens_details", "reasoning_tokens")
    if thinking is None:
        thinking = _count(value.get("reasoning_tokens"))
    return Usage(None if prompt is None else prompt - (reused or 0), reused, written, thinking or None)


def _detail(value: dict[str, Any], details: str, name: str) -> int | None:
    fields = value.get(details)
    return _count(fields.get(name)) if isinstance(fields, dict) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def logprobs_of(value: object) -> list[dict[str, Any]]:
    """The log-probabilities of each token and its alternatives. An entry that has another form than the API's is left
    out."""
    content = value.get("content") if isinstance(value, dict) else None
    tokens = []
    for item in content if isinstance(content, list) else ():
        entry = _entry(item)
        if entry:
            alternatives = [_entry(alternative) for alternative in item.get("top_logprobs") or ()]
            tokens.append({**entry, "top": [alternative for alternative in alternatives if alternative]})
    return tokens


def _entry(item: object) -> dict[str, Any] | None:
    if not isinstance(item, dict) or not isinstance(item.get("token"), str):
        return None
    logprob, data = item.get("logprob"), item.get("bytes")
    if not isinstance(logprob, int | float):
        return None
    known = data if isinstance(data, list) else list(item["token"].encode("utf-8", "replace"))
    return {"token": item["token"], "bytes": known, "logprob": float(logprob)}


__all__ = ["logprobs_of", "usage_of"]
