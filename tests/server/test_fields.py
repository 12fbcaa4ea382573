"""Every field that a client of `promptlab serve` may send: those of the openai package's types, and what others add.

No field is taken and not honoured. Each is sent here, over a real socket: with a value that is honoured, with one that
asks for nothing, and with one that is refused by name.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import pytest
from openai.types import shared_params
from openai.types.chat import chat_completion_message_param as messages_of_openai
from openai.types.chat.chat_completion_content_part_text_param import ChatCompletionContentPartTextParam
from openai.types.chat.chat_completion_stream_options_param import ChatCompletionStreamOptionsParam
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.shared_params.response_format_json_schema import JSONSchema

from promptlab.errors import InputError
from promptlab.models._catalogue import Catalogue
from promptlab.models._llama._chat_template import ChatTemplate
from promptlab.models._scripted import ScriptedBackend
from promptlab.server._app import ModelServer
from promptlab.server._body import LEVELS, parsed
from promptlab.server._fields import NOT_OFFERED, OPENAI, OTHERS, Body, Labels, NamedSchema, Part, StreamOptions, Turn
from promptlab.server._request import ChatRequest, chat_request
from promptlab.types import Message, Prompt, Request
from promptlab.workspace._workspace import Workspace
from tests.places import SHARED
from tests.served import Served
from tools import serve_docs

ASK: dict[str, Any] = {"model": "demo", "messages": [{"role": "user", "content": "Who won?"}], "seed": 1}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
SCHEMA = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}, "required": ["z"]}
CASES = SHARED / "cases/backends/serve"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    models = {name: ScriptedBackend(name, ['{"z": "a"}']) for name in ("demo", "other")}
    found = Catalogue(Workspace(tmp_path_factory.mktemp("work"), {}, {}), {}, extra=models)
    with Served(ModelServer(found, ["demo", "other"])) as running:
        yield running


@pytest.fixture
def history(served: Served) -> list[Request]:
    """What the model is asked from now on."""
    demo = served.serving._catalogue.backend("demo")
    assert isinstance(demo, ScriptedBackend)
    demo.history.clear()
    return demo.history


def read(**change: Any) -> ChatRequest:
    return chat_request({**ASK, **change}, ["demo", "other"])


def message(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Who won?", **fields}]}


def form(**fields: Any) -> dict[str, Any]:
    return {"response_format": fields}


def named(schema: Any, **fields: Any) -> dict[str, Any]:
    return form(type="json_schema", json_schema={"name": "x", "schema": schema, **fields})


# Every field has been decided


def test_every_field_of_the_openai_package_is_decided() -> None:
    theirs = {*get_type_hints(CompletionCreateParamsNonStreaming), *get_type_hints(CompletionCreateParamsStreaming)}
    assert "messages" in theirs
    assert theirs - {*Body.model_fields} == {*OPENAI}


def test_no_field_is_decided_twice() -> None:
    assert not {*OPENAI} & {*OTHERS}
    assert not {*NOT_OFFERED} & {*Body.model_fields}


NESTED: Mapping[str, tuple[type, type, set[str]]] = {
    "a text part": (ChatCompletionContentPartTextParam, Part, set()),
    "stream_options": (ChatCompletionStreamOptionsParam, StreamOptions, set()),
    "json_schema": (JSONSchema, NamedSchema, set()),
    **{
        f"a message of {kind.__name__}": (kind, Turn, {"audio", "function_call", "tool_calls", "tool_call_id"})
        for kind in get_args(messages_of_openai.ChatCompletionMessageParam)
    },
}


@pytest.mark.parametrize(("theirs", "ours", "refused"), NESTED.values(), ids=NESTED)
def test_every_field_of_an_object_in_the_body_is_decided(theirs: type, ours: Any, refused: set[str]) -> None:
    known = {field.alias or name for name, field in ours.model_fields.items()}
    assert {*get_type_hints(theirs)} - known <= refused


def test_every_response_format_of_the_openai_package_is_known() -> None:
    for name in ("ResponseFormatText", "ResponseFormatJSONObject", "ResponseFormatJSONSchema"):
        hints = get_type_hints(getattr(shared_params, name))
        assert {*hints} <= {"type", "json_schema"}
        assert read(
            **form(
                type=get_args(hints["type"])[0],
                **({"json_schema": {"name": "x", "schema": SCHEMA}} if len(hints) > 1 else {}),
            )
        )


# What is honoured changes what is asked

HONOURED: list[tuple[str, Any, dict[str, Any]]] = [
    ("model", "other", {}),
    ("messages", [{"role": "user", "content": "Who lost?"}], {}),
    ("stream", True, {}),
    ("stream_options", {"include_usage": True}, {"stream": True}),
    ("temperature", 0, {}),
    ("temperature", 1.5, {}),
    ("top_p", 0.5, {}),
    ("min_p", 0, {}),
    ("top_k", 7, {}),
    ("repeat_penalty", 1.1, {}),
    ("presence_penalty", -1, {}),
    ("frequency_penalty", 0.5, {}),
    ("seed", 12345, {}),
    ("max_tokens", 5, {}),
    ("max_completion_tokens", 6, {}),
    ("stop", "\n", {}),
    ("stop", ["a", "b"], {}),
    ("response_format", {"type": "json_object"}, {}),
    ("logprobs", True, {}),
    ("top_logprobs", 3, {"logprobs": True}),
]
PARAMS: Mapping[str, str] = {"max_completion_tokens": "max_tokens", "top_logprobs": "logprobs"}
"""Fields whose parameter has another name."""


@pytest.mark.parametrize(("field", "value", "beside"), HONOURED, ids=[f"{one[0]}={one[1]}"[:40] for one in HONOURED])
def test_a_field_that_is_honoured_changes_what_is_asked(
    served: Served, history: list[Request], field: str, value: Any, beside: dict[str, Any]
) -> None:
    assert served.chat({**ASK, **beside, field: value}).status == 200
    given = read(**beside, **{field: value})
    assert given != read(**beside)
    if field not in ("model", "messages", "stream", "stream_options", "response_format", "logprobs"):
        found = getattr(history[-1].params, PARAMS.get(field, field))
        wants = tuple([value] if isinstance(value, str) else value) if field == "stop" else value
        assert found == wants
        assert isinstance(found, float) == (field in ("temperature", "top_p", "min_p") or field.endswith("penalty"))


def test_each_honoured_field_is_sent() -> None:
    assert {one[0] for one in HONOURED} == {*Body.model_fields} - {*Labels.model_fields}


LABELS = [(name, value) for name, field in Labels.model_fields.items() for value in field.examples or ()]


@pytest.mark.parametrize(("field", "value"), LABELS, ids=str)
def test_a_label_changes_nothing(served: Served, field: str, value: Any) -> None:
    assert served.chat({**ASK, field: value}).status == 200
    assert read(**{field: value}) == read()


@pytest.mark.parametrize("field", Labels.model_fields)
def test_a_label_of_the_wrong_type_is_refused(served: Served, field: str) -> None:
    assert {name for name, _ in LABELS} == {*Labels.model_fields}
    said = served.chat({**ASK, field: [5]})
    assert (said.status, said.error["param"]) == (400, field)


ASKS_FOR_NOTHING = [(name, value) for name, only in NOT_OFFERED.items() for value in (None, *only.values)]


@pytest.mark.parametrize(("field", "value"), ASKS_FOR_NOTHING, ids=str)
def test_a_value_that_asks_for_nothing_changes_nothing(served: Served, field: str, value: Any) -> None:
    said = served.chat({**ASK, field: value})
    assert said.status == 200, said.body
    assert read(**{field: value}) == read()


@pytest.mark.parametrize("field", NOT_OFFERED)
def test_a_value_that_asks_for_something_not_done_here_is_refused_by_name(
    served: Served, history: list[Request], field: str
) -> None:
    only = NOT_OFFERED[field]
    harmless = {json.dumps(value) for value in only.values}
    for value in (True, False, 7, 0.5, "something", ["something"], {"some": "thing"}):
        if json.dumps(value) not in harmless:
            said = served.chat({**ASK, field: value})
            assert (said.status, said.error["type"], said.error["param"]) == (400, "invalid_request_error", field)
            assert only.hint in said.error["message"]
    assert history == []


@pytest.mark.parametrize("field", Body.model_fields)
def test_null_is_as_good_as_left_out(field: str) -> None:
    if field in ("model", "messages", "seed"):
        return
    assert read(**{field: None}) == read()


def test_tools_that_are_not_to_be_called_are_taken(served: Served, history: list[Request]) -> None:
    for change in (
        {"tools": [TOOL], "tool_choice": "none"},
        {"functions": [TOOL["function"]], "function_call": "none"},
        {"tools": [], "tool_choice": "auto"},
    ):
        assert served.chat({**ASK, **change}).status == 200
    assert len({request.key("") for request in history}) == 1
    for change, param in (
        ({"tools": [TOOL]}, "tools"),
        ({"tools": [TOOL], "tool_choice": "auto"}, "tools"),
        ({"tools": [TOOL], "tool_choice": "required"}, "tools"),
        ({"tools": 5, "tool_choice": "none"}, "tools"),
        ({"tools": [5], "tool_choice": "none"}, "tools"),
        ({"tools": [TOOL], "function_call": "none"}, "tools"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
    ):
        said = served.chat({**ASK, **change})
        assert (said.status, said.error["param"]) == (400, param)


# Messages


def test_messages_reach_the_model_as_their_roles_and_texts(served: Served, history: list[Request]) -> None:
    parts = [{"type": "text", "text": "Who"}, {"type": "text", "text": "won?", "prompt_cache_breakpoint": {}}]
    sent = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": parts, "name": "ann"},
        {"role": "assistant", "content": "?", "refusal": None, "tool_calls": [], "annotations": [], "audio": None},
        {"role": "user", "content": ""},
        {"role": "assistant", "content": None, "refusal": "I will not."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "Nor now."}]},
        {"role": "user", "content": "So?", "name": None},
    ]
    assert served.chat({**ASK, "messages": sent}).status == 200
    assert history[-1].messages == (
        Message("system", "Be brief."),
        Message("user", "Who\nwon?", "ann"),
        Message("assistant", "?"),
        Message("user", ""),
        Message("assistant", "I will not."),
        Message("assistant", "Nor now."),
        Message("user", "So?"),
    )


def test_a_chat_template_that_shows_names_is_given_them() -> None:
    source = "{% for m in messages %}{{ m.name or m.role }}: {{ m.content }}\n{% endfor %}"
    template = ChatTemplate(source, origin="from the test", model="demo")
    messages = [Message("user", "Hello.", "ann"), Message("user", "Hello.")]
    assert "".join(piece.text for piece in template.lay_out(messages)) == "ann: Hello.\nuser: Hello.\n"
    silent = ChatTemplate(source.replace("m.name or ", ""), origin="from the test", model="demo")
    assert "ann" not in "".join(piece.text for piece in silent.lay_out(messages))
    assert Request("demo", Prompt((messages[0],))).key("") != Request("demo", Prompt((messages[1],))).key("")


# Schemas


@pytest.mark.parametrize(
    ("change", "schema"),
    [
        (form(type="text"), None),
        (form(type="json_object"), {"type": "object"}),
        (form(type="json_object", schema=None), {"type": "object"}),
        (form(type="json_object", schema=SCHEMA), SCHEMA),
        (named(SCHEMA), SCHEMA),
        (named(SCHEMA, strict=True), SCHEMA),
        (named(SCHEMA, strict=False, description="About z."), SCHEMA),
        (form(type="json_schema", json_schema={"schema": SCHEMA}), SCHEMA),
        (named({}), {}),
    ],
    ids=str,
)
def test_a_schema_reaches_the_model_in_its_order(change: dict[str, Any], schema: Any) -> None:
    found = read(**change).request.schema
    assert (found and json.loads(found)) == schema
    if schema == SCHEMA:
        assert list(json.loads(found or "")["properties"]) == ["z", "a"]


# What is wrong is refused by name

HALF = "\ud83d"
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"temperatur": 1}, "temperatur", "did you mean `temperature`?"),
    ({"max_new_tokens": 5}, "max_new_tokens", "`max_tokens`"),
    ({"n": True}, "n", "1 only"),
    ({"n": 2}, "n", "1 only"),
    ({"reasoning_effort": "low"}, "reasoning_effort", "not offered here"),
    ({"model": None}, "model", "missing"),
    ({"model": 5}, "model", "a text"),
    ({"model": ""}, "model", "not be empty"),
    ({"stream": "yes"}, "stream", "true or false"),
    ({"temperature": "0"}, "temperature", "a number"),
    ({"temperature": True}, "temperature", "a number"),
    ({"temperature": 2.1}, "temperature", "at most 2"),
    ({"temperature": 10**400}, "temperature", ""),
    ({"top_p": -0.1}, "top_p", "at least 0"),
    ({"min_p": 2}, "min_p", "at most 1"),
    ({"presence_penalty": 3}, "presence_penalty", "at most 2"),
    ({"frequency_penalty": [1]}, "frequency_penalty", "a number"),
    ({"repeat_penalty": 0}, "repeat_penalty", "at least 0.01"),
    ({"top_k": 1.5}, "top_k", "whole number"),
    ({"seed": "1"}, "seed", "whole number"),
    ({"seed": 2**70}, "seed", "at most"),
    ({"max_tokens": 0}, "max_tokens", "at least 1"),
    ({"max_tokens": -1}, "max_tokens", "at least 1"),
    ({"max_tokens": 2**40}, "max_tokens", "at most"),
    ({"max_completion_tokens": False}, "max_completion_tokens", "whole number"),
    ({"max_tokens": 5, "max_completion_tokens": 6}, "max_completion_tokens", "differs from max_tokens"),
    ({"stop": 5}, "stop", "a text or a list"),
    ({"stop": ""}, "stop[0]", "not be empty"),
    ({"stop": ["a", 5]}, "stop[1]", "a text"),
    ({"stop": ["a"] * 65}, "stop", "at most 64"),
    ({"stop": HALF}, "stop", "half a character"),
    ({"logprobs": 5}, "logprobs", "true or false"),
    ({"top_logprobs": 5}, "top_logprobs", "`logprobs: true`"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "at most 20"),
    ({"user": HALF}, "user", "half a character"),
    ({"metadata": {"a": 5}}, "metadata.a", "a text"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "`stream: true`"),
    ({"stream": True, "stream_options": []}, "stream_options", "an object"),
    ({"stream": True, "stream_options": {"usage": True}}, "stream_options.usage", "`include_usage`"),
    ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage", "true or false"),
    ({"stream": True, "stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation", "False"),
    ({"response_format": "json"}, "response_format", "an object"),
    (form(), "response_format.type", "missing"),
    (form(type="xml"), "response_format.type", "'json_schema'"),
    (form(type="text", schema={}), "response_format.schema", "json_object"),
    (form(type="text", strict=True), "response_format.strict", "no field"),
    (form(type="json_object", shema={}), "response_format.shema", "did you mean `schema`?"),
    (form(type="json_object", schema={"type": "obj"}), "response_format.schema.type", "not a JSON Schema"),
    (form(type="json_object", json_schema={"schema": {}}), "response_format.json_schema", "json_schema"),
    (form(type="json_schema", schema={}), "response_format.schema", "json_object"),
    (form(type="json_schema"), "response_format.json_schema", "missing"),
    (form(type="json_schema", json_schema={"name": "x"}), "response_format.json_schema.schema", "missing"),
    (named({"type": "obj"}), "response_format.json_schema.schema.type", "not a JSON Schema"),
    (named(True), "response_format.json_schema.schema", "an object"),
    (named({}, schem={}), "response_format.json_schema.schem", "did you mean `schema`?"),
    (named({}, strict="yes"), "response_format.json_schema.strict", "true or false"),
    (named({}, name=5), "response_format.json_schema.name", "a text"),
    (named({"enum": [HALF]}), "response_format.json_schema.schema.enum[0]", "half a character"),
    (named({"properties": {HALF: {}}}), "response_format.json_schema.schema.properties", "half a character"),
    ({"messages": None}, "messages", "at least one message"),
    ({"messages": []}, "messages", "at least one message"),
    ({"messages": {"role": "user"}}, "messages", "at least one message"),
    ({"messages": ["Who won?"]}, "messages[0]", "an object"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "a text"),
    (message(role="tool"), "messages[0].role", "'system', 'developer', 'user' or 'assistant'"),
    (message(role=None), "messages[0].role", "'system'"),
    (message(name="ann lee"), "messages[0].name", "no spaces"),
    (message(name="<|im_end|>"), "messages[0].name", "no spaces"),
    (message(tool_calls=[{"id": "1"}]), "messages[0].tool_calls", "no tools"),
    (message(reasoning_content="Hm."), "messages[0].reasoning_content", "no field"),
    (message(refusal="No."), "messages[0].refusal", "`content`"),
    (message(content=None, refusal="No."), "messages[0].refusal", "`assistant`"),
    (message(content=None), "messages[0].content", "a text"),
    (message(content=5), "messages[0].content", "a text"),
    (message(content=[]), "messages[0].content", "a text"),
    (message(content=HALF), "messages[0].content", "half a character"),
    (message(content=["x"]), "messages[0].content[0]", "an object"),
    (message(content=[{"type": "image_url", "image_url": {"url": "x"}}]), "messages[0].content[0].type", "text only"),
    (message(content=[{"type": "text"}]), "messages[0].content[0].text", "a text"),
    (message(content=[{"type": "text", "text": "a", "x": 1}]), "messages[0].content[0].x", "no field"),
    (message(content=[{"type": "text", "text": "a", "refusal": "b"}]), "messages[0].content[0]", "`text`"),
    (message(content=[{"type": "refusal", "refusal": "b"}]), "messages[0].content[0].type", "assistant"),
]


@pytest.mark.parametrize(("change", "field", "words"), WRONG, ids=[json.dumps(one[0])[:60] for one in WRONG])
def test_what_is_wrong_is_refused_by_name(
    served: Served, history: list[Request], change: Any, field: str, words: str
) -> None:
    said = served.chat({**ASK, **change})
    assert said.status == 400
    assert (said.error["type"], said.error["param"]) == ("invalid_request_error", field)
    assert words in said.error["message"]
    assert said.error["message"].startswith(field)
    assert history == []


def test_each_honoured_field_is_sent_wrong() -> None:
    assert {one[1].partition(".")[0].partition("[")[0] for one in WRONG} >= {*Body.model_fields} - {
        *Labels.model_fields
    }
    assert all(field.annotation for level in LEVELS.values() for field in level.model_fields.values())


# Bodies

BODIES: Mapping[str, tuple[bytes, str]] = {
    "nothing": (b"", "JSON"),
    "half an object": (b"{", "JSON"),
    "a list": (b"[]", "JSON object"),
    "another encoding": (b"\xff\xfe{", "JSON"),
    "half a byte sequence": (b'{"model": "\xc3"}', "JSON"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "JSON"),
    "NaN": (b'{"temperature": NaN}', "NaN"),
    "Infinity": (b'{"temperature": -Infinity}', "Infinity"),
    "a number too large": (b'{"temperature": 1e999}', "1e999"),
    "a number too large in a schema": (b'{"response_format": {"schema": {"minimum": -1e400}}}', "1e400"),
    "a number too small": (b'{"temperature": 1e-999}', "1e-999"),
    "a number beyond all": (b'{"temperature": 1e-99999999999999999999}', "1e-9999"),
    "a number with too many digits": (b'{"a": {"maximum": 12345678901234567890.5}}', "12345678901234567890.5"),
    "nested without end": (b"[" * 100_000, "nested"),
    "half a text": (b'"a', "JSON"),
    "digits without end": (b"9" * 5000, "JSON"),
    "a key twice": (b'{"seed": 1, "seed": 2}', '"seed"'),
    "a key twice within": (b'{"messages": [{"role": "user", "role": "system"}]}', '"role"'),
    "a key twice, once escaped": (b'{"seed": 1, "see\\u0064": 2}', '"seed"'),
    "two objects": (b"{}{}", "JSON"),
}


@pytest.mark.parametrize(("body", "words"), BODIES.values(), ids=BODIES)
def test_a_body_that_can_be_read_in_two_ways_or_none_is_refused(served: Served, body: bytes, words: str) -> None:
    said = served.chat(body)
    assert said.status == 400
    assert words in said.error["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 200),
        ({"Content-Type": "Application/JSON; charset=UTF-8"}, 200),
        ({"Content-Encoding": "identity"}, 200),
        ({}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
    ],
    ids=str,
)
def test_a_body_of_another_kind_is_refused(served: Served, headers: dict[str, str], status: int) -> None:
    said = served.chat(ASK, headers)
    assert said.status == status
    assert status == 200 or said.error["type"] == "invalid_request_error"


MANY = 50_000
LARGE: Mapping[str, Any] = {
    "messages that are none": {**ASK, "messages": [0] * MANY},
    "parts that are none": {**ASK, **message(content=[0] * MANY)},
    "messages that are empty": {**ASK, "messages": [{}] * MANY},
    "stops that are none": {**ASK, "stop": [0] * MANY},
    "unknown fields": {**ASK, **{f"x{number}": 0 for number in range(MANY)}},
    "unknown keys of a message": {**ASK, **message(**{f"x{number}": 1 for number in range(MANY)})},
    "labels": {**ASK, "metadata": {f"x{number}": 0 for number in range(MANY)}},
    "half a character at the end": {**ASK, "logit_bias": [0] * MANY, "user": HALF},
    "a key twice at the end": b'{"a": {' + b"".join(b'"x%d": 0, ' % n for n in range(MANY)) + b'"y": 0, "y": 0}}',
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
def test_a_large_body_that_is_wrong_costs_little(body: Any) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            chat_request(parsed(raw), ["demo"])
        assert tracemalloc.get_traced_memory()[1] < 50 * len(raw)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/v1/models/demo")]
)
def test_what_is_asked_in_the_address_is_refused_by_name(served: Served, method: str, path: str) -> None:
    said = served.ask(method, f"{path}?limit=1", ASK if method == "POST" else None)
    assert (said.status, said.error["param"]) == (400, "limit")


def test_a_schema_nested_without_end_is_refused(served: Served, history: list[Request]) -> None:
    schema: dict[str, Any] = {}
    for _ in range(600):
        schema = {"items": schema}
    said = served.chat({**ASK, **named(schema)})
    assert (said.status, said.error["param"]) == (400, "response_format.json_schema.schema")
    assert "nested too deeply" in said.error["message"]
    assert history == []


@pytest.mark.parametrize(
    "digits", ["0.1", "1.0", "1E2", "0.30000000000000004", "2.5e-1", "-0.0", "1e22", "9007199254740993"]
)
def test_a_number_that_readers_keep_is_taken(digits: str) -> None:
    schema = parsed(b'{"maximum": ' + digits.encode() + b"}")
    found = chat_request({**ASK, **named(schema)}, ["demo"]).request.schema
    assert Decimal(json.loads(found or "", parse_float=Decimal)["maximum"]) == Decimal(digits)


def test_all_of_unicode_reaches_the_model(served: Served, history: list[Request]) -> None:
    words = 'Mbappé \U0001f3c6 "\\\n\u2028\x00'
    for body in (
        json.dumps({**ASK, **message(content=words)}),
        json.dumps({**ASK, **message(content=words)}, ensure_ascii=False),
    ):
        assert served.chat(body.encode()).status == 200
        assert history[-1].messages[0].content == words


# The page


def test_the_page_says_what_the_program_does() -> None:
    page = serve_docs.PAGE.read_text(encoding="utf-8")
    assert page == serve_docs.written(page)
    for name in (*Body.model_fields, *NOT_OFFERED):
        assert f"`{name}`" in page


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
@pytest.mark.parametrize(
    ("name", "status", "param"),
    [
        ("half-character-in-enum", 400, "response_format.json_schema.schema.enum[0]"),
        ("json-object-with-schema", 200, None),
        ("message-name", 200, None),
    ],
)
def test_a_shared_case(name: str, status: int, param: str | None) -> None:
    body = (CASES / f"{name}.json").read_bytes()
    if status == 200:
        asked = chat_request(parsed(body), ["smollm2-135m"]).request
        sent = json.loads(body)
        assert json.loads(asked.schema or "null") == sent.get("response_format", {}).get("schema")
        assert asked.messages[0].name == sent["messages"][0].get("name", "")
    else:
        with pytest.raises(InputError) as caught:
            chat_request(parsed(body), ["smollm2-135m"])
        assert caught.value.field == param
