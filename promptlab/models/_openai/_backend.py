"""Models behind an OpenAI-compatible API: Chat Completions, streamed.

    POST {base_url}/chat/completions
    {"model": "gpt-4o-mini", "messages": [...], "stream": true, "temperature": 0, "max_completion_tokens": 32}

The openai library builds and sends requests and sorts errors. Its retries are off: a pause inside the library would
look like latency. docs/models.md has the settings for users.

    _config.py     the entry, checked           _sse.py           bytes to events
    _request.py    the body that is sent        _stream.py        events to an answer
    _schema.py     the schema for strict mode   _message.py       text and thinking of a message
    _outgoing.py   gate, scan and ledger        _not_honoured.py  warnings: what the server ignored
    _scan.py       masks, put on and undone     _errors.py        exceptions to our errors
    _tokens.py     counting tokens              _error_body.py    a server's error body to our errors
    _client.py     the library's client         _endpoint.py      the model and address in messages
    _transport.py  the HTTP client below it     _hints.py         what to do about an error
    _stoppable.py  network calls that end       _retry.py         pauses between attempts
    _proxy.py      proxies of the environment   _attempt.py       one attempt
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from promptlab import workspace
from promptlab.errors import ModelNotReady, PromptlabError, RateLimited
from promptlab.models._as_sent import AsSent, Piece
from promptlab.models._backend import Step
from promptlab.models._openai import _not_honoured, _proxy, _request, _schema, _tokens
from promptlab.models._openai._attempt import Attempt
from promptlab.models._openai._client import make_client
from promptlab.models._openai._config import api_address, authorization, check_installed, fingerprint
from promptlab.models._openai._endpoint import Endpoint
from promptlab.models._openai._errors import leaks, translate
from promptlab.models._openai._outgoing import Leaving, Outgoing
from promptlab.models._openai._retry import LONGEST_ASKED_PAUSE, backoff, brief, wait_asked
from promptlab.models._openai._scan import Checked, undone
from promptlab.models._openai._stream import Answer
from promptlab.types import Completion, Phase, Request, Timings
from promptlab.workspace import OpenAIModel

if TYPE_CHECKING:
    import openai


def _wait(cancel: threading.Event, seconds: float) -> bool:
    return cancel.wait(seconds)


class OpenAIBackend:
    """One model of one server. Safe to call from many threads; they share one client and its connections.

    `api_key` may be empty for a server that needs none. `wait(cancel, seconds)` pauses between attempts and returns
    True if `cancel` was set. `chance()` in [0, 1) shortens the pause, so that many clients do not ask again all at
    once. `outgoing` checks what leaves this machine; the catalogue gives every model that of its workspace.
    `not_ready` is the reason if the model cannot be asked, though it can count tokens and show what it would send: the
    key is missing or damaged, or (`off`) the workspace is not trusted yet.
    Raises `ModelNotReady` if the catalogue entry cannot work at all.
    """

    def __init__(
        self,
        name: str,
        entry: OpenAIModel,
        api_key: str,
        *,
        outgoing: Outgoing | None = None,
        off: PromptlabError | None = None,
        wait: Callable[[threading.Event, float], bool] = _wait,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.max_parallel = entry.max_parallel
        self._entry, self._wait, self._chance, self._outgoing = entry, wait, chance, outgoing
        self._lock = threading.Lock()
        self._shared_client: openai.OpenAI | None = None
        check_installed(name)
        key = api_key.strip()
        address = api_address(name, entry)
        self._query = address.query
        self._can = _request.api_capabilities(name, entry, official=address.official)
        self.not_ready: PromptlabError | None = off
        self._authorization: tuple[str, str] | None = None
        try:
            self._authorization = authorization(name, entry, key, address)
        except ModelNotReady as exc:  # whatever sends nothing still works: previews, counts, stored answers
            self.not_ready = off or exc
        self.fingerprint = fingerprint(address, entry, outgoing.rule if outgoing is not None else None)
        self.window = entry.window or (_tokens.known_window(entry.model) if address.official else None)
        self._encoding = _tokens.encoding_name(entry.model, entry.tokenizer)
        self._exact = address.official and entry.tokenizer is None and _tokens.is_counted(entry.model)
        self._endpoint = Endpoint(
            name,
            entry.model,
            address.base,
            secrets=(*((key,) if key else ()), *address.secrets),
            key_env=entry.api_key_env or "",
            connect_timeout=entry.connect_timeout,
            read_timeout=entry.read_timeout,
            total_timeout=entry.total_timeout,
        )

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """Ask, and ask again if that is safe and can help: never once the server has begun to answer."""
        called = time.monotonic()
        if self.not_ready is not None:
            raise type(self.not_ready)(self.not_ready.message, hint=self.not_ready.hint)
        checked, leaving = Checked(request), None
        if self._outgoing is not None:
            checked = self._outgoing.checked(request)
            leaving = self._outgoing.leaving(
                request, fingerprint=self.fingerprint, clearance=self._entry.clearance, masked=len(checked.masks)
            )
        steps = self._steps(checked.request, leaving, cancel, called)
        yield from undone(steps, checked) if checked.masks or checked.warnings else steps

    def _steps(
        self, request: Request, leaving: Leaving | None, cancel: threading.Event, called: float
    ) -> Generator[Step]:
        body = _request.encoded(self.body(request), request, self._endpoint)
        client = self._client()
        for number in range(1, self._entry.max_retries + 2):
            now = time.monotonic()
            attempt = Attempt(Answer(self._endpoint), now, now + self._entry.total_timeout, number, leaving)
            try:
                with closing(attempt.steps(client, body, cancel)) as steps:
                    for step in steps:
                        attempt.first = attempt.first or time.monotonic()
                        yield step
            except Exception as exc:
                error = translate(exc, self._endpoint, began=attempt.began)
                if error is None:
                    raise
                pause = self._pause(exc, error, attempt)
                if pause is None:
                    if number > 1:
                        error.hint = f"{error.hint}; asked {number} times".removeprefix("; ")
                    # Tracebacks show the cause, so it is dropped if the server put a secret into it.
                    raise error from (None if exc is error or leaks(exc, self._endpoint) else exc)
                detail = f"retrying in {pause:.2g} s: {brief(error)}"
            else:
                yield self._completion(request, attempt, called)
                return
            yield Phase("retrying", detail=detail)
            if self._wait(cancel, pause):
                stopped = Attempt(Answer(self._endpoint), time.monotonic(), number=number, stopped=True)
                yield self._completion(request, stopped, called)
                return
            workspace.CHECK_BEFORE_RETRY.get()()  # checks the gate again: a label may have been raised meanwhile

    def _pause(self, exc: Exception, error: PromptlabError, attempt: Attempt) -> float | None:
        """Seconds to wait before the next attempt; None if there is none. May add to the hint of `error`."""
        asked = wait_asked(exc)
        asked = attempt.asked_wait if asked is None else asked
        # An error in the very first event is as good as one in the status line, if it names a status.
        is_status = isinstance(error, RateLimited) or getattr(error, "status", None) is not None
        answering = attempt.answer.begun or (attempt.began and not is_status)
        if attempt.number > self._entry.max_retries or answering or not error.retryable:
            return None
        if asked is not None and asked > LONGEST_ASKED_PAUSE:
            error.hint = f"it asks to wait {asked:.0f} s, which is longer than promptlab waits"
            return None
        return asked or backoff(attempt.number, self._chance())

    def as_sent(self, request: Request) -> AsSent:
        """The JSON body, the address and the tokens. Raises `RequestRejected` for what cannot be sent."""
        if self._outgoing is not None:
            request = self._outgoing.shown(request)
        body = self.body(request)
        _request.encoded(body, request, self._endpoint)
        pieces = tuple(Piece(text, span.section, span.source) for span, text in request.prompt.texts())
        budget = _tokens.budget(
            request.prompt,
            encoding=self._encoding,
            schema=json.dumps(body["response_format"]) if "response_format" in body else "",
            window=self.window,
            room=request.params.max_tokens,
            exact=self._exact,
        )
        return AsSent(
            pieces or tuple(Piece(m.content, "layout") for m in request.messages),
            budget,
            body=body,
            url=f"{self._endpoint.url}/chat/completions",
        )

    def body(self, request: Request) -> dict[str, Any]:
        """The body that is sent for `request`. Raises `RequestRejected` for a parameter that this server lacks."""
        return _request.openai_request_body(request, self._entry, self._can, self._endpoint)

    def close(self) -> None:
        """Close the connections. May be called more than once; a later request opens new ones."""
        with self._lock:
            client, self._shared_client = self._shared_client, None
        if client is not None:
            client.close()

    def _client(self) -> openai.OpenAI:
        with self._lock:
            if self._shared_client is None:
                self._shared_client = self._make_client()
            return self._shared_client

    def _make_client(self) -> openai.OpenAI:
        # The proxy is looked up now and not before: the environment may change until the first request.
        proxy = _proxy.environment_proxy(self._endpoint.url)
        if proxy is not None:
            _proxy.check(self.name, proxy)
        self._endpoint = replace(
            self._endpoint,
            proxy="" if proxy is None else _proxy.shown(proxy),
            secrets=(*self._endpoint.secrets, *_proxy.secrets(proxy)),
        )
        return make_client(
            self._entry, self._endpoint, authorization=self._authorization, query=self._query, proxy=proxy
        )

    def _completion(self, request: Request, attempt: Attempt, called: float) -> Completion:
        answer = attempt.answer
        finish = "stopped" if attempt.stopped else answer.finish or "unknown"
        ended = attempt.ended or attempt.finished or time.monotonic()
        first = None if attempt.first is None else attempt.first - attempt.started
        return Completion(
            answer.text,
            finish,
            answer.usage,
            Timings(waited=attempt.started - called, first_token=first, total=ended - attempt.started),
            answer.fingerprint,
            self._details(request, attempt),
            answer.thinking,
        )

    def _details(self, request: Request, attempt: Attempt) -> dict[str, Any]:
        answer = attempt.answer
        details: dict[str, Any] = {"attempts": attempt.number}
        if attempt.request_id:
            details["request_id"] = attempt.request_id
        if answer.refused:
            details["refused"] = True
        if answer.logprobs:
            details["logprobs"] = answer.logprobs
        if answer.ended_with:
            details["finish"] = answer.ended_with
        warnings = answer.warnings()
        if request.schema is not None:
            warnings += _schema.sent(request.schema).words
        if not attempt.stopped:
            warnings += _not_honoured.warnings(request, answer, answer.finish or "unknown", self._can, self._encoding)
        if warnings:
            details["warnings"] = warnings
        return details
