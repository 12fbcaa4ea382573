"""The worker process of local models: if it is killed at any moment, only its own requests fail."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab.errors import EngineFailed
from promptlab.models._backend import Step
from promptlab.models._llama import _worker_client as llama_child
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._worker_client import WorkerClient
from promptlab.types import Completion, Delta, Message, Params, Phase, Prompt, Request
from promptlab.workspace._workspace import LlamaModel

pytestmark = pytest.mark.model
TALE = Prompt((Message("user", "Tell me a long story about a ship."),))
LONG = Prompt((Message("user", "The ship went on. " * 400),))


def ask(prompt: Prompt = TALE, max_tokens: int = 8) -> Request:
    return Request("m", prompt, Params(max_tokens=max_tokens))


@pytest.fixture
def child() -> WorkerClient:
    return WorkerClient()


@pytest.fixture
def backend(local: dict[str, LlamaBackend], child: WorkerClient) -> LlamaBackend:
    like = local["smollm2"]
    return LlamaBackend("ship", like.path, LlamaModel(backend="llama", path="x"), like.sha256, host=child)


def killed_at(
    backend: LlamaBackend, child: WorkerClient, request: Request, moment: Callable[[Step], bool]
) -> EngineFailed:
    """Ask, and kill the process at the first step that `moment` is true of."""

    def follow() -> None:
        for step in backend.complete(request, threading.Event()):
            if moment(step) and child.pid:
                os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(EngineFailed) as caught:
        follow()
    return caught.value


@pytest.mark.parametrize("when", ["reading", "writing"])
def test_a_process_killed_while_it_answers_is_an_error_in_words_and_the_next_request_is_answered(
    backend: LlamaBackend, child: WorkerClient, when: str
) -> None:
    *_, wanted = backend.complete(ask(), threading.Event())
    before = child.pid
    if when == "reading":
        error = killed_at(backend, child, ask(LONG), lambda step: isinstance(step, Phase) and step.done > 0)
    else:
        error = killed_at(backend, child, ask(max_tokens=500), lambda step: isinstance(step, Delta))
    assert "ended while" in error.message
    assert "SIGKILL" in error.message
    assert error.hint.startswith("the next request")
    assert not backend.loaded
    *_, again = backend.complete(ask(), threading.Event())
    assert isinstance(wanted, Completion)
    assert isinstance(again, Completion)
    assert again.text == wanted.text
    assert child.pid not in (before, None)
    child.close()


def test_a_process_killed_between_requests_is_restarted_silently(backend: LlamaBackend, child: WorkerClient) -> None:
    list(backend.complete(ask(), threading.Event()))
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    while backend.loaded:
        time.sleep(0.01)
    assert isinstance([*backend.complete(ask(), threading.Event())][-1], Completion)
    child.close()


def test_what_the_process_last_said_is_in_the_error(local: dict[str, LlamaBackend]) -> None:
    words = "import sys; sys.stderr.write('GGML_ASSERT(n > 0) failed\\n'); sys.stderr.flush(); import os; os.abort()"
    like, child = local["smollm2"], WorkerClient((sys.executable, "-c", words))
    backend = LlamaBackend("ship", like.path, LlamaModel(backend="llama", path="x"), like.sha256, host=child)
    with pytest.raises(EngineFailed, match=r"SIGABRT\): GGML_ASSERT\(n > 0\) failed"):
        list(backend.complete(ask(), threading.Event()))


def test_a_process_that_cannot_be_started_is_an_error_in_words(local: dict[str, LlamaBackend]) -> None:
    like, child = local["smollm2"], WorkerClient(("/nowhere/python",))
    backend = LlamaBackend("ship", like.path, LlamaModel(backend="llama", path="x"), like.sha256, host=child)
    with pytest.raises(EngineFailed, match="cannot be started"):
        list(backend.complete(ask(), threading.Event()))


def test_a_bug_in_promptlab_ends_every_waiting_request(
    backend: LlamaBackend, child: WorkerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("nobody asked this")

    with monkeypatch.context() as patch:
        patch.setattr(llama_child, "_deliver", broken)
        with pytest.raises(KeyError):
            list(backend.complete(ask(), threading.Event()))
    *_, again = backend.complete(ask(), threading.Event())
    assert isinstance(again, Completion)
    assert again.usage.written
    child.close()


def test_the_process_ends_with_the_one_who_started_it(local: dict[str, LlamaBackend], tmp_path: Path) -> None:
    like = local["smollm2"]
    script = f"""
import os, signal, threading
from pathlib import Path
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._workers import WORKERS
from promptlab.types import Delta, Message, Params, Prompt, Request
from promptlab.workspace import LlamaModel
backend = LlamaBackend("ship", Path({str(like.path)!r}), LlamaModel(backend="llama", path="x"), {like.sha256!r})
request = Request("m", Prompt((Message("user", "Tell me a long story."),)), Params(max_tokens=4000))
for step in backend.complete(request, threading.Event()):
    if isinstance(step, Delta):
        Path({str(tmp_path / "pid")!r}).write_text(str(WORKERS.pid))
        os.kill(os.getpid(), signal.SIGKILL)
"""
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", script]) == -signal.SIGKILL
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 20
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
