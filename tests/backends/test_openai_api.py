"""The openai backend over real HTTP: what it makes of every fault, how it is stopped, and what leaves the machine."""

from __future__ import annotations

import datetime
import email.utils
import logging
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from promptlab import errors
from promptlab.backends import Step
from promptlab.backends.openai_api import OpenAIBackend
from promptlab.backends.openai_wire import environment_proxy
from promptlab.types import Completion, Delta, Message, Phase, Prompt, Request, Usage
from promptlab.workspace import OpenAIModel
from tests import loopback
from tests.loopback import CUT, HANG, LoopbackServer, delta, event, events, head, page, status, stream

KEY = "sk-test-5ecret-5ecret-5ecret"
ASK = Request("loop", Prompt((Message("user", "Who won?"),)))


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


class Made:
    """A backend whose pauses take no time and are written down."""

    def __init__(self, url: str | None, key: str = KEY, **entry: Any) -> None:
        self.pauses: list[float] = []
        settings = {"model": "gpt-4o-mini", "base_url": url, "max_retries": 2, "read_timeout": 30.0, **entry}
        self.backend = OpenAIBackend(
            "loop", OpenAIModel(backend="openai", **settings), key, wait=self._wait, chance=lambda: 0.0
        )

    def _wait(self, cancel: threading.Event, seconds: float) -> bool:
        self.pauses.append(seconds)
        return cancel.is_set()

    def ask(self, request: Request = ASK) -> list[Step]:
        return list(self.backend.complete(request, threading.Event()))

    def answer(self, request: Request = ASK) -> Completion:
        steps = self.ask(request)
        last = steps[-1]
        assert isinstance(last, Completion)
        assert "".join(s.text for s in steps if isinstance(s, Delta)) == last.text
        return last

    def fail(self) -> tuple[list[Step], errors.PromptlabError]:
        """The steps before the failure, and the failure."""
        steps: list[Step] = []
        with pytest.raises(errors.PromptlabError) as caught:
            steps.extend(self.backend.complete(ASK, threading.Event()))
        return steps, caught.value


@pytest.fixture
def make(server: LoopbackServer) -> Iterator[Callable[..., Made]]:
    made: list[Made] = []

    def maker(**entry: Any) -> Made:
        made.append(Made(entry.pop("base_url", server.url), entry.pop("key", KEY), **entry))
        return made[-1]

    yield maker
    for one in made:
        one.backend.close()


def eventually(claim: Callable[[], bool]) -> bool:
    """Whether `claim` comes true; the limit is only there so that a failure ends."""
    end = time.monotonic() + 20
    while not claim() and time.monotonic() < end:
        time.sleep(0.01)
    return claim()


# Good answers


