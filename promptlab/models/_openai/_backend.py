"""Models behind an OpenAI-compatible API: Chat Completions, streamed.

    POST {base_url}/chat/completions
    {"model": "gpt-4o-mini", "messages": [...], "stream": true, "temperature": 0, "max_completion_tokens": 32}

The openai library builds and sends requests and sorts errors; its retries are off, since a pause hidden
in there would look like latency. The rest has a file each, and docs/models.md tells people what can be set:

    openai_entry.py    the catalogue's entry, checked     openai_events.py   bytes to events
    openai_request.py  what is sent                       openai_stream.py   events to an answer
    openai_wire.py     the HTTP client, stoppable         openai_message.py  text and thinking of a message
    openai_proxy.py    proxies of the environment         openai_missing.py  what was asked for and not given
    openai_tokens.py   counting                           openai_errors.py   the words for what goes wrong
    openai_retry.py    asking again                       openai_hints.py    and what to do about it
    openai_outgoing.py what is done before text leaves    openai_scan.py     the scan of a request, masks undone
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from promptlab import workspace
from promptlab.errors import BadReply, ModelNotReady, PromptlabError, RateLimited
from promptlab.models._backend import Step
from promptlab.models._openai import (
    _not_honoured as openai_missing,
)
from promptlab.models._openai import (
    _proxy as openai_proxy,
)
from promptlab.models._openai import (
    _request as openai_request,
)
from promptlab.models._openai import (
    _schema as openai_schema,
)
from promptlab.models._openai import (
    _tokens as openai_tokens,
)
from promptlab.models._openai._config import address, authorization, check_installed, fingerprint
from promptlab.models._openai._errors import Asked, leaks, translate
from promptlab.models._openai._outgoing import Leaving, Outgoing
from promptlab.models._openai._retry import LONGEST_ASKED_PAUSE, backoff, brief, retry_after, wait_asked
from promptlab.models._openai._scan import Checked, undone
from promptlab.models._openai._sse import check_packing, read_events
from promptlab.models._openai._stream import Answer
from promptlab.types import AsSent, Completion, Delta, Phase, Piece, Request, Thought, Timings
from promptlab.workspace import OpenAIModel

if TYPE_CHECKING:
    import httpx2
    import openai

DRAIN = 0.05
"""Seconds to wait for the last bytes of a reply, after its last event."""
AFTERWARDS = 5.0
"""Seconds to wait for the counts of tokens, after the model has said why it ended."""


def _wait(cancel: threading.Event, seconds: float) -> bool:
    return cancel.wait(seconds)


class OpenAIBackend:
    """One model of one server. Safe to call from many threads; they share one client and its connections.

    `api_key` may be empty for a server that wants none. `wait(cancel, seconds)` pauses between tries and
    says whether `cancel` was set; `chance()` in [0, 1) shortens the pause, so that many clients spread out.
    `outgoing` watches over what leaves; the catalogue gives every model that of its workspace.
    `not_ready` is why it cannot be asked though it can count and show what it would send: a key is missing or broken,
    or, `off`, the workspace is not trusted yet.
    Raises `ModelNotReady` when the catalogue entry cannot work at all.
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
        self._made: openai.OpenAI | None = None
        check_installed(name)
        key = api_key.strip()
        at = address(name, entry)
        self._query = at.query
        self._can = openai_request.capabilities(name, entry, official=at.official)
        self.not_ready: PromptlabError | None = off
        self._authorization: tuple[str, str] | None = None
        try:
            self._authorization = authorization(name, entry, key, at)
        except ModelNotReady as exc:  # what sends nothing works all the same: previews, counts, stored answers
            self.not_ready = off or exc
        self.fingerprint = fingerprint(at, entry, outgoing.rule if outgoing is not None else None)
        self.window = entry.window or (openai_tokens.known_window(entry.model) if at.official else None)
        self._encoding = openai_tokens.encoding_name(entry.model, entry.tokenizer)
        self._exact = at.official and entry.tokenizer is None and openai_tokens.is_counted(entry.model)
        self._asked = Asked(
            name,
            entry.model,
            at.base,
            secrets=(*((key,) if key else ()), *at.secrets),
            key_env=entry.api_key_env or "",
            connect_timeout=entry.connect_timeout,
            read_timeout=entry.read_timeout,
            total_timeout=entry.total_timeout,
        )

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """Ask, and ask again where that is safe and can help: never once the server has begun to answer."""
        called = time.monotonic()
        if self.not_ready is not None:
            raise type(self.not_ready)(self.not_ready.message, hint=self.not_ready.hint)
        found, leaving = Checked(request), None
        if self._outgoing is not None:
            found = self._outgoing.checked(request)
            leaving = self._outgoing.leaving(
                request, fingerprint=self.fingerprint, clearance=self._entry.clearance, masked=len(found.masks)
            )
        steps = self._steps(found.request, leaving, cancel, called)
        yield from undone(steps, found) if found.masks or found.warnings else steps

    def _steps(
        self, request: Request, leaving: Leaving | None, cancel: threading.Event, called: float
    ) -> Generator[Step]:
        body = openai_request.encoded(self.body(request), request, self._asked)
        client = self._client()
        for attempt in range(1, self._entry.max_retries + 2):
            this = _Try(Answer(self._asked), time.monotonic(), attempt=attempt, leaving=leaving)
            try:
                with closing(self._ask(client, body, cancel, this)) as steps:
                    for step in steps:
                        this.first = this.first or time.monotonic()
                        yield step
            except Exception as exc:
                error, pause = translate(exc, self._asked, began=this.began), wait_asked(exc)
                pause = this.asked_wait if pause is None else pause
                if error is None:
                    raise
                # An error in the very first event is as good as one in the status, if it names a status.
                said = isinstance(error, RateLimited) or getattr(error, "status", None) is not None
                begun = this.answer.begun or (this.began and not said)
                if attempt > self._entry.max_retries or begun or not error.retryable:
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
                    raise error from (None if exc is error or leaks(exc, self._asked) else exc)
                detail = f"retrying in {pause:.2g} s: {brief(error)}"
            else:
                yield self._completion(request, this, attempt, called)
                return
            yield Phase("retrying", detail=detail)
            if self._wait(cancel, pause):
                stopped = _Try(Answer(self._asked), time.monotonic(), stopped=True)
                yield self._completion(request, stopped, attempt, called)
                return
            workspace.CHECK_BEFORE_RETRY.get()()  # a label may have been raised meanwhile

    def as_sent(self, request: Request) -> AsSent:
        """The JSON body and the address, and the tokens. Raises `RequestRejected` for what cannot be sent."""
        if self._outgoing is not None:
            request = self._outgoing.shown(request)
        body = self.body(request)
        openai_request.encoded(body, request, self._asked)
        pieces = tuple(Piece(text, span.section, span.source) for span, text in request.prompt.texts())
        budget = openai_tokens.budget(
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
            url=f"{self._asked.url}/chat/completions",
        )

    def body(self, request: Request) -> dict[str, Any]:
        """What is sent for `request`; raises `RequestRejected` for what this server does not know."""
        return openai_request.body(request, self._entry, self._can, self._asked)

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

        from promptlab.models._openai._transport import Transport

        entry = self._entry
        proxy = openai_proxy.environment_proxy(self._asked.url)
        if proxy is not None:
            openai_proxy.check(self.name, proxy)
        self._asked = replace(
            self._asked,
            proxy="" if proxy is None else openai_proxy.shown(proxy),
            secrets=(*self._asked.secrets, *openai_proxy.secrets(proxy)),
        )
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
                    proxy=proxy,
                ),
                timeout=timeout,
                trust_env=False,
                follow_redirects=False,
            ),
        )

    def _ask(
        self, client: openai.OpenAI, body: bytes, cancel: threading.Event, this: _Try
    ) -> Generator[Thought | Delta]:
        """One try: send, and give each piece as it comes. All else that is learned is noted in `this`."""
        import httpx2
        import openai

        from promptlab.models._openai._transport import Stopped, TimeOver, Watch

        answer, watch = this.answer, Watch(cancel, time.monotonic() + self._entry.total_timeout)
        response: httpx2.Response | None = None
        try:
            watch.check()
            if this.leaving is not None:  # before the first byte, and for every try
                asked = self._asked
                this.leaving.now(this.attempt, url=asked.url, asked=asked.model, size=len(body), via=asked.proxy)
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
            this.asked_wait = retry_after(response.headers)
            # Nobody asked for a compressed answer, but some proxies know better.
            packed = response.headers.get("content-encoding", "identity").lower() != "identity"
            if packed:
                check_packing(response.headers["content-encoding"], self._asked)
            chunks = response.iter_bytes() if packed else response.iter_raw()
            events = read_events(chunks, self._asked)
            while not answer.done:
                watch.check()
                with watch:
                    event = next(events, None)
                if event is None:
                    break
                yield from answer.take(event)
                if answer.finish is not None and not this.finished:
                    this.finished = time.monotonic()
                    watch.deadline = min(watch.deadline, this.finished + AFTERWARDS)
            yield from answer.close()
            this.ended = time.monotonic()
            # The last bytes of the reply, so that the connection can be used again.
            with Watch(cancel, this.ended + DRAIN):
                for _ in chunks:
                    pass
        except Stopped:
            this.stopped = not this.ended and answer.finish is None
        except (TimeOver, httpx2.HTTPError, BadReply):
            # Once the model has said that it ended, a break afterwards takes nothing away.
            if answer.finish is None and not this.ended:
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
        if answer.ended_with:
            details["finish"] = answer.ended_with
        finish = "stopped" if this.stopped else answer.finish or "unknown"
        warnings = answer.warnings()
        if request.schema is not None:
            warnings += openai_schema.sent(request.schema).words
        if not this.stopped:
            warnings += openai_missing.warnings(request, answer, finish, self._can, self._encoding)
        if warnings:
            details["warnings"] = warnings
        ended = this.ended or this.finished or time.monotonic()
        first = None if this.first is None else this.first - this.turn
        return Completion(
            answer.text,
            finish,
            answer.usage,
            Timings(waited=this.turn - called, first_token=first, total=ended - this.turn),
            answer.fingerprint,
            details,
            answer.thinking,
        )


@dataclass
class _Try:
    """One try at a request. Times are of `time.monotonic()`: `finished` when the model had said why it ended, `ended`
    when the reply had. `began` means the server had accepted it."""

    answer: Answer
    turn: float
    first: float | None = None
    ended: float = 0.0
    began: bool = False
    finished: float = 0.0
    stopped: bool = False
    request_id: str = ""
    asked_wait: float | None = None
    attempt: int = 1
    leaving: Leaving | None = None
