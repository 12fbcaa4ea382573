"""Each hint names a cure that works: a server refuses, the cure is applied as the hint says, and it answers."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from promptlab import errors
from promptlab.runs._trial import Recalled
from promptlab.types import Message, Params, Prompt, Request
from tests.loopback import LoopbackServer, Received, Reply, page, stream
from tests.models.asking import Made
from tests.places import SHARED

CASES = SHARED / "cases" / "backends" / "errors"
ASK = Request("loop", Prompt((Message("user", "Who won?"),)), Params(max_tokens=64))
SCHEMA = '{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false}'


def openai(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}}


def unsupported(name: str, *, param: bool = True) -> dict[str, Any]:
    words = f"Unsupported parameter: '{name}' is not supported with this model."
    return openai(words, param=name if param else None, code="unsupported_parameter")


@dataclass(frozen=True)
class Case:
    """A server that refuses with `body` while `wrong` holds of the request; `words` of the hint say the cure, which is
    `entry` in promptlab.yaml, or `params` and `schema` of the template, or the messages."""

    body: Any
    wrong: Callable[[dict[str, Any]], bool]
    words: str
    before: Request = ASK
    entry: dict[str, Any] = field(default_factory=dict)
    after: Request | None = None
    start: dict[str, Any] = field(default_factory=dict)
    status: int = 400


def asked(**params: Any) -> Request:
    return replace(ASK, params=replace(ASK.params, **params))


def without(name: str, value: Any, **start: Any) -> Case:
    """A parameter that the server does not know at all."""
    field = {"logprobs": "logprobs", "repeat_penalty": "repeat_penalty"}.get(name, name)
    return Case(
        unsupported(field),
        lambda body: field in body,
        f"remove `{name}` from the template's `params`",
        asked(**{name: value}),
        after=ASK,
        start=start,
    )


LONG = replace(ASK, prompt=Prompt((Message("user", "Who won? " * 500),)))
SYSTEM = replace(ASK, prompt=Prompt((Message("system", "Answer."), Message("user", "Who won?"))))
CAP = "capabilities"
CURES: dict[str, Case] = {
    "max_tokens": Case(
        openai(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            param="max_tokens",
            code="unsupported_parameter",
        ),
        lambda body: "max_tokens" in body,
        "capabilities: {max_completion_tokens: true}",
        entry={CAP: {"max_completion_tokens": True}},
    ),
    "max_completion_tokens": Case(
        openai("Unrecognized request argument supplied: max_completion_tokens"),
        lambda body: "max_completion_tokens" in body,
        "capabilities: {max_completion_tokens: false}",
        entry={CAP: {"max_completion_tokens": False}},
        start={CAP: {"max_completion_tokens": True}},
    ),
    "max_completion_tokens, fastapi": Case(
        {"detail": [{"loc": ["body", "max_completion_tokens"], "msg": "Extra inputs are not permitted"}]},
        lambda body: "max_completion_tokens" in body,
        "capabilities: {max_completion_tokens: false}",
        entry={CAP: {"max_completion_tokens": False}},
        start={CAP: {"max_completion_tokens": True}},
        status=422,
    ),
    "max_tokens too large": Case(
        openai("max_tokens is too large: 64. This model supports at most 32 completion tokens", param="max_tokens"),
        lambda body: body["max_tokens"] > 32,
        "lower `max_tokens`",
        after=asked(max_tokens=32),
    ),
    "temperature is fixed": Case(
        openai(
            "Unsupported value: 'temperature' does not support 0 with this model. "
            "Only the default (1) value is supported.",
            param="temperature",
            code="unsupported_value",
        ),
        lambda body: body.get("temperature", 1) != 1,
        "capabilities: {temperature: false}",
        entry={CAP: {"temperature": False}},
        after=asked(temperature=1.0),
    ),
    "temperature is unknown": Case(
        unsupported("temperature"),
        lambda body: "temperature" in body,
        "set `temperature: 1`",
        entry={CAP: {"temperature": False}},
        after=asked(temperature=1.0),
    ),
    "temperature is out of range": Case(
        openai("Invalid 'temperature': decimal above maximum value. Expected a value <= 1.", param="temperature"),
        lambda body: body["temperature"] > 1,
        "change `temperature`",
        asked(temperature=1.5),
        after=asked(temperature=0.5),
    ),
    "seed": Case(
        unsupported("seed"),
        lambda body: "seed" in body,
        "capabilities: {seed: false}",
        asked(seed=7),
        entry={CAP: {"seed": False}},
    ),
    "stream_options, in words": Case(
        {"error": 'json: unknown field "stream_options"'},
        lambda body: "stream_options" in body,
        "capabilities: {stream_options: false}",
        entry={CAP: {"stream_options": False}},
    ),
    "response_format": Case(
        openai(
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
            param="response_format",
        ),
        lambda body: "response_format" in body,
        "remove `schema` from the template",
        replace(ASK, schema=SCHEMA),
        after=ASK,
    ),
    "response_format.type": Case(
        openai("Unsupported value: json_schema", param="response_format.type"),
        lambda body: "response_format" in body,
        "remove `schema` from the template",
        replace(ASK, schema=SCHEMA),
        after=ASK,
    ),
    "a schema it does not take": Case(
        openai(
            "Invalid schema for response_format 'answer': In context=(), 'pattern' is wrong.", param="response_format"
        ),
        lambda body: "pattern" in json.dumps(body.get("response_format", {})),
        "make it simpler",
        replace(ASK, schema=SCHEMA.replace('{"type": "string"}', '{"type": "string", "pattern": "^a$"}')),
        after=replace(ASK, schema=SCHEMA),
    ),
    "top_p": without("top_p", 0.5),
    "stop": without("stop", ("\n",)),
    "presence_penalty": without("presence_penalty", 0.5),
    "frequency_penalty": without("frequency_penalty", 0.5),
    "logprobs": without("logprobs", 2),
    "reasoning_effort": without("reasoning_effort", "low"),
    "top_k": without("top_k", 4, capabilities={"top_k": True}),
    "min_p": without("min_p", 0.1, capabilities={"min_p": True}),
    "repeat_penalty": without("repeat_penalty", 1.1, capabilities={"repeat_penalty": True}),
    "top_logprobs": Case(
        openai("Invalid value for 'top_logprobs': must be less than or equal to 5.", param="top_logprobs"),
        lambda body: body.get("top_logprobs", 0) > 5,
        "change `logprobs`",
        asked(logprobs=9),
        after=asked(logprobs=5),
    ),
    "too many stop strings": Case(
        {"detail": [{"loc": ["body", "stop"], "msg": "List should have at most 4 items", "type": "too_long"}]},
        lambda body: len(body.get("stop", ())) > 4,
        "change `stop`",
        asked(stop=tuple("abcde")),
        after=asked(stop=tuple("abcd")),
        status=422,
    ),
    "a word for reasoning_effort": Case(
        openai("Invalid value: 'none'. Supported values are: 'low', 'medium', and 'high'.", param="reasoning_effort"),
        lambda body: body.get("reasoning_effort") == "none",
        "change `reasoning_effort`",
        asked(reasoning_effort="none"),
        after=asked(reasoning_effort="low"),
    ),
    "extra_body": Case(
        openai("Unknown parameter: 'chat_template_kwargs'.", param="chat_template_kwargs"),
        lambda body: "chat_template_kwargs" in body,
        "under `extra_body` or `reasoning`",
        start={"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
        entry={"extra_body": {}},
    ),
    "model": Case(
        openai("The model `gpt-4o-mini` does not exist", param="model", code="model_not_found"),
        lambda body: body["model"] != "real",
        "check `model`",
        entry={"model": "real"},
    ),
    "model, 404": Case(
        openai("The model `gpt-4o-mini` does not exist", code="model_not_found"),
        lambda body: body["model"] != "real",
        "check `model`",
        entry={"model": "real"},
        status=404,
    ),
    "system message": Case(
        openai(
            "Unsupported value: 'messages[0].role' does not support 'system' with this model.", param="messages[0].role"
        ),
        lambda body: body["messages"][0]["role"] == "system",
        "a `layout` with user turns only",
        SYSTEM,
        after=ASK,
    ),
    "context length": Case(
        openai(
            "This model's maximum context length is 512 tokens. However, you requested 1064 tokens",
            code="context_length_exceeded",
        ),
        lambda body: len(str(body["messages"])) > 2000,
        "shorten the prompt",
        LONG,
        after=ASK,
    ),
    "context length, with the answer": Case(
        openai("'max_tokens' is too large: 64. This model's maximum context length is 40 tokens", code=400),
        lambda body: body["max_tokens"] > 32,
        "lower `max_tokens`",
        after=asked(max_tokens=8),
    ),
    "llama-server's window": Case(
        openai(
            "the request exceeds the available context size (512 tokens), try increasing it",
            type="exceed_context_size_error",
        ),
        lambda body: len(str(body["messages"])) > 2000,
        "`window: 512`",
        LONG,
        after=ASK,
    ),
    "content filter": Case(
        openai(
            "The response was filtered due to the prompt triggering Azure's content management policy.",
            code="content_filter",
            param="prompt",
        ),
        lambda body: "500" in str(body["messages"]),
        "change the text that it objects to",
        replace(ASK, prompt=Prompt((Message("user", "Who won in 1500?"),))),
        after=ASK,
    ),
}


def refusing(case: Case) -> Callable[[Received], Reply]:
    def reply(request: Received) -> Reply:
        if case.wrong(request.json):
            return page(json.dumps(case.body), case.status, "application/json")
        return stream("Argentina")

    return reply


@pytest.mark.parametrize("case", CURES.values(), ids=CURES)
def test_the_cure_that_a_hint_names_cures(server: LoopbackServer, make: Callable[..., Made], case: Case) -> None:
    server.default = refusing(case)
    with pytest.raises(errors.RequestRejected) as caught:
        make(**case.start).ask(case.before)
    assert case.words in caught.value.hint
    assert make(**{**case.start, **case.entry}).answer(case.after or case.before).text == "Argentina"


def test_the_cures_hints_name_can_be_set_where_they_say(server: LoopbackServer, make: Callable[..., Made]) -> None:
    """`window: 512`, as the hint of a prompt that is too long says, has it noticed before anything is sent."""
    from promptlab.runs._window import check_window

    with pytest.raises(errors.WindowExceeded):
        check_window(LONG, make(window=512).backend)
    assert server.count == 0


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (
            {
                "error": {
                    "message": "filtered",
                    "code": "content_filter",
                    "innererror": {
                        "code": "ResponsibleAIPolicyViolation",
                        "content_filter_result": {
                            "hate": {"filtered": False, "severity": "safe"},
                            "violence": {"filtered": True, "severity": "high"},
                            "jailbreak": {"detected": True, "filtered": True},
                        },
                    },
                }
            },
            "[violence: high, jailbreak]",
        ),
        (openai("stopped", code="content_policy_violation"), ""),
    ],
)
def test_a_filter_says_what_it_objects_to(
    server: LoopbackServer, make: Callable[..., Made], body: Any, named: str
) -> None:
    server.plan(page(json.dumps(body), 400, "application/json"))
    _, error = make().fail()
    assert isinstance(error, errors.RequestRejected)
    assert "content filter" in error.message
    assert named in error.message


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared is not there")
@pytest.mark.parametrize(
    ("name", "words", "not_said"),
    [
        ("400-content-filter", "change the text", "capabilities"),
        ("400-max-tokens", "{max_completion_tokens: true}", "switch it off"),
    ],
)
def test_the_errors_of_other_servers(
    server: LoopbackServer, make: Callable[..., Made], name: str, words: str, not_said: str
) -> None:
    server.plan(page((CASES / f"{name}.json").read_bytes(), 400, "application/json"))
    with pytest.raises(errors.RequestRejected) as caught:
        list(make().backend.complete(ASK, threading.Event()))
    assert words in caught.value.hint
    assert not_said not in caught.value.hint


# The hints of failures that are no refusals


def test_the_hints_about_time_name_settings_that_give_more_of_it(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    server.default = stream("Argentina", latency=0.6)
    for setting, value in (("read_timeout", 0.2), ("total_timeout", 0.3)):
        _, error = make(**{setting: value}).fail()
        assert isinstance(error, errors.DeadlineExceeded)
        assert f"`{setting}` gives it longer" in error.hint
        assert make(**{setting: 20.0}).answer().text == "Argentina"


def test_the_hint_of_a_redirect_names_the_address_that_answers(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    def moved(request: Received) -> Reply:
        if request.path.startswith("/v2/"):
            return stream("Argentina")
        return page("", 308, location=f"{server.url.removesuffix('/v1')}/v2/chat/completions")

    server.default = moved
    _, error = make().fail()
    assert "put it into `base_url`" in error.hint
    found = re.search(r"http://\S+", error.message.partition("redirects requests to ")[2])
    assert found
    assert make(base_url=found[0]).answer().text == "Argentina"  # the whole address of the call, as it was named


def test_the_hint_of_an_address_without_v1_leads_to_one_that_answers(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    server.default = lambda request: stream("Argentina") if request.path.startswith("/v1/") else page("no", 404)
    _, error = make(base_url=server.url.removesuffix("/v1")).fail()
    assert "`base_url`" in error.hint
    assert make().answer().text == "Argentina"


def test_the_hint_of_a_refused_key_names_the_variable_that_cures_it(
    server: LoopbackServer, make: Callable[..., Made]
) -> None:
    def guarded(request: Received) -> Reply:
        right = request.headers.get("authorization") == "Bearer right-key"
        return stream("Argentina") if right else page('{"error": {"message": "no"}}', 401, "application/json")

    server.default = guarded
    _, error = make(api_key_env="MY_API_KEY", key="wrong-key").fail()
    assert "MY_API_KEY" in error.hint
    _, error = make(key="").fail()
    assert "`api_key_env`" in error.hint
    assert make(api_key_env="MY_API_KEY", key="right-key").answer().text == "Argentina"


def test_fewer_requests_at_once_are_what_the_hint_of_a_busy_server_says(
    server: LoopbackServer, make: Callable[..., Made], tmp_path: Path
) -> None:
    from promptlab.models._catalogue import Catalogue
    from promptlab.runs import _runner as runner
    from promptlab.runs._store import Store
    from promptlab.runs._trial import Trial
    from promptlab.templates._template import Template
    from promptlab.workspace._workspace import Workspace

    def narrow(_: Received) -> Reply:
        if server.in_flight > 2:
            return page('{"error": {"message": "slow down"}}', 429, "application/json")
        return stream("Argentina", latency=0.05)

    def failures(most: int) -> list[str]:
        made = make(max_retries=0, max_parallel=most)
        catalogue = Catalogue(Workspace(tmp_path, {}, {}), {}, extra={"loop": made.backend})
        store = Store(tmp_path / f"{most}.sqlite")
        template = Template("cup", "cup.yaml")
        trials = [Trial(template, {}, "loop", request=Recalled(ASK, (), "public"), repeat=n) for n in range(12)]
        results = runner.start_run(trials, catalogue=catalogue, store=store).wait()
        store.close()
        return [result.hint for result in results if result.error]

    server.default = narrow
    hints = failures(12)
    assert hints
    assert all("`max_parallel`" in hint for hint in hints)
    assert failures(2) == []
