"""Connections that say nothing, or say it slowly, over real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from promptlab.models._catalogue import Catalogue
from promptlab.models._scripted import ScriptedBackend
from promptlab.server._app import MOST_AT_ONCE, ModelServer
from promptlab.server._socket import BACKLOG, Limits
from promptlab.workspace._workspace import Workspace
from tests.served import SECONDS, Served

BODY = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "Who won?"}]}).encode()
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(BODY)
QUICK = Limits(head=0.3, body=0.3, most=64)
PATIENT = Limits(head=50, body=50, most=64, fresh=0)
NEVER = 50.0
"""Seconds that no test waits."""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(Workspace(tmp_path, {}, {}), {}, extra={"demo": ScriptedBackend("demo", ["Argentina"])})


@pytest.fixture
def quick(catalogue: Catalogue) -> Iterator[Served]:
    with Served(ModelServer(catalogue, ["demo"]), Limits(QUICK.head, QUICK.body, QUICK.most)) as served:
        yield served


@pytest.fixture
def patient(catalogue: Catalogue) -> Iterator[Served]:
    with Served(
        ModelServer(catalogue, ["demo"]), Limits(PATIENT.head, PATIENT.body, PATIENT.most, PATIENT.fresh)
    ) as served:
        yield served


def opened(served: Served, sent: bytes = b"") -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", served.port), timeout=SECONDS)
    sock.sendall(sent)
    return sock


def until_closed(sock: socket.socket) -> bytes:
    """All that the server says before it closes."""
    said = b""
    try:
        while piece := sock.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said


def answered(sock: socket.socket) -> bool:
    """Whether the answer comes."""
    said = b""
    while b"Argentina" not in said and (piece := sock.recv(65536)):
        said += piece
    return b"Argentina" in said


def closed(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


HALVES = {
    "nothing": b"",
    "half a line": b"POST /v1/chat/comp",
    "half a head": b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n",
    "no body": HEAD,
    "half a body": HEAD + BODY[:20],
    "half a chunk": HEAD.replace(b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked") + b"40\r\n{",
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_a_request_that_does_not_come_whole_is_given_up_in_words(quick: Served, half: bytes) -> None:
    with opened(quick, half) as sock:
        head, _, body = until_closed(sock).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["error"]["code"] == "too_slow"
    assert quick.chat(json.loads(BODY)).status == 200


@pytest.mark.parametrize("start", [b"GET /v1/models HTTP/1.1\r\nX-A: ", HEAD], ids=["head", "body"])
def test_a_byte_now_and_then_buys_no_time(quick: Served, start: bytes) -> None:
    with opened(quick, start) as sock:
        ended = time.monotonic() + NEVER
        with pytest.raises(OSError):  # noqa: PT012  # the server closes while bytes are sent
            while time.monotonic() < ended:
                sock.sendall(b" ")
                time.sleep(0.05)


def test_the_second_request_of_a_connection_has_a_clock_too(quick: Served) -> None:
    with opened(quick, HEAD + BODY + b"GET /v1/mod") as sock:
        said = until_closed(sock)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in said


def test_a_connection_that_asked_may_rest_and_ask_again(quick: Served) -> None:
    with opened(quick) as sock:
        for _ in range(2):
            sock.sendall(HEAD + BODY)
            assert answered(sock)
            time.sleep(3 * QUICK.head)
        assert not closed(sock)


def test_an_answer_may_take_longer_than_a_request(tmp_path: Path) -> None:
    slow = ScriptedBackend("slow", [["Argen", 4 * QUICK.body, "tina"]])
    found = Catalogue(Workspace(tmp_path, {}, {}), {}, extra={"slow": slow})
    with Served(ModelServer(found, ["slow"]), Limits(QUICK.head, QUICK.body, QUICK.most)) as served:
        said = served.chat({**json.loads(BODY), "model": "slow"})
    assert said.json["choices"][0]["message"]["content"] == "Argentina"


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_hundreds_of_half_open_connections_keep_nobody_out(patient: Served, half: bytes) -> None:
    with ExitStack() as stack:
        socks = [stack.enter_context(opened(patient, half)) for _ in range(200)]
        assert patient.chat(json.loads(BODY)).status == 200
        assert patient.comes_true(lambda: sum(map(closed, socks)) >= 200 - PATIENT.most)
        assert patient.chat(json.loads(BODY)).status == 200
        assert not closed(socks[-1])
        assert patient.comes_true(lambda: patient.serving.busy == 0)


def test_clients_that_all_come_at_once_are_not_taken_for_silent_ones(catalogue: Catalogue) -> None:
    with Served(ModelServer(catalogue, ["demo"]), Limits(50, 50, 64, fresh=50)) as served, ExitStack() as stack:
        socks = [stack.enter_context(opened(served)) for _ in range(120)]
        for sock in socks:
            sock.sendall(HEAD + BODY)
        assert all(answered(sock) for sock in socks)


def test_a_server_as_it_is_started_never_has_as_many_connections_as_files_it_may_open() -> None:
    assert 2 * Limits().most + MOST_AT_ONCE + BACKLOG < 1000


def test_connections_that_are_answered_are_not_closed_to_make_room(tmp_path: Path) -> None:
    go = threading.Event()

    class Waits(ScriptedBackend):
        def complete(self, *asked: object) -> Iterator[object]:  # type: ignore[override]
            go.wait(NEVER)
            yield from super().complete(*asked)  # type: ignore[arg-type]

    found = Catalogue(Workspace(tmp_path, {}, {}), {}, extra={"demo": Waits("demo", ["Argentina"])})
    with Served(ModelServer(found, ["demo"]), Limits(NEVER, NEVER, 8)) as served, ExitStack() as stack:
        generation = []
        for number in range(12):
            generation.append(stack.enter_context(opened(served, HEAD + BODY)))
            assert served.comes_true(lambda number=number: served.serving.busy == number + 1)
        for _ in range(20):
            stack.enter_context(opened(served))
        go.set()
        assert all(answered(sock) for sock in generation)


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET /\r\n\r\n", b"X-A: " + b"a" * 100_000])
def test_what_is_no_request_is_refused_in_the_shape_of_the_protocol(patient: Served, sent: bytes) -> None:
    with opened(patient) as sock:
        sock.sendall(sent)
        head, _, body = until_closed(sock).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"]["code"] == "not_http"


def test_a_refused_body_that_never_ends_does_not_hold_its_connection(catalogue: Catalogue) -> None:
    with Served(ModelServer(catalogue, ["demo"], most_bytes=100), Limits(QUICK.head, QUICK.body, 64)) as served:
        head = HEAD.replace(b"Content-Length: %d" % len(BODY), b"Content-Length: 5000")
        with opened(served, head + b"{") as sock:
            said = until_closed(sock)
    assert said.count(b"HTTP/1.1 ") == 1
    assert said.startswith(b"HTTP/1.1 413 ")
