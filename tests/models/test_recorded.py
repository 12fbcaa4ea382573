"""Replay: answers word for word from a file, and a miss that shows the nearest request."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.errors import InputError, RecordingMiss
from promptlab.models._as_sent import Piece
from promptlab.models._recorded import MAX_DIFF, Record, RecordedBackend
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._recording import Recording, write
from promptlab.suites._suite import ItemKey
from promptlab.types import Completion, Delta, Message, Params, Prompt, Request, Timings, Usage

TEXT = st.text(max_size=30)


def request(text: str = "Who won?", **rest: Any) -> Request:
    return Request("gpt", Prompt((Message("system", "Answer."), Message("user", text))), **rest)


ANSWER = Completion("Argentina", "length", Usage(9, 2, 3), Timings(1, 2, 3), "gpt-4o-2024", {"device": "there"})


def backend(*pairs: tuple[Request, Completion], fingerprint: str = "api|gpt") -> RecordedBackend:
    records = {asked.key("api|gpt"): Record(asked.body(), completion) for asked, completion in pairs}
    return RecordedBackend("gpt", fingerprint, records)


def answer(model: RecordedBackend, asked: Request) -> list[Any]:
    return list(model.complete(asked, threading.Event()))


def test_the_recorded_answer_comes_word_for_word_and_says_it_is_one() -> None:
    delta, last = answer(backend((request(), ANSWER)), request())
    assert delta == Delta("Argentina")
    assert last == Completion("Argentina", "length", Usage(9, 2, 3), Timings(), "gpt-4o-2024", {"recorded": True})


def test_a_cancelled_replay_gives_nothing() -> None:
    cancel = threading.Event()
    cancel.set()
    (last,) = list(backend((request(), ANSWER)).complete(request(), cancel))
    assert (last.text, last.finish_reason) == ("", "stopped")  # type: ignore[union-attr]  # a Completion


@pytest.mark.parametrize(
    "other",
    [
        request("Who lost?"),
        request(params=Params(temperature=0.5)),
        request(repeat=1),
        request(schema='{"type":"string"}'),
    ],
)
def test_another_request_is_a_miss_and_never_an_answer(other: Request) -> None:
    model = backend((request(), ANSWER))
    with pytest.raises(RecordingMiss) as caught:
        answer(model, other)
    assert "no recorded answer of gpt to this request; the nearest one differs:" in caught.value.message
    assert "record it again" in caught.value.hint


def test_a_miss_shows_the_nearest_request_as_a_diff() -> None:
    model = backend((request("Who won the cup\nin 2022?"), ANSWER), (request("Something else\nentirely"), ANSWER))
    with pytest.raises(RecordingMiss) as caught:
        answer(model, request("Who won the cup\nin 2026?"))
    assert caught.value.message.splitlines()[1:] == [
        "--- recorded",
        "+++ asked now",
        "@@ -5 +5 @@",
        "-in 2022?",
        "+in 2026?",
    ]


def test_a_miss_of_another_model_says_so() -> None:
    model = backend((request(), ANSWER), fingerprint="api|gpt-5")
    with pytest.raises(RecordingMiss, match="the requests are the same; the recording is of another model"):
        answer(model, request())


def test_an_empty_recording_says_so() -> None:
    with pytest.raises(RecordingMiss, match="the recording of gpt is empty"):
        answer(backend(), request())


def test_a_miss_stays_readable_when_everything_differs() -> None:
    model = backend((request("\n".join(f"line {n}" for n in range(5_000))), ANSWER))
    with pytest.raises(RecordingMiss) as caught:
        answer(model, request("x" * 1_000_000))
    assert len(caught.value.message) < 300 * (MAX_DIFF + 3)
    assert "lines more" in caught.value.message


def stored(asked: Request, completion: Completion, fingerprint: str = "api|gpt", case: str = "c") -> RecordedItem:
    return RecordedItem(
        ItemKey(case, "", asked.model, asked.repeat), asked, asked.key(fingerprint), fingerprint, completion, scores=()
    )


def test_a_recording_of_a_suite_answers_in_the_place_of_its_model(tmp_path: Path) -> None:
    asked = [request(str(n)) for n in range(20)]
    write(tmp_path / "a.jsonl", [stored(one, ANSWER, case=f"c{n}") for n, one in enumerate(asked)])
    with Recording(tmp_path / "a.jsonl") as recording:
        model = recording.backend("gpt")
    assert model.fingerprint == "api|gpt"
    assert [answer(model, one)[-1].text for one in asked] == ["Argentina"] * 20
    with pytest.raises(RecordingMiss):
        answer(model, request("another"))


def test_another_model_of_the_recording_is_not_answered_for(tmp_path: Path) -> None:
    other = Request("other", request().prompt)
    write(tmp_path / "a.jsonl", [stored(request(), ANSWER), stored(other, Completion("Germany"), "api|other")])
    with Recording(tmp_path / "a.jsonl") as recording:
        assert answer(recording.backend("other"), other)[-1].text == "Germany"
        assert answer(recording.backend("gpt"), request())[-1].text == "Argentina"


@pytest.mark.parametrize(("prints", "words"), [((), "nothing"), (("old", "new"), "2 versions")])
def test_a_recording_that_does_not_stand_for_one_model_is_refused(
    tmp_path: Path, prints: tuple[str, ...], words: str
) -> None:
    write(tmp_path / "a.jsonl", [stored(request(one), ANSWER, one, case=one) for one in prints])
    with Recording(tmp_path / "a.jsonl") as recording, pytest.raises(InputError, match=words):
        recording.backend("gpt")


@given(question=TEXT, text=TEXT, stop=st.lists(TEXT, max_size=2))
def test_any_text_survives_a_recording(
    tmp_path_factory: pytest.TempPathFactory, question: str, text: str, stop: list[str]
) -> None:
    path = tmp_path_factory.mktemp("recording") / "a.jsonl"
    asked = request(question, params=Params(stop=tuple(stop)))
    write(path, [stored(asked, Completion(text))])
    with Recording(path) as recording:
        model = recording.backend("gpt")
    assert answer(model, asked)[-1].text == text
    with pytest.raises(RecordingMiss):
        answer(model, request(question + "!", params=asked.params))


def test_lone_surrogates_survive_a_recording(tmp_path: Path) -> None:
    asked = request("broken \ud83d here")
    write(tmp_path / "a.jsonl", [stored(asked, Completion("\udc80\u2028\x85\x00"))])
    with Recording(tmp_path / "a.jsonl") as recording:
        assert answer(recording.backend("gpt"), asked)[-1].text == "\udc80\u2028\x85\x00"


def test_what_would_be_looked_up_is_shown_with_estimated_tokens() -> None:
    sent = backend().as_sent(request("Who won the cup?", params=Params(max_tokens=5)))
    assert sent.body == request("Who won the cup?", params=Params(max_tokens=5)).body()
    assert (sent.budget.prompt, sent.budget.exact, sent.budget.fits) == (6, False, True)
    assert sent.pieces == (Piece("Answer.", "layout"), Piece("Who won the cup?", "layout"))
