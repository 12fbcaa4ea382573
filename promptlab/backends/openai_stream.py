"""Reading a streamed answer: bytes to events, events to text, each looked at before it is believed.

    data: {"id": "1", "model": "gpt-4o-mini", "choices": [{"index": 0, "delta": {"content": "Argen"}}]}
    data: {"id": "1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    data: [DONE]

The openai library's own reader builds typed objects from whatever JSON comes, hides whether `[DONE]` was
seen, and drops the connection afterwards; here a wrong shape is a `BadReply`, a missing end is known, and
the connection can be used again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.backends.openai_errors import Asked, from_payload
from promptlab.errors import BadReply
from promptlab.types import FinishReason, Usage

LONGEST_EVENT = 4_000_000
"""Bytes. An endless line must not fill the memory."""

FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
_FIELDS = (b"data", b"event", b"id", b"retry")


def read_events(chunks: Iterator[bytes], asked: Asked) -> Iterator[dict[str, Any]]:
    """The JSON objects of a server-sent event stream, in order, up to `[DONE]`, which comes as `{"done": True}`.

    A server that ignores `stream` and answers with one JSON object gives that object.
    Raises `BadReply` for anything else, and the server's own error where an event holds one.
    """
    data: list[bytes]
    rest, data, name, first = b"", [], b"", True
    for chunk in chunks:
        rest += chunk
        if first and not (rest := rest.lstrip()):
            continue
        if first and rest[:1] in (b"{", b"["):
            yield _whole(rest, chunks, asked)
            return
        *lines, rest = rest.split(b"\n")
        if len(rest) + sum(map(len, data)) > LONGEST_EVENT:
            raise BadReply(asked.say(f"one event of the answer is longer than {LONGEST_EVENT // 1_000_000} MB"))
        for line in lines:
            line = line.rstrip(b"\r")
            key, _, value = line.partition(b":")
            if first and line:
                first = False
                if key and key not in _FIELDS:
                    raise BadReply(asked.say(_not_events(line, asked)))
            if key == b"data":
                data.append(value.removeprefix(b" "))
            elif key == b"event":
                name = value.strip()
            elif not line and data:
                yield _event(b"\n".join(data), name, asked)
                data, name = [], b""
    if first and not rest.strip():
        hint = "its own log may say why; some servers end like this when the prompt does not fit their window"
        raise BadReply(asked.say("the reply is empty"), hint=hint)
    if first and rest.partition(b":")[0] not in _FIELDS:
        raise BadReply(asked.say(_not_events(rest, asked)))
    # A last event without its blank line: some servers close right after it.
    if rest.startswith(b"data:"):
        data.append(rest[5:].strip())
    if data and _is_json(b"\n".join(data)):
        yield _event(b"\n".join(data), name, asked)


def _event(data: bytes, name: bytes, asked: Asked) -> dict[str, Any]:
    if data.startswith(b"[DONE]"):
        return {"done": True}
    event = _json(data, asked)
    if event.get("error") or name == b"error":
        raise from_payload(None, event, asked)
    return event


def _whole(start: bytes, chunks: Iterator[bytes], asked: Asked) -> dict[str, Any]:
    for chunk in chunks:
        start += chunk
        if len(start) > LONGEST_EVENT:
            raise BadReply(asked.say(f"the reply is longer than {LONGEST_EVENT // 1_000_000} MB"))
    reply = _json(start, asked)
    if reply.get("error"):
        raise from_payload(None, reply, asked)
    return reply


def _json(data: bytes, asked: Asked) -> dict[str, Any]:
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise BadReply(asked.say(f"part of the answer is not JSON: {asked.quote(_readable(data[:80]))}")) from exc
    if not isinstance(value, dict):
        raise BadReply(asked.say(f"part of the answer is not a JSON object: {asked.quote(_readable(data[:80]))}"))
    return value


def _is_json(data: bytes) -> bool:
    if data.startswith(b"[DONE]"):
        return True
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _not_events(start: bytes, asked: Asked) -> str:
    if start[:20].lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "it answered with a web page, not with an answer; is `base_url` right?"
    return f"the reply is neither an event stream nor JSON: {asked.quote(_readable(start[:80]))}"


def _readable(data: bytes) -> str:
    return "".join(c if c.isprintable() else "�" for c in data.decode("utf-8", "replace"))


@dataclass
class Answer:
    """What has arrived of one answer. `finish` None means nobody has said that it ended."""

    asked: Asked
    parts: list[str] = field(default_factory=list)
    finish: FinishReason | None = None
    done: bool = False
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    system: str = ""
    refused: bool = False
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    _half: str = ""

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def fingerprint(self) -> str:
        """What the server said of itself: `model@system_fingerprint`, or the model alone."""
        return f"{self.model}@{self.system}" if self.system else self.model

    def take(self, event: dict[str, Any]) -> str:
        """Take in one event and return the text it adds."""
        if event.get("done") is True:
            self.done = True
            return self._keep("", last=True)
        self.usage = _usage(event.get("usage")) or self.usage
        for name, value in (("model", event.get("model")), ("system", event.get("system_fingerprint"))):
            if isinstance(value, str):
                setattr(self, name, value)
        choices = event.get("choices")
        if not isinstance(choices, list):
            if choices is None and "usage" in event:
                return ""
            raise self._bad("`choices` is missing or is no list")
        return "".join(self._choice(choice) for choice in choices)

    def _choice(self, choice: object) -> str:
        if not isinstance(choice, dict):
            raise self._bad("an entry of `choices` is no object")
        if choice.get("index") not in (0, None):
            return ""
        finish = choice.get("finish_reason")
        if finish is not None and not isinstance(finish, str):
            raise self._bad("`finish_reason` is no text")
        delta = choice.get("delta", choice.get("message"))
        if delta is None and finish is None:
            raise self._bad("`delta` is missing")
        if delta is not None and not isinstance(delta, dict):
            raise self._bad("`delta` is no object")
        delta = delta or {}
        content, refusal = delta.get("content"), delta.get("refusal")
        for said in (content, refusal):
            if said is not None and not isinstance(said, str):
                raise self._bad("`content` is no text")
        self.logprobs += _logprobs(choice.get("logprobs"))
        # A refusal comes in place of the answer; it is what the model said, so it is shown as such.
        self.refused = self.refused or bool(refusal)
        if finish:
            self.finish = FINISH.get(finish, "unknown")
        return self._keep((content or "") + (refusal or ""), last=bool(finish))

    def _keep(self, piece: str, *, last: bool) -> str:
        """Join characters that were cut in two: JSON may carry the halves of a surrogate pair in two events."""
        piece, self._half = self._half + piece, ""
        if not piece.isascii():
            if not last and "\ud800" <= piece[-1] <= "\udbff":
                piece, self._half = piece[:-1], piece[-1]
            piece = piece.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if piece:
            self.parts.append(piece)
        return piece

    def _bad(self, what: str) -> BadReply:
        return BadReply(self.asked.say(f"the reply is not what the protocol says: {what}"))


def _logprobs(value: object) -> list[dict[str, Any]]:
    """How likely each token was; what is not as the API has it is left out."""
    content = value.get("content") if isinstance(value, dict) else None
    found = []
    for one in content if isinstance(content, list) else ():
        entry = _likely(one)
        if entry:
            top = [_likely(other) for other in one.get("top_logprobs") or ()]
            found.append({**entry, "top": [other for other in top if other]})
    return found


def _likely(one: object) -> dict[str, Any] | None:
    if not isinstance(one, dict) or not isinstance(one.get("token"), str):
        return None
    logprob, data = one.get("logprob"), one.get("bytes")
    if not isinstance(logprob, int | float):
        return None
    known = data if isinstance(data, list) else list(one["token"].encode("utf-8", "replace"))
    return {"token": one["token"], "bytes": known, "logprob": float(logprob)}


def _usage(value: object) -> Usage | None:
    """Token counts; numbers that make no sense are as good as none."""
    if not isinstance(value, dict):
        return None
    prompt, written = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    details = value.get("prompt_tokens_details")
    reused = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    if prompt is not None and reused is not None:
        reused = min(reused, prompt)
    return Usage(read=None if prompt is None else prompt - (reused or 0), reused=reused, written=written)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
