import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from promptlab.errors import EngineFailed
from promptlab.models._backend import Step
from promptlab.models._llama._job import Job
from promptlab.models._llama._prefix_tree import common
from promptlab.models._llama._scheduler import Scheduler
from promptlab.types import Completion, Delta, Phase
from tests.models.single_job import Single


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler()


def job(name: str, work: Callable[[Job], Completion], cancel: threading.Event | None = None) -> Job:
    return Single(name, work, cancel or threading.Event())


def text(answer: str) -> Callable[[Job], Completion]:
    return lambda _job: Completion(answer)


class Blocked:
    """Work that waits until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, job: Job) -> Completion:
        self.begun.set()
        while not self.go.wait(0.005):
            if job.stopping:
                return Completion("part", "stopped")
        return Completion("whole")


def last(steps: Iterator[Step]) -> Completion:
    *_, end = steps
    assert isinstance(end, Completion)
    return end


def test_steps_come_in_order_and_end_with_the_answer(scheduler):
    def work(job: Job) -> Completion:
        job.emit(Phase("reading", 0, 2))
        job.emit(Delta("a"))
        return Completion("a")

    assert list(scheduler.ask(job("m", work))) == [Phase("reading", 0, 2), Delta("a"), Completion("a")]


def test_all_work_is_done_on_one_thread(scheduler):
    seen = []

    def work(_job: Job) -> Completion:
        seen.append(threading.current_thread())
        return Completion("")

    for name in "abc":
        last(scheduler.ask(job(name, work)))
    assert len(set(seen)) == 1
    assert seen[0] is not threading.current_thread()


def test_requests_are_answered_in_the_order_they_came(scheduler):
    order: list[str] = []

    def work(job: Job) -> Completion:
        order.append(job.name)
        return Completion("")

    blocked = Blocked()
    first = scheduler.ask(job("first", blocked))
    others = [scheduler.ask(job(name, work)) for name in "abcd"]
    blocked.go.set()
    last(first)
    for steps in reversed(others):
        last(steps)
    assert order == list("abcd")


def test_a_waiting_job_reports_the_busy_model(scheduler):
    blocked = Blocked()
    first = scheduler.ask(job("gemma", blocked))
    blocked.begun.wait()
    second = scheduler.ask(job("smollm2", text("done")))
    assert next(second) == Phase("waiting", detail="gemma is answering")
    blocked.go.set()
    assert (last(first).text, last(second).text) == ("whole", "done")


def test_a_stop_ends_work_that_runs(scheduler):
    cancel, blocked = threading.Event(), Blocked()
    steps = scheduler.ask(job("m", blocked, cancel))
    blocked.begun.wait()
    cancel.set()
    assert last(steps) == Completion("part", "stopped")


def test_a_stop_while_waiting_does_not_wait_for_the_turn(scheduler):
    cancel, blocked, ran = threading.Event(), Blocked(), []
    first = scheduler.ask(job("m", blocked))
    blocked.begun.wait()
    cancel.set()
    stopped = last(scheduler.ask(job("n", lambda _job: ran.append(1) or Completion("never"), cancel)))
    assert (stopped.text, stopped.finish_reason, blocked.go.is_set()) == ("", "stopped", False)
    blocked.go.set()
    last(first)
    last(scheduler.ask(job("o", text(""))))
    assert ran == []


def test_one_thread_checks_all_waiting_jobs_and_each_can_stop(scheduler):
    blocked = Blocked()
    first = scheduler.ask(job("m", blocked))
    blocked.begun.wait()
    cancels = [threading.Event() for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(last, scheduler.ask(job("n", text("late"), cancel))) for cancel in cancels]
        for cancel in cancels[:10]:
            cancel.set()
        assert [one.result(20).finish_reason for one in waiting[:10]] == ["stopped"] * 10
        assert not any(one.done() for one in waiting[10:])
        assert [one.name for one in threading.enumerate()].count("promptlab-watch") >= 1
        blocked.go.set()
        assert [one.result(20).text for one in waiting[10:]] == ["late"] * 10
    assert last(first).text == "whole"
    assert not scheduler._watch._jobs


def test_closing_the_iterator_stops_the_work(scheduler):
    ended = threading.Event()

    def work(job: Job) -> Completion:
        job.emit(Delta("a"))
        while not job.stopping:
            ended.wait(0.005)
        ended.set()
        return Completion("a", "stopped")

    steps = scheduler.ask(job("m", work))
    assert next(steps) == Delta("a")
    steps.close()
    assert ended.wait(20)


def test_a_stop_sets_the_flag_that_native_code_reads():
    asked = job("m", text(""))
    assert asked.abort_flag.value == b""
    asked.stop()
    assert asked.abort_flag.value != b""


@pytest.mark.parametrize("error", [EngineFailed("no memory"), ZeroDivisionError("a bug")])
def test_an_error_is_raised_in_the_callers_thread_and_the_next_job_is_answered(scheduler, error):
    def work(_job: Job) -> Completion:
        raise error

    with pytest.raises(type(error)) as caught:
        list(scheduler.ask(job("m", work)))
    assert caught.value is error
    assert last(scheduler.ask(job("m", text("fine")))).text == "fine"


def test_loading_is_reported_repeatedly_with_its_seconds(scheduler):
    go = threading.Event()

    def work(job: Job) -> Completion:
        job.loading("loading a.gguf")
        go.wait()
        job.loading(None)
        return Completion("done")

    steps = scheduler.ask(job("m", work))
    told = [next(steps), next(steps)]
    go.set()
    assert [step.name for step in told] == ["loading", "loading"]
    assert all(step.detail.startswith("loading a.gguf, ") and step.detail.endswith(" s") for step in told)
    assert told[0] != told[1]
    assert last(steps).text == "done"


def test_other_work_takes_its_turn_and_its_failure_ends_no_job(scheduler):
    done = []
    scheduler.do(lambda: 1 // 0)
    scheduler.do(lambda: done.append(threading.current_thread().name))
    assert last(scheduler.ask(job("m", text("fine")))).text == "fine"
    assert done == ["promptlab-scheduler"]


# The order


class Asked:
    """Jobs that wait behind a blocked one; `order` is that in which they were done."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._lane, self._blocked = scheduler, Blocked()
        self._first = scheduler.ask(job("blocking", self._blocked))
        self._blocked.begun.wait()
        self._steps: list[Iterator[Step]] = []
        self.order: list[str] = []
        self.read = b""
        """What is live after the last job, as an engine has it."""

    def add(self, label: str, *, run: threading.Event, model: str = "m") -> Job:
        """A job of `run` whose text is its label."""

        def work(_job: Job) -> Completion:
            self.order.append(label)
            self.read = label.encode()
            return Completion(label)

        one = Single(model, work, run, text=label.encode(), near=self._near)
        self._steps.append(self._lane.ask(one))
        return one

    def _near(self, text: bytes) -> int:
        return common(self.read, text)

    def done(self) -> list[str]:
        self._blocked.go.set()
        for steps in (self._first, *self._steps):
            last(steps)
        return self.order


