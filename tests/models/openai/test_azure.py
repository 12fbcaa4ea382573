"""Azure, beside the openai library's own client for it; and which addresses are OpenAI itself."""

from __future__ import annotations

import shutil
import subprocess
import threading
from typing import Any

import openai
import pytest

from promptlab import errors
from promptlab.formats.code import request_as_curl, request_as_python
from promptlab.models._openai._backend import OpenAIBackend
from promptlab.models._openai._config import api_address
from promptlab.types import Message, Params, Prompt, Request
from promptlab.workspace._workspace import OpenAIModel
from tests.loopback import LoopbackServer, Received, events, page, status, whole
from tests.models.asking import KEY

VERSION = "2024-10-21"
ASK = Request("azure", Prompt((Message("user", "Who won?"),)), Params(max_tokens=9, temperature=0.5))


def backend(base_url: str, key: str = KEY, **entry: Any) -> OpenAIBackend:
    settings = {"model": "my gpt/4o", "base_url": base_url, "max_retries": 0, **entry}
    return OpenAIBackend("azure", OpenAIModel(backend="openai", **settings), key)


def asked(made: OpenAIBackend, server: LoopbackServer) -> Received:
    list(made.complete(ASK, threading.Event()))
    made.close()
    return server.requests[-1]


def theirs(client: openai.OpenAI, server: LoopbackServer, model: str = "my gpt/4o") -> Received:
    """What the openai library sends for the same."""
    stream = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Who won?"}],
        stream=True,
        stream_options={"include_usage": True},
        temperature=0.5,
        max_tokens=9,
    )
    list(stream)
    client.close()
    return server.requests[-1]


@pytest.mark.parametrize(
    ("path", "deployment"),
    [
        ("", None),
        ("/openai", None),
        ("/openai/deployments/named", "named"),
        ("/openai/deployments/named/chat/completions", "named"),
    ],
)
def test_azure_is_asked_as_its_own_client_asks(server: LoopbackServer, path: str, deployment: str | None) -> None:
    root = server.url.removesuffix("/v1")
    # The name of a deployment has no odd characters; the library would put them into the address as they are.
    entry = {"model": "gpt-4o", "api_version": VERSION}
    mine = asked(backend(root + path, **entry), server)
    client = openai.AzureOpenAI(
        azure_endpoint=root, api_key=KEY, api_version=VERSION, max_retries=0, azure_deployment=deployment
    )
    other = theirs(client, server, "gpt-4o")
    assert mine.path == other.path
    assert mine.json == other.json
    for header in ("api-key", "authorization", "content-type"):
        assert mine.headers.get(header) == other.headers.get(header)
    assert (mine.headers["api-key"], "authorization" in mine.headers) == (KEY, False)


@pytest.mark.parametrize("version", [None, "preview"])
def test_azures_newer_form_has_no_deployment_in_the_address(server: LoopbackServer, version: str | None) -> None:
    root = server.url.removesuffix("/v1")
    entry = {"api_version": version} if version else {"api_key_header": "api-key"}
    mine = asked(backend(f"{root}/openai/v1/", **entry), server)
    # As Azure's own pages show it: the plain client, with the base address.
    query = {"api-version": version} if version else None
    client = openai.OpenAI(base_url=f"{root}/openai/v1/", api_key=KEY, default_query=query, max_retries=0)
    other = theirs(client, server)
    assert (mine.path, mine.json) == (other.path, other.json)
    assert mine.headers["api-key"] == KEY


def test_a_token_of_entra_goes_where_it_belongs(server: LoopbackServer) -> None:
    root = server.url.removesuffix("/v1")
    entry = {"model": "gpt-4o", "api_version": VERSION, "api_key_header": "authorization"}
    mine = asked(backend(root, **entry), server)
    client = openai.AzureOpenAI(azure_endpoint=root, azure_ad_token=KEY, api_version=VERSION, max_retries=0)
    other = theirs(client, server, "gpt-4o")
    assert mine.headers["authorization"] == other.headers["authorization"] == f"Bearer {KEY}"
    assert mine.headers.get("api-key") == other.headers.get("api-key")


def test_the_version_may_stand_in_the_address_and_the_one_of_the_entry_wins(server: LoopbackServer) -> None:
    root = server.url.removesuffix("/v1")
    url = f"{root}/openai/deployments/a/chat/completions?api-version=2023-05-15&x=1"
    assert asked(backend(url, api_key_header="api-key"), server).path == url.removeprefix(root)
    assert asked(backend(url, api_version=VERSION), server).path.endswith(f"?x=1&api-version={VERSION}")


