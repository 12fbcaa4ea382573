"""Warnings for what a request asked for and the server ignored without an error: seed, schema, stop strings, limit."""

from __future__ import annotations

import json
from collections.abc import Mapping

from promptlab.models._openai import _tokens
from promptlab.models._openai._stream import Answer
from promptlab.models._thinking import explain_empty_answer
from promptlab.types import FinishReason, Request

CUT = 0.5
"""A server that counts fewer tokens than this part of our count has cut the prompt. Our count is that of o200k, one of
the densest vocabularies: of 18 vocabularies of chat models, on 23 kinds of text, the fewest tokens were 0.6 times ours
(Japanese, with Command R)."""
SURELY_WHOLE = 6.0
"""Bytes for each token. If the server counted at least one token for so many bytes, our own count is skipped: it takes
time, and English has 4 to 5 bytes for each token."""
SHORT = 200
"""Tokens. In a prompt shorter than this, the chat template decides the count."""


def warnings(
    request: Request, answer: Answer, finish: FinishReason, can: Mapping[str, bool], encoding: str
) -> list[str]:
    """One sentence for each thing that `answer` lacks."""
    sentences = [
        explain_empty_answer(answer.text, answer.thinking, answer.usage, finish),
        _seed(request, can),
        _schema(request, answer, finish),
        _logprobs(request, answer, finish),
        _stop(request, answer),
        _limit(request, answer),
        _opened(answer),
        _prompt(request, answer, encoding),
    ]
    return [sentence for sentence in sentences if sentence]


def _seed(request: Request, can: Mapping[str, bool]) -> str:
    if request.params.seed is None or can["seed"]:
        return ""
    return "the seed was not sent: the catalogue says that this server has no seeds"


def _schema(request: Request, answer: Answer, finish: FinishReason) -> str:
    if request.schema is None or answer.refused or not answer.text or finish in ("content_filter", "tool_calls"):
        return ""
    try:
        json.loads(answer.text)
    except (ValueError, RecursionError):
        if finish == "length":
            return "the JSON is cut off at max_tokens"
        return "the answer is not JSON though a schema was sent: this server seems to ignore `response_format`"
    return ""


def _logprobs(request: Request, answer: Answer, finish: FinishReason) -> str:
    if request.params.logprobs is None or answer.logprobs or not answer.text or finish == "content_filter":
        return ""
    return "the server did not say how likely the tokens were, though the request has `logprobs`"


def _stop(request: Request, answer: Answer) -> str:
    stop = next((stop for stop in request.params.stop if stop in answer.text), None)
    if stop is None:
        return ""
    return f"the stop string {stop!r} is in the answer: this server seems to ignore `stop`"


def _opened(answer: Answer) -> str:
    before, tag, _ = answer.text.partition("</think>")
    if not tag or answer.thinking or "<think>" in before:
        return ""
    return (
        "the answer has `</think>` without an opening tag, so the text before it may be thinking that the server's "
        "chat template opened: have the server remove it (vLLM: --reasoning-parser)"
    )


def _limit(request: Request, answer: Answer) -> str:
    written, limit = answer.usage.written, request.params.max_tokens
    if written is None or written <= limit + 1:  # some servers also count the token that ends an answer
        return ""
    return f"{written:,} tokens were written though max_tokens is {limit:,}: this server seems to ignore the limit"


def _prompt(request: Request, answer: Answer, encoding: str) -> str:
    counted = answer.usage.prompt
    if counted is None:
        return ""
    size = sum(len(message.content.encode("utf-8", "replace")) for message in request.messages)
    if size <= SURELY_WHOLE * max(counted, SHORT):
        return ""
    sent = _tokens.count(request.prompt, encoding)
    if sent < SHORT or counted >= CUT * sent:
        return ""
    return (
        f"the server counted {counted:,} tokens in a prompt of about {sent:,}: it seems to have cut it, as servers do "
        "whose window is set too small; set `window` in promptlab.yaml to its size"
    )
