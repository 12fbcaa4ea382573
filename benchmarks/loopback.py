"""A server on loopback, in a process of its own so that it does not share our interpreter lock."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

USAGE = (2600, 0, 2)
"""Tokens read, found in a cache and written, as a server counts the prompt about the article: one that counts far fewer
seems to have cut it, and then it is counted here, which costs time that no good server costs."""


def _serve(pipe: Connection, answer: str, latency: float) -> None:
    """In the server's process: say the address, then for every message the number of requests so far."""
    from tests.loopback import LoopbackServer, Received, Reply, stream, whole

    streamed: Reply = stream(answer, latency=latency, usage=USAGE)
    at_once: Reply = (latency, *whole(answer, usage=USAGE))

    def reply(request: Received) -> Reply:
        return streamed if b'"stream":true' in request.body or b'"stream": true' in request.body else at_once

    with LoopbackServer(reply) as server:
        pipe.send(server.url)
        try:
            while True:
                pipe.recv()
                server.received.clear()
                pipe.send(server.count)
        except (EOFError, KeyboardInterrupt):
            return


@contextmanager
def loopback(answer: str, latency: float) -> Iterator[tuple[str, Callable[[], int]]]:
    """A server that waits `latency` seconds and says `answer`, streamed where that is asked for: its URL, and the
    number of requests so far."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there, answer, latency), daemon=True)
    process.start()
    there.close()

    def count() -> int:
        here.send(None)
        return int(here.recv())

    try:
        yield str(here.recv()), count
    finally:
        here.close()
        process.join(5)
        process.terminate()
