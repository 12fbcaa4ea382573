"""The loopback server does what the other tests take for granted."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.loopback import HANG, LoopbackServer, delta, event, head, stream
from tests.models.asking import Made, eventually


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


def test_the_loopback_server_records_what_arrives_and_lists_its_models(server: LoopbackServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = sock.recv(10_000)
    assert b'"id": "loop-1"' in reply
    assert b"GET /v1/models" in server.received


def test_a_planned_reply_comes_once_and_in_order(server: LoopbackServer) -> None:
    made = Made(server.url)
    server.plan(stream("one"), lambda request: stream(request.json["messages"][0]["content"]))
    assert [made.answer().text for _ in range(3)] == ["one", "Who won?", "Argentina"]
    made.backend.close()


def test_hanging_replies_wait_for_the_client(server: LoopbackServer) -> None:
    server.plan((head() + event(delta("a")), HANG))
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        sock.recv(10_000)
        assert server.in_flight == 1
    assert eventually(lambda: server.in_flight == 0)
