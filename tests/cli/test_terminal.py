"""Following a run on a terminal: nothing that could steer it, and Ctrl-C twice."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.cli._terminal import follow, printable
from promptlab.errors import ServerFailed
from promptlab.models._backend import Step
from promptlab.models._scripted import ScriptedBackend
from promptlab.runs import result_as_text
from promptlab.types import Completion, Request, Result
from tests.conftest import House


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 😀\ttab\nline", "plain é 😀\ttab\nline"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("hidden\rshown", "hidden\\rshown"),
        ("one\r\ntwo", "one\ntwo"),
        ("a\x00b\x7f\x9b31m", "a\\x00b\\x7f\\x9b31m"),
        ("half \ud83d", "half \\ud83d"),
        ("מימין\u200f", "מימין\u200f"),
    ],
)
def test_no_answer_can_steer_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_what_is_printed_is_printable(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert all(c.isprintable() or c.isspace() or ord(c) > 0x9F for c in shown)


def test_an_answer_that_no_scorer_can_judge_is_told_as_a_failure(house: House) -> None:
    def asleep(_answer: str, _expected: str) -> bool:
        raise RuntimeError("asleep")

    house.model("a", ["Argentina"])
    texts: list[str] = []
    run = house.start(house.trials(expected="Argentina"), scorers=[asleep])
    assert follow(run, lambda result: texts.append(result_as_text(result)))
    assert "not judged: the scorer failed: RuntimeError: asleep" in texts[0]


def test_results_are_shown_in_the_order_of_the_trials_and_a_failure_is_told(house: House) -> None:
    house.model("slow", [[0.3, "one"]])
    house.model("fast", ["two"])
    shown: list[str] = []
    assert not follow(house.start(house.trials()), lambda result: shown.append(result.text))
    house.model("bad", [ServerFailed("no")])
    assert follow(house.start(house.trials("bad", "fast")), lambda result: shown.append(result.text))
    assert shown == ["one", "two", "", "two"]


class Deaf(ScriptedBackend):
    """Goes on whatever `cancel` says, until `release`."""

    begun = threading.Event()
    release = threading.Event()

    def complete(self, _request: Request, _cancel: threading.Event) -> Iterator[Step]:
        self.begun.set()
        assert self.release.wait(60)
        yield Completion("at last")


@pytest.fixture
def deaf(house: House) -> Iterator[Deaf]:
    Deaf.begun.clear()
    Deaf.release.clear()
    house.models["deaf"] = Deaf("deaf")
    yield Deaf("deaf")
    Deaf.release.set()


def test_a_second_ctrl_c_leaves_at_once_and_the_handler_is_given_back(house: House, deaf: Deaf) -> None:
    run = house.start(house.trials())
    left = threading.Event()

    def press() -> None:
        assert deaf.begun.wait(60)
        # Again and again, as people do: Python may see a signal only with the next one.
        while not left.wait(0.05):
            os.kill(os.getpid(), signal.SIGINT)

    def ignore(_signal: int, _frame: object) -> None: ...

    before = signal.signal(signal.SIGINT, ignore)
    presser = threading.Thread(target=press)
    presser.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            follow(run, lambda _: None)
        assert signal.getsignal(signal.SIGINT) is ignore
    finally:
        left.set()
        presser.join()
        signal.signal(signal.SIGINT, before)
    assert run.cancelled
    assert run.results == []
    deaf.release.set()
    assert [r.text for r in run.wait()] == ["at last"]


def test_a_reader_who_has_gone_stops_the_run(house: House) -> None:
    house.model("quick")
    house.model("endless", [["x", 3600.0]])
    run = house.start(house.trials())

    def show(_result: Result) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        follow(run, show)
    assert run.cancelled
    assert [r.ok for r in run.wait()] == [True, True]
