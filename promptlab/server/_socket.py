"""Time limits of connections: a silent client must not block the others.

uvicorn waits for the head of a request without a limit, so a thousand connections that each send half a line would end
the service for all ("slow loris"). Here a request that is not complete in time is refused. If too many connections
wait, the one that has waited longest is closed.
"""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from promptlab.server._response import Refusal, encoded

HEAD_SECONDS = 10.0
"""From the first byte of a request, or the opening of a connection, to the end of its head."""
BODY_SECONDS = 60.0
"""From the end of the head to the end of the body."""
MOST_WAITING = 200
"""Connections that wait for the rest of a request, or for a new one."""
BACKLOG = 256
"""Connections in the queue of the system. Twice those that wait, those that are answered and these are together fewer
than the 1,024 files that a process may usually have open."""
KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep an idle connection, so that none is closed under a request."""

TOO_SLOW = Refusal(408, "the request was not complete in time", code="too_slow")
NOT_HTTP = Refusal(400, "this is not an HTTP request", code="not_http")


class Limits:
    """How long and how many connections may wait. `waiting` has them with the time they began to wait, the longest
    first.

    Above `most`, a connection that has waited for `fresh` seconds is closed: clients that all come at once are not
    silent clients. Above twice as many, any connection is closed.
    """

    def __init__(
        self, head: float = HEAD_SECONDS, body: float = BODY_SECONDS, most: int = MOST_WAITING, fresh: float = 1.0
    ) -> None:
        self.head, self.body, self.most, self.fresh = head, body, most, fresh
        self.waiting: dict[Connection, float] = {}

    def wait(self, connection: Connection) -> None:
        """Note that `connection` waits from now on."""
        now = connection.loop.time()
        self.waiting[connection] = now
        while len(self.waiting) > self.most:
            longest, since = next(iter(self.waiting.items()))
            if now - since < self.fresh and len(self.waiting) <= 2 * self.most:
                return
            del self.waiting[longest]
            longest.transport.abort()


class Connection(H11Protocol):
    """uvicorn's connection, with a time limit for the request that is coming in."""

    def __init__(self, limits: Limits, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._clock: asyncio.TimerHandle | None = None
        self._part = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._limits.wait(self)
        self._expect("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect("")
        self._limits.waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # ours has the protocol's form
        self._refuse(NOT_HTTP)

    def _look(self) -> None:
        """Find out what this connection waits for now."""
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            self._expect("body")
        elif state is h11.IDLE and self.conn.trailing_data[0]:
            self._expect("head")
        else:
            self._expect("")
        if state in (h11.IDLE, h11.SEND_BODY):
            if self not in self._limits.waiting and not self.transport.is_closing():
                self._limits.wait(self)
        else:
            self._limits.waiting.pop(self, None)

    def _expect(self, part: str) -> None:
        """Start the time limit for `part`, unless it is running. An empty `part` ends it."""
        if part == self._part:
            return
        if self._clock:
            self._clock.cancel()
        self._part, self._clock = part, None
        if part:
            seconds = self._limits.head if part == "head" else self._limits.body
            self._clock = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._refuse(TOO_SLOW)

    def _refuse(self, refusal: Refusal) -> None:
        """Close the connection, with an error if no answer has begun."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            body = encoded(refusal.body)
            head = (
                f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\nconnection: close\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            self.transport.write(head.encode("ascii") + body)
        self.transport.close()


def uvicorn_config(app: Any, limits: Limits | None = None, **options: Any) -> uvicorn.Config:
    """uvicorn's settings for `app`, with these limits for connections."""
    return uvicorn.Config(
        app,
        http=cast(Any, partial(Connection, limits or Limits())),  # uvicorn only needs something that makes a protocol
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,  # no proxy is trusted to say what the client's address is
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        **options,
    )


__all__ = ["Connection", "Limits", "uvicorn_config"]
