"""What the openai backend would send: the body, what is refused before it leaves, and the count of its tokens."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab import errors
from promptlab.models._as_sent import Piece
from promptlab.models._openai import _config as openai_entry
from promptlab.models._openai._backend import OpenAIBackend
from promptlab.models._openai._tokens import LONG
from promptlab.types import Message, Params, Prompt, Request, Span
from promptlab.workspace._workspace import OpenAIModel
from tests.loopback import LoopbackServer

HERE = "http://127.0.0.1:1/v1"


def backend(base_url: str | None = HERE, key: str = "k-123456", **entry: Any) -> OpenAIBackend:
    return OpenAIBackend(
        "x", OpenAIModel(backend="openai", **{"model": "gpt-4o-mini", "base_url": base_url, **entry}), key
    )


def request(content: str = "Who?", **more: Any) -> Request:
    return Request("x", Prompt((Message("user", content),)), **more)


def test_a_plain_request_has_no_field_nobody_asked_for() -> None:
    assert backend().body(request(params=Params(max_tokens=9))) == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Who?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
        "max_tokens": 9,
    }


def test_openai_itself_gets_the_newer_name_for_max_tokens() -> None:
    assert backend(None).body(request(params=Params(max_tokens=9)))["max_completion_tokens"] == 9
    assert backend(openai_entry.OFFICIAL + "/").body(request())["max_completion_tokens"] == 256
    assert "max_tokens" not in backend(capabilities={"max_completion_tokens": True}).body(request())


@pytest.mark.parametrize(
    ("flags", "params", "field", "value"),
    [
        ({}, {"top_p": 0.5}, "top_p", 0.5),
        ({}, {"stop": ("\n", "Q:")}, "stop", ["\n", "Q:"]),
        ({}, {"seed": 7}, "seed", 7),
        ({}, {"presence_penalty": 0.0}, "presence_penalty", 0.0),
        ({}, {"frequency_penalty": -1.0}, "frequency_penalty", -1.0),
        ({"top_k": True}, {"top_k": 40}, "top_k", 40),
        ({"min_p": True}, {"min_p": 0.1}, "min_p", 0.1),
        ({"repeat_penalty": True}, {"repeat_penalty": 1.1}, "repeat_penalty", 1.1),
        ({"repetition_penalty": True}, {"repeat_penalty": 1.1}, "repetition_penalty", 1.1),
        ({}, {"logprobs": 0}, "logprobs", True),
        ({}, {"logprobs": 5}, "top_logprobs", 5),
        ({"temperature": False}, {"temperature": 1.0}, "temperature", None),
        ({"stream_options": False}, {}, "stream_options", None),
        ({"seed": False}, {"seed": 7}, "seed", None),
    ],
)
def test_parameters_are_sent_under_the_name_the_server_knows(
    flags: dict[str, bool], params: dict[str, Any], field: str, value: Any
) -> None:
    assert backend(capabilities=flags).body(request(params=Params(**params))).get(field) == value


@pytest.mark.parametrize(
    ("flags", "params", "words"),
    [
        ({}, {"top_k": 40}, "capabilities: {top_k: true}"),
        ({}, {"min_p": 0.1}, "capabilities: {min_p: true}"),
        ({"logprobs": False}, {"logprobs": 2}, "`logprobs` cannot be sent"),
        ({}, {"repeat_penalty": 1.1}, "{repetition_penalty: true}"),
        ({"top_p": False}, {"top_p": 0.5}, "`top_p` cannot be sent"),
        ({"stop": False}, {"stop": ("a",)}, "`stop` cannot be sent"),
        ({"temperature": False}, {}, "set `temperature: 1`"),
        ({"presence_penalty": False}, {"presence_penalty": 1.0}, "`presence_penalty` cannot be sent"),
        ({"frequency_penalty": False}, {"frequency_penalty": 1.0}, "`frequency_penalty` cannot be sent"),
    ],
)
def test_a_parameter_the_server_does_not_know_is_refused_not_dropped(
    flags: dict[str, bool], params: dict[str, Any], words: str
) -> None:
    asked = backend(capabilities=flags)
    with pytest.raises(errors.RequestRejected) as caught:
        list(asked.complete(request(params=Params(**params)), threading.Event()))
    assert words in str(caught.value)


def test_a_schema_is_refused_where_the_server_knows_none() -> None:
    with pytest.raises(errors.RequestRejected, match="`response_format` cannot be sent"):
        backend(capabilities={"response_format": False}).body(request(schema='{"type": "object"}'))


def test_a_seed_that_is_not_sent_is_said_so() -> None:
    with LoopbackServer() as server:
        asked = backend(server.url, capabilities={"seed": False})
        *_, done = asked.complete(request(params=Params(seed=7)), threading.Event())
        asked.close()
    assert "seed was not sent" in done.details["warnings"][0]  # type: ignore[union-attr]  # the last step is a Completion


SCHEMA = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "winner": {"$ref": "#/$defs/team"},
        "goals": {"type": "array", "items": {"type": "object", "properties": {"by": {"type": "string"}}}},
        "properties": {"type": "string", "enum": ["type", "object"]},
    },
    "required": ["winner"],
    "$defs": {"team": {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": True}},
}


def test_a_schema_that_strict_mode_can_say_goes_out_strict() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    sent = backend().body(request(schema=json.dumps(schema)))["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["strict"] is True
    assert sent["json_schema"]["schema"] == {**schema, "additionalProperties": False}


def test_a_schema_that_strict_mode_cannot_say_goes_out_as_it_is_and_that_is_said() -> None:
    sent = backend().body(request(schema=json.dumps(SCHEMA)))["response_format"]["json_schema"]
    assert (sent["name"], sent["strict"], sent["schema"]) == ("answer", False, SCHEMA)
    with LoopbackServer() as server:
        asked = backend(server.url)
        *_, done = asked.complete(request(schema=json.dumps(SCHEMA)), threading.Event())
        asked.close()
    assert "not in strict mode" in done.details["warnings"][0]  # type: ignore[union-attr]  # a Completion


# Text that must not do anything


@pytest.mark.parametrize(
    "text", ["\x00", "a\x00b", "\u202eright to left", "<|im_start|>system", "{{ x }}", '"}],"x":"', "\U0001f600"]
)
def test_odd_text_arrives_as_it_is(text: str) -> None:
    with LoopbackServer() as server:
        asked = backend(server.url)
        list(asked.complete(request(text), threading.Event()))
        asked.close()
    assert server.requests[0].json["messages"] == [{"role": "user", "content": text}]


def test_ten_megabytes_arrive_whole() -> None:
    text = "Qué? " * 2_000_000
    with LoopbackServer() as server:
        asked = backend(server.url)
        list(asked.complete(request(text), threading.Event()))
        asked.close()
    assert server.requests[0].json["messages"][0]["content"] == text


@pytest.mark.parametrize("broken", ["\ud800", "\ude00\ud83d"])
def test_half_a_character_is_refused_before_anything_is_sent(broken: str) -> None:
    messages = (Message("system", "fine"), Message("user", f"bad {broken}"))
    spans = (Span(0, 0, 4, "instructions"), Span(1, 0, 4, "layout"), Span(1, 4, 4 + len(broken), "context", "a.md"))
    with LoopbackServer() as server:
        asked = backend(server.url)
        for ask in (lambda r: list(asked.complete(r, threading.Event())), asked.as_sent):
            with pytest.raises(errors.RequestRejected) as caught:
                ask(Request("x", Prompt(messages, spans)))
            assert "character 5 of message 2 (user, in context a.md)" in caught.value.message
        asked.close()
    assert server.opened == 0


def test_half_a_character_in_a_stop_string_is_refused_too() -> None:
    with pytest.raises(errors.RequestRejected, match="in a stop string"):
        list(backend().complete(request(params=Params(stop=("\ud800",))), threading.Event()))


def test_a_number_json_does_not_know_is_refused() -> None:
    with pytest.raises(errors.RequestRejected, match="not a finite number"):
        backend().as_sent(request(params=Params(temperature=float("nan"))))


# What is shown before it is sent


def test_the_preview_is_the_body_the_address_and_the_parts() -> None:
    messages = (Message("system", "Answer.\n\nArticle"), Message("user", "Who?"))
    spans = (
        Span(0, 0, 7, "instructions"),
        Span(0, 7, 9, "layout"),
        Span(0, 9, 16, "context", "a.md"),
        Span(1, 0, 4, "input", "question"),
    )
    ask = Request("x", Prompt(messages, spans))
    asked = backend("http://127.0.0.1:1/v1/")
    sent = asked.as_sent(ask)
    assert sent.url == "http://127.0.0.1:1/v1/chat/completions"
    assert sent.body == asked.body(ask)
    assert sent.pieces == (
        Piece("Answer.", "instructions"),
        Piece("\n\n", "layout"),
        Piece("Article", "context", "a.md"),
        Piece("Who?", "input", "question"),
    )
    assert sent.budget.by_source == {"a.md": 1, "question": 2}
    # The full stop and the empty line are one token, which counts where it starts.
    assert sent.budget.by_section == {"layout": 3 + 2 * 4, "instructions": 2, "context": 1, "input": 2}
    assert sent.budget.prompt == sum(sent.budget.by_section.values())


@pytest.mark.parametrize(
    ("entry", "schema", "exact", "window"),
    [
        ({"base_url": None, "model": "gpt-4o-mini"}, None, True, 128_000),
        ({"base_url": None, "model": "gpt-4o-2024-08-06"}, None, True, 128_000),
        ({"base_url": None, "model": "gpt-4o-mini"}, '{"type": "object"}', False, 128_000),
        ({"base_url": None, "model": "gpt-4.1-mini"}, None, False, 1_047_576),
        ({"base_url": None, "model": "gpt-3.5-turbo"}, None, True, 16_385),
        ({"base_url": None, "model": "gpt-3.5-turbo-instruct"}, None, True, None),
        ({"base_url": None, "model": "gpt-4o-mini", "window": 99}, None, True, 99),
        ({"base_url": None, "model": "gpt-9"}, None, False, None),
        ({"base_url": HERE, "model": "gpt-4o-mini"}, None, False, None),
        ({"base_url": HERE, "model": "llama-3", "window": 8192, "tokenizer": "cl100k"}, None, False, 8192),
    ],
)
def test_a_count_is_exact_only_where_it_is_known_to_be(
    entry: dict[str, Any], schema: str | None, exact: bool, window: int | None
) -> None:
    budget = backend(**entry).as_sent(request(schema=schema)).budget
    assert (budget.exact, budget.window) == (exact, window)


def test_a_schema_is_counted_as_layout() -> None:
    plain = backend().as_sent(request()).budget
    more = backend().as_sent(request(schema=json.dumps(SCHEMA))).budget
    assert more.by_section["layout"] > plain.by_section["layout"]


def test_control_tokens_in_text_are_counted_as_plain_text() -> None:
    assert backend().as_sent(request("<|endoftext|>")).budget.prompt > 3 + 4 + 1


PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(PARTS)
def test_sections_add_up_to_the_whole_wherever_the_cuts_are(parts: list[str]) -> None:
    content, spans, at = "".join(parts), [], 0
    for number, part in enumerate(parts):
        spans.append(Span(0, at, at + len(part), "context", f"{number}.md"))
        at += len(part)
    cut = backend().as_sent(Request("x", Prompt((Message("user", content),), tuple(spans)))).budget
    whole = backend().as_sent(request(content)).budget
    assert cut.prompt == whole.prompt == sum(cut.by_section.values())
    assert sum(cut.by_source.values()) == cut.by_section.get("context", 0)


def test_a_very_long_text_is_counted_in_pieces() -> None:
    text = "the cup " * (LONG // 2)
    budget = backend(None).as_sent(request(text)).budget
    assert not budget.exact
    assert abs(budget.prompt - LONG) < 20


# The catalogue entry


@pytest.mark.parametrize(
    ("entry", "key", "words"),
    [
        ({"capabilities": {"stream_option": True}}, "k", "did you mean `stream_options`?"),
        ({"base_url": "127.0.0.1:8000/v1"}, "k", "not the address of an HTTP server"),
        ({"base_url": "ftp://here/v1"}, "k", "not the address of an HTTP server"),
        ({"base_url": "http://"}, "k", "not the address of an HTTP server"),
        ({"base_url": "http://[::1/v1"}, "k", "not the address of an HTTP server"),
        ({"base_url": "http://here:99999/v1"}, "k", "not the address of an HTTP server"),
        ({"base_url": None}, "", "`api_key_env: OPENAI_API_KEY` in promptlab.yaml"),
        ({"base_url": None, "api_key_env": "MY_API_KEY"}, "  \n", "set MY_API_KEY in the environment"),
        ({"api_key_env": "MY_API_KEY"}, "", "set MY_API_KEY in the environment"),
        ({"api_key_env": "MY_API_KEY"}, "s3cret\nsecond", "check the environment variable MY_API_KEY"),
        ({}, "sécret", "characters that no key can have"),
    ],
)
def test_an_entry_that_cannot_work_says_what_to_do(entry: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(errors.ModelNotReady) as caught:
        list(backend(**{"base_url": HERE, **entry}, key=key).complete(request(), threading.Event()))
    assert words in str(caught.value)
    assert "cret" not in str(caught.value)


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(errors.ModelNotReady, match=r"pip install 'promptlab\[openai\]'"):
        backend()


def test_the_fingerprint_is_address_and_model() -> None:
    assert backend(None).fingerprint == "openai:https://api.openai.com/v1:gpt-4o-mini"
    assert backend("http://ann:pw@127.0.0.1:1/v1/?key=1", key="").fingerprint == f"openai:{HERE}:gpt-4o-mini"
    assert backend("HTTP://127.0.0.1:1/v1").fingerprint == f"openai:{HERE}:gpt-4o-mini"


def test_the_key_may_come_with_a_line_end() -> None:
    with LoopbackServer() as server:
        asked = backend(server.url, key="k-123456\n")
        list(asked.complete(request(), threading.Event()))
        asked.close()
    assert server.requests[0].headers["authorization"] == "Bearer k-123456"
