"""The openai backend over real HTTP: every way to say an answer, and what leaves this machine."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from promptlab import errors
from promptlab.models._openai import _transport as openai_wire
from promptlab.models._openai._proxy import environment_proxy
from promptlab.types import Completion, Delta, Usage
from tests import loopback
from tests.loopback import CUT, LoopbackServer, delta, events, head, page, status, stream
from tests.models.asking import ASK, KEY, Made, eventually

# Good answers

ONE = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}'


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


def test_how_likely_tokens_were_is_taken_in_and_what_makes_no_sense_is_left_out(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    def event(text: str, logprobs: object) -> str:
        return json.dumps({"choices": [{"index": 0, "delta": {"content": text}, "logprobs": logprobs}]})

    good = {"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": [{"token": "é", "logprob": -1}, {"token": 3}]}
    bad = [{"token": "x", "logprob": "high"}, "x", None]
    server.plan(
        events(
            event("A", {"content": [good]}), event("b", {"content": bad}), event("c", "none"), delta("", finish="stop")
        )
    )
    entry = {
        "token": "A",
        "bytes": [65],
        "logprob": -0.5,
        "top": [{"token": "é", "bytes": [195, 169], "logprob": -1.0}],
    }
    assert make().answer().details["logprobs"] == [entry]


@pytest.mark.parametrize(
    ("reply", "text", "finish"),
    [
        (stream("a", finish="length"), "a", "length"),
        (stream("a", finish="content_filter"), "a", "content_filter"),
        (stream("a", finish="tool_calls"), "a", "tool_calls"),
        (stream("a", finish="function_call"), "a", "tool_calls"),
        (stream("a", finish="eos"), "a", "stop"),
        (stream("a", finish="MAX_TOKENS"), "a", "length"),
        (stream("a", finish="moonset"), "a", "unknown"),
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
        (
            (
                head() + loopback.chunked(b"\n ") + loopback.chunked(ONE[:9]),
                0.02,
                loopback.chunked(ONE[9:] + b"\n\n") + loopback.chunked(b""),
            ),
            "a",
            "stop",
        ),
        (page(ONE.removeprefix(b"data: "), kind="application/json"), "a", "stop"),
        (page(ONE + b"\n\ndata: {half"), "a", "stop"),
        (page(ONE), "a", "stop"),
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


def side_by_side(made: Made, number: int) -> None:
    """Ask so many questions that each begins before any other ends."""
    answers = [iter(made.backend.complete(ASK, threading.Event())) for _ in range(number)]
    for answer in answers:
        assert isinstance(next(answer), Delta)
    for answer in answers:
        assert isinstance(list(answer)[-1], Completion)


def test_answers_at_once_have_a_connection_each_which_the_next_ones_use_again(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    made = make()
    for _ in range(3):
        side_by_side(made, 8)
    assert (server.count, server.opened, server.connections) == (24, 8, 8)
    made.backend.close()
    assert eventually(lambda: server.connections == 0)


def test_no_more_connections_stay_open_than_questions_may_be_asked_at_once(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    side_by_side(make(max_parallel=2), 8)
    assert eventually(lambda: server.connections == 2)


def test_connections_that_are_not_needed_any_more_are_closed(
    server: LoopbackServer, make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make()
    side_by_side(made, 8)
    monkeypatch.setattr(openai_wire, "KEPT", 0.0)
    made.answer()
    assert eventually(lambda: server.connections == 1)


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
    made = make(api_key_env="MY_API_KEY")
    steps, error = made.fail()
    said = [*traceback.format_exception(error), repr(error), error.hint, str(vars(error)), repr(steps), caplog.text]
    said += [repr(made.backend), repr(vars(made.backend)["_endpoint"]), made.backend.fingerprint]
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
    assert make(base_url="http://api.example.test/v1", key_over_http=True).answer().text == "Argentina"
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
        "import sys, promptlab.models._openai._backend as a\n"
        "from promptlab.workspace._workspace import OpenAIModel as M\n"
        "a.OpenAIBackend('x', M(backend='openai', model='m', base_url='http://127.0.0.1:1'), '');"
        "print([m for m in ('openai', 'httpx2', 'httpcore2', 'bpe_openai') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
