"""Servers as they are: what they send beside answers ends none, and what they say is never hidden."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab import errors
from promptlab.models._openai._endpoint import Endpoint
from promptlab.models._openai._finish import FINISH
from promptlab.models._openai._sse import read_events
from promptlab.models._openai._stream import Answer
from promptlab.models._thinking import ThinkingSplitter
from promptlab.types import Completion, Delta, Phase, Thought, Usage
from tests import loopback
from tests.loopback import LoopbackServer, Reply, delta, events, page, stream
from tests.models.asking import ASK, Made
from tests.places import SHARED

ASKED = Endpoint("x", "m", "http://127.0.0.1:1/v1")
CASES = SHARED / "cases" / "backends" / "sse"


def message(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk whose delta holds `fields`."""
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def raw(*lines: str) -> Reply:
    """A stream of exactly this text."""
    return page("".join(lines), kind="text/event-stream")


A, B, END = delta("Uru"), delta("guay"), delta(finish="stop")
FILTER = {
    "id": "",
    "choices": [{"index": 0, "finish_reason": None, "content_filter_results": {"hate": {"filtered": False}}}],
}
TEXT = "".join(f"data: {json.dumps(one)}\n\n" for one in (A, B, END))

# Events that carry no answer: anywhere in a stream they change nothing.
HARMLESS: dict[str, Any] = {
    "azure's filter results": FILTER,
    "azure's prompt filter": {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
    "no choices": {"object": "gateway.cost", "usd": 0.0001},
    "choices null": {"id": "1", "choices": None},
    "no choices at all": {"choices": []},
    "an empty object": {},
    "a null error": {"error": None, "choices": []},
    "an empty error": {"error": {}, "choices": []},
    "usage null": {"choices": [], "usage": None},
    "delta null": {"choices": [{"index": 0, "delta": None}]},
    "delta without fields": {"choices": [{"index": 0, "delta": {}}]},
    "content null": message(content=None, reasoning=None, refusal=None),
    "content of no parts": message(content=[]),
    "another choice": {"choices": [{"index": 1, "delta": {"content": "Peru"}, "finish_reason": "error"}]},
    "a null choice": {"choices": [None]},
    "no word for the end": {"choices": [{"index": 0, "delta": {}, "finish_reason": ""}]},
    "null": "null",
    "an empty list": "[]",
    "a number": "7",
    "timings": {"timings": {"predicted_ms": 3.5}, "choices": []},
}
QUIET = {
    "blank data": "data:\n\n",
    "blank data with spaces": "data:   \n\n",
    "a field without a colon": "data\n\n",
    "ping": 'event: ping\ndata: {"type": "ping"}\n\n',
    "ping with the time": "event: ping\ndata: 2026-11-28 12:00\n\n",
    "heartbeat without data": "event: heartbeat\n\n",
    "comment": ": OPENROUTER PROCESSING\n\n",
    "id and retry": "id: 7\nretry: 3000\n\n",
    "many blank lines": "\n\n\n",
    "an unknown field": "x-cost: 3\n",
}


@pytest.mark.parametrize("at", [0, 1, 2, 3])
@pytest.mark.parametrize("odd", HARMLESS.values(), ids=HARMLESS)
def test_an_event_without_an_answer_ends_none(
    server: LoopbackServer, make: Callable[..., Made], odd: Any, at: int
) -> None:
    chunks = [A, B, END]
    chunks.insert(at, odd)
    server.plan(events(*chunks, "[DONE]"))
    done = make().answer()
    assert (done.text, done.finish_reason, done.details) == ("Uruguay", "stop", {"attempts": 1})


@pytest.mark.parametrize("at", [0, 1, 2, 3])
@pytest.mark.parametrize("odd", QUIET.values(), ids=QUIET)
def test_neither_does_one_that_is_no_json(server: LoopbackServer, make: Callable[..., Made], odd: str, at: int) -> None:
    if at == 0 and odd.startswith("x-cost"):
        odd = f": hi\n{odd}"  # the first line must show that it is a stream at all
    parts = [f"data: {json.dumps(one)}\n\n" for one in (A, B, END)]
    parts.insert(at, odd)
    server.plan(raw(*parts, "data: [DONE]\n\n"))
    done = make().answer()
    assert (done.text, done.finish_reason, done.details) == ("Uruguay", "stop", {"attempts": 1})


AFTER: dict[str, str] = {
    "an error": 'data: {"error": {"message": "late failure", "code": 500}}\n\n',
    "a named error": "event: error\ndata: late failure\n\n",
    "no json": "data: {half\n\n",
    "a number": "data: 7\n\n",
    "choices of another shape": 'data: {"choices": {"0": 1}}\n\n',
    "another word": f"data: {json.dumps(delta(finish='error'))}\n\n",
    "and another": f"data: {json.dumps(delta(finish='length'))}\n\n",
}


@pytest.mark.parametrize("after", AFTER.values(), ids=AFTER)
def test_after_the_end_nothing_takes_the_answer_away(
    server: LoopbackServer, make: Callable[..., Made], after: str
) -> None:
    server.plan(raw(TEXT, after, "data: [DONE]\n\n"))
    done = make().answer()
    assert (done.text, done.finish_reason) == ("Uruguay", "stop")
    said = " ".join(done.details.get("warnings", ()))
    assert ("late failure" in said) == ("late failure" in after)


def test_a_server_that_goes_on_for_ever_after_the_end_is_not_waited_for(
    server: LoopbackServer, make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptlab.models._openai._attempt.AFTERWARDS", 0.2)
    pings = tuple(step for _ in range(10_000) for step in (0.01, loopback.chunked(b": ping\n\n")))
    server.plan((loopback.head() + loopback.chunked(TEXT.encode()), *pings))
    made, began = make(), time.monotonic()
    done = made.answer()
    assert done.text == "Uruguay"
    assert time.monotonic() - began - done.timings.total >= 0.2  # the wait behind the answer is no part of its time


def test_a_stop_behind_the_end_leaves_a_whole_answer(server: LoopbackServer, make: Callable[..., Made]) -> None:
    cancel = threading.Event()
    server.plan((loopback.head() + loopback.chunked(TEXT.encode()), loopback.HANG))
    steps = []
    for step in make().backend.complete(ASK, cancel):
        steps.append(step)
        threading.Timer(0.1, cancel.set).start()
    done = steps[-1]
    assert isinstance(done, Completion)
    assert (done.text, done.finish_reason) == ("Uruguay", "stop")


def test_what_comes_with_a_failing_end_is_kept(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(events(A, delta("guay", finish="abort"), "[DONE]"))
    steps, _ = make().fail()
    assert steps == [Delta("Uru"), Delta("guay")]


# Content in parts

PART = {"type": "text", "text": "Uru"}


@pytest.mark.parametrize(
    ("content", "text", "thinking", "named"),
    [
        ([PART, {"type": "text", "text": "guay"}], "Uruguay", "", ""),
        (["Uru", PART], "UruUru", "", ""),
        ([{"text": "Uru"}], "Uru", "", ""),
        ([{"type": "output_text", "text": "Uru"}], "Uru", "", ""),
        (PART, "Uru", "", ""),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, PART], "Uru", "Hm.", ""),
        ([{"type": "thinking", "thinking": "Hm."}, PART], "Uru", "Hm.", ""),
        ([{"type": "reasoning", "text": "Hm."}, PART], "Uru", "Hm.", ""),
        ([{"type": "redacted_thinking", "data": "EiQ="}, PART], "Uru", "", ""),
        ([PART, {"type": "image_url", "image_url": {"url": "data:"}}], "Uru", "", "image_url"),
        ([PART, {"type": "reference", "reference_ids": [1]}], "Uru", "", "reference"),
        ([PART, {"x": 1}], "Uru", "", "without a type"),
        ([PART, {"type": "text", "text": ""}], "Uru", "", ""),
        ([{"type": "text", "text": {"value": "Uru"}}], "Uru", "", ""),
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
def test_parts_are_joined_and_those_of_other_kinds_are_named(
    server: LoopbackServer,
    make: Callable[..., Made],
    content: Any,
    text: str,
    thinking: str,
    named: str,
    streamed: bool,
) -> None:
    if streamed:
        server.plan(events(message(content=content), END, "[DONE]"))
    else:
        whole = {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}]}
        server.plan(page(json.dumps(whole), kind="application/json"))
    done = make().answer()
    assert (done.text, done.thinking) == (text, thinking)
    assert (named in " ".join(done.details.get("warnings", ()))) if named else "warnings" not in done.details


# Thinking


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_content": "Let me see."},
        {"reasoning": "Let me see."},
        {"reasoning": {"content": "Let me see."}},
        {"reasoning": {"text": "Let me see."}},
        {"reasoning": {"summary": [{"type": "summary_text", "text": "Let me see."}]}},
        {"reasoning_details": [{"type": "reasoning.text", "text": "Let me see.", "signature": "x"}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "Let me see."}]},
        {"reasoning": "Let me see.", "reasoning_details": [{"type": "reasoning.text", "text": "Let me see."}]},
        {"reasoning": "Let me see.", "reasoning_content": "Let me see."},
        {"thinking": "Let me see."},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Let me see.", "signature": "x"}]},
        {"content": [{"type": "thinking", "thinking": "Let me see."}]},
        {"content": "<think>\nLet me see.\n</think>\n\n"},
    ],
    ids=str,
)
def test_thinking_is_kept_apart_in_every_form(
    server: LoopbackServer, make: Callable[..., Made], fields: dict[str, Any]
) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 20, "completion_tokens_details": {"reasoning_tokens": 17}}
    server.default = events(message(**fields), A, B, END, {"choices": [], "usage": usage}, "[DONE]")
    steps = make().ask()
    done = steps[-1]
    assert isinstance(done, Completion)
    assert (done.text, done.thinking) == ("Uruguay", "Let me see.")
    assert done.usage == Usage(9, None, 20, 17)
    assert "".join(s.text for s in steps if isinstance(s, Thought)) == done.thinking
    assert "".join(s.text for s in steps if isinstance(s, Delta)) == done.text
    whole = {"choices": [{"message": {"content": "Uruguay", **fields}, "finish_reason": "stop"}]}
    if "content" not in fields:
        server.default = page(json.dumps(whole), kind="application/json")
        done = make().answer()
        assert (done.text, done.thinking) == ("Uruguay", "Let me see.")


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [{"index": "0", "delta": {"content": "Uruguay"}}]},
        {"choices": [{"text": "Uruguay"}]},
        {"choices": [{"message": {"content": "Uruguay"}, "delta": None}]},
        [{"choices": [{"delta": {"content": "Uru"}}]}, {"choices": [{"delta": {"content": "guay"}}]}],
    ],
    ids=str,
)
def test_an_answer_in_an_odd_place_is_found(server: LoopbackServer, make: Callable[..., Made], chunk: Any) -> None:
    server.plan(events(chunk, END, '"[DONE]"'))
    assert make().answer().text == "Uruguay"


