"""`promptlab serve` with scripted models, over a real socket: every field, every refusal, streams, who may ask."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from promptlab import errors
from promptlab.models._catalogue import Catalogue
from promptlab.models._openai._backend import OpenAIBackend
from promptlab.models._scripted import Script, ScriptedBackend
from promptlab.server._app import ModelServer
from promptlab.types import Completion, Delta, Message, Phase, Prompt, Request, Thought, Usage
from promptlab.workspace._workspace import OpenAIModel, Workspace
from tests.conftest import House
from tests.served import Said, Served

ASK: dict[str, Any] = {"model": "demo", "messages": [{"role": "user", "content": "Who won?"}]}
Start = Callable[..., Served]


@pytest.fixture
def start(house: House) -> Iterator[Start]:
    """Starts a server whose model `demo` follows a script, or is the one given."""
    running: list[Served] = []

    def started(
        model: Script | ScriptedBackend = ("Argentina",), *, window: int | None = None, **options: Any
    ) -> Served:
        if isinstance(model, ScriptedBackend):
            house.models["demo"] = model
        else:
            house.model("demo", model, window=window)
        house.model("other-model")
        running.append(Served(ModelServer(house.catalogue, ["demo", "other-model"], **options)).__enter__())
        return running[-1]

    yield started
    for one in running:
        one.__exit__()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Served]]:
    """Servers for requests that reach no model, or leave nothing behind: one open to this machine, one with a key."""
    found = Catalogue(Workspace(tmp_path_factory.mktemp("work"), {}, {}), {}, extra={"demo": ScriptedBackend("demo")})
    with Served(ModelServer(found, ["demo"])) as opened, Served(ModelServer(found, ["demo"], key="s3cret")) as locked:
        yield {"open": opened, "locked": locked}


@pytest.fixture
def history(standing: dict[str, Served]) -> list[Request]:
    """What the model of `standing` is asked from now on."""
    demo = standing["open"].serving._catalogue.backend("demo")
    assert isinstance(demo, ScriptedBackend)
    demo.history.clear()
    return demo.history


def asked(house: House) -> Request:
    """The last request the model got."""
    return house.models["demo"].history[-1]


def text(events: list[Any]) -> str:
    return "".join(e["choices"][0]["delta"].get("content", "") for e in events[:-1] if e["choices"])


# The answer


def test_an_answer_has_the_shape_of_the_protocol(start: Start, house: House) -> None:
    said = start().chat(ASK)
    assert said.status == 200
    assert said.headers["content-type"] == "application/json"
    answer = said.json
    assert answer.pop("id").startswith("chatcmpl-")
    assert abs(answer.pop("created") - time.time()) < 3600
    fingerprint = answer.pop("system_fingerprint")
    assert answer == {
        "object": "chat.completion",
        "model": "demo",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Argentina", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 2,
            "completion_tokens": 1,
            "total_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }
    assert fingerprint.startswith("fp_")
    assert asked(house).messages == (Message("user", "Who won?"),)
    assert asked(house).params.temperature == 1.0


class Told(ScriptedBackend):
    """Answers with one completion."""

    def __init__(self, done: Completion) -> None:
        super().__init__("demo")
        self.done = done

    def complete(self, *_: Any) -> Iterator[Any]:
        yield Delta(self.done.text)
        yield self.done


def test_tokens_found_already_read_are_cached_tokens(start: Start) -> None:
    answer = start(Told(Completion("a b", "length", Usage(read=10, reused=90, written=2)))).chat(ASK).json
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"] == {
        "prompt_tokens": 100,
        "completion_tokens": 2,
        "total_tokens": 102,
        "prompt_tokens_details": {"cached_tokens": 90},
    }


def test_probabilities_go_out_in_the_words_of_the_protocol(start: Start) -> None:
    token = {"token": "é", "bytes": [195, 169], "logprob": -0.5}
    rows = [{**token, "top": [token, {"token": "b", "bytes": [98], "logprob": float("-inf")}]}]
    top = [token, {"token": "b", "bytes": [98], "logprob": -9999.0}]
    served = start(Told(Completion("é", details={"logprobs": rows})))
    whole = served.chat(ASK).json["choices"][0]["logprobs"]
    *_, last, done = served.chat({**ASK, "stream": True}).events
    assert whole == last["choices"][0]["logprobs"] == {"content": [{**token, "top_logprobs": top}], "refusal": None}
    assert done == "[DONE]"


def test_any_text_comes_back_as_it_was(start: Start) -> None:
    words = 'Mbappé \U0001f3c6 "\\\n\u2028\x00'
    served = start([words])
    assert served.chat(ASK).json["choices"][0]["message"]["content"] == words
    assert text(served.chat({**ASK, "stream": True}).events) == words


def test_models_are_listed_and_found_by_name(start: Start) -> None:
    served = start()
    listed = served.ask("GET", "/v1/models").json
    assert listed["object"] == "list"
    assert [(m["id"], m["object"]) for m in listed["data"]] == [("demo", "model"), ("other-model", "model")]
    assert served.ask("GET", "/v1/models/demo").json == listed["data"][0]
    missing = served.ask("GET", "/v1/models/demoo")
    assert (missing.status, missing.error["code"]) == (404, "model_not_found")


def test_without_a_seed_two_answers_by_chance_may_differ(start: Start, house: House) -> None:
    served = start()
    for _ in range(4):
        served.chat(ASK)
    seeds = {request.params.seed for request in house.models["demo"].history}
    assert len(seeds) == 4
    assert None not in seeds


def test_without_a_limit_an_answer_may_fill_the_window(start: Start, house: House) -> None:
    start(window=50).chat(ASK)
    assert asked(house).params.max_tokens == 48


def test_a_client_s_text_counts_as_confidential_so_that_none_of_it_is_kept_on_disk(start: Start, house: House) -> None:
    start().chat(ASK)
    assert [source.label for source in asked(house).prompt.sources] == ["confidential"]


# Refusals


def test_an_unknown_model_is_refused_with_the_nearest(start: Start) -> None:
    said = start().chat({**ASK, "model": "dem"})
    assert (said.status, said.error["param"], said.error["code"]) == (404, "model", "model_not_found")
    assert "did you mean `demo`?" in said.error["message"]


def test_a_body_over_the_limit_is_refused_whether_or_not_its_length_is_said(start: Start, house: House) -> None:
    served = start(most_bytes=2000)
    large = {**ASK, "messages": [{"role": "user", "content": "x" * 3000}]}
    assert served.chat(large).status == 413
    data = json.dumps(large).encode()
    chunks = f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n"
    said = served.chat(chunks, {"Transfer-Encoding": "chunked"})
    assert (said.status, said.error["type"]) == (413, "invalid_request_error")
    assert house.models["demo"].history == []
    assert served.chat(ASK).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/v1/chat/completions", 405, "POST /v1/chat/completions"),
        ("POST", "/v1/completions", 404, "in place of `prompt`"),
        ("POST", "/v1/responses", 404, "in place of `input`"),
        ("POST", "/v1/embeddings", 404, "no embeddings"),
        ("GET", "/v1/nothing", 404, "POST /v1/chat/completions"),
        ("POST", "/chat/completions", 404, "ends in /v1"),
        ("GET", "/", 404, "ends in /v1"),
    ],
)
def test_what_is_not_served_says_what_is(
    standing: dict[str, Served], method: str, path: str, status: int, words: str
) -> None:
    said = standing["open"].ask(method, path)
    assert (said.status, said.error["code"]) == (status, "not_served")
    assert words in said.error["message"]


# What goes wrong

FAILURES = [
    (errors.WindowExceeded("too long", hint="ask for less"), 400, "invalid_request_error", "context_length_exceeded"),
    (errors.RequestRejected("the schema asks for more"), 400, "invalid_request_error", None),
    (errors.ModelNotReady("no file"), 503, "server_error", "model_not_ready"),
    (errors.EngineFailed("no memory"), 500, "server_error", "engine_failed"),
    (errors.StoreError("odd"), 500, "server_error", None),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("failure", "status", "kind", "code"), FAILURES, ids=lambda one: type(one).__name__)
def test_a_failure_before_the_answer_has_its_status(
    start: Start, failure: errors.PromptlabError, status: int, kind: str, code: str | None, stream: bool
) -> None:
    said = start([[Phase("reading", 1, 2), failure]]).chat({**ASK, "stream": stream})
    assert said.status == status
    assert (said.error["type"], said.error["code"]) == (kind, code)
    assert failure.message in said.error["message"]
    assert failure.hint in said.error["message"]


JSON: dict[str, Any] = {"response_format": {"type": "json_object", "schema": {"required": ["z"]}}}


def test_a_refusal_of_the_engine_names_the_field_it_is_about(start: Start) -> None:
    refused = errors.RequestRejected("cannot be held to", hint="ask for less")
    served = start([refused, refused])
    assert served.chat({**ASK, **JSON}).error["param"] == "response_format"
    assert served.chat(ASK).error["param"] is None

    class Deaf(ScriptedBackend):
        def as_sent(self, request: Request) -> Any:
            raise errors.RequestRejected(f"no {request.messages[0].role}s here")

    said = start(Deaf("demo", [refused])).chat({**ASK, **JSON, "max_tokens": 5})
    assert (said.status, said.error["param"]) == (400, "messages")


@pytest.mark.parametrize(
    ("text", "holds"), [('{"z": 1}', True), ('{"a": 1}', False), ("not JSON", False), ("", False), ("[]", True)]
)
def test_an_answer_that_does_not_hold_to_its_schema_is_no_answer(start: Start, text: str, holds: bool) -> None:
    served = start(Told(Completion(text)))
    whole, *_, last, done = served.chat({**ASK, **JSON}), *served.chat({**ASK, **JSON, "stream": True}).events
    if holds:
        assert whole.json["choices"][0]["message"]["content"] == text
        assert done == "[DONE]"
    else:
        assert (whole.status, whole.error["code"]) == (500, "engine_failed")
        assert "schema" in whole.error["message"]
        assert "`stop`" in served.chat({**ASK, **JSON, "stop": "}"}).error["message"]
        assert done["error"]["code"] == "engine_failed"
        assert text == "" or last["choices"][0]["delta"] == {"content": text}


def test_an_answer_that_was_cut_off_says_so_and_is_not_held_to_its_schema(start: Start) -> None:
    said = start(Told(Completion('{"z', "length"))).chat({**ASK, **JSON})
    assert said.json["choices"][0]["finish_reason"] == "length"


def test_a_schema_elsewhere_is_not_fetched(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[Any] = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *asked, **_: fetched.append(asked))
    form = {"type": "json_object", "schema": {"$ref": "http://127.0.0.1:9/schema.json"}}
    said = start(Told(Completion("{}"))).chat({**ASK, "response_format": form})
    assert said.status == 400
    assert said.error["param"].startswith("response_format")
    assert fetched == []


def test_a_fault_of_ours_is_logged_and_not_shown(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    said = start([ValueError("secret details")]).chat(ASK)
    assert (said.status, said.error["type"]) == (500, "server_error")
    assert "secret" not in said.body.decode()
    assert "secret details" in caplog.text


def test_a_failure_in_a_stream_is_its_last_event(start: Start) -> None:
    said = start([["Argen", errors.EngineFailed("it broke")]]).chat({**ASK, "stream": True})
    assert said.status == 200
    *pieces, last = said.events
    assert text([*pieces, last]) == "Argen"
    assert last["error"]["code"] == "engine_failed"


def test_a_model_that_never_ends_its_answer_is_a_fault(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    class Mute(ScriptedBackend):
        def complete(self, *_: Any) -> Iterator[Any]:
            yield Delta("a")

    said = start(Mute("demo")).chat(ASK)
    assert (said.status, said.error["type"]) == (500, "server_error")
    assert "without a completion" in caplog.text


def test_too_many_at_once_are_sent_away(start: Start) -> None:
    served = start([["a", 30.0]], most_at_once=1)
    with served.asking("POST", "/v1/chat/completions", {**ASK, "stream": True}) as response:
        assert response.readline()
        said = served.chat(ASK)
    assert (said.status, said.error["code"], said.headers["retry-after"]) == (503, "overloaded", "1")


# Streams


def test_a_stream_is_the_answer_in_pieces(start: Start) -> None:
    said = start([[Phase("reading", 8, 16), "Argen", "tina"]]).chat({**ASK, "stream": True})
    assert said.headers["content-type"].startswith("text/event-stream")
    first, one, two, last, done = said.events
    assert done == "[DONE]"
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [one["choices"][0]["delta"], two["choices"][0]["delta"]] == [{"content": "Argen"}, {"content": "tina"}]
    assert [e["choices"][0]["finish_reason"] for e in (first, one, two, last)] == [None, None, None, "stop"]
    assert last["choices"][0]["delta"] == {}
    assert {e["object"] for e in said.events[:-1]} == {"chat.completion.chunk"}
    assert len({(e["id"], e["created"], e["model"], e["system_fingerprint"]) for e in said.events[:-1]}) == 1
    assert all("usage" not in e for e in said.events[:-1])


def test_thinking_has_a_place_of_its_own(start: Start) -> None:
    """promptlab itself, asking through the API, finds thinking and answer as the model gave them."""
    served = start([[Thought("Let me "), Thought("see."), "Argen", "tina"]])
    whole = served.chat(ASK).json["choices"][0]["message"]
    assert (whole["content"], whole["reasoning_content"]) == ("Argentina", "Let me see.")
    entry = OpenAIModel(backend="openai", model="demo", base_url=served.url)
    asked = OpenAIBackend("demo", entry, "")
    *_, done = asked.complete(Request("demo", Prompt((Message("user", "Who?"),))), threading.Event())
    asked.close()
    assert isinstance(done, Completion)
    assert (done.text, done.thinking) == ("Argentina", "Let me see.")


def test_a_stream_ends_with_the_tokens_where_they_are_asked_for(start: Start) -> None:
    served = start()
    *pieces, counts, _ = served.chat({**ASK, "stream": True, "stream_options": {"include_usage": True}}).events
    assert [piece["usage"] for piece in pieces] == [None] * len(pieces)
    assert (counts["choices"], counts["usage"]["total_tokens"]) == ([], 3)
    whole = served.chat(ASK).json
    assert counts["system_fingerprint"] == whole["system_fingerprint"]


def test_text_arrives_when_it_is_written(start: Start) -> None:
    served = start([["Argen", 30.0, "tina"]])
    with served.asking("POST", "/v1/chat/completions", {**ASK, "stream": True}) as response:
        lines = [response.readline() for _ in range(4)]
    assert b"Argen" in lines[2]
    assert Served.comes_true(lambda: served.serving.busy == 0)


def test_a_long_silence_is_filled_with_comments_that_no_client_shows(start: Start) -> None:
    said = start([[Phase("reading", 1, 9), 0.5, "a", 0.5, "b"]], hold=0.02, alive=0.1).chat({**ASK, "stream": True})
    assert said.body.startswith(b"data: {")
    assert said.body.count(b": waiting\n\n") >= 2
    assert text(said.events) == "ab"


# Clients that leave, and many


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_frees_the_model(start: Start, stream: bool) -> None:
    ended = threading.Event()

    class Slow(ScriptedBackend):
        def complete(self, _: Request, cancel: threading.Event) -> Iterator[Any]:
            yield Phase("reading", 1, 2)
            if cancel.wait(50):
                ended.set()
            yield Completion("", "stopped")

    served = start(Slow("demo"))
    served.leave({**ASK, "stream": stream})
    assert ended.wait(20)
    assert Served.comes_true(lambda: served.serving.busy == 0)


def test_a_client_that_leaves_while_it_sends_leaves_nothing_behind(
    standing: dict[str, Served], history: list[Request], caplog: pytest.LogCaptureFixture
) -> None:
    served = standing["open"]
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", served.port)) as sock:
            sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n{")
    assert served.chat(ASK).status == 200
    assert len(history) == 1
    assert caplog.text == ""


def test_a_server_that_ends_says_so(start: Start) -> None:
    served = start([["a", 30.0, "b"]])
    body = {**ASK, "stream": True}
    with ThreadPoolExecutor(2) as pool:
        replies = [pool.submit(served.chat, body), pool.submit(served.chat, ASK)]
        assert Served.comes_true(lambda: served.serving.busy == 2)
        served.serving.stop()
        streamed, whole = (reply.result(60) for reply in replies)
    assert whole.status == 503
    assert whole.error["code"] == "stopped"
    assert streamed.status == 503 or streamed.events[-1]["error"]["code"] == "stopped"


def test_many_are_asked_at_once(start: Start) -> None:
    together = threading.Barrier(32)  # nobody is answered before all are there

    class Patient(ScriptedBackend):
        def complete(self, request: Request, _: threading.Event) -> Iterator[Any]:
            together.wait(50)
            yield Completion(request.messages[0].content)

    served = start(Patient("demo"))

    def chat(number: int) -> Said:
        return served.chat({**ASK, "messages": [{"role": "user", "content": f"n{number}"}]})

    with ThreadPoolExecutor(32) as pool:
        said = list(pool.map(chat, range(32)))
    assert [one.json["choices"][0]["message"]["content"] for one in said] == [f"n{n}" for n in range(32)]
    assert Served.comes_true(lambda: served.serving.busy == 0)


def test_nothing_is_written_to_the_run_history(start: Start, house: House) -> None:
    start().chat(ASK)
    assert house.store.runs() == []


# Who may ask


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8017"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1@evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "evil.example@127.0.0.1"},
        {"Host": "192.168.1.5:8017"},
        {"Host": "0.0.0.0:8017"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example:3000"},
        {"Origin": "http://127.0.0.1@evil.example"},
        {"Origin": "http://[::1"},
    ],
    ids=str,
)
def test_a_request_from_elsewhere_is_refused(
    standing: dict[str, Served], history: list[Request], headers: dict[str, str]
) -> None:
    served = standing["open"]
    for said in (served.chat(ASK, headers), served.ask("GET", "/v1/models", None, headers)):
        assert (said.status, said.error["code"]) == (403, "not_from_here")
        assert next(iter(headers)) in said.error["message"]
    assert history == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"Host": "LOCALHOST:8017"},
        {"Host": "127.0.0.1:1"},
        {"Host": "127.9.9.9"},
        {"Host": "[::1]:8017"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://[::1]"},
    ],
    ids=str,
)
def test_a_request_of_this_machine_is_answered(standing: dict[str, Served], headers: dict[str, str]) -> None:
    assert standing["open"].chat(ASK, headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "s3cret-é"},
        {"Authorization": "Basic s3cret"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer s3cret2"},
        {"X-Api-Key": "s3cret"},
    ],
    ids=str,
)
def test_with_a_key_every_request_must_bring_it(
    standing: dict[str, Served], history: list[Request], headers: dict[str, str]
) -> None:
    served = standing["locked"]
    for said in (served.chat(ASK, headers), served.ask("GET", "/v1/models", None, headers)):
        assert (said.status, said.error["code"]) == (401, "invalid_api_key")
        assert said.headers["www-authenticate"] == "Bearer"
        assert "s3cret" not in said.body.decode()
    assert history == []


def test_whoever_has_the_key_may_ask_from_anywhere(standing: dict[str, Served]) -> None:
    headers = {"Authorization": "bearer s3cret", "Host": "box.example", "Origin": "https://a.example"}
    assert standing["locked"].chat(ASK, headers).status == 200


def test_the_same_workspace_serves_none_but_those_named(workspace: Workspace) -> None:
    catalogue = Catalogue(workspace, {}, extra={"demo": ScriptedBackend("demo"), "hidden": ScriptedBackend("hidden")})
    with Served(ModelServer(catalogue, ["demo"])) as served:
        assert served.chat({**ASK, "model": "hidden"}).status == 404