@pytest.fixture
def asked(scheduler: Scheduler) -> Asked:
    return Asked(scheduler)


def test_whose_run_has_the_fewest_waiting_goes_first(asked):
    suite, person = threading.Event(), threading.Event()
    for label in ("s1", "s2", "s3"):
        asked.add(label, run=suite)
    asked.add("p1", run=person)
    assert asked.done() == ["p1", "s1", "s2", "s3"]


def test_runs_with_as_many_waiting_go_in_the_order_they_came(asked):
    for label in ("second", "first", "third"):
        asked.add(label, run=threading.Event())
    assert asked.done() == ["second", "first", "third"]


def test_models_take_turns_within_a_run(asked):
    run = threading.Event()
    for label, model in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("b2", "b")):
        asked.add(label, run=run, model=model)
    assert asked.done() == ["a1", "b1", "a2", "b2", "a3"]


def test_the_nearest_goes_first_and_the_others_along_their_texts(asked):
    run = threading.Event()
    for label in ("art B q2", "art A q1", "art B q1", "art A q3", "art A q2"):
        asked.add(label, run=run)
    asked.read = b"art B q2 and what was written"
    assert asked.done() == ["art B q2", "art B q1", "art A q1", "art A q2", "art A q3"]


def test_one_far_from_everything_is_not_passed_over_for_ever(asked, monkeypatch):
    monkeypatch.setattr("promptlab.models._llama._scheduler.PATIENCE", 3)
    run = threading.Event()
    asked.add("zzz", run=run)
    for number in range(6):
        asked.add(f"near {number}", run=run)
    asked.read = b"near"
    assert asked.done() == ["near 0", "near 1", "near 2", "zzz", "near 3", "near 4", "near 5"]


def test_a_run_that_keeps_asking_does_not_keep_a_large_one_waiting_for_ever(asked, monkeypatch):
    monkeypatch.setattr("promptlab.models._llama._scheduler.PATIENCE", 3)
    suite = threading.Event()
    asked.add("s1", run=suite)
    asked.add("s2", run=suite)
    for number in range(6):
        asked.add(f"p{number}", run=threading.Event())
    assert asked.done()[:4] == ["p0", "p1", "p2", "s1"]


def test_a_job_that_was_taken_back_is_skipped_and_not_counted(asked):
    suite, person = threading.Event(), threading.Event()
    for label in ("s1", "s2"):
        asked.add(label, run=suite)
    gone = [asked.add(f"p{number}", run=person) for number in range(3)]
    for one in gone[:2]:
        assert one.claim()  # as its asker does, who will not follow it further
    del asked._steps[2:4]
    assert asked.done() == ["p2", "s1", "s2"]


def ahead(name: str, work: Callable[[Job], Completion]) -> Job:
    made = job(name, work)
    made.ahead = True
    return made


def test_reading_ahead_goes_last_and_stops_for_everything_else(scheduler):
    order: list[str] = []

    def work(name: str) -> Callable[[Job], Completion]:
        return lambda _job: order.append(name) or Completion(name)  # type: ignore[func-returns-value]  # it is None

    blocked = Blocked()
    first = scheduler.ask(job("m", blocked))
    blocked.begun.wait()
    waiting = scheduler.ask(ahead("m", work("ahead")))
    others = [scheduler.ask(job(name, work(name))) for name in ("a", "b")]
    blocked.go.set()
    for steps in (first, waiting, *others):
        last(steps)
    assert order == ["a", "b", "ahead"]

    for interrupt in (lambda: last(scheduler.ask(job("n", work("n")))), lambda: scheduler.do(lambda: None)):
        reading = Blocked()
        steps = scheduler.ask(ahead("m", reading))
        reading.begun.wait()
        interrupt()
        assert last(steps).finish_reason == "stopped"
        assert not reading.go.is_set()


def test_reading_ahead_does_not_stop_reading_ahead_and_no_model_counts_as_busy(scheduler):
    reading = Blocked()
    steps = scheduler.ask(ahead("m", reading))
    reading.begun.wait()
    assert scheduler.busy_with == ""
    second = scheduler.ask(ahead("n", text("two")))
    reading.go.set()
    assert (last(steps).text, last(second).text) == ("whole", "two")
