"""What was asked of a server and not given, said as warnings on the answer: nothing of it makes the server complain."""

from __future__ import annotations

import json
from collections.abc import Mapping

from promptlab.models._openai import _tokens
from promptlab.models._openai._stream import Answer
from promptlab.models._thinking import explain_empty_answer
from promptlab.types import FinishReason, Request

CUT = 0.5
"""A server that counts fewer than this part of our own count has not read all of the prompt. Our count is o200k's,
among the densest there is: of 18 vocabularies of chat models, on 23 kinds of text, the fewest tokens were 0.6 times
ours (Japanese, in that of Command R)."""
SURELY_WHOLE = 6.0
"""Bytes a token. Where the server counts a token for at most so many bytes, the prompt is not counted at all: that
takes time, and English has 4 to 5."""
SHORT = 200
"""Tokens. In a short prompt the chat template decides the count."""


def warnings(
    request: Request, answer: Answer, finish: FinishReason, can: Mapping[str, bool], encoding: str
) -> list[str]:
    """Everything that is missing from `answer`, one sentence each."""
    found = [
        explain_empty_answer(answer.text, answer.thinking, answer.usage, finish),
        _seed(request, can),
        _schema(request, answer, finish),
        _logprobs(request, answer, finish),
        _stop(request, answer),
        _limit(request, answer),
        _opened(answer),
        _prompt(request, answer, encoding),
    ]
    return [one for one in found if one]


def _seed(request: Request, can: Mapping[str, bool]) -> str:
    if request.params.seed is None or can["seed"]:
        return ""
    return "the seed was not sent: the catalogue says this server does not know seeds"


def _schema(request: Request, answer: Answer, finish: FinishReason) -> str:
    if request.schema is None or answer.refused or not answer.text or finish in ("content_filter", "tool_calls"):
        return ""
    try:
        json.loads(answer.text)
    except (ValueError, RecursionError):
        if finish == "length":
            return "the JSON is cut off at max_tokens"
        return "the answer is no JSON though a schema was sent: this server seems to ignore `response_format`"
    return ""


def _logprobs(request: Request, answer: Answer, finish: FinishReason) -> str:
    if request.params.logprobs is None or answer.logprobs or not answer.text or finish == "content_filter":
        return ""
    return "the server did not say how likely the tokens were, though `logprobs` was asked for"


def _stop(request: Request, answer: Answer) -> str:
    met = next((stop for stop in request.params.stop if stop in answer.text), None)
    if met is None:
        return ""
    return f"the stop string {met!r} is in the answer: this server seems to ignore `stop`"


def _opened(answer: Answer) -> str:
    before, tag, _ = answer.text.partition("</think>")
    if not tag or answer.thinking or "<think>" in before:
        return ""
    return (
        "the answer holds `</think>` without its beginning, so what stands before it may be thinking, which the "
        "server's chat template opens: have the server take it out (vLLM: --reasoning-parser)"
    )


def _limit(request: Request, answer: Answer) -> str:
    written, limit = answer.usage.written, request.params.max_tokens
    if written is None or written <= limit + 1:  # some count the token that ends an answer
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
        "whose window is set too small; set `window` in promptlab.yaml to what it has"
    )
