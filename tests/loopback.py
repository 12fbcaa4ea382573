"""A real HTTP server on 127.0.0.1 that plays an OpenAI-compatible API, and every way it can misbehave.

    with LoopbackServer() as server:
        server.plan(status(503), stream("Argentina", usage=(9, 0, 3)))
        ...                                     # ask server.url
        assert server.count == 2 and b"secret" not in server.received

A reply is a tuple of steps: bytes are sent, numbers are seconds to wait, `HANG` waits until the client
leaves, `CUT` drops the connection. `plan` says what the next requests get, in order; after that each
gets `server.default`, which may also be a function of the request. Every byte that arrives is kept.

It is one asyncio protocol in a thread of its own, lean enough to answer some thousand requests a second,
so that benchmarks measure the client. By itself, in a process of its own:

    python -m tests.loopback --port 8000 --latency 0.05 --text "Argentina"
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

HANG: Literal["hang"] = "hang"
CUT: Literal["cut"] = "cut"
Step = bytes | float | Literal["hang", "cut"]
Reply = tuple[Step, ...]

SECRET_HEADERS = ("authorization", "api-key", "proxy-authorization")


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


# What a reply is made of


def chunked(data: bytes) -> bytes:
    """One chunk of a chunked body; of no data: its end."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def head(code: int = 200, kind: str = "text/event-stream", **headers: str) -> bytes:
    """Status line and headers of a chunked reply; `retry_after="2"` becomes `retry-after: 2`."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    lines = f"HTTP/1.1 {code} Said\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n{more}\r\n"
    return lines.encode()


def event(data: Any) -> bytes:
    """One server-sent event in one chunk; text is taken as it is, anything else becomes JSON."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return chunked(f"data: {text}\n\n".encode())


def delta(
    text: str | None = None, *, finish: str | None = None, model: str = "loop-1", system: str | None = "fp_7"
) -> dict[str, Any]:
    """One `chat.completion.chunk`."""
    said = {} if text is None else {"content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": model,
        "system_fingerprint": system,
        "choices": [{"index": 0, "delta": said, "finish_reason": finish}],
    }


def counted(prompt: int, cached: int, written: int) -> dict[str, Any]:
    """The usage object of the protocol."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


# Whole replies


@functools.lru_cache(maxsize=256)
def stream(
    text: str | tuple[str, ...] = "Argentina",
    *,
    latency: float = 0.0,
    gap: float = 0.0,
    usage: tuple[int, int, int] | None = (12, 0, 3),
    finish: str = "stop",
    system: str | None = "fp_7",
) -> Reply:
    """A good answer: `latency` seconds before the headers, `gap` before each piece.

    `usage` is prompt, cached and written tokens; None leaves the usage out.
    """
    pieces = (text,) if isinstance(text, str) else text
    start = {**delta("", system=system)}
    start["choices"][0]["delta"]["role"] = "assistant"
    steps: list[Step] = [latency, head(x_request_id="req_1") + event(start)]
    for piece in pieces:
        steps += [gap, event(delta(piece, system=system))]
    last = event(delta(finish=finish, system=system))
    if usage is not None:
        last += event({**delta(system=system), "choices": [], "usage": counted(*usage)})
    return _joined([*steps, last + event("[DONE]") + chunked(b"")])


def _joined(steps: Iterable[Step]) -> Reply:
    """Neighbouring bytes in one piece, and no waits of no time."""
    made: list[Step] = []
    for step in steps:
        if isinstance(step, bytes) and made and isinstance(made[-1], bytes):
            made[-1] += step
        elif step != 0:
            made.append(step)
    return tuple(made)


def events(*data: Any, end: bool = True) -> Reply:
    """A stream of exactly these events."""
    return (head() + b"".join(map(event, data)) + (chunked(b"") if end else b""),)


def page(body: str | bytes, code: int = 200, kind: str = "text/html", **headers: str) -> Reply:
    """Any body in one piece."""
    data = body.encode() if isinstance(body, str) else body
    return (head(code, kind, **headers) + (chunked(data) if data else b"") + chunked(b""),)


def whole(text: str, *, usage: tuple[int, int, int] = (12, 0, 3)) -> Reply:
    """A good answer that is not streamed."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    reply = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "loop-1",
        "choices": [choice],
        "usage": counted(*usage),
    }
    return page(json.dumps(reply), kind="application/json")


def status(
    code: int,
    message: str = "it went wrong",
    *,
    error_code: Any = None,
    error_type: str = "error",
    param: str | None = None,
    **headers: str,
) -> Reply:
    """An error as OpenAI words it."""
    error = {"message": message, "type": error_type, "code": error_code, "param": param}
    return page(json.dumps({"error": error}), code, "application/json", **headers)


def echo_key(request: Received) -> Reply:
    """A 401 that sends the key back, as careless servers and proxies do."""
    shown = {name: request.headers.get(name, "") for name in SECRET_HEADERS}
    return status(401, f"bad credentials {shown['authorization']}; headers: {shown}")


def hang() -> Reply:
    """Silence after the request."""
    return (HANG,)


def hang_midway(text: str = "Argen") -> Reply:
    """Some text, then silence."""
    return (head() + event(delta(text)), HANG)


