"""Reading a streamed answer: events to text and thinking, each looked at before it is believed.

    data: {"id": "1", "model": "gpt-4o-mini", "choices": [{"index": 0, "delta": {"content": "Argen"}}]}
    data: {"id": "1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    data: [DONE]

The openai library's own reader builds typed objects from whatever JSON comes, hides whether `[DONE]` was seen, and
drops the connection afterwards; here a wrong shape is a `BadReply`, a missing end is known, and the connection can be
used again. Servers send much beside answers (filter results, costs, pings): an event without an answer ends none, and
once the model has said why it ended, nothing that follows takes the answer away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import BackendError, BadReply, ServerFailed, StreamCut
from promptlab.models._openai._endpoint import Endpoint
from promptlab.models._openai._error_body import error_in, from_payload, words_of
from promptlab.models._openai._message import said
from promptlab.models._openai._sse import DONE, Event, readable
from promptlab.models._thinking import ThinkingSplitter
from promptlab.types import Delta, FinishReason, Thought, Usage

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
"""Words for why an answer ended, in lower case. One that is neither here nor in `FAILED` is `unknown`, and shown."""

FAILED = re.compile(
    r"abort|error|fail|cancel|time_?d?_?out|time_limit|insufficient|interrupt|preempt|overload|unavailable|disconnect"
    r"|malformed|exception|crash|kill|oom\b|out_of_memory|terminat|shut_?down|expired|lost|evict"
)
"""Words with which servers end an answer that they could not finish: it is a failure, and never kept as an answer."""

BESIDE = ("message", "detail", "msg", "error_msg", "status_msg", "warning")
"""Keys under which gateways say something beside an answer."""


class _Halves:
    """Joins characters that were cut in two: JSON may carry the halves of a surrogate pair in two events."""

    def __init__(self) -> None:
        self._half = ""

    def joined(self, piece: str, *, last: bool) -> str:
        if self._half:
            piece, self._half = self._half + piece, ""
        if not piece.isascii():
            if not last and "\ud800" <= piece[-1] <= "\udbff":
                piece, self._half = piece[:-1], piece[-1]
            piece = piece.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return piece


@dataclass
class Answer:
    """What has arrived of one answer. `finish` None means nobody has said that it ended; `ended_with` is the server's
    own word where we know no better."""

    endpoint: Endpoint
    parts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    finish: FinishReason | None = None
    ended_with: str = ""
    done: bool = False
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    system: str = ""
    refused: bool = False
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    other: dict[str, None] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    _choices: bool = False
    _odd: str = ""
    _failed: ServerFailed | None = None
    _split: ThinkingSplitter = field(default_factory=ThinkingSplitter)
    _halves: tuple[_Halves, _Halves] = field(default_factory=lambda: (_Halves(), _Halves()))

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def thinking(self) -> str:
        return "".join(self.thoughts)

    @property
    def begun(self) -> bool:
        """Whether the model has begun to answer: what is asked again now may be charged twice."""
        return bool(self.parts or self.thoughts or self.finish)

    @property
    def fingerprint(self) -> str:
        """What the server said of itself: `model@system_fingerprint`, or the model alone."""
        return f"{self.model}@{self.system}" if self.system else self.model

    def take(self, event: Event) -> list[Thought | Delta]:
        """Take in one event and return what it adds. Raises the server's own error where the event holds one and
        nobody has said yet that the answer ended."""
        try:
            return self._take(event)
        except BackendError as exc:
            if self.finish is None:
                raise
            self._hear(exc.message.removeprefix(self.endpoint.message("")))
            return []

    def close(self) -> list[Thought | Delta]:
        """The end of the reply: what was held back. Raises what it lacks."""
        rest = self._keep("", last=True)
        if self._failed is not None:
            raise self._failed
        if self.finish is None:
            if self.words:
                raise ServerFailed(self.endpoint.message(f"the server broke the answer off: {'; '.join(self.words)}"))
            if not self._choices:
                said = f"; it says {self._odd}" if self._odd else ""
                raise self._bad(f"`choices` is missing{said}")
            if not self.done or not (self.parts or self.thoughts):
                raise StreamCut(self.endpoint.message("the answer ended before it was complete"))
        return rest

    def warnings(self) -> list[str]:
        """What the reader of the answer should know."""
        found = [f"the server said besides: {words}" for words in self.words]
        if self.other:
            found.append(f"left out, since they are no text: parts of type {', '.join(self.other)}")
        return found

    def _take(self, event: Event) -> list[Thought | Delta]:
        data = event.data.strip()
        if data.startswith(DONE):
            self.done = True
            return self._keep("", last=True)
        if not data:
            return []
        try:
            value = _json(data, self.endpoint)
        except BadReply as exc:
            if event.name == b"error":
                raise from_payload(None, readable(data), self.endpoint) from exc
            if event.name not in (b"", b"message"):  # somebody else's event: a ping with the time
                return []
            raise
        error = None if value == "[DONE]" else error_in(value, named=event.name == b"error")
        if error is not None:
            raise from_payload(None, error, self.endpoint)
        if value == "[DONE]":
            self.done = True
            return self._keep("", last=True)
        steps: list[Thought | Delta] = []
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                steps += self._object(one)
            elif one is not None:
                self._odd = self.endpoint.quote(one)
        return steps

    def _object(self, event: dict[str, Any]) -> list[Thought | Delta]:
        if event.get("usage"):
            self.usage = _usage(event["usage"]) or self.usage
        if isinstance(model := event.get("model"), str) and model:
            self.model = model
        if isinstance(system := event.get("system_fingerprint"), str) and system:
            self.system = system
        choices = event.get("choices")
        if choices is None:
            # Not ours to understand, but not to be hidden either.
            self._odd = self.endpoint.quote(json.dumps(event, ensure_ascii=False)) if event else self._odd
            if words := words_of({key: event[key] for key in BESIDE if key in event}):
                self._hear(self.endpoint.quote(words))
            return []
        if not isinstance(choices, list):
            raise self._bad("`choices` is no list")
        self._choices = True
        if len(choices) == 1:
            return self._choice(choices[0])
        return [step for choice in choices for step in self._choice(choice)]

    def _choice(self, choice: object) -> list[Thought | Delta]:
        if choice is None:
            return []
        if not isinstance(choice, dict):
            raise self._bad("an entry of `choices` is no object")
        if choice.get("index") not in (0, None, "0"):
            return []
        if choice.get("error"):
            raise from_payload(None, choice["error"], self.endpoint)
        finish = choice.get("finish_reason") or None
        if finish is not None and not isinstance(finish, str):
            raise self._bad("`finish_reason` is no text")
        delta = choice.get("delta") or choice.get("message") or {"content": choice.get("text")}
        if not isinstance(delta, dict):
            raise self._bad("`delta` is no object")
        try:
            new = said(delta)
        except ValueError as exc:
            raise self._bad(str(exc)) from exc
        if choice.get("logprobs"):
            self.logprobs += _logprobs(choice["logprobs"])
        steps: list[Thought | Delta] = []
        if new.thinking or new.other or new.refused or finish:
            self.refused = self.refused or new.refused
            self.other |= dict.fromkeys(new.other)
            steps = self._thought(self._halves[0].joined(new.thinking, last=bool(finish)))
        if new.text or finish:
            steps += self._keep(new.text, last=bool(finish))
        if finish:
            self._end(finish)
        return steps

    def _end(self, word: str) -> None:
        if self.finish not in (None, "unknown"):
            return  # the first word counts
        plain = re.sub(r"[\s-]+", "_", word.strip().lower()).removeprefix("finish_reason_")
        if plain not in FINISH and FAILED.search(plain):
            what = f"the server did not finish the answer: it ended it with `{self.endpoint.quote(word)}`"
            if self.finish is None:  # raised at the close, so that what this event still brought is shown
                self._failed, self.done = ServerFailed(self.endpoint.message(what)), True
            return
        self.finish = FINISH.get(plain, "unknown")
        self.ended_with = self.endpoint.quote(word) if self.finish == "unknown" else ""

    def _hear(self, words: str) -> None:
        """Keep what the server says beside the answer: the newest of it, once."""
        self.words = [*(old for old in self.words if old != words), words][-3:]

    def _keep(self, piece: str, *, last: bool) -> list[Thought | Delta]:
        piece = self._halves[1].joined(piece, last=last)
        if self._split.answering:
            return self._text(piece)
        steps: list[Thought | Delta] = []
        for thought, text in (self._split.feed(piece), self._split.finish() if last else ("", "")):
            steps += self._thought(thought) + self._text(text)
        return steps

    def _thought(self, piece: str) -> list[Thought | Delta]:
        if piece:
            self.thoughts.append(piece)
        return [Thought(piece)] if piece else []

    def _text(self, piece: str) -> list[Thought | Delta]:
        if piece:
            self.parts.append(piece)
        return [Delta(piece)] if piece else []

    def _bad(self, what: str) -> BadReply:
        return BadReply(self.endpoint.message(f"the reply is not what the protocol says: {what}"))


def _json(data: bytes, endpoint: Endpoint) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise BadReply(
            endpoint.message(f"part of the answer is not JSON: {endpoint.quote(readable(data[:80]))}")
        ) from exc


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
    reused = _detail(value, "prompt_tokens_details", "cached_tokens")
    if prompt is not None and reused is not None:
        reused = min(reused, prompt)
    thinking = _detail(value, "completion_tokens_details", "reasoning_tokens")
    if thinking is None:
        thinking = _count(value.get("reasoning_tokens"))
    return Usage(None if prompt is None else prompt - (reused or 0), reused, written, thinking or None)


def _detail(value: dict[str, Any], details: str, name: str) -> int | None:
    found = value.get(details)
    return _count(found.get(name)) if isinstance(found, dict) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
