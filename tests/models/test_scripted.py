"""The scripted backend keeps the protocol: steps in order, one completion last, stopped soon."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from promptlab.errors import RateLimited
from promptlab.models._as_sent import Piece
from promptlab.models._backend import Backend, Step
from promptlab.models._scripted import ScriptedBackend
from promptlab.types import Completion, Delta, Message, Params, Phase, Prompt, Request, Span

REQUEST = Request("demo", Prompt((Message("user", "Who won the cup?"),)))


def play(backend: Backend, request: Request = REQUEST) -> list[Step]:
    return list(backend.complete(request, threading.Event()))


def texts(backend: Backend, times: int) -> list[str]:
    last = [play(backend)[-1] for _ in range(times)]
    return [step.text for step in last if isinstance(step, Completion)]


@pytest.mark.parametrize(
    ("reply", "steps"),
    [
        ("Argentina", [Delta("Argentina")]),
        (["Ar", "gentina"], [Delta("Ar"), Delta("gentina")]),
        ([Phase("reading", 8, 16), "a", 0.0, "b"], [Phase("reading", 8, 16), Delta("a"), Delta("b")]),
        ([], []),
        ("", [Delta("")]),
    ],
)
def test_a_reply_is_played_step_by_step_and_ends_with_its_completion(reply: Any, steps: list[Step]) -> None:
    *before, last = play(ScriptedBackend("demo", [reply]))
    assert before == steps
    assert isinstance(last, Completion)
    assert last.text == "".join(s.text for s in steps if isinstance(s, Delta))
    assert last.finish_reason == "stop"
    assert last.fingerprint == "scripted:demo"


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        (["same"], ["same", "same", "same"]),
        ("same", ["same", "same", "same"]),
        (["one", "two", "three"], ["one", "two", "three"]),
        (lambda request: request.model, ["demo", "demo", "demo"]),
    ],
)
def test_replies_come_in_order(script: Any, answers: Sequence[str]) -> None:
    assert texts(ScriptedBackend("demo", script), 3) == answers


def test_a_script_that_has_run_out_is_an_error() -> None:
    backend = ScriptedBackend("demo", ["one", "two"])
    texts(backend, 2)
    with pytest.raises(AssertionError, match="demo: the script has 2 replies, this is one more"):
        play(backend)


def test_an_error_is_raised_where_it_stands_and_text_before_it_was_heard() -> None:
    steps = ScriptedBackend("demo", [["Ar", RateLimited("slow down")]]).complete(REQUEST, threading.Event())
    assert next(steps) == Delta("Ar")
    with pytest.raises(RateLimited):
        next(steps)
    with pytest.raises(RateLimited):
        play(ScriptedBackend("demo", [RateLimited("at once")]))


def test_the_history_keeps_exactly_what_was_sent() -> None:
    backend = ScriptedBackend("demo")
    other = Request("demo", REQUEST.prompt, Params(seed=3))
    play(backend)
    play(backend, other)
    assert backend.history == [REQUEST, other]


def test_a_cancel_ends_a_pause_and_keeps_what_had_arrived() -> None:
    cancel = threading.Event()
    steps = ScriptedBackend("demo", [["Ar", 3600.0, "gentina"]]).complete(REQUEST, cancel)
    assert next(steps) == Delta("Ar")
    cancel.set()
    (last,) = list(steps)
    assert isinstance(last, Completion)
    assert (last.text, last.finish_reason) == ("Ar", "stopped")


def test_a_request_cancelled_before_it_begins_gets_nothing() -> None:
    cancel = threading.Event()
    cancel.set()
    (last,) = list(ScriptedBackend("demo", ["Argentina"]).complete(REQUEST, cancel))
    assert isinstance(last, Completion)
    assert (last.text, last.finish_reason) == ("", "stopped")


def test_tokens_are_the_words_of_each_section() -> None:
    prompt = Prompt(
        (Message("system", "Answer briefly. The long article"), Message("user", "Who won?")),
        (
            Span(0, 0, 15, "instructions"),
            Span(0, 15, 32, "context", "cup.md"),
            Span(1, 0, 8, "input", "question"),
        ),
    )
    backend = ScriptedBackend("demo", window=20)
    sent = backend.as_sent(Request("demo", prompt, Params(max_tokens=12)))
    assert sent.budget.by_section == {"instructions": 2, "context": 3, "input": 2}
    assert sent.budget.by_source == {"cup.md": 3, "question": 2}
    assert (sent.budget.prompt, sent.budget.window, sent.budget.room, sent.budget.fits) == (7, 20, 12, True)
    assert "".join(piece.text for piece in sent.pieces) == "Answer briefly. The long articleWho won?"
    assert backend.history == []


def test_a_prompt_without_spans_counts_as_layout() -> None:
    sent = ScriptedBackend("demo").as_sent(REQUEST)
    assert sent.pieces == (Piece("Who won the cup?", "layout"),)
    assert sent.budget.by_section == {"layout": 4}


def test_many_threads_share_one_script_without_losing_a_reply() -> None:
    backend = ScriptedBackend("demo", [str(n) for n in range(64)])
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.extend(texts(backend, 4))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got, key=int) == [str(n) for n in range(64)]
