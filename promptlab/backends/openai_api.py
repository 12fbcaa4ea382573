"""Models behind an OpenAI-compatible API: Chat Completions, streamed.

    POST {base_url}/chat/completions
    {"model": "gpt-4o-mini", "messages": [...], "stream": true, "temperature": 0, "max_completion_tokens": 32}

The openai library builds and sends requests and sorts errors; its retries are off, since a pause hidden
in there would look like latency. The rest has a file each, and docs/models.md tells people what can be set:

    openai_entry.py    the catalogue's entry, checked     openai_stream.py  reading the answer
    openai_request.py  what is sent                       openai_errors.py  the words for what goes wrong
    openai_wire.py     the HTTP client, stoppable         openai_retry.py   asking again
    openai_tokens.py   counting
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from promptlab.backends import Step, openai_request, openai_schema, openai_tokens
from promptlab.backends.openai_entry import authorization, check_installed, checked_url
from promptlab.backends.openai_errors import Asked, leaks, translate
from promptlab.backends.openai_retry import LONGEST_ASKED_PAUSE, backoff, brief, wait_asked
from promptlab.backends.openai_stream import Answer, read_events
from promptlab.errors import StreamCut
from promptlab.types import AsSent, Completion, Delta, Phase, Piece, Request, Timings
from promptlab.workspace import OpenAIModel

if TYPE_CHECKING:
    import httpx2
    import openai

OFFICIAL = "https://api.openai.com/v1"
DRAIN = 0.05
"""Seconds to wait for the last bytes of a reply, after its last event."""


def _wait(cancel: threading.Event, seconds: float) -> bool:
    return cancel.wait(seconds)


class OpenAIBackend:
    """One model of one server. Safe to call from many threads; they share one client and its connections.

    `api_key` may be empty for a server that wants none. `wait(cancel, seconds)` pauses between tries and
    says whether `cancel` was set; `chance()` in [0, 1) shortens the pause, so that many clients spread out.
    Raises `ModelNotReady` when the catalogue entry cannot work.
    """

    def __init__(
        self,
        name: str,
        entry: OpenAIModel,
        api_key: str,
        *,
        wait: Callable[[threading.Event, float], bool] = _wait,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.max_parallel = entry.max_parallel
        self._entry, self._wait, self._chance = entry, wait, chance
        self._lock = threading.Lock()
        self._made: openai.OpenAI | None = None
        check_installed(name)
        url = checked_url(name, entry.base_url or OFFICIAL)
        shown = f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path.rstrip('/')}"
        official = shown == OFFICIAL
        self._query = url.query
        self._authorization = authorization(name, entry, api_key.strip(), url, official=official)
        self._can = openai_request.capabilities(name, entry, official=official)
        self.fingerprint = f"openai:{shown}:{entry.model}"
        self.window = entry.window or (openai_tokens.known_window(entry.model) if official else None)
        self._exact = official and entry.tokenizer is None and openai_tokens.is_counted(entry.model)
        self._asked = Asked(
            name,
            entry.model,
            shown,
            secrets=tuple(s for s in (api_key.strip(), url.password, *(v for _, v in parse_qsl(url.query))) if s),
            key_env=entry.api_key_env or "",
            connect_timeout=entry.connect_timeout,
            read_timeout=entry.read_timeout,
            total_timeout=entry.total_timeout,
        )

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """Ask, and ask again where that is safe and can help: never once the server has begun to answer."""
        called = time.monotonic()
        body = openai_request.encoded(self.body(request), request, self._asked)
        client = self._client()
        for attempt in range(1, self._entry.max_retries + 2):
            this = _Try(Answer(self._asked), time.monotonic())
            try:
                with closing(self._ask(client, body, cancel, this)) as pieces:
                    for piece in pieces:
                        this.first = this.first or time.monotonic()
                        yield Delta(piece)
            except Exception as exc:
                error, pause = translate(exc, self._asked, began=this.began), wait_asked(exc)
                if error is None:
                    raise
                if attempt > self._entry.max_retries or this.began or not error.retryable:
                    pause = None
                elif pause is not None and pause > LONGEST_ASKED_PAUSE:
                    error.hint = f"it asks to wait {pause:.0f} s, which is longer than promptlab waits"
                    pause = None
                else:
                    pause = pause or backoff(attempt, self._chance())
                if pause is None:
                    if attempt > 1:
                        error.hint = f"{error.hint}; asked {attempt} times".removeprefix("; ")
                    # The cause is shown in tracebacks, so it goes where the server put a secret into it.
                    raise error from (None if leaks(exc, self._asked) else exc)
                detail = f"retrying in {pause:.2g} s: {brief(error)}"
            else:
                yield self._completion(request, this, attempt, called)
                return
            yield Phase("retrying", detail=detail)
            if self._wait(cancel, pause):
                stopped = _Try(Answer(self._asked), time.monotonic(), stopped=True)
                yield self._completion(request, stopped, attempt, called)
                return

    def as_sent(self, request: Request) -> AsSent:
        """The JSON body and the address, and the tokens. Raises `RequestRejected` for what cannot be sent."""
        body = self.body(request)
        openai_request.encoded(body, request, self._asked)
        pieces = tuple(Piece(text, span.section, span.source) for span, text in request.prompt.texts())
        budget = openai_tokens.budget(
            request.prompt,
            encoding=openai_tokens.encoding_name(self._entry.model, self._entry.tokenizer),
            schema=json.dumps(body["response_format"]) if "response_format" in body else "",
            window=self.window,
            room=request.params.max_tokens,
            exact=self._exact,
        )
        return AsSent(
            pieces or tuple(Piece(m.content, "layout") for m in request.messages),
            budget,
            body=body,
            url=f"{self._asked.url}/chat/completions",
        )

    def body(self, request: Request) -> dict[str, Any]:
        """What is sent for `request`; raises `RequestRejected` for what this server does not know."""
        return openai_request.body(request, self._entry.model, self._can, self._asked)

    def close(self) -> None:
        """Close the connections. May be called more than once; a later request opens new ones."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def _client(self) -> openai.OpenAI:
        with self._lock:
            if self._made is None:
                self._made = self._make_client()
            return self._made

    def _make_client(self) -> openai.OpenAI:
        import httpx2
        import openai

        from promptlab.backends.openai_wire import Transport

        entry = self._entry
        timeout = httpx2.Timeout(
            connect=entry.connect_timeout, read=entry.read_timeout, write=entry.read_timeout, pool=None
        )
        # Every value that the library would otherwise look up in OPENAI_* variables is given. The key is not:
        # the transport puts it on, and drops whatever headers OPENAI_CUSTOM_HEADERS adds.
        return openai.OpenAI(
            api_key="-",
            admin_api_key="",
            organization="",
            project="",
            webhook_secret="",
            base_url=self._asked.url,
            max_retries=0,
            timeout=timeout,
            http_client=httpx2.Client(
                transport=Transport(
                    self._asked.url,
                    authorization=self._authorization,
                    query=self._query,
                    keep=entry.max_parallel,
                ),
                timeout=timeout,
                trust_env=False,
                follow_redirects=False,
            ),
        )

    def _ask(self, client: openai.OpenAI, body: bytes, cancel: threading.Event, this: _Try) -> Generator[str]:
        """One try: send, and give each piece of text as it comes. All else that is learned is noted in `this`."""
        import httpx2
        import openai

        from promptlab.backends.openai_wire import Stopped, TimeOver, Watch

        answer, watch = this.answer, Watch(cancel, time.monotonic() + self._entry.total_timeout)
        response: httpx2.Response | None = None
        try:
            watch.check()
            with watch:
                response = cast(
                    "httpx2.Response",
                    client.post(
                        f"{self._asked.url}/chat/completions",  # whole, which spares the library putting it together
                        cast_to=httpx2.Response,
                        content=body,
                        options={"headers": {"Content-Type": "application/json", "Accept": "text/event-stream"}},
                        stream=True,
                        stream_cls=openai.Stream[Any],
                    ),
                )
            this.began, this.request_id = True, response.headers.get("x-request-id", "")
            chunks = response.iter_raw()
            events = read_events(chunks, self._asked)
            while not answer.done:
                watch.check()
                with watch:
                    event = next(events, None)
                if event is None:
                    break
                if piece := answer.take(event):
                    yield piece
            if not answer.done and answer.finish is None:
                raise StreamCut(self._asked.say("the answer ended before it was complete"))
            this.ended = time.monotonic()
            # The last bytes of the reply, so that the connection can be used again.
            with Watch(cancel, this.ended + DRAIN):
                for _ in chunks:
                    pass
        except Stopped:
            this.stopped = not this.ended
        except (TimeOver, httpx2.HTTPError):
            # Once the model has said that it ended, a break afterwards takes nothing away.
            if answer.finish is None and not answer.done:
                raise
        finally:
            if response is not None:
                response.close()

    def _completion(self, request: Request, this: _Try, attempts: int, called: float) -> Completion:
        answer = this.answer
        details: dict[str, Any] = {"attempts": attempts}
        if this.request_id:
            details["request_id"] = this.request_id
        if answer.refused:
            details["refused"] = True
        if answer.logprobs:
            details["logprobs"] = answer.logprobs
        warnings = list(openai_schema.sent(request.schema).words) if request.schema is not None else []
        if request.params.seed is not None and not self._can["seed"]:
            warnings.append("the seed was not sent: the catalogue says this server does not know seeds")
        if warnings:
            details["warnings"] = warnings
        ended = this.ended or time.monotonic()
        first = None if this.first is None else this.first - this.turn
        return Completion(
            answer.text,
            "stopped" if this.stopped else answer.finish or "unknown",
            answer.usage,
            Timings(waited=this.turn - called, first_token=first, total=ended - this.turn),
            answer.fingerprint,
            details,
        )


@dataclass
class _Try:
    """One try at a request. Times are of `time.monotonic()`; `began` means the server had accepted it."""

    answer: Answer
    turn: float
    first: float | None = None
    ended: float = 0.0
    began: bool = False
    stopped: bool = False
    request_id: str = ""
