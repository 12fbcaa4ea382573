"""The models that a server offers: its list, or in words why there is none. The key is in no message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promptlab.errors import PromptlabError
from promptlab.models._openai._model_list import offered_models
from promptlab.workspace import OpenAIModel
from tests.loopback import CUT, LoopbackServer, Received, Reply, hang, page, status

KEY = "sk-test-5ecret-5ecret-5ecret"


class Lists(LoopbackServer):
    """A server whose list of models is `listed`."""

    listed: Reply = ()

    def reply_to(self, request: Received) -> Reply:  # noqa: ARG002
        return self.listed


def entry(url: str, **more: Any) -> OpenAIModel:
    return OpenAIModel(backend="openai", model="-", base_url=url, api_key_env="LOOP_API_KEY", **more)


def as_json(data: Any) -> Reply:
    return page(json.dumps(data), kind="application/json")


def test_the_list_is_asked_with_the_key_and_sorted(server: LoopbackServer) -> None:
    server.models = ("qwen", "Alpha", "llama-3")
    assert offered_models(entry(server.url), KEY) == ("Alpha", "llama-3", "qwen")


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        (as_json({"data": [{"id": "b"}, {"id": "a"}, {"id": 3}, {}, {"id": "x\n"}]}), ("a", "b")),
        (as_json([{"id": "a"}]), ("a",)),
        (as_json({"models": [{"name": "a"}]}), ("a",)),
        (as_json(["a", "b"]), ("a", "b")),
    ],
)
def test_lists_of_other_servers_are_read(listed: Reply, names: tuple[str, ...]) -> None:
    with Lists() as server:
        server.listed = listed
        assert offered_models(entry(server.url), KEY) == names
        (request,) = server.requests
        assert (request.method, request.path) == ("GET", "/v1/models")
        assert request.headers["authorization"] == f"Bearer {KEY}"


FAULTS: dict[str, tuple[Reply, str]] = {
    "a refused key": (status(401, f"wrong key {KEY}"), "does not accept the key"),
    "no list": (status(404), "write the name of the model"),
    "a web page": (page("<!doctype html><p>Hello</p>"), "a web page"),
    "text": (page("hello", kind="text/plain"), "no JSON"),
    "other JSON": (as_json({"hello": 1}), "not a list of models"),
    "an empty list": (as_json({"data": []}), "empty"),
    "a broken server": (status(500), "the server failed"),
    "a redirect": (page("", 302, location="http://127.0.0.1:9/x"), "redirects"),
    "a cut": ((CUT,), "closed the connection"),
    "silence": (hang(), "is the address right?"),
    "no end": (page(b" " * 6_000_000), "longer than"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_said_in_words(fault: str) -> None:
    listed, words = FAULTS[fault]
    with Lists() as server:
        server.listed = listed
        with pytest.raises(PromptlabError) as caught:
            offered_models(entry(server.url), KEY, seconds=1)
        assert words in str(caught.value)
        assert KEY not in str(caught.value)
        assert KEY not in repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("url", "key", "words"),
    [
        ("http://nowhere.invalid/v1", "", "LOOP_API_KEY"),
        ("http://nowhere.invalid/v1", KEY, "unencrypted"),
        ("https://nowhere.invalid/v1", KEY, "no host of this name"),
        ("http://127.0.0.1:9/v1", KEY, "no connection"),
        ("nowhere", KEY, "not the address"),
        ("https://ours.openai.azure.com", KEY, "deployment"),
        ("https://ours.openai.azure.com/openai/v1", KEY, "deployment"),
    ],
)
def test_what_cannot_be_asked_says_why(url: str, key: str, words: str) -> None:
    with pytest.raises(PromptlabError) as caught:
        offered_models(entry(url), key)
    assert words in str(caught.value)