def test_an_answer_streams_with_usage_and_fingerprint(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(stream(("Argen", "tina"), usage=(12, 8, 3)))
    steps = make().ask()
    done = steps[-1]
    assert steps[:-1] == [Delta("Argen"), Delta("tina")]
    assert isinstance(done, Completion)
    assert (done.text, done.finish_reason, done.usage) == ("Argentina", "stop", Usage(read=4, reused=8, written=3))
    assert done.fingerprint == "loop-1@fp_7"
    assert done.details == {"attempts": 1, "request_id": "req_1"}
    assert done.timings.first_token is not None
    assert done.timings.first_token <= done.timings.total


@pytest.mark.parametrize(
    ("reply", "text", "finish"),
    [
        (stream("a", finish="length"), "a", "length"),
        (stream("a", finish="content_filter"), "a", "content_filter"),
        (stream("a", finish="tool_calls"), "a", "tool_calls"),
        (stream("a", finish="function_call"), "a", "tool_calls"),
        (stream("a", finish="eos"), "a", "unknown"),
        (stream("", usage=None), "", "stop"),
        (events(delta("a"), "[DONE]"), "a", "unknown"),
        (events(delta("a", finish="stop")), "a", "stop"),
        ((*events(delta("a", finish="stop"), end=False), CUT), "a", "stop"),
        (
            events(
                '{"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}',
                '{"choices":[{"index":0,"delta":{"content":"\\ude00!"},"finish_reason":"stop"}]}',
            ),
            "😀!",
            "stop",
        ),
        (events('{"choices":[{"delta":{"content":"x\\ud83d"},"finish_reason":"stop"}]}'), "x�", "stop"),
        (
            events(
                delta(finish=None), {"choices": []}, delta("a"), {"choices": [], "usage": None}, delta(finish="stop")
            ),
            "a",
            "stop",
        ),
        (
            events(
                {
                    "choices": [
                        {"index": 1, "delta": {"content": "other"}},
                        {"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"},
                    ]
                }
            ),
            "a",
            "stop",
        ),
        (events({"choices": [{"delta": None, "finish_reason": "stop"}]}), "", "stop"),
        (
            page(
                b": ping\r\n\r\ndata: "
                + b'{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]',
                kind="text/plain",
            ),
            "a",
            "stop",
        ),
        (page(b'data: {"choices":\ndata: [{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'), "a", "stop"),
        (loopback.whole("all at once"), "all at once", "stop"),
        (loopback.split_bytes("Qué, 日本, 😀"), "Qué, 日本, 😀", "stop"),
    ],
)
def test_every_way_to_say_an_answer_is_understood(
    server: LoopbackServer, make: Callable[..., Made], reply: loopback.Reply, text: str, finish: str
) -> None:
    server.plan(reply)
    done = make().answer()
    assert (done.text, done.finish_reason) == (text, finish)


def test_missing_or_senseless_usage_is_none(server: LoopbackServer, make: Callable[..., Made]) -> None:
    made = make()
    server.plan(stream(usage=None))
    assert made.answer().usage == Usage(None, None, None)
    server.plan(
        events(delta("a", finish="stop"), {"choices": [], "usage": {"prompt_tokens": "9", "completion_tokens": -1}})
    )
    assert made.answer().usage == Usage(None, None, None)
    server.plan(events(delta("a", finish="stop"), {"usage": {"prompt_tokens": 9, "completion_tokens": 1}}))
    assert made.answer().usage == Usage(9, None, 1)


def test_a_refusal_is_shown_as_what_the_model_said(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(events({"choices": [{"delta": {"refusal": "I cannot."}, "finish_reason": "stop"}]}))
    done = make().answer()
    assert (done.text, done.details["refused"]) == ("I cannot.", True)


def test_one_connection_serves_many_requests(server: LoopbackServer, make: Callable[..., Made]) -> None:
    made = make()
    for _ in range(5):
        made.answer()
    assert (server.count, server.opened) == (5, 1)


def test_many_threads_ask_at_once(server: LoopbackServer, make: Callable[..., Made]) -> None:
    backend, cancel, texts = make().backend, threading.Event(), []
    server.default = loopback.hang_midway("half")

    def ask() -> None:
        *_, done = backend.complete(ASK, cancel)
        assert isinstance(done, Completion)
        texts.append((done.text, done.finish_reason))

    threads = [threading.Thread(target=ask) for _ in range(64)]
    for thread in threads:
        thread.start()
    assert eventually(lambda: server.in_flight == 64)
    cancel.set()
    for thread in threads:
        thread.join(20)
    assert len(texts) == 64
    assert {reason for _, reason in texts} == {"stopped"}


# Faults: the right error, in words that help, after the right number of tries

FAULTS: list[tuple[str, loopback.Reply, type[errors.PromptlabError], str, int]] = [
    (
        "401",
        status(401, "Incorrect API key provided"),
        errors.AuthenticationFailed,
        "does not accept the key (401): Incorrect API key",
        1,
    ),
    ("403", status(403, "no access"), errors.AuthenticationFailed, "may not use the model (403): no access", 1),
    ("404", status(404, "no model"), errors.RequestRejected, "knows no such model or address (404): no model", 1),
    ("402", status(402, "pay"), errors.QuotaExhausted, "no credit left (402): pay", 1),
    ("400", status(400, "bad field"), errors.RequestRejected, "refuses the request (400): bad field", 1),
    (
        "400 field",
        status(400, "Unrecognized", param="stream_options"),
        errors.RequestRejected,
        "`stream_options`, switch it off under `capabilities`",
        1,
    ),
    (
        "400 context",
        status(400, "maximum context length is 8192", error_code="context_length_exceeded"),
        errors.RequestRejected,
        "longer than the model's window (400)",
        1,
    ),
    (
        "400 context vllm",
        status(400, "This model's maximum context length is 8192 tokens", error_type="BadRequestError", error_code=400),
        errors.RequestRejected,
        "longer than the model's window (400)",
        1,
    ),
    ("422", status(422, "no"), errors.RequestRejected, "refuses the request (422): no", 1),
    (
        "400 fastapi",
        page('{"detail":"Not like this"}', 400, "application/json"),
        errors.RequestRejected,
        "(400): Not like this",
        1,
    ),
    ("408", status(408), errors.ServerFailed, "the server failed (408)", 3),
    ("409", status(409), errors.ServerFailed, "the server failed (409)", 3),
    ("429", status(429, "slow down"), errors.RateLimited, "too many requests (429): slow down", 3),
    (
        "429 quota",
        status(
            429, "You exceeded your current quota", error_code="insufficient_quota", error_type="insufficient_quota"
        ),
        errors.QuotaExhausted,
        "no credit left (429): You exceeded",
        1,
    ),
    ("500", status(500, "oops"), errors.ServerFailed, "the server failed (500): oops", 3),
    (
        "503",
        page("<html><body>Bad gateway</body></html>", 503),
        errors.ServerFailed,
        "the server failed (503): it answered with a web page",
        3,
    ),
    ("500 empty", page("", 500), errors.ServerFailed, "the server failed (500)", 3),
    ("closed", (CUT,), errors.ConnectionFailed, "closed the connection without answering", 3),
    ("no HTTP", (b"220 mail server\r\n\r\n", CUT), errors.BadReply, "what came is not HTTP", 1),
    ("cut midway", loopback.cut_midway(), errors.StreamCut, "the connection broke before the answer was complete", 1),
    ("cut at once", (head(), 0.01, CUT), errors.StreamCut, "the connection broke before the answer was complete", 1),
    ("ended early", events(delta("Argen")), errors.StreamCut, "the answer ended before it was complete", 1),
    ("empty", page(b""), errors.BadReply, "the reply is empty", 1),
    ("web page", page("<!DOCTYPE html><title>Login</title>"), errors.BadReply, "it answered with a web page", 1),
    ("garbage", page(b"\x00\xff\x17garbage\n\n" * 9), errors.BadReply, "neither an event stream nor JSON", 1),
    ("garbage no line", page(b"\x00\xff\x17garbage"), errors.BadReply, "neither an event stream nor JSON", 1),
    ("garbage event", events(delta("a"), "{not json"), errors.BadReply, "part of the answer is not JSON: {not json", 1),
    (
        "bad utf-8",
        (head() + loopback.chunked(b'data: {"a": "\xff\xfe"}\n\n') + loopback.chunked(b""),),
        errors.BadReply,
        "not JSON",
        1,
    ),
    ("deep", events("[" * 50_000), errors.BadReply, "not JSON", 1),
    (
        "endless event",
        (head() + loopback.chunked(b"data: " + b"a" * 5_000_000),),
        errors.BadReply,
        "longer than 4 MB",
        1,
    ),
    ("json array", page("[1]", kind="application/json"), errors.BadReply, "not a JSON object", 1),
    ("no choices", events({"id": "1"}), errors.BadReply, "`choices` is missing", 1),
    ("choices no list", events({"choices": {"0": 1}}), errors.BadReply, "`choices` is missing or is no list", 1),
    ("choice no object", events({"choices": ["a"]}), errors.BadReply, "an entry of `choices` is no object", 1),
    ("no delta", events({"choices": [{"index": 0}]}), errors.BadReply, "`delta` is missing", 1),
    ("delta text", events({"choices": [{"delta": "a"}]}), errors.BadReply, "`delta` is no object", 1),
    ("content list", events({"choices": [{"delta": {"content": ["a"]}}]}), errors.BadReply, "`content` is no text", 1),
    ("content number", events({"choices": [{"delta": {"content": 7}}]}), errors.BadReply, "`content` is no text", 1),
    (
        "finish number",
        events({"choices": [{"delta": {}, "finish_reason": 7}]}),
        errors.BadReply,
        "`finish_reason` is no text",
        1,
    ),
    ("event number", events("7"), errors.BadReply, "not a JSON object", 1),
    (
        "error event",
        events(delta("a"), {"error": {"message": "overloaded", "type": "server_error"}}),
        errors.ServerFailed,
        "broke the answer off with an error: overloaded",
        1,
    ),
    (
        "error event 400",
        events({"error": {"message": "too long", "code": 400}}),
        errors.RequestRejected,
        "refuses the request (400): too long",
        1,
    ),
    (
        "named error event",
        (head() + loopback.chunked(b'event: error\ndata: {"message": "boom"}\n\n') + loopback.chunked(b""),),
        errors.ServerFailed,
        "with an error: boom",
        1,
    ),
    (
        "error with 200",
        page('{"error": "model is loading"}', kind="application/json"),
        errors.ServerFailed,
        "with an error: model is loading",
        1,
    ),
    (
        "redirect",
        page("", 307, location="http://127.0.0.1:9/v2?key=1"),
        errors.RequestRejected,
        "sends requests on to http://127.0.0.1:9/v2 (307)",
        1,
    ),
    ("broken gzip", page(b"not gzip", kind="text/event-stream", content_encoding="gzip"), errors.BadReply, "", 1),
]


@pytest.mark.parametrize(
    ("reply", "kind", "words", "tries"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_each_fault_is_the_right_error_after_the_right_number_of_tries(
    server: LoopbackServer,
    make: Callable[..., Made],
    reply: loopback.Reply,
    kind: type[errors.PromptlabError],
    words: str,
    tries: int,
) -> None:
    server.default = reply
    made = make()
    steps, error = made.fail()
    assert type(error) is kind
    assert words in str(error)
    assert error.message.startswith(f"loop (gpt-4o-mini at {server.url}): ")
    assert server.count == tries
    assert [type(s) for s in steps if not isinstance(s, Delta)] == [Phase] * (tries - 1)
    assert made.pauses == [0.5, 1.0][: tries - 1]
    assert ("asked 3 times" in error.hint) == (tries == 3)
    server.default = stream("fine again")
    assert made.answer().text == "fine again"


def test_what_had_arrived_before_a_cut_is_kept(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(loopback.cut_midway("Argen"))
    steps, _ = make().fail()
    assert steps == [Delta("Argen")]


@pytest.mark.parametrize(
    ("env", "hint"),
    [
        ("MY_KEY", "check the environment variable MY_KEY"),
        (None, "name the environment variable that holds the key with `api_key_env`"),
    ],
)
def test_a_refused_key_names_its_variable(
    server: LoopbackServer, make: Callable[..., Made], env: str | None, hint: str
) -> None:
    server.plan(status(401))
    _, error = make(api_key_env=env).fail()
    assert hint in error.hint


def test_a_server_that_comes_round_is_asked_again(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(status(503), status(429, retry_after="7"), stream("Argentina"))
    made = make()
    steps = made.ask()
    done = steps[-1]
    assert steps[:2] == [
        Phase("retrying", detail="retrying in 0.5 s: the server answered 503"),
        Phase("retrying", detail="retrying in 7 s: too many requests"),
    ]
    assert made.pauses == [0.5, 7.0]
    assert isinstance(done, Completion)
    assert done.details["attempts"] == 3


def test_pauses_count_as_waiting_not_as_latency(server: LoopbackServer) -> None:
    server.plan(status(503), stream())
    entry = OpenAIModel(backend="openai", model="m", base_url=server.url)
    backend = OpenAIBackend("loop", entry, KEY, chance=lambda: 0.0)
    *_, done = backend.complete(ASK, threading.Event())
    backend.close()
    assert isinstance(done, Completion)
    assert done.timings.waited >= 0.5


def test_pauses_grow_to_eight_seconds_and_no_further(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.default = status(500)
    made = make(max_retries=7)
    made.fail()
    assert made.pauses == [0.5, 1, 2, 4, 8, 8, 8]


def test_chance_shortens_a_pause_by_up_to_a_quarter(server: LoopbackServer) -> None:
    pauses: list[float] = []

    def wait(_: threading.Event, seconds: float) -> bool:
        pauses.append(seconds)
        return False

    server.plan(status(500))
    entry = OpenAIModel(backend="openai", model="m", base_url=server.url)
    backend = OpenAIBackend("loop", entry, KEY, wait=wait, chance=lambda: 1.0)
    list(backend.complete(ASK, threading.Event()))
    backend.close()
    assert pauses == [0.375]


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry_after": "3"}, 3, 3),
        ({"retry_after": "0.25"}, 0.25, 0.25),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5, 1.5),
        ({"retry_after": "soon"}, 0.5, 0.5),
        ({"retry_after": "0"}, 0.5, 0.5),
        ({"retry_after": "-3"}, 0.5, 0.5),
        ({"retry_after": "inf"}, 0.5, 0.5),
        ({"retry_after": "nan"}, 0.5, 0.5),
        ({"retry_after": "DATE"}, 20, 40),
    ],
)
def test_the_pause_a_server_asks_for_is_kept(
    server: LoopbackServer, make: Callable[..., Made], headers: dict[str, str], low: float, high: float
) -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=40)
    server.plan(
        status(
            503, **{k: v.replace("DATE", email.utils.format_datetime(later, usegmt=True)) for k, v in headers.items()}
        )
    )
    made = make()
    made.answer()
    (pause,) = made.pauses
    assert low <= pause <= high


def test_a_longer_pause_than_a_minute_is_not_waited_for(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(status(429, retry_after="3600"))
    made = make()
    _, error = made.fail()
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == 3600
    assert "it asks to wait 3600 s" in error.hint
    assert (made.pauses, server.count) == ([], 1)


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("base_url", "words", "tries"),
    [
        ("http://127.0.0.1:{closed}/v1", "no connection: Connection refused", 3),
        ("https://127.0.0.1:{plain}/v1", "no trusted connection", 1),
    ],
)
def test_no_connection_says_why(make: Callable[..., Made], base_url: str, words: str, tries: int) -> None:
    made = make(base_url=base_url.format(closed=closed_port(), plain=plain_port()))
    _, error = made.fail()
    assert type(error) is errors.ConnectionFailed
    assert words in error.message
    assert len(made.pauses) == tries - 1


def plain_port() -> int:
    """A port that answers a TLS greeting, once, with bytes that are no TLS."""
    listening = socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        with listening:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 400 Plain\r\n\r\n")

    threading.Thread(target=greet, daemon=True).start()
    port: int = listening.getsockname()[1]
    return port


# Deadlines


def test_silence_ends_at_the_read_deadline_and_is_not_asked_again(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    made = make(read_timeout=0.3)
    server.plan(loopback.hang())
    _, error = made.fail()
    assert type(error) is errors.DeadlineExceeded
    assert "nothing came for 0.3 s after the request was sent" in error.message
    server.plan(loopback.hang_midway("Argen"))
    steps, error = made.fail()
    assert steps == [Delta("Argen")]
    assert "nothing came for 0.3 s since the last piece of the answer" in error.message
    assert (server.count, made.pauses) == (2, [])


@pytest.mark.parametrize("reply", [loopback.trickle(), loopback.hang(), loopback.hang_midway()])
def test_the_total_deadline_ends_even_an_answer_that_keeps_trickling(
    server: LoopbackServer, make: Callable[..., Made], reply: loopback.Reply
) -> None:
    server.plan(reply)
    _, error = make(total_timeout=0.4).fail()
    assert type(error) is errors.DeadlineExceeded
    assert "took longer than 0.4 s altogether" in error.message
    assert server.count == 1


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


def test_a_connection_that_hangs_ends_at_the_connect_deadline_and_is_tried_again(
    make: Callable[..., Made], deaf_port: int
) -> None:
    made = make(base_url=f"http://127.0.0.1:{deaf_port}/v1", connect_timeout=0.2, max_retries=1)
    steps, error = made.fail()
    assert type(error) is errors.DeadlineExceeded
    assert "no connection within 0.2 s" in error.message
    assert steps == [Phase("retrying", detail="retrying in 0.5 s: no connection")]


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


def stopped(steps: list[Step], text: str = "") -> bool:
    last = steps[-1]
    return isinstance(last, Completion) and (last.finish_reason, last.text) == ("stopped", text)


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


# What leaves the machine, and what is said about it


@pytest.mark.parametrize(
    "reply",
    [
        loopback.echo_key,
        status(500, f"proxy log: Authorization: Bearer {KEY}"),
        events({"error": {"message": KEY}}),
        events(KEY),
        page(f"{KEY}\n"),
        page(f"<html>{KEY}", 502),
        page("", 308, location=f"http://{KEY}/"),
        events({"error": f"key {KEY[:12]}****{KEY[-4:]} is unknown"}),
        loopback.cut_midway(),
        (CUT,),
    ],
)
def test_the_key_is_in_no_message_log_or_traceback(
    server: LoopbackServer, make: Callable[..., Made], caplog: pytest.LogCaptureFixture, reply: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    server.default = reply
    made = make(api_key_env="MY_KEY")
    steps, error = made.fail()
    said = [*traceback.format_exception(error), repr(error), error.hint, str(vars(error)), repr(steps), caplog.text]
    said += [repr(made.backend), repr(vars(made.backend)["_asked"]), made.backend.fingerprint]
    assert f"Bearer {KEY}".encode() in server.received
    for text in said:
        assert KEY not in text
        assert KEY[:12] not in text


def test_only_the_headers_that_are_needed_are_sent(
    server: LoopbackServer, make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "OPENAI_API_KEY": "poison-key",
        "OPENAI_ADMIN_KEY": "poison-admin",
        "OPENAI_ORG_ID": "poison-org",
        "OPENAI_PROJECT_ID": "poison-project",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/poison",
        "OPENAI_CUSTOM_HEADERS": "X-Poison: poison\nAuthorization: Bearer poison",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    make().answer()
    (request,) = server.requests
    assert sorted(request.headers) == [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ]
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert b"poison" not in server.received.lower()


def test_without_a_key_no_authorization_is_sent(server: LoopbackServer, make: Callable[..., Made]) -> None:
    made = make(key="")
    made.answer()
    assert "authorization" not in server.requests[0].headers


def test_user_and_query_of_the_base_url_are_used_and_never_shown(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    url = server.url.replace("http://", "http://ann:s3cret@") + "/?token=t0ken&v=2"
    server.plan(stream(), status(400, "no: s3cret t0ken"))
    made = make(base_url=url, key="")
    made.answer()
    assert server.requests[0].path == "/v1/chat/completions?token=t0ken&v=2"
    assert server.requests[0].headers["authorization"] == "Basic YW5uOnMzY3JldA=="
    _, error = made.fail()
    shown = f"{error} {made.backend.fingerprint} {made.backend.as_sent(ASK)}"
    assert not any(secret in shown for secret in ("s3cret", "t0ken", "ann:"))


def test_a_redirect_takes_the_prompt_nowhere(server: LoopbackServer, make: Callable[..., Made]) -> None:
    with LoopbackServer() as other:
        server.plan(page("", 307, location=f"{other.url}/chat/completions"))
        _, error = make().fail()
        assert isinstance(error, errors.RequestRejected)
        assert (other.count, bytes(other.received)) == (0, b"")


def test_a_proxy_of_the_environment_is_used_but_never_for_this_machine(
    server: LoopbackServer, make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://ann:pw@127.0.0.1:{server.port}")
    assert make(base_url="http://api.example.test/v1").answer().text == "Argentina"
    (request,) = server.requests
    assert request.path == "http://api.example.test/v1/chat/completions"
    assert request.headers["proxy-authorization"] == "Basic YW5uOnB3"
    for here in ("http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]:1/v1", "http://127.9.9.9/v1"):
        assert environment_proxy(here) is None
    monkeypatch.setenv("no_proxy", "example.test")
    assert environment_proxy("http://api.example.test/v1") is None
    assert environment_proxy("http://other.test/v1") is not None


def test_importing_the_backend_imports_no_vendor() -> None:
    code = (
        "import sys, promptlab.backends.openai_api as a; from promptlab.workspace import OpenAIModel as M;"
        "a.OpenAIBackend('x', M(backend='openai', model='m', base_url='http://127.0.0.1:1'), '');"
        "print([m for m in ('openai', 'httpx2', 'httpcore2', 'bpe_openai') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# The server itself


def test_the_loopback_server_records_what_arrives_and_lists_its_models(server: LoopbackServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = sock.recv(10_000)
    assert b'"id": "loop-1"' in reply
    assert b"GET /v1/models" in server.received


def test_a_planned_reply_comes_once_and_in_order(server: LoopbackServer, make: Callable[..., Made]) -> None:
    made = make()
    server.plan(stream("one"), lambda request: stream(request.json["messages"][0]["content"]))
    assert [made.answer().text for _ in range(3)] == ["one", "Who won?", "Argentina"]


def test_hanging_replies_wait_for_the_client(server: LoopbackServer) -> None:
    server.plan((head() + event(delta("a")), HANG))
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        sock.recv(10_000)
        assert server.in_flight == 1
    assert eventually(lambda: server.in_flight == 0)
