"""Reading a streamed answer: from events to text and thinking, with the shape of each event checked.

    data: {"id": "1", "model": "gpt-4o-mini", "choices": [{"index": 0, "delta": {"content": "Argen"}}]}
    data: {"id": "1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    data: [DONE]

The openai library's own reader builds typed objects from any JSON, hides whether `[DONE]` came, and drops the
connection afterwards. Here a wrong shape is a `BadReply`, a missing end is noticed, and the connection can be used
again. Servers send much beside answers (filter results, costs, pings): an event without an answer does not end it, and
once the model has said why it ended, no later event makes it a failure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import BackendError, BadReply, ServerFailed, StreamCut
from promptlab.models._openai._endpoint import Endpoint
from promptlab.models._openai._error_body import error_in, from_payload, words_of
from promptlab.models._openai._finish import finish_reason
from promptlab.models._openai._message import parts_of_message
from promptlab.models._openai._sse import DONE, Event, readable
from promptlab.models._openai._usage import logprobs_of, usage_of
from promptlab.models._thinking import ThinkingSplitter
from promptlab.types import Delta, FinishReason, Thought, Usage

BESIDE = ("message", "detail", "msg", "error_msg", "status_msg", "warning")
"""Keys of an event under which gateways send notes beside an answer."""


class _Halves:
    """Joins characters that were cut in two: a server may send the halves of a surrogate pair in two events."""

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
    """What has arrived of one answer. `finish` is None until the server says that the answer ended. `ended_with` is the
    server's own word if `finish` is `unknown`. `words` are notes of the server beside the answer, and `other` the types
    of parts that are not text."""

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
        """True if the model has begun to answer. Asking again may then be charged twice."""
        return bool(self.parts or self.thoughts or self.finish)

    @property
    def fingerprint(self) -> str:
        """The server's name for its model: `model@system_fingerprint`, or the model alone."""
        return f"{self.model}@{self.system}" if self.system else self.model

    def take(self, event: Event) -> list[Thought | Delta]:
        """Take one event, and return what it adds. Raises the error that the event holds, unless the answer has already
        ended."""
        try:
            return self._take(event)
        except BackendError as exc:
            if self.finish is None:
                raise
            self._note(exc.message.removeprefix(self.endpoint.message("")))
            return []

    def close(self) -> list[Thought | Delta]:
        """End the reply, and return text that was held back. Raises an error if the answer is not whole."""
        rest = self._keep("", last=True)
        if self._failed is not None:
            raise self._failed
        if self.finish is None:
            if self.words:
                raise ServerFailed(self.endpoint.message(f"the server broke the answer off: {'; '.join(self.words)}"))
            if not self._choices:
                instead = f"; it says {self._odd}" if self._odd else ""
                raise self._bad(f"`choices` is missing{instead}")
            if not self.done or not (self.parts or self.thoughts):
                raise StreamCut(self.endpoint.message("the answer ended before it was complete"))
        return rest

    def warnings(self) -> list[str]:
        """Sentences that are shown with the answer."""
        sentences = [f"the server said besides: {words}" for words in self.words]
        if self.other:
            sentences.append(f"left out, since they are not text: parts of type {', '.join(self.other)}")
        return sentences

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
            if event.name not in (b"", b"message"):  # an event of another kind: a ping with the time
                return []
            raise
        error = None if value == "[DONE]" else error_in(value, named=event.name == b"error")
        if error is not None:
            raise from_payload(None, error, self.endpoint)
        if value == "[DONE]":
            self.done = True
            return self._keep("", last=True)
        steps: list[Thought | Delta] = []
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                steps += self._object(item)
            elif item is not None:
                self._odd = self.endpoint.quote(item)
        return steps

    def _object(self, event: dict[str, Any]) -> list[Thought | Delta]:
        if event.get("usage"):
            self.usage = usage_of(event["usage"]) or self.usage
        if isinstance(model := event.get("model"), str) and model:
            self.model = model
        if isinstance(system := event.get("system_fingerprint"), str) and system:
            self.system = system
        choices = event.get("choices")
        if choices is None:
            # Not part of the protocol, but it is shown if the answer turns out to be missing.
            self._odd = self.endpoint.quote(json.dumps(event, ensure_ascii=False)) if event else self._odd
            if words := words_of({key: event[key] for key in BESIDE if key in event}):
                self._note(self.endpoint.quote(words))
            return []
        if not isinstance(choices, list):
            raise self._bad("`choices` is not a list")
        self._choices = True
        if len(choices) == 1:
            return self._choice(choices[0])
        return [step for choice in choices for step in self._choice(choice)]

    def _choice(self, choice: object) -> list[Thought | Delta]:
        if choice is None:
            return []
        if not isinstance(choice, dict):
            raise self._bad("an entry of `choices` is not an object")
        if choice.get("index") not in (0, None, "0"):
            return []
        if choice.get("error"):
            raise from_payload(None, choice["error"], self.endpoint)
        finish = choice.get("finish_reason") or None
        if finish is not None and not isinstance(finish, str):
            raise self._bad("`finish_reason` is not text")
        delta = choice.get("delta") or choice.get("message") or {"content": choice.get("text")}
        if not isinstance(delta, dict):
            raise self._bad("`delta` is not an object")
        try:
            new = parts_of_message(delta)
        except ValueError as exc:
            raise self._bad(str(exc)) from exc
        if choice.get("logprobs"):
            self.logprobs += logprobs_of(choice["logprobs"])
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
        reason = finish_reason(word)
        if reason is None:
            what = f"the server did not finish the answer: it ended it with `{self.endpoint.quote(word)}`"
            if self.finish is None:  # raised by `close`, so that the text of this event is still shown
                self._failed, self.done = ServerFailed(self.endpoint.message(what)), True
            return
        self.finish = reason
        self.ended_with = self.endpoint.quote(word) if self.finish == "unknown" else ""

    def _note(self, words: str) -> None:
        """Keep a note of the server beside the answer: the last three, each once."""
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