def test_the_name_of_a_deployment_cannot_leave_its_place(server: LoopbackServer) -> None:
    path = asked(backend(server.url.removesuffix("/v1"), model="../a?b#c", api_version=VERSION), server).path
    assert path == f"/openai/deployments/..%2Fa%3Fb%23c/chat/completions?api-version={VERSION}"


def test_azures_key_is_never_shown(server: LoopbackServer) -> None:
    server.default = lambda request: status(401, f"Access denied: api-key {request.headers['api-key']}")
    made = backend(server.url.removesuffix("/v1"), api_version=VERSION, api_key_env="AZURE_API_KEY")
    with pytest.raises(errors.AuthenticationFailed) as caught:
        list(made.complete(ASK, threading.Event()))
    assert KEY not in str(caught.value) + made.fingerprint + repr(made.as_sent(ASK))
    assert f"{VERSION}" not in str(caught.value)
    assert "AZURE_API_KEY" in caught.value.hint
    made.close()


def test_azures_answer_with_its_filters_arrives(server: LoopbackServer) -> None:
    first = {"choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}
    rest = [
        {"choices": [{"index": 0, "delta": {"content": "Uruguay"}, "content_filter_results": {}}]},
        {"choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 1}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "content_filter_results": {"protected_material_text": {"detected": False}}}]},
    ]
    server.plan(events(first, *rest, "[DONE]"))
    made = backend(server.url.removesuffix("/v1"), api_version=VERSION)
    *_, done = made.complete(ASK, threading.Event())
    made.close()
    assert done.text == "Uruguay"  # type: ignore[union-attr]  # the last step is a Completion


def test_azure_without_a_version_says_what_to_set() -> None:
    with pytest.raises(errors.ModelNotReady) as caught:
        backend("https://mine.openai.azure.com")
    assert "api_version" in caught.value.hint
    assert "/openai/v1" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "azure", "base"),
    [
        ("https://mine.openai.azure.com/openai/v1", True, "https://mine.openai.azure.com/openai/v1"),
        ("https://mine.openai.azure.us/openai/v1/", True, "https://mine.openai.azure.us/openai/v1"),
        ("https://mine.cognitiveservices.azure.com/openai/v1", True, "https://mine.cognitiveservices.azure.com/openai/v1"),
        ("https://mine.services.ai.azure.com/openai/v1", True, "https://mine.services.ai.azure.com/openai/v1"),
        ("https://mine.openai.azure.com.example.test/v1", False, "https://mine.openai.azure.com.example.test/v1"),
        ("https://openai.azure.com.example.test/v1", False, "https://openai.azure.com.example.test/v1"),
        ("http://mine.openai.azure.com/openai/v1", False, "http://mine.openai.azure.com/openai/v1"),
    ],
)  # fmt: skip
def test_which_hosts_are_azure(url: str, azure: bool, base: str) -> None:
    found = api_address("x", OpenAIModel(backend="openai", model="m", base_url=url))
    assert (found.azure, found.base, found.official) == (azure, base, False)


@pytest.mark.parametrize(
    ("url", "official"),
    [
        (None, True),
        ("https://api.openai.com/v1", True),
        ("https://api.openai.com/v1/", True),
        ("https://API.openai.com/v1", True),
        ("https://api.openai.com:443/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://us.api.openai.com/v1", True),
        ("https://au.api.openai.com/v1", True),
        ("https://api.openai.com/v1/chat/completions", True),
        ("http://api.openai.com/v1", False),
        ("https://api.openai.com:8443/v1", False),
        ("https://api.openai.com", False),
        ("https://api.openai.com.example.test/v1", False),
        ("https://eu.api.openai.com.example.test/v1", False),
        ("https://example.test/api.openai.com/v1", False),
        ("https://notapi.openai.com/v1", False),
        ("https://a.b.api.openai.com/v1", False),
        ("https://api-openai.com/v1", False),
        ("https://api.openai.com@example.test/v1", False),
        ("https://eu-api.openai.com/v1", False),
    ],
)
def test_regions_of_openai_are_openai_and_look_alikes_are_not(url: str | None, official: bool) -> None:
    entry = OpenAIModel(backend="openai", model="gpt-4o-mini", base_url=url)
    assert api_address("x", entry).official is official
    body = OpenAIBackend("x", entry, KEY).body(ASK)
    assert ("max_completion_tokens" in body) is official