def test_what_a_reply_without_an_answer_says_is_quoted(server: LoopbackServer, make: Callable[..., Made]) -> None:
    for reply in (
        page('{"base_resp": {"status_code": 1004, "note": "bad thing"}}', kind="application/json"),
        events({"base_resp": {"status_code": 1004, "note": "bad thing"}}, "[DONE]"),
    ):
        server.plan(reply)
        _, error = make().fail()
        assert isinstance(error, errors.BadReply)
        assert "bad thing" in error.message


@pytest.mark.parametrize("name", ["tool_calls", "function_call", "audio", "images"])
def test_what_is_no_text_beside_the_content_is_named(
    server: LoopbackServer, make: Callable[..., Made], name: str
) -> None:
    server.plan(events(A, message(**{name: [{"id": "1"}]}), B, END, "[DONE]"))
    done = make().answer()
    assert done.text == "Uruguay"
    assert name in done.details["warnings"][0]


def test_encrypted_thinking_is_no_text(server: LoopbackServer, make: Callable[..., Made]) -> None:
    secret = {"reasoning_details": [{"type": "reasoning.encrypted", "data": "c2VjcmV0"}]}
    server.plan(events(message(**secret), A, B, END, "[DONE]"))
    done = make().answer()
    assert (done.text, done.thinking) == ("Uruguay", "")


