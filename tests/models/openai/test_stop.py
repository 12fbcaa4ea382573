"""Stop ends the openai backend wherever it is, keeps what had arrived, and leaves nothing behind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab.models._backend import Step
from promptlab.models._openai._backend import OpenAIBackend
from promptlab.types import Delta, Message, Prompt, Request
from promptlab.workspace._workspace import OpenAIModel
from tests import loopback
from tests.loopback import LoopbackServer, delta, events, status
from tests.models.asking import ASK, KEY, Made, eventually, stopped

# Stopping


def stop_in(backend: OpenAIBackend, ready: Callable[[list[Step]], bool], request: Request = ASK) -> list[Step]:
    """Ask in a thread, press stop when `ready`, and give the steps. Nothing but the stop could end it in time."""
    cancel, steps, failed = threading.Event(), [], []

    def ask() -> None:
        try:
            steps.extend(backend.complete(request, cancel))
        except Exception as exc:
            failed.append(exc)

    thread = threading.Thread(target=ask)
    thread.start()
    assert eventually(lambda: ready(steps))
    cancel.set()
    thread.join(10)
    assert not thread.is_alive()
    assert failed == []
    return steps


def test_stop_ends_the_wait_for_a_reply(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(loopback.hang())
    assert stopped(stop_in(make().backend, lambda _: server.in_flight == 1))
    assert eventually(lambda: server.connections == 0)


def test_stop_ends_a_hung_answer_and_keeps_its_text(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(loopback.hang_midway("Argen"))
    steps = stop_in(make().backend, lambda steps: steps == [Delta("Argen")])
    assert stopped(steps, "Argen")


def test_stop_ends_a_running_answer_and_keeps_its_text(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(loopback.trickle("a", gap=0.01))
    steps = stop_in(make().backend, lambda steps: len(steps) > 3)
    assert stopped(steps, "a" * (len(steps) - 1))
    assert eventually(lambda: server.connections == 0)


def test_stop_ends_an_answer_that_never_makes_it_wait(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(events(*[delta("a")] * 500, delta(finish="stop")))
    cancel, steps = threading.Event(), []
    for step in make().backend.complete(ASK, cancel):
        steps.append(step)
        cancel.set()
    assert stopped(steps, "a")


def test_stop_ends_a_pause_between_tries(server: LoopbackServer) -> None:
    server.default = status(503, retry_after="50")
    backend = OpenAIBackend("loop", OpenAIModel(backend="openai", model="m", base_url=server.url), KEY)
    assert stopped(stop_in(backend, lambda steps: len(steps) == 1))
    backend.close()
    assert server.count == 1


def test_stop_ends_a_hanging_connection(make: Callable[..., Made], deaf_port: int) -> None:
    made = make(base_url=f"http://127.0.0.1:{deaf_port}/v1", connect_timeout=30)
    assert stopped(stop_in(made.backend, lambda _: "promptlab-connect" in {t.name for t in threading.enumerate()}))


def test_stop_ends_a_tls_greeting_nobody_answers(server: LoopbackServer, make: Callable[..., Made]) -> None:
    made = make(base_url=server.url.replace("http:", "https:"), connect_timeout=3)
    assert stopped(stop_in(made.backend, lambda _: len(server.received) > 0))
    assert eventually(lambda: "promptlab-connect" not in {t.name for t in threading.enumerate()})


def test_stop_ends_sending_to_a_server_that_takes_nothing(make: Callable[..., Made]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepted: list[socket.socket] = []
        threading.Thread(target=lambda: accepted.append(listening.accept()[0]), daemon=True).start()
        made = make(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
        large = Request("loop", Prompt((Message("user", "a" * 30_000_000),)))
        assert stopped(stop_in(made.backend, lambda _: len(accepted) == 1, large))
        accepted[0].close()


def test_a_stop_before_the_start_sends_nothing(server: LoopbackServer, make: Callable[..., Made]) -> None:
    cancel = threading.Event()
    cancel.set()
    assert stopped(list(make().backend.complete(ASK, cancel)))
    assert server.count == 0


def test_closing_the_iterator_closes_the_connection(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(loopback.hang_midway())
    answer = make().backend.complete(ASK, threading.Event())
    next(answer)
    assert server.connections == 1
    answer.close()  # type: ignore[attr-defined]  # a generator, as every backend's
    assert eventually(lambda: server.connections == 0)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_stopped_calls_leave_no_thread_and_no_socket(server: LoopbackServer, make: Callable[..., Made]) -> None:
    backend = make().backend
    list(backend.complete(ASK, threading.Event()))
    threads, sockets = threading.active_count(), descriptors()
    server.default = loopback.hang_midway()
    for _ in range(40):
        answer, cancel = backend.complete(ASK, threading.Event()), threading.Event()
        next(answer)
        answer.close()  # type: ignore[attr-defined]  # a generator
        steps = []
        for step in backend.complete(ASK, cancel):
            cancel.set()
            steps.append(step)
        assert stopped(steps, "Argen")
    assert eventually(lambda: threading.active_count() == threads)
    # The server runs in this process, so its ends of the sockets count too.
    assert eventually(lambda: descriptors() <= sockets)
