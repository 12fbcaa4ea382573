"""Runs outlive the pages that watch them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from promptlab.errors import RateLimited, StoreError
from promptlab.types import Phase
from promptlab.ui.state.jobs import Job, Jobs
from tests.conftest import House

SLOT = "templates/cup.yaml"
LONG = ["Argentina ", 30.0, "won"]


@pytest.fixture
def jobs(house: House) -> Iterator[Callable[[], Jobs]]:
    made: list[Jobs] = []

    def make() -> Jobs:
        made.append(Jobs(house.catalogue, house.store))
        return made[-1]

    yield make
    for one in made:
        one.close()


def until(job: Job, text: str) -> None:
    for _ in range(2000):
        if any(text in s.text for s in job.snapshots()):
            return
        time.sleep(0.005)
    raise AssertionError(f"{text!r} never arrived")


def test_a_job_ends_with_every_result(house: House, jobs: Callable[[], Jobs]) -> None:
    house.model("alpha", ["Argentina"])
    house.model("beta", [RateLimited("slow down")])
    job = jobs().start(SLOT, house.trials(), title="first run")
    assert job.wait(10)
    alpha, beta = job.snapshots()
    assert (alpha.state, alpha.text, beta.state) == ("ended", "Argentina", "ended")
    assert beta.result
    assert beta.result.error == "slow down"
    assert house.store.run(job.run_id).title == "first run"


def test_a_snapshot_says_what_is_going_on(house: House, jobs: Callable[[], Jobs]) -> None:
    house.model("alpha", [[Phase("reading", 8, 16), 30.0]])
    house.model("beta", [LONG])
    job = jobs().start(SLOT, house.trials())
    until(job, "Argentina")
    for _ in range(2000):
        alpha, beta = job.snapshots()
        if alpha.state == "reading":
            break
        time.sleep(0.005)
    assert (alpha.state, alpha.phase) == ("reading", Phase("reading", 8, 16))
    assert (beta.state, beta.text) == ("writing", "Argentina ")
    assert job.running


def test_stop_keeps_what_had_arrived(house: House, jobs: Callable[[], Jobs]) -> None:
    house.model("alpha", [LONG])
    job = jobs().start(SLOT, house.trials())
    until(job, "Argentina")
    job.stop()
    assert job.wait(5)
    result = job.snapshots()[0].result
    assert result
    assert result.completion
    assert (result.text, result.completion.finish_reason) == ("Argentina ", "stopped")
    assert house.store.results(job.run_id)[0].text == "Argentina "


def test_a_busy_slot_starts_nothing_new(house: House, jobs: Callable[[], Jobs]) -> None:
    alpha = house.model("alpha", [LONG])
    manager, got = jobs(), []
    threads = [threading.Thread(target=lambda: got.append(manager.start(SLOT, house.trials()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.run_id for job in got}) == 1
    assert manager.in_slot(SLOT) is got[0]
    until(got[0], "Argentina")
    assert len(alpha.history) == 1
    assert len(house.store.runs()) == 1


def test_the_second_click_of_a_double_click_asks_nothing(house: House, jobs: Callable[[], Jobs]) -> None:
    alpha = house.model("alpha", ["Argentina"])
    manager = jobs()
    first = manager.start(SLOT, house.trials())
    assert first.wait(10)
    assert manager.start(SLOT, house.trials()) is first
    assert len(alpha.history) == 1


@pytest.mark.parametrize("other", [{"question": "Who lost?"}, {"fresh": True}], ids=str)
def test_another_wish_is_never_taken_for_a_second_click(
    house: House, jobs: Callable[[], Jobs], other: dict[str, object]
) -> None:
    alpha = house.model("alpha", ["Argentina"])
    manager = jobs()
    assert manager.start(SLOT, house.trials()).wait(10)
    fresh = bool(other.get("fresh"))
    again = manager.start(SLOT, house.trials(question=str(other.get("question", "Who won?"))), fresh=fresh)
    assert again.wait(10)
    assert len(alpha.history) == 2


def test_slots_do_not_wait_for_each_other(house: House, jobs: Callable[[], Jobs]) -> None:
    house.model("alpha", [LONG, "quick"])
    manager = jobs()
    slow = manager.start(SLOT, house.trials())
    until(slow, "Argentina")
    quick = manager.start("templates/other.yaml", house.trials(question="Who lost?"))
    assert quick.wait(10)
    assert slow.running
    assert manager.running() == [slow]


def test_a_history_that_cannot_be_written_is_said(
    house: House, jobs: Callable[[], Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.model("alpha", ["Argentina"])

    def full(_results: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(house.store, "add", full)
    job = jobs().start(SLOT, house.trials())
    assert job.wait(10)
    assert job.error
    assert "the disk is full" in str(job.error)
    assert job.snapshots()[0].text == "Argentina", "the answer is still there to be read"


def test_old_jobs_are_forgotten_and_running_ones_are_not(
    house: House, jobs: Callable[[], Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptlab.ui.state.jobs.KEPT", 3)
    house.model("alpha", lambda request: LONG if "slow" in request.messages[-1].content else "ok")
    manager = jobs()
    slow = manager.start("slow", house.trials(question="slow"))
    ended = []
    for number in range(5):
        ended.append(manager.start(SLOT, house.trials(question=str(number))))
        assert ended[-1].wait(10)
    assert manager.get(slow.run_id) is slow
    assert manager.get(ended[0].run_id) is None
    assert manager.get(ended[-1].run_id) is ended[-1]
