"""Many answers written together, on the real models: prefixes are read once, and everybody gets their own answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from promptlab.errors import RequestRejected
from promptlab.models._llama import _batched_engine as llama_together
from promptlab.models._llama import _kv_cells as llama_cells
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._host import Engines
from promptlab.types import Completion, Delta, Message, Params, Prompt, Request
from promptlab.workspace._workspace import LlamaModel

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]
BOTH = pytest.mark.parametrize("name", ["gemma", "smollm2"])
ARTICLE = " ".join(f"Team {n} beat team {n + 1} by {n % 7} goals to {n % 3} in stadium {n % 5}." for n in range(20))
QUESTIONS = [f"Who was beaten by team {n}?" for n in range(8)]
SHORT = [f"Count from {n}:" for n in range(6)]


def request(question: str, article: str = "", **params: object) -> Request:
    before = (Message("system", article),) if article else ()
    return Request("m", Prompt((*before, Message("user", question))), Params(max_tokens=8).with_(**params))


@pytest.fixture
def together(local: dict[str, LlamaBackend]) -> Iterator[Callable[..., LlamaBackend]]:
    made: list[LlamaBackend] = []

    def make(name: str, **entry: object) -> LlamaBackend:
        like = local[name]
        settings = LlamaModel.model_validate({"backend": "llama", "path": "x", "n_ctx": 2048, "throughput": 4, **entry})
        made.append(LlamaBackend(name, like.path, settings, like.sha256, host=Engines()))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ask_all(backend: LlamaBackend, requests: list[Request]) -> list[Completion]:
    """All of them at once, as the threads of a run do: one event stops them together."""
    cancel = threading.Event()

    def ask(one: Request) -> Completion:
        *before, done = backend.complete(one, cancel)
        assert isinstance(done, Completion)
        assert "".join(step.text for step in before if isinstance(step, Delta)) == done.text
        return done

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(ask, requests))


@BOTH
def test_a_shared_beginning_is_read_once_for_answers_written_together(
    together: Callable[..., LlamaBackend], name: str
) -> None:
    backend = together(name)
    done = ask_all(backend, [request(question, ARTICLE) for question in QUESTIONS])
    lengths = [backend.as_sent(request(question, ARTICLE)).budget.prompt for question in QUESTIONS]
    assert [one.usage.prompt for one in done] == lengths
    read = sum(one.usage.read or 0 for one in done)
    assert max(lengths) < read < 2 * max(lengths)
    assert all(one.usage.written for one in done)
    assert {one.details["throughput"] for one in done} == {4}


@BOTH
def test_each_answer_is_to_its_own_question(together: Callable[..., LlamaBackend], name: str) -> None:
    """Texts may differ from the exact mode's by a batch's rounding; whose answer is whose may not. Saying a word again
    is so sure that no rounding changes it."""
    words = ("ship", "river", "horse", "letter", "moon", "winter", "bridge", "garden")
    shots = [Message(role, word) for word in ("apple", "window", "clock") for role in ("user", "assistant")]
    asked = [
        Request("m", Prompt((*shots, Message("user", word))), Params(max_tokens=4, stop=("\n",))) for word in words
    ]
    assert [one.text.strip().lower() for one in ask_all(together(name), asked)] == [*words]


@pytest.mark.parametrize("counted", [True, False], ids=["they wait", "they are put off"])
def test_more_than_fit_into_the_cells_are_answered_whole(
    together: Callable[..., LlamaBackend], monkeypatch: pytest.MonkeyPatch, counted: bool
) -> None:
    monkeypatch.setattr(llama_together, "ROOM", 0)
    if not counted:  # as if the count of free cells were wrong: the library says so then
        monkeypatch.setattr(llama_cells.KVCells, "make_room", lambda *_, **__: True)
    backend = together("smollm2", n_ctx=256)  # four that grow to more than a hundred tokens each
    asked = [request(f"{word} " * 30, max_tokens=80) for word in ("ship", "sea", "wind", "rope", "mast")]
    done = ask_all(backend, asked)
    assert [one.usage.prompt for one in done] == [backend.as_sent(one).budget.prompt for one in asked]
    assert all(one.finish_reason in ("length", "stop") for one in done)
    assert all(one.usage.written == 80 for one in done if one.finish_reason == "length")
    assert any(one.details.get("read_again") for one in done) is not counted


def test_one_of_many_is_stopped_and_the_others_go_on(together: Callable[..., LlamaBackend]) -> None:
    backend = together("smollm2")
    cancel, stopped = threading.Event(), []

    def stop_one() -> None:
        for step in backend.complete(request("Tell me a long story.", max_tokens=1500), cancel):
            if isinstance(step, Delta):
                cancel.set()
            stopped.append(step)

    thread = threading.Thread(target=stop_one)
    thread.start()
    done = ask_all(backend, [request(question) for question in SHORT])
    thread.join()
    assert [one.usage.written for one in done if one.finish_reason == "length"]
    assert isinstance(stopped[-1], Completion)
    assert stopped[-1].finish_reason == "stopped"


def test_a_request_that_is_refused_harms_no_other(together: Callable[..., LlamaBackend]) -> None:
    backend = together("smollm2")
    with pytest.raises(RequestRejected, match="repeat_penalty is 0"):
        list(backend.complete(request("No?", repeat_penalty=0.0), threading.Event()))
    assert ask_all(backend, [request("Yes?")])[0].usage.written


def test_the_fingerprint_says_that_answers_were_written_together(
    together: Callable[..., LlamaBackend], local: dict[str, LlamaBackend]
) -> None:
    assert "reading=together4" in together("smollm2").fingerprint
    assert "together" not in local["smollm2"].fingerprint
