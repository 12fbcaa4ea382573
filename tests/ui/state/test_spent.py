"""What was spent is added up beside the page: a short history always anew, a long one once a minute."""

from __future__ import annotations

import threading

import pytest

from promptlab.errors import StoreError
from promptlab.runs import Taken
from promptlab.ui.state.spent import SpentSoFar


class History:
    """A history whose sums take as long as `go` is not set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.asked = 0
        self.error: Exception | None = None

    def taken_in_all(self) -> list[Taken]:
        self.asked += 1
        assert self.go.wait(20)
        if self.error:
            raise self.error
        return [Taken("gpt", 10, self.asked, "")]


@pytest.fixture
def history() -> History:
    return History()


@pytest.fixture
def spent(history: History) -> SpentSoFar:
    return SpentSoFar(lambda: history)  # type: ignore[arg-type, return-value]


def test_a_quick_sum_is_made_anew(history: History, spent: SpentSoFar) -> None:
    for count in (1, 2, 3):
        found = spent.now(20)
        assert found is not None
        assert found.by_model["gpt"].new == count
    assert history.asked == 3


def test_a_slow_sum_holds_no_page_up_and_is_made_once(
    history: History, spent: SpentSoFar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptlab.ui.state.spent.QUICK", -1.0)
    history.go.clear()
    assert [spent.now(0.01) for _ in range(3)] == [None, None, None]
    history.go.set()
    first = spent.now(20)
    assert first is not None
    assert spent.now(0.01) is first
    assert history.asked == 1


def test_an_error_is_raised_and_the_next_page_tries_again(history: History, spent: SpentSoFar) -> None:
    history.error = StoreError("no")
    with pytest.raises(StoreError):
        spent.now(20)
    history.error = None
    assert spent.now(20) is not None