def test_what_the_catalogue_adds_is_sent_and_is_part_of_the_key(server: LoopbackServer) -> None:
    off = {"chat_template_kwargs": {"enable_thinking": False}}
    plain = backend(server.url)
    ways: dict[str, dict[str, Any]] = {
        "extra_body": {"extra_body": off},
        "effort": {"reasoning_effort": "low"},
        "switch": {"reasoning": {"none": off}, "reasoning_effort": "none"},
    }
    prints = {plain.fingerprint}
    for name, entry in ways.items():
        made = backend(server.url, **entry)
        sent = asked(made, server).json
        expected = {"reasoning_effort": "low"} if name == "effort" else off
        assert sent == {**plain.body(ASK), **expected}
        prints.add(made.fingerprint)
    assert len(prints) == 4
    assert plain.fingerprint == f"openai:{server.url}:my gpt/4o"  # as it always was, so that stored answers are found


def test_how_long_to_think_is_said_as_the_server_takes_it() -> None:
    def body(effort: str | None, **entry: Any) -> dict[str, Any]:
        params = Params(reasoning_effort=effort)
        return backend("http://127.0.0.1:1/v1", **entry).body(Request("azure", ASK.prompt, params))

    switch = {"none": {"chat_template_kwargs": {"enable_thinking": False}}, "high": {"thinking": {"budget": 9}}}
    assert "reasoning_effort" not in body(None)
    assert body("high")["reasoning_effort"] == "high"
    assert body("high", reasoning_effort="low")["reasoning_effort"] == "high"
    made = body("none", reasoning=switch, extra_body={"chat_template_kwargs": {"a": 1}})
    assert made["chat_template_kwargs"] == {"a": 1, "enable_thinking": False}
    assert "reasoning_effort" not in made
    with pytest.raises(errors.RequestRejected, match="has no `hihg`") as caught:
        body("hihg", reasoning=switch)
    assert "high" in caught.value.hint
    with pytest.raises(errors.RequestRejected, match="`reasoning_effort` cannot be sent"):
        body("low", capabilities={"reasoning_effort": False})


@pytest.mark.parametrize(
    "name", ["messages", "model", "stream", "temperature", "max_tokens", "stop", "response_format"]
)
@pytest.mark.parametrize("where", ["extra_body", "reasoning"])
def test_the_catalogue_cannot_change_what_a_template_says(name: str, where: str) -> None:
    fields: dict[str, Any] = {name: 1}
    with pytest.raises(ValueError, match=f"`{name}` is sent by promptlab itself"):
        OpenAIModel(backend="openai", model="m", **{where: fields if where == "extra_body" else {"none": fields}})


def test_a_page_that_is_no_answer_is_said_so(server: LoopbackServer) -> None:
    server.plan(page("<html>sign in</html>"))
    made = backend(server.url.removesuffix("/v1"), api_version=VERSION)
    with pytest.raises(errors.BadReply, match="web page"):
        list(made.complete(ASK, threading.Event()))
    made.close()


def test_a_program_and_a_command_for_azure_ask_the_same_way(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = OpenAIModel(
        backend="openai",
        model="gpt-4o",
        base_url=server.url.removesuffix("/v1"),
        api_version=VERSION,
        api_key_env="AZURE_API_KEY",
        extra_body={"user_security_context": {"application_name": "x"}},
        reasoning_effort="low",
    )
    monkeypatch.setenv("AZURE_API_KEY", KEY)
    server.default = whole("Argentina")
    made = OpenAIBackend("azure", entry, KEY)
    mine = asked(made, server)
    exec(request_as_python(ASK, entry), {})
    assert capsys.readouterr().out == "Argentina\n"
    theirs = server.requests[-1]
    assert (theirs.path, theirs.headers["api-key"]) == (mine.path, KEY)
    assert {**theirs.json, "stream": True, "stream_options": {"include_usage": True}} == mine.json
    if shutil.which("curl"):
        subprocess.run(["sh", "-c", request_as_curl(ASK, entry)], check=True, capture_output=True)
        curled = server.requests[-1]
        assert (curled.path, curled.headers["api-key"], curled.json) == (mine.path, KEY, theirs.json)
