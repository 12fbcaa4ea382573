"""What the openai backend makes of everything a server can do wrong, and when it asks again."""

from __future__ import annotations

import datetime
import email.utils
import socket
import threading
from collections.abc import Callable

import pytest

from promptlab import errors
from promptlab.models._openai._backend import OpenAIBackend
from promptlab.types import Completion, Delta, Message, Phase, Prompt, Request
from promptlab.workspace._workspace import OpenAIModel
from tests import loopback
from tests.loopback import CUT, LoopbackServer, delta, events, head, page, status, stream
from tests.models.asking import ASK, KEY, Made

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
        "set `capabilities: {stream_options: false}`",
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
    ("json array", page("[1]", kind="application/json"), errors.BadReply, "`choices` is missing; it says 1", 1),
    ("no choices", events({"id": "1"}), errors.BadReply, "`choices` is missing", 1),
    ("choices no list", events({"choices": {"0": 1}}), errors.BadReply, "`choices` is not a list", 1),
    ("choice no object", events({"choices": ["a"]}), errors.BadReply, "an entry of `choices` is not an object", 1),
    ("no delta", events({"choices": [{"index": 0}]}), errors.StreamCut, "ended before it was complete", 1),
    ("done and nothing else", events("[DONE]"), errors.BadReply, "`choices` is missing", 1),
    ("done, and no word", events(delta(""), "[DONE]"), errors.StreamCut, "ended before it was complete", 1),
    ("delta text", events({"choices": [{"delta": "a"}]}), errors.BadReply, "`delta` is not an object", 1),
    ("part a number", events({"choices": [{"delta": {"content": [7]}}]}), errors.BadReply, "neither text nor", 1),
    ("content number", events({"choices": [{"delta": {"content": 7}}]}), errors.BadReply, "`content` is not text", 1),
    (
        "finish number",
        events({"choices": [{"delta": {}, "finish_reason": 7}]}),
        errors.BadReply,
        "`finish_reason` is not text",
        1,
    ),
    ("event number", events("7"), errors.BadReply, "`choices` is missing; it says 7", 1),
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
        "redirects requests to http://127.0.0.1:9/v2 (307)",
        1,
    ),
    ("brotli", page(b"x", kind="text/event-stream", content_encoding="br"), errors.BadReply, "compressed as `br`", 1),
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
        ("MY_API_KEY", "check the environment variable MY_API_KEY"),
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


def test_a_connection_that_hangs_ends_at_the_connect_deadline_and_is_tried_again(
    make: Callable[..., Made], deaf_port: int
) -> None:
    made = make(base_url=f"http://127.0.0.1:{deaf_port}/v1", connect_timeout=0.2, max_retries=1)
    steps, error = made.fail()
    assert type(error) is errors.DeadlineExceeded
    assert "no connection within 0.2 s" in error.message
    assert steps == [Phase("retrying", detail="retrying in 0.5 s: no connection")]


def test_a_server_that_takes_nothing_ends_at_the_read_deadline(make: Callable[..., Made]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = make(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}/v1", read_timeout=0.3)
        with pytest.raises(errors.DeadlineExceeded, match=r"took nothing of the request for 0\.3 s"):
            made.ask(Request("loop", Prompt((Message("user", "a" * 30_000_000),))))
