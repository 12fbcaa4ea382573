"""Replay: answers word for word from a file, and a miss that shows the nearest request."""

from __future__ import annotations

import dataclasses
import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.errors import InputError, RecordingMiss
from promptlab.models._recorded import MAX_DIFF, RecordedBackend, load, record, save
from promptlab.types import Completion, Delta, Message, Params, Piece, Prompt, Request, Timings, Usage

TEXT = st.text(max_size=30)


def request(text: str = "Who won?", **rest: Any) -> Request:
    return Request("gpt", Prompt((Message("system", "Answer."), Message("user", text))), **rest)


ANSWER = Completion("Argentina", "length", Usage(9, 2, 3), Timings(1, 2, 3), "gpt-4o-2024", {"device": "there"})


def backend(*pairs: tuple[Request, Completion], fingerprint: str = "api|gpt") -> RecordedBackend:
    records = [record(asked, "api|gpt", completion) for asked, completion in pairs]
    return RecordedBackend("gpt", fingerprint, {r.key: r for r in records})


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


def test_a_file_brings_back_what_was_saved(tmp_path: Path) -> None:
    records = [record(request(str(n)), "api|gpt", ANSWER) for n in range(20)]
    save(tmp_path / "deep/er/gpt.jsonl", records)
    kept = dataclasses.replace(ANSWER, timings=Timings(), details={})
    read = load(tmp_path / "deep/er/gpt.jsonl")
    assert set(read) == {r.key for r in records}
    for key, found in read.items():
        (before,) = [r for r in records if r.key == key]
        # A request goes through JSON, where a tuple is a list.
        assert json.dumps(found.request, sort_keys=True) == json.dumps(before.request, sort_keys=True)
        assert found.completion == kept
    assert [p.name for p in (tmp_path / "deep/er").iterdir()] == ["gpt.jsonl"]


@given(question=TEXT, text=TEXT, stop=st.lists(TEXT, max_size=2))
def test_any_text_survives_a_recording(
    tmp_path_factory: pytest.TempPathFactory, question: str, text: str, stop: list[str]
) -> None:
    path = tmp_path_factory.mktemp("recording") / "a.jsonl"
    asked = request(question, params=Params(stop=tuple(stop)))
    save(path, [record(asked, "f", Completion(text))])
    model = RecordedBackend("gpt", "f", load(path))
    assert answer(model, asked)[-1].text == text
    with pytest.raises(RecordingMiss):
        answer(model, request(question + "!", params=asked.params))


def test_lone_surrogates_survive_a_recording(tmp_path: Path) -> None:
    asked = request("broken \ud83d here")
    save(tmp_path / "a.jsonl", [record(asked, "f", Completion("\udc80\u2028\x85\x00"))])
    assert answer(RecordedBackend("gpt", "f", load(tmp_path / "a.jsonl")), asked)[-1].text == "\udc80\u2028\x85\x00"


def test_saving_the_same_answers_in_another_order_gives_the_same_bytes(tmp_path: Path) -> None:
    records = [record(request(str(n)), "f", ANSWER) for n in range(10)]
    save(tmp_path / "one.jsonl", records)
    save(tmp_path / "two.jsonl", reversed(records))
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    assert b"timings" not in (tmp_path / "one.jsonl").read_bytes()


def test_of_two_answers_to_one_request_the_last_is_kept(tmp_path: Path) -> None:
    save(tmp_path / "a.jsonl", [record(request(), "f", Completion(t)) for t in ("old", "new")])
    assert [r.completion.text for r in load(tmp_path / "a.jsonl").values()] == ["new"]
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 1


def test_a_failed_save_leaves_the_old_recording_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    save(path, [record(request(), "f", ANSWER)])
    before = path.read_bytes()

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(path, [record(request("another"), "f", ANSWER)])
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]
    assert path.read_bytes() == before


def test_others_may_read_a_recording(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    save(tmp_path / "a.jsonl", [])
    assert stat.S_IMODE((tmp_path / "a.jsonl").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


GOOD = {
    "key": "k",
    "request": {"messages": [{"role": "user", "content": "hi"}], "params": {}, "schema": None, "repeat": 0},
    "completion": {"text": "a", "finish_reason": "stop", "usage": {"read": 1}, "fingerprint": "f"},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    data = json.loads(json.dumps(GOOD))
    *way, last = path.split(".")
    node = data
    for part in way:
        node = node[part]
    node[last] = value
    return data


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "1",
        "{}",
        json.dumps(GOOD)[:-20],
        "[" * 100_000,
        *(
            json.dumps(changed(path, value))
            for path, value in [
                ("key", 3),
                ("request", "text"),
                ("request.messages", [{"role": "user"}]),
                ("request.messages", [{"role": "user", "content": None}]),
                ("request.messages", "text"),
                ("completion", []),
                ("completion.text", None),
                ("completion.finish_reason", "done"),
                ("completion.usage", {"tokens": 3}),
                ("completion.usage", [1, 2]),
            ]
        ),
    ],
    ids=lambda line: line[:40],
)
def test_a_line_that_is_no_recording_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match="not a line of a recording") as caught:
        load(path)
    assert (caught.value.file, caught.value.line) == (str(path), 3)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content:
        (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.jsonl: the recording cannot be read"):
        load(tmp_path / "a.jsonl")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n"])
def test_line_endings_and_empty_lines_do_not_matter(tmp_path: Path, ending: str) -> None:
    (tmp_path / "a.jsonl").write_bytes((json.dumps(GOOD) + ending).encode())
    assert list(load(tmp_path / "a.jsonl")) == ["k"]


def test_what_would_be_looked_up_is_shown_with_estimated_tokens() -> None:
    sent = backend().as_sent(request("Who won the cup?", params=Params(max_tokens=5)))
    assert sent.body == request("Who won the cup?", params=Params(max_tokens=5)).body()
    assert (sent.budget.prompt, sent.budget.exact, sent.budget.fits) == (6, False, True)
    assert sent.pieces == (Piece("Answer.", "layout"), Piece("Who won the cup?", "layout"))
