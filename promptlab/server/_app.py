"""The ASGI app of `promptlab serve`: local models behind an OpenAI-compatible API, with the prefix cache of promptlab.

    ModelServer(Catalogue(Workspace.find()), ["smollm2-135m"])     # GET /v1/models, POST /v1/chat/completions

The app asks the models directly and makes no run: nothing passes the gate, and nothing is scored or stored. Messages
have no labels, and the models are on this machine.

    _auth.py    who may ask             _request.py   from fields to a request
    _body.py    from bytes to fields    _generate.py  asking a model on a thread
    _fields.py  every field             _response.py  answers and errors
    _socket.py  time limits of connections; promptlab/cli/serve.py opens the socket
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from promptlab.errors import GateRefused, ModelNotFound, nearest
from promptlab.models import Catalogue, label_of_model
from promptlab.server._auth import refuse_request
from promptlab.server._body import parsed
from promptlab.server._generate import Generation
from promptlab.server._request import ChatRequest, chat_request
from promptlab.server._response import DONE, WAITING, Refusal, Writer, encoded, model_object, refusal_of
from promptlab.types import Completion, Delta, Label, Phase, Thought

MOST_BYTES = 16_000_000
"""The largest body."""
MOST_AT_ONCE = 256
"""Requests that wait or are answered at once. Each has a thread."""
HOLD_SECONDS = 5.0
"""How long a stream waits for its first text before it sends its head. Until then, an error can have its own status."""
ALIVE_SECONDS = 10.0
"""The longest silence of a stream. The prefill of a long prompt may take longer than a client waits."""


def labelled_models(catalogue: Catalogue, names: Sequence[str]) -> dict[str, Label]:
    """The models among `names` that were trained on labelled text, with its label."""
    labels = {name: label_of_model(catalogue.workspace, name) for name in names}
    return {name: label for name, label in labels.items() if label != "public"}


def refuse_labelled(catalogue: Catalogue, names: Sequence[str]) -> None:
    """Raise `GateRefused` if one of `names` was trained on labelled text: who asks it without a key is not known."""
    for name, label in labelled_models(catalogue, names).items():
        raise GateRefused(
            f"{name} was trained on text labelled {label}, and is not served without a key",
            hint="set PROMPTLAB_SERVE_KEY to a long secret that clients send, or name other models",
        )


class ModelServer:
    """An ASGI app that serves the models `names` of `catalogue`. If there is a `key`, every request must have it."""

    def __init__(
        self,
        catalogue: Catalogue,
        names: Sequence[str],
        *,
        key: str = "",
        most_bytes: int = MOST_BYTES,
        most_at_once: int = MOST_AT_ONCE,
        hold: float = HOLD_SECONDS,
        alive: float = ALIVE_SECONDS,
    ) -> None:
        if not key:
            refuse_labelled(catalogue, names)
        self._catalogue, self.names = catalogue, tuple(names)
        self.hold, self.alive = hold, alive
        self._key, self._most_bytes, self._most_at_once = key, most_bytes, most_at_once
        self._since = int(time.time())
        self._generations: set[Generation] = set()
        self._app = Starlette(
            routes=[
                Route("/v1/models", self._models),
                Route("/v1/models/{name:path}", self._model),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
            ],
            exception_handlers={HTTPException: _no_such_route},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = refuse_request(scope["headers"], self._key) if scope["type"] == "http" else None
        app: ASGIApp = self._app if refusal is None else answer(refusal)
        await app(scope, receive, send)

    @property
    def busy(self) -> int:
        """The number of requests that wait or are answered. If the client has left, it counts until the model stops."""
        return len(self._generations)

    def stop(self) -> None:
        """Stop every answer. May be called from any thread or signal handler."""
        for generation in tuple(self._generations):
            generation.cancel.set()

    def ask(self, chat: ChatRequest) -> Generation:
        """Start to ask a model. Called in the event loop."""
        generation = Generation(self._catalogue, chat, self._generations.discard)
        self._generations.add(generation)
        generation.start()
        return generation

    async def _models(self, request: Request) -> Response:
        if request.url.query:
            return answer(_no_query(request))
        return _json({"object": "list", "data": [model_object(name, self._since) for name in self.names]})

    async def _model(self, request: Request) -> Response:
        if request.url.query:
            return answer(_no_query(request))
        name = request.path_params["name"]
        if name in self.names:
            return _json(model_object(name, self._since))
        exc = ModelNotFound(f"there is no model `{name}` here", hint=nearest(name, self.names))
        return answer(refusal_of(exc))

    async def _chat(self, request: Request) -> Response:
        if self.busy >= self._most_at_once:
            words = f"{self.busy} requests are already waiting here"
            return answer(Refusal(503, words, "server_error", code="overloaded", headers={"retry-after": "1"}))
        refusal = _no_query(request) if request.url.query else _not_json(request)
        if refusal:
            return answer(refusal)
        try:
            body = await self._body(request)
            if body is None:
                return answer(Refusal(413, f"the body is larger than {self._most_bytes:,} bytes"))
            chat = await run_in_threadpool(self._parsed, body)
        except ClientDisconnect:
            return Response(status_code=400)  # the client has left
        except Exception as exc:  # our own fault has the protocol's form too
            return answer(refusal_of(exc))
        return cast(Response, Reply(self, chat))  # Starlette only needs a response that can be called

    def _parsed(self, body: bytes) -> ChatRequest:
        return chat_request(parsed(body), self.names)

    async def _body(self, request: Request) -> bytes | None:
        """The whole body; None if it is too large."""
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._most_bytes:
            return None
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._most_bytes:
                return None
        return bytes(body)


class Reply:
    """The answer to one request, whole or streamed. It stops if the client leaves."""

    def __init__(self, server: ModelServer, chat: ChatRequest) -> None:
        self._server, self._chat = server, chat
        self._writer = Writer(chat.request.model, chat.usage)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        generation = self._server.ask(self._chat)
        watch = asyncio.create_task(_watch(receive, generation))
        try:
            if self._chat.stream:
                await self._stream(generation, scope, receive, send)
            else:
                response = await self._whole(generation)
                if response is not None:
                    await response(scope, receive, send)
        finally:
            generation.cancel.set()
            watch.cancel()

    async def _whole(self, generation: Generation) -> Response | None:
        while (step := await generation.next()) is not None:
            if isinstance(step, BaseException):
                return answer(refusal_of(step))
            if isinstance(step, Completion):
                if step.finish_reason == "stopped":
                    return answer(STOPPED)
                return _json(self._writer.whole(step, generation.fingerprint))
        return None

    async def _stream(self, generation: Generation, scope: Scope, receive: Receive, send: Send) -> None:
        out = Events(send)
        clock = asyncio.get_running_loop().time
        due = clock() + self._server.hold
        while True:
            try:
                async with asyncio.timeout_at(due):
                    step = await generation.next()
            except TimeoutError:
                await (out.send(WAITING) if out.begun else self._begin(out, generation))
                due = clock() + self._server.alive
                continue
            if step is None:
                return
            if isinstance(step, Phase):
                continue
            refusal = refusal_of(step) if isinstance(step, BaseException) else None
            if isinstance(step, Completion) and step.finish_reason == "stopped":
                refusal = STOPPED
            if refusal and not out.begun:
                await answer(refusal)(scope, receive, send)
                return
            if not out.begun:
                await self._begin(out, generation)
            if refusal:
                await out.send(b"data: " + encoded(refusal.body) + b"\n\n", last=True)
                return
            if isinstance(step, Completion):
                last = self._writer.piece({}, generation.fingerprint, step)
                counts = self._writer.counts(step, generation.fingerprint) if self._chat.usage else b""
                await out.send(last + counts + DONE, last=True)
                return
            if isinstance(step, Delta | Thought) and step.text:
                field = "content" if isinstance(step, Delta) else "reasoning_content"
                await out.send(self._writer.piece({field: step.text}, generation.fingerprint))
                due = clock() + self._server.alive

    async def _begin(self, out: Events, generation: Generation) -> None:
        await out.begin()
        await out.send(self._writer.piece({"role": "assistant", "content": ""}, generation.fingerprint))


class Events:
    """A stream of server-sent events to the client."""

    def __init__(self, send: Send) -> None:
        self._send, self.begun = send, False

    async def begin(self) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
        self.begun = True
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def send(self, data: bytes, *, last: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})


ELSEWHERE: Mapping[str, str] = {
    "/v1/completions": "ask POST /v1/chat/completions, with `messages` in place of `prompt`",
    "/v1/responses": "ask POST /v1/chat/completions, with `messages` in place of `input`",
    "/v1/embeddings": "there are no embeddings here",
}
"""Hints for addresses that clients try."""

STOPPED = Refusal(503, "the answer was stopped: this server is shutting down", "server_error", code="stopped")


async def _watch(receive: Receive, generation: Generation) -> None:
    """Wait until the client leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass
    generation.leave()