def test_a_character_cut_in_two_is_whole_in_thinking_too(server: LoopbackServer, make: Callable[..., Made]) -> None:
    halves = [
        '{"choices":[{"delta":{"reasoning":"a\\ud83d"}}]}',
        '{"choices":[{"delta":{"reasoning":"\\ude00"}}]}',
    ]
    server.plan(events(*halves, A, END, "[DONE]"))
    assert make().answer().thinking == "a😀"


def test_an_answer_that_is_all_thinking_says_so(server: LoopbackServer, make: Callable[..., Made]) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 32, "completion_tokens_details": {"reasoning_tokens": 32}}
    server.plan(events(message(reasoning_content="The user"), {**delta(finish="length"), "usage": usage}, "[DONE]"))
    done = make().answer()
    assert (done.text, done.finish_reason, done.thinking) == ("", "length", "The user")
    assert done.details["warnings"] == ["32 of 32 tokens went into thinking: raise max_tokens"]


# How an answer ends


FAILED = (
    *("abort", "aborted", "ABORT", "RequestAborted", "error", "Error", "engine_error", "upstream error", "failed"),
    *("failure", "cancelled", "canceled", "cancel", "CANCELLATION", "timeout", "timed_out", "time_limit", "TimedOut"),
    *("network_error", "internal_server_error", "insufficient_system_resource", "interrupted", "preempted"),
    *("overloaded", "unavailable", "disconnected", "malformed_function_call", "exception", "crashed", "killed", "oom"),
    *("out_of_memory", "terminated", "shutdown", "expired", "connection-lost", "FINISH_REASON_ERROR"),
)


