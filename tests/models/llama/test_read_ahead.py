"""Reading ahead with the real models: the same bits, nothing read twice, and room made at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab.models._llama import _read_ahead, _tokenize
from promptlab.models._llama._answering import Answering
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._host import NO_ROOM_AHEAD
from promptlab.types import Completion, Message, Phase, Prompt, Request, Source, Span, Usage
from tests.models.llama.test_prefix_cache import ARTICLE, ONE, OTHER, QUESTIONS, ask, logits, open_model

__all__ = ["open_model"]  # a fixture
pytestmark = [pytest.mark.model, pytest.mark.timeout(600)]


def prompt_of(article: str, question: str, label: str = "public") -> Prompt:
    text = f"{article}\n\n"
    spans = (
        Span(0, 0, len(text), "context", "a.md", label),  # type: ignore[arg-type]  # one of the labels
        Span(1, 0, len(question), "input", "question"),
    )
    sources = (Source("context", "a.md", label),)  # type: ignore[arg-type]  # one of the labels
    return Prompt((Message("system", text), Message("user", question)), spans, sources)


def read(
    backend: LlamaBackend,
    article: str = ARTICLE,
    question: str = QUESTIONS[0],
    *,
    label: str = "public",
    cancel: threading.Event | None = None,
    at: Callable[[Phase], None] = lambda _phase: None,
) -> Completion:
    request = Request(backend.name, prompt_of(article, question, label), ONE)
    for step in backend.read_ahead(request, cancel or threading.Event()):
        if isinstance(step, Completion):
            return step
        at(step)
    raise AssertionError("no end")


def test_an_answer_after_reading_ahead_is_the_same_to_the_bit(open_model: Callable[..., LlamaBackend]) -> None:
    backend = open_model()
    cold = ask(backend, ARTICLE, QUESTIONS[1], params=ONE)
    wanted = (cold.text, logits(backend))

    backend = open_model()
    ahead = read(backend)
    assert (ahead.text, ahead.usage.reused) == ("", 0)
    done = ask(backend, ARTICLE, QUESTIONS[1], params=ONE)
    assert (done.text, logits(backend)) == wanted
    assert done.usage.reused == ahead.usage.read
    assert done.usage.prompt == cold.usage.prompt
    assert (done.usage.read or 0) < 64

    # Another text in between, so that it comes from a saved state.
    ask(backend, OTHER, QUESTIONS[0], params=ONE)
    done = ask(backend, ARTICLE, QUESTIONS[1], params=ONE)
    assert (done.text, logits(backend), done.details["prefix"]) == (*wanted, "memory")


def test_it_reads_nothing_twice(open_model: Callable[..., LlamaBackend]) -> None:
    backend = open_model()
    first = read(backend)
    for question in QUESTIONS:  # a keystroke in a late section
        again = read(backend, question=question)
        assert (again.usage.read, again.usage.reused) == (0, first.usage.read)
    assert ask(backend, ARTICLE, QUESTIONS[2], params=ONE).usage.reused == first.usage.read
    assert read(backend).usage.read == 0
    read(backend, OTHER)
    assert read(backend).usage.read == 0


def test_what_was_read_ahead_is_there_after_a_restart(open_model: Callable[..., LlamaBackend]) -> None:
    first = read(open_model(disk=True))
    backend = open_model(disk=True)
    again = read(backend)
    assert (again.usage.read, again.usage.reused, again.details["prefix"]) == (0, first.usage.read, "disk")
    assert ask(backend, ARTICLE, QUESTIONS[1], params=ONE).usage.reused == first.usage.read


def test_a_question_stops_it_and_loses_nothing_that_was_read(open_model: Callable[..., LlamaBackend]) -> None:
    long = f"{ARTICLE} {OTHER}"
    backend = open_model()
    cold = ask(backend, long, QUESTIONS[1], params=ONE)
    wanted = (cold.text, logits(backend))
    backend = open_model()
    ask(backend, "Warm.", QUESTIONS[0], params=ONE)
    asked: list[Completion] = []

    def interrupt(phase: Phase) -> None:
        if not asked and phase.name == "reading" and phase.done:
            asked.append(ask(backend, long, QUESTIONS[1], params=ONE))

    end = read(backend, long, at=interrupt)
    assert asked
    assert asked[0].text == wanted[0]
    assert asked[0].usage.reused  # what was read before the stop
    assert ((end.usage.read or 0) + (end.usage.reused or 0)) < (cold.usage.prompt or 0)
    done = ask(backend, long, QUESTIONS[1], params=ONE)
    assert (done.text, logits(backend)) == wanted


def test_a_stop_in_the_middle_of_a_batch_spoils_no_bit(open_model: Callable[..., LlamaBackend]) -> None:
    long = f"{ARTICLE} {OTHER}"
    backend = open_model()
    cold = ask(backend, long, QUESTIONS[1], params=ONE)
    wanted = (cold.text, logits(backend))
    for seconds in (0.02, 0.1, 0.25, 0.4):  # wherever it is then
        backend = open_model()
        ask(backend, "Warm.", QUESTIONS[0], params=ONE)
        cancel = threading.Event()
        timer = threading.Timer(seconds, cancel.set)
        timer.start()
        end = read(backend, long, cancel=cancel)
        timer.join()
        done = ask(backend, long, QUESTIONS[1], params=ONE)
        assert (done.text, logits(backend)) == wanted, end


def test_text_that_may_not_be_kept_is_not_read_ahead(open_model: Callable[..., LlamaBackend], tmp_path: Path) -> None:
    backend = open_model(disk=True)
    for label in ("internal", "confidential"):
        assert backend.why_not_ahead(Request("m", prompt_of(ARTICLE, "Who?", label)))
        assert read(backend, label=label).usage == Usage(0, 0, 0)
    assert not backend.loaded
    assert not (tmp_path / "prefixes").exists()
    assert read(open_model(disk=True, keep_prefixes="always"), label="internal").usage.read
    assert read(open_model(disk=True, keep_prefixes="never")).usage.read
    assert len(list((tmp_path / "prefixes").iterdir())) == 1


@pytest.mark.parametrize("open_model", ["smollm"], indirect=True)
def test_no_loaded_model_goes_for_it(open_model: Callable[..., LlamaBackend]) -> None:
    backend = open_model()
    ask(backend, "Warm.", QUESTIONS[0], params=ONE)
    other = LlamaBackend(
        *("other", backend.path, backend.entry.model_copy(update={"n_ctx": 1024}), backend.sha256),
        memory=(backend.size or 0) + 1_000_000,
        host=backend._host,
    )
    done = read(other)
    assert (done.usage.read, done.details["note"]) == (0, NO_ROOM_AHEAD)
    assert backend.loaded
    assert not other.loaded


@pytest.mark.parametrize("open_model", ["smollm"], indirect=True)
def test_it_waits_for_another_process_that_answers(
    open_model: Callable[..., LlamaBackend], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "answering.lock"
    monkeypatch.setattr(_read_ahead, "ANSWERING", Answering(lock))
    monkeypatch.setattr(_read_ahead, "AGAIN_SECONDS", 0.01)
    cancel, backend = threading.Event(), open_model()
    with Answering(lock).here():  # another instance stands for another process: it opens the file anew
        threading.Timer(0.3, cancel.set).start()
        end = read(backend, cancel=cancel)
    assert (end.finish_reason, end.usage.read) == ("stopped", 0)
    assert not backend.loaded
    assert read(backend).usage.read


@pytest.mark.parametrize(
    ("tokens", "question", "total", "count"),
    [(500, 500, 520, 500), (500, 505, 520, 496), (63, 63, 90, 0), (520, 520, 520, 512), (70, 200, 300, 64)],
)
def test_it_ends_at_the_question_or_at_a_whole_piece(tokens: int, question: int, total: int, count: int) -> None:
    assert _tokenize.ahead(tokens, question, total) == count