def trickle(piece: str = "a", *, gap: float = 0.05, times: int = 10_000) -> Reply:
    """Text that keeps coming, slowly, and never ends in good time."""
    return (head(), *(step for _ in range(times) for step in (gap, event(delta(piece)))))


def cut_midway(text: str = "Argen") -> Reply:
    """Some text, then the connection is gone."""
    return (head() + event(delta(text)), 0.02, CUT)


def split_bytes(text: str) -> Reply:
    """A good answer that arrives one byte at a time, so every character and every line is cut somewhere."""
    (data,) = events(delta(text), delta(finish="stop"), "[DONE]")
    assert isinstance(data, bytes)
    return tuple(step for i in range(len(data)) for step in (data[i : i + 1], 0.0001))


class LoopbackServer:
    """The server; use it with `with`, or call `start` and `stop`.

    `received` is every byte that arrived, `requests` the requests in it, `count` their number, `peak` the most
    that were being answered at once, `connections` the connections open now, `opened` all there ever were.
    """

    def __init__(
        self,
        default: Reply | Callable[[Received], Reply] | None = None,
        *,
        port: int = 0,
        models: tuple[str, ...] = ("loop-1",),
    ) -> None:
        self.default = default or stream()
        self.models = models
        self.port = port
        self.received = bytearray()
        self.requests: list[Received] = []
        self.peak = self.in_flight = self.connections = self.opened = 0
        self._planned: deque[Reply | Callable[[Received], Reply]] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._transports: set[asyncio.Transport] = set()

    @property
    def url(self) -> str:
        """The base URL a client needs."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def count(self) -> int:
        return len(self.requests)

    def plan(self, *replies: Reply | Callable[[Received], Reply]) -> None:
        """What the next requests get, after what is already planned."""
        self._planned.extend(replies)

    def forget(self) -> None:
        """Drop what was planned and recorded."""
        self._planned.clear()
        self.received.clear()
        self.requests.clear()
        self.peak = self.in_flight

    def reply_to(self, request: Received) -> Reply:
        if request.path.endswith("/models"):
            return page(
                json.dumps({"object": "list", "data": [{"id": m, "object": "model"} for m in self.models]}),
                kind="application/json",
            )
        chosen = self._planned.popleft() if self._planned else self.default
        return chosen(request) if callable(chosen) else chosen

    def start(self) -> LoopbackServer:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="loopback", daemon=True)
        self._thread.start()
        assert ready.wait(10), "the loopback server did not start"
        return self

    def stop(self) -> None:
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._thread = None

    def _run(self, ready: threading.Event) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        listening = loop.run_until_complete(
            loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port, backlog=512)
        )
        self.port = listening.sockets[0].getsockname()[1]
        ready.set()
        loop.run_forever()
        listening.close()
        for transport in list(self._transports):
            transport.abort()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()

    def __enter__(self) -> LoopbackServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Connection(asyncio.Protocol):
    """One connection: requests in, replies out, one after the other."""

    def __init__(self, server: LoopbackServer) -> None:
        self.server = server
        self.buffer = bytearray()
        self.busy = False
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server._transports.add(transport)
        self.server.connections += 1
        self.server.opened += 1

    def connection_lost(self, _: Exception | None) -> None:
        self.server._transports.discard(self.transport)
        self.server.connections -= 1
        if self.timer is not None:
            self.timer.cancel()
        self._idle()

    def data_received(self, data: bytes) -> None:
        self.server.received += data
        self.buffer += data
        self._next()

    def _next(self) -> None:
        if self.busy or self.transport.is_closing():
            return
        request = self._parse()
        if request is None:
            return
        server = self.server
        server.requests.append(request)
        self.busy = True
        server.in_flight += 1
        server.peak = max(server.peak, server.in_flight)
        self._play(server.reply_to(request), 0)

    def _parse(self) -> Received | None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", 0))
        if len(self.buffer) < end + 4 + size:
            return None
        body = bytes(self.buffer[end + 4 : end + 4 + size])
        del self.buffer[: end + 4 + size]
        method, path, _ = first.split(" ")
        return Received(method, path, headers, body)

    def _play(self, reply: Reply, at: int) -> None:
        for number in range(at, len(reply)):
            step = reply[number]
            if step == HANG:
                return
            if step == CUT:
                self.transport.abort()
                return
            if isinstance(step, bytes):
                self.transport.write(step)
            elif isinstance(step, int | float):
                self.timer = self.server._loop.call_later(step, self._play, reply, number + 1)
                return
        self.timer = None
        self._idle()
        self._next()

    def _idle(self) -> None:
        if self.busy:
            self.busy = False
            self.server.in_flight -= 1


def main() -> None:
    """Serve until interrupted; the first line printed is the base URL."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before the headers")
    parser.add_argument("--gap", type=float, default=0.0, help="seconds before each word")
    parser.add_argument("--text", default="Argentina")
    options = parser.parse_args()
    words = tuple(part if i == 0 else f" {part}" for i, part in enumerate(options.text.split(" ")))
    server = LoopbackServer(stream(words, latency=options.latency, gap=options.gap), port=options.port).start()
    print(server.url, flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
