"""The replies of `promptlab serve`, in OpenAI's form: answers, pieces of answers, and errors.

{"id": "chatcmpl-5f…", "object": "chat.completion", "model": "smollm2-135m", "system_fingerprint": "fp_0c…",
 "choices": [{"index": 0, "message": {"role": "assistant", "content": "Argentina"}, "finish_reason": "stop", …}],
 "usage": {"prompt_tokens": 31, "completion_tokens": 2, "total_tokens": 33, …}}
"""

from __future__ import annotations

import json
import logging
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import (
    EngineFailed,
    InputError,
    ModelNotFound,
    ModelNotReady,
    PromptlabError,
    RequestRejected,
    Untrusted,
    WindowExceeded,
)
from promptlab.types import Completion, Usage, sha256

log = logging.getLogger(__name__)

LEAST_LOGPROB = -9999.0
"""OpenAI's value for a probability of 0, since JSON has no infinity."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error in the form that a client gets."""

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def refusal_of(exc: BaseException) -> Refusal:
    """The refusal for an error. A bug of ours is logged with its traceback, and its message is not sent."""
    if not isinstance(exc, PromptlabError):
        log.error("unexpected error", exc_info=exc)
        return Refusal(500, f"unexpected {type(exc).__name__}: a fault in promptlab; see its log", "server_error")
    words = f"{exc.message}; {exc.hint}" if exc.hint else exc.message
    match exc:
        case InputError():
            return Refusal(400, words, param=exc.field or None)
        case WindowExceeded():
            return Refusal(400, words, param="messages", code="context_length_exceeded")
        case RequestRejected():
            return Refusal(400, words)
        case ModelNotFound():
            return Refusal(404, words, param="model", code="model_not_found")
        case ModelNotReady() | Untrusted():
            return Refusal(503, words, "server_error", code="model_not_ready")
        case EngineFailed():
            return Refusal(500, words, "server_error", code="engine_failed")
        case _:
            return Refusal(500, words, "server_error")


def encoded(data: Mapping[str, Any]) -> bytes:
    """JSON in ASCII, which can hold any text."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).encode("ascii")


def event(data: Mapping[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + encoded(data) + b"\n\n"


DONE = b"data: [DONE]\n\n"
WAITING = b": waiting\n\n"
"""A comment. It only shows that the connection is alive."""


def model_object(name: str, created: int) -> dict[str, Any]:
    """A model as `GET /v1/models` lists it."""
    return {"id": name, "object": "model", "created": created, "owned_by": "promptlab"}


@dataclass(frozen=True)
class Writer:
    """Writes one answer, whole or in pieces, with the same id, time, model and fingerprint in each."""

    model: str
    with_usage: bool = False
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, done: Completion, fingerprint: str) -> dict[str, Any]:
        """An answer in one piece."""
        message = {"role": "assistant", "content": done.text, "refusal": None}
        if done.thinking:
            message["reasoning_content"] = done.thinking
        choice = {"index": 0, "message": message, "logprobs": logprobs(done), "finish_reason": finish(done)}
        return {**self._frame("chat.completion", fingerprint), "choices": [choice], "usage": usage(done.usage)}

    def piece(self, delta: Mapping[str, Any], fingerprint: str, done: Completion | None = None) -> bytes:
        """An event with new text. With `done` it is the last event that has a choice."""
        ended = {"logprobs": logprobs(done), "finish_reason": finish(done)} if done else {"finish_reason": None}
        return self._event([{"index": 0, "delta": dict(delta), **ended}], None, fingerprint)

    def counts(self, done: Completion, fingerprint: str) -> bytes:
        """The event with the token counts. It comes last, if the client asked for it."""
        return self._event([], usage(done.usage), fingerprint)

    def _event(self, choices: Sequence[Any], counts: Mapping[str, Any] | None, fingerprint: str) -> bytes:
        frame = {**self._frame("chat.completion.chunk", fingerprint), "choices": choices}
        return event({**frame, "usage": counts} if self.with_usage else frame)

    def _frame(self, kind: str, fingerprint: str) -> dict[str, Any]:
        system = f"fp_{sha256(fingerprint)[:12]}"
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": system,
        }


def finish(done: Completion) -> str:
    """The finish reason in the protocol's words. A `stopped` answer is never sent, but refused."""
    return done.finish_reason if done.finish_reason in ("length", "content_filter", "tool_calls") else "stop"


def usage(counted: Usage) -> dict[str, Any]:
    """The token counts. `cached_tokens` came from the prefix cache, and are part of `prompt_tokens`."""
    prompt, written = counted.prompt or 0, counted.written or 0
    thought = {"completion_tokens_details": {"reasoning_tokens": counted.thinking}} if counted.thinking else {}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": counted.reused or 0},
        **thought,
    }


def logprobs(done: Completion) -> dict[str, Any] | None:
    """The log-probability of each token, if the client asked for it."""
    tokens = done.details.get("logprobs")
    if tokens is None:
        return None
    rows = [{**_token(token), "top_logprobs": [_token(top) for top in token["top"]]} for token in tokens]
    return {"content": rows, "refusal": None}


def _token(token: Mapping[str, Any]) -> dict[str, Any]:
    value = float(token["logprob"])
    logprob = max(value, LEAST_LOGPROB) if math.isfinite(value) else LEAST_LOGPROB
    return {"token": token["token"], "logprob": logprob, "bytes": list(token["bytes"])}


__all__ = ["DONE", "WAITING", "Refusal", "Writer", "encoded", "event", "model_object", "refusal_of"]