def answer(refusal: Refusal) -> Response:
    """A refusal as a response."""
    return _json(refusal.body, refusal.status, dict(refusal.headers))


def _json(data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encoded(data), status, headers, "application/json")


def _not_json(request: Request) -> Refusal | None:
    """The refusal of a body whose headers say that it is not JSON in UTF-8; else None."""
    content_type = request.headers.get("content-type", "")
    kind, _, rest = content_type.partition(";")
    charset = rest.partition("charset=")[2].strip(' "').lower()
    if kind.strip().lower() not in ("", "application/json") or charset not in ("", "utf-8", "utf8"):
        return Refusal(
            415, f"the Content-Type is {ascii(content_type)[:100]}; send application/json in UTF-8", code="not_json"
        )
    packed = request.headers.get("content-encoding", "identity")
    if packed.lower() != "identity":
        return Refusal(415, f"the Content-Encoding is {ascii(packed)[:100]}; send the body as it is", code="packed")
    return None


def _no_query(request: Request) -> Refusal:
    name = next(iter(request.query_params), "?")
    return Refusal(400, f"{name}: is in the address, which takes no parameters; send fields in the body", param=name)


async def _no_such_route(request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    path = request.url.path
    words = f"{request.method} {path} is not served here"
    hint = ELSEWHERE.get(path.rstrip("/"), "there are GET /v1/models and POST /v1/chat/completions")
    if not path.startswith("/v1"):
        hint += "; the base URL of a client ends in /v1"
    return answer(Refusal(status, f"{words}; {hint}", code="not_served"))


__all__ = ["ModelServer"]