@pytest.mark.parametrize("word", FAILED)
def test_an_end_that_is_a_failure_is_none_of_an_answer(
    server: LoopbackServer, make: Callable[..., Made], word: str
) -> None:
    server.default = events(A, delta("", finish=word), "[DONE]")
    steps, error = make().fail()
    assert type(error) is errors.ServerFailed
    assert f"`{word}`" in error.message
    assert (steps, server.count) == ([Delta("Uru")], 1)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        *FINISH.items(),
        ("END_TURN", "stop"),
        ("end-turn", "stop"),
        ("FINISH_REASON_STOP", "stop"),
        (" stop ", "stop"),
        ("SAFETY", "content_filter"),
    ],
)
def test_every_word_for_an_end_is_understood(
    server: LoopbackServer, make: Callable[..., Made], word: str, reason: str
) -> None:
    server.plan(stream("Uruguay", finish=word))
    done = make().answer()
    assert (done.text, done.finish_reason, "finish" in done.details) == ("Uruguay", reason, False)


def test_a_word_that_nobody_knows_is_kept_as_it_came(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(stream("Uruguay", finish="moonset"))
    done = make().answer()
    assert (done.finish_reason, done.details["finish"]) == ("unknown", "moonset")


def test_a_whole_reply_without_a_word_for_its_end_is_whole(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(page(json.dumps({"choices": [{"message": {"content": "Uruguay"}}]}), kind="application/json"))
    done = make().answer()
    assert (done.text, done.finish_reason) == ("Uruguay", "unknown")


# What servers say

WORDS: dict[str, tuple[Any, type[errors.PromptlabError], str]] = {
    "vllm": ({"object": "error", "message": "bad thing", "code": 400}, errors.RequestRejected, "(400): bad thing"),
    "google": ([{"error": {"code": 400, "message": "bad thing"}}], errors.RequestRejected, "(400): bad thing"),
    "google 503": ([{"error": {"code": 503, "message": "bad thing"}}], errors.ServerFailed, "(503): bad thing"),
    "text": ({"error": "bad thing"}, errors.ServerFailed, "bad thing"),
    "a bare text": ("bad thing", errors.ServerFailed, "bad thing"),
    "object": ({"error": {"message": "bad thing"}}, errors.ServerFailed, "bad thing"),
    "nested": ({"error": {"error": {"message": "bad thing"}}}, errors.ServerFailed, "bad thing"),
    "anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "bad thing"}},
        errors.ServerFailed,
        "bad thing",
    ),
    "detail": ({"detail": "bad thing"}, errors.ServerFailed, "bad thing"),
    "detail list": ({"detail": [{"loc": ["body", "n"], "msg": "bad thing"}]}, errors.ServerFailed, "n: bad thing"),
    "message": ({"message": "bad thing"}, errors.ServerFailed, "bad thing"),
    "message and status": ({"message": "bad thing", "status": 503}, errors.ServerFailed, "(503): bad thing"),
    "code as text": ({"error": {"message": "bad thing", "code": "503"}}, errors.ServerFailed, "(503): bad thing"),
    "in the choice": (
        {"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "bad thing"}}]},
        errors.ServerFailed,
        "(502): bad thing",
    ),
    "error is true": ({"error": True, "message": "bad thing"}, errors.ServerFailed, "bad thing"),
    "errors": ({"success": False, "errors": [{"code": 7, "message": "bad thing"}]}, errors.ServerFailed, "bad thing"),
    "openrouter": (
        {"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "bad thing"}}},
        errors.ServerFailed,
        "(502): Provider returned error (bad thing)",
    ),
    "msg": ({"code": 50001, "msg": "bad thing"}, errors.ServerFailed, "bad thing"),
    "another shape": ({"error": {"cause": "bad thing"}}, errors.ServerFailed, "bad thing"),
}


@pytest.mark.parametrize("how", ["whole", "first event", "mid-stream", "mid-stream, then done"])
@pytest.mark.parametrize(("body", "kind", "words"), WORDS.values(), ids=WORDS)
def test_words_of_an_error_with_status_200_are_shown(
    server: LoopbackServer, make: Callable[..., Made], body: Any, kind: type, words: str, how: str
) -> None:
    text = json.dumps(body)
    server.default = {
        "whole": page(text, kind="application/json"),
        "first event": events(text),
        "mid-stream": events(A, text),
        "mid-stream, then done": events(A, text, "[DONE]"),
    }[how]
    steps, error = make().fail()
    assert type(error) is kind
    assert words in error.message
    assert [s for s in steps if isinstance(s, Delta)] == ([Delta("Uru")] if "mid" in how else [])


@pytest.mark.parametrize("status", [400, 404, 422, 500])
@pytest.mark.parametrize("body", [body for body, _, _ in WORDS.values() if "choices" not in body], ids=str)
def test_words_of_an_error_with_another_status_are_shown(
    server: LoopbackServer, make: Callable[..., Made], body: Any, status: int
) -> None:
    server.default = page(json.dumps(body), status, "application/json")
    _, error = make().fail()
    assert f"({status})" in error.message
    assert "bad thing" in error.message


def test_fastapis_list_names_each_field(server: LoopbackServer, make: Callable[..., Made]) -> None:
    wrong = [
        {"type": "missing", "loc": ["body", "messages", 0, "role"], "msg": "Field required"},
        {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": 7},
    ]
    server.plan(page(json.dumps({"detail": wrong}), 422, "application/json"))
    _, error = make().fail()
    assert "messages.0.role: Field required; seed: Extra inputs are not permitted" in error.message


@pytest.mark.parametrize(
    ("code", "tries"), [(429, 3), (500, 3), (502, 3), (503, 3), (529, 3), (408, 3), (400, 1), (401, 1), (402, 1)]
)
@pytest.mark.parametrize("how", ["event", "after a role", "whole"])
def test_an_error_in_the_first_event_is_asked_again_as_its_status_is(
    server: LoopbackServer, make: Callable[..., Made], code: int, tries: int, how: str
) -> None:
    body = {"error": {"code": code, "message": "provider is busy"}}
    server.default = {
        "event": events(body, "[DONE]"),
        "after a role": events(message(role="assistant", content=""), body, "[DONE]"),
        "whole": page(json.dumps(body), kind="application/json"),
    }[how]
    made = make()
    steps, error = made.fail()
    assert getattr(error, "status", None) == code
    assert (server.count, len(steps)) == (tries, tries - 1)
    server.default = stream("Uruguay")
    assert made.answer().text == "Uruguay"


def test_the_second_try_answers(server: LoopbackServer, make: Callable[..., Made]) -> None:
    server.plan(events({"error": {"code": 429, "message": "provider is busy"}}, "[DONE]"), stream("Uruguay"))
    steps = make().ask()
    assert steps[0] == Phase("retrying", detail="retrying in 0.5 s: too many requests")
    assert isinstance(steps[-1], Completion)
    assert (steps[-1].text, steps[-1].details["attempts"]) == ("Uruguay", 2)


def test_the_pause_asked_for_beside_an_error_in_the_first_event_is_kept(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    busy = f"data: {json.dumps({'error': {'code': 429, 'message': 'busy'}})}\n\n"
    server.plan(page(busy, kind="text/event-stream", retry_after="7"), stream("Uruguay"))
    made = make()
    assert (made.answer().text, made.pauses) == ("Uruguay", [7.0])


def test_an_answer_that_has_begun_is_not_asked_again(server: LoopbackServer, make: Callable[..., Made]) -> None:
    for begun in (A, message(reasoning="Hm.")):
        server.plan(events(begun, {"error": {"code": 503, "message": "busy"}}))
        make().fail()
    assert server.count == 2


def test_what_a_gateway_says_beside_an_answer_is_shown_with_it(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    server.plan(events({"message": "you are third in the queue"}, A, B, END, "[DONE]"))
    done = make().answer()
    assert done.text == "Uruguay"
    assert done.details["warnings"] == ["the server said besides: you are third in the queue"]


# The cases that were found with other servers

FAIL = {"finish-abort", "finish-error", "object-error", "first-event-429"}


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared is not there")
@pytest.mark.parametrize("name", [path.stem for path in sorted(CASES.glob("*.sse"))])
def test_the_cases_of_other_servers(server: LoopbackServer, make: Callable[..., Made], name: str) -> None:
    server.default = page((CASES / f"{name}.sse").read_bytes(), kind="text/event-stream")
    if name in FAIL:
        _, error = make().fail()
        assert server.count == (3 if name == "first-event-429" else 1)
        assert error.message
        return
    done = make().answer()
    assert done.text == ("" if name == "reasoning-only" else "Uruguay")
    assert bool(done.thinking) == (name in ("reasoning-only", "content-parts"))


# All of it together

SAID = st.sampled_from(["Uru", "guay", " ", "\n", "é", "日本", "😀", "<", "<think>", "data: x", "\r\n", "\u2028"])
ODD = st.sampled_from([f"data: {one if isinstance(one, str) else json.dumps(one)}" for one in HARMLESS.values()])
STILL = st.sampled_from([odd.strip("\n") for name, odd in QUIET.items() if name != "an unknown field"])
PARTS = st.lists(st.tuples(st.just("text"), SAID) | st.tuples(st.just("odd"), ODD | STILL), max_size=12)


@settings(max_examples=300, deadline=None)
@given(PARTS, st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 3_000), max_size=20), st.booleans())
def test_the_text_is_the_same_whatever_comes_between_and_wherever_it_is_cut(
    parts: list[tuple[str, str]], end: str, cuts: list[int], marked: bool
) -> None:
    lines = [": begin"]
    text = "".join(said for kind, said in parts if kind == "text")
    for kind, said in parts:
        lines += [f"data: {json.dumps(delta(said))}" if kind == "text" else said.replace("\n", end), ""]
    lines += [f"data: {json.dumps(END)}", "", "data: [DONE]", "", ""]
    data = ("\ufeff" if marked else "").encode() + end.join(lines).encode()
    places = sorted({0, len(data), *(at % (len(data) + 1) for at in cuts)})
    answer = Answer(ASKED)
    for event in read_events([data[a:b] for a, b in pairwise(places)], ASKED):
        answer.take(event)
    answer.close()
    splitting = ThinkingSplitter()
    (thought, start), (rest_thought, rest) = splitting.feed(text), splitting.finish()
    assert (answer.thinking, answer.text) == (thought + rest_thought, start + rest)
    assert (answer.finish, answer.done, answer.warnings()) == ("stop", True, [])
