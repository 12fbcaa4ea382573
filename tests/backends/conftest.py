"""The loopback server and backends that ask it, for the tests of the openai backend."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.backends.asking import KEY, Made
from tests.loopback import LoopbackServer


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def make(server: LoopbackServer) -> Iterator[Callable[..., Made]]:
    made: list[Made] = []

    def maker(**entry: Any) -> Made:
        made.append(Made(entry.pop("base_url", server.url), entry.pop("key", KEY), **entry))
        return made[-1]

    yield maker
    for one in made:
        one.backend.close()


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that connecting to it hangs."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listening.getsockname())
        waiting.append(sock)
    yield listening.getsockname()[1]
    for sock in (*waiting, listening):
        sock.close()
