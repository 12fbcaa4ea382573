"""`promptlab serve` over a real loopback socket, in a thread of the test, and a client that sends what it is told.

with Served(ModelServer(catalogue, ["demo"])) as served:
    reply = served.chat({"model": "demo", "messages": [...]})
    assert reply.status == 200 and reply.json["choices"][0]["finish_reason"] == "stop"
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from promptlab.server._app import ModelServer
from promptlab.server._socket import Limits, uvicorn_config

SECONDS = 60
"""The limit of every wait; only there so that a failure ends."""


@dataclass(frozen=True)
class Said:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["error"]
        assert set(found) == {"message", "type", "param", "code"}
        return found

    @property
    def events(self) -> list[Any]:
        """The events of a stream; the text of one that is no JSON."""
        lines = self.body.decode().split("\n\n")
        assert lines.pop() == ""
        data = [line.removeprefix("data: ") for line in lines if not line.startswith(":")]
        return [one if one == "[DONE]" else json.loads(one) for one in data]


class Served:
    """A running server."""

    def __init__(self, serving: ModelServer, limits: Limits | None = None) -> None:
        self.serving = serving
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._server = uvicorn.Server(uvicorn_config(serving, limits, timeout_graceful_shutdown=2))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Served:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.serving.stop()
        self._server.should_exit = True
        self._thread.join(SECONDS)
        self._socket.close()
        assert not self._thread.is_alive()

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = {}) -> Said:
        with self.asking(method, path, body, headers) as response:
            return Said(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def chat(self, body: Any, headers: Mapping[str, str] = {}) -> Said:
        return self.ask("POST", "/v1/chat/completions", body, headers)

    @contextmanager
    def asking(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = {}
    ) -> Iterator[http.client.HTTPResponse]:
        """A response whose body is not read yet; the client leaves at the end of the block."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, sent, dict(headers))
            yield connection.getresponse()
        finally:
            connection.close()

    def leave(self, body: Any) -> None:
        """Ask, and hang up once the server has the request."""
        data = json.dumps(body).encode()
        with socket.create_connection(("127.0.0.1", self.port)) as sock:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n\r\n"
            sock.sendall(head.encode() + data)
            assert self.comes_true(lambda: self.serving.busy == 1)

    @staticmethod
    def comes_true(claim: Any) -> bool:
        end = time.monotonic() + SECONDS
        while not claim() and time.monotonic() < end:
            time.sleep(0.01)
        return bool(claim())
