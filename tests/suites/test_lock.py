"""One at a time at a suite, in real processes: no line is lost, and nothing is paid for twice."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from promptlab.errors import SuiteBusy
from promptlab.models._catalogue import Catalogue
from promptlab.runs._store import Store
from promptlab.suites import _annotations as marks
from promptlab.suites import _file as suite_file
from promptlab.suites import _lock as suite_lock
from promptlab.suites._items import AskOptions
from promptlab.ui.state.open_suites import OpenSuites
from promptlab.ui.state.suite_jobs import SuiteJob
from promptlab.workspace._workspace import Workspace
from tests.loopback import LoopbackServer, stream
from tests.places import ROOT

CASES = 12
SUITE = "fixtures/suites/s.yaml"
RECORDING = "fixtures/recordings/s.jsonl"


@pytest.fixture
def may_answer() -> threading.Event:
    """While it is cleared the server answers nobody, so the first process is at work for as long as a test needs."""
    event = threading.Event()
    event.set()
    return event


@pytest.fixture
def server(may_answer: threading.Event) -> Iterator[LoopbackServer]:
    def reply(_request: object) -> Sequence[Any]:
        may_answer.wait(100)
        return (0.15, *stream("Argentina"))

    with LoopbackServer(reply) as one:
        yield one
        may_answer.set()


@pytest.fixture
def home(make_workspace: Callable[..., Workspace], server: LoopbackServer) -> Workspace:
    cases = "".join(f"  - {{id: c{n}, inputs: {{question: Who {n}?}}, expected: Argentina}}\n" for n in range(CASES))
    suite = f"template: cup\nmodels: [rec]\nscorers: [contains]\ncases:\n{cases}"
    entry = f'{{backend: openai, model: m, base_url: "{server.url}", window: 9000, max_parallel: 1}}'
    return make_workspace(f"models:\n  rec: {entry}\n", {SUITE: suite})


def start(home: Workspace, *words: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "promptlab.cli", *words]
    return subprocess.Popen(
        command,
        cwd=home.root,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, errors = process.communicate(timeout=120)
    return process.returncode, out + errors


def until(what: Callable[[], object]) -> None:
    limit = time.monotonic() + 60
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.01)


def recorded(home: Workspace) -> int:
    return len((home.root / RECORDING).read_text("utf-8").splitlines())


def asked(server: LoopbackServer) -> int:
    return sum("chat" in one.path for one in server.requests)


@pytest.mark.parametrize(
    "words",
    [("record", "s"), ("rerun", "s"), ("rerun", "s", "--prompts", "current"), ("accept", "s", "--yes")],
    ids=" ".join,
)
def test_the_second_process_says_who_is_at_work_and_asks_nothing(
    home: Workspace, server: LoopbackServer, may_answer: threading.Event, words: tuple[str, ...]
) -> None:
    may_answer.clear()
    first = start(home, "suite", "record", "s")
    until(lambda: asked(server))
    status, said = end(start(home, "suite", *words))
    assert status == 1, said
    assert f"process {first.pid}" in said
    assert "record" in said
    assert first.poll() is None
    may_answer.set()
    assert end(first)[0] == 0
    assert asked(server) == CASES
    assert recorded(home) >= CASES


@pytest.mark.parametrize("verb", ["record", "rerun"])
def test_who_waits_takes_what_the_other_was_given_and_pays_nothing_twice(
    home: Workspace, server: LoopbackServer, may_answer: threading.Event, verb: str
) -> None:
    words = ("suite", verb, "s", *(("--prompts", "current") if verb == "rerun" else ()))
    may_answer.clear()
    first = start(home, *words)
    until(lambda: asked(server))
    second = start(home, *words, "--wait")
    assert second.stderr is not None
    waits_for = second.stderr.readline()
    may_answer.set()
    results = [end(first), end(second)]
    assert [status for status, _ in results] == [0, 0], results
    assert f"process {first.pid}" in waits_for
    assert asked(server) == CASES
    if verb == "record":
        assert recorded(home) >= CASES


def test_a_lock_dies_with_its_process(home: Workspace, server: LoopbackServer) -> None:
    first = start(home, "suite", "record", "s")
    until(lambda: asked(server) > 3)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)
    status, said = end(start(home, "suite", "record", "s"))
    assert status == 0, said
    assert recorded(home) >= CASES
    assert asked(server) <= CASES + 1  # the one that was under way


def test_two_parts_of_one_process_are_two(home: Workspace) -> None:
    said: list[str] = []

    def other() -> None:
        try:
            suite_lock.take_suite(home, SUITE, "rerun")
        except SuiteBusy as exc:
            said.append(str(exc))

    with suite_lock.hold_suite(home, SUITE, "record"), suite_lock.hold_suite(home, SUITE, "accept"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(said) == 1
    assert "record by this process" in said[0]
    suite_lock.take_suite(home, SUITE, "rerun").release()


def test_a_forked_child_does_not_keep_it(home: Workspace) -> None:
    owned = suite_lock.take_suite(home, SUITE, "record")
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    try:
        owned.release()
        thread = threading.Thread(target=lambda: suite_lock.take_suite(home, SUITE, "rerun").release())
        thread.start()
        thread.join(5)
        assert not suite_lock._HELD
        suite_lock.take_suite(home, SUITE, "rerun").release()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_suite_that_is_forgotten_about_is_free(home: Workspace) -> None:
    suite_lock.take_suite(home, SUITE, "record")
    assert not suite_lock._HELD


PUT = """
import sys
from promptlab.suites import _annotations as marks

from promptlab.workspace import Workspace
for n in range(20):
    marks.add_mark(Workspace.find(), sys.argv[1], marks.Mark(f"{sys.argv[2]}-{n}", "", "m", "a", True, "x"))
"""


def test_marks_of_two_processes_are_all_kept(home: Workspace) -> None:
    assert suite_file.load_suite(home, "s").path == SUITE
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [subprocess.Popen([sys.executable, "-c", PUT, SUITE, name], cwd=home.root, env=env) for name in "ab"]
    assert [one.wait(60) for one in both] == [0, 0]
    assert len(marks.load_marks(home, SUITE)) == 40


def test_a_browser_beside_another_browser_or_a_process_is_told_so_too(
    home: Workspace, server: LoopbackServer, may_answer: threading.Event
) -> None:
    may_answer.clear()
    first = start(home, "suite", "record", "s")
    until(lambda: asked(server))
    with contextlib.closing(OpenSuites(home)) as one, contextlib.closing(OpenSuites(home)) as other:
        store = Store(home.state / "runs.sqlite")
        catalogue = Catalogue(home)

        def ask(suites: OpenSuites) -> SuiteJob:
            options = AskOptions(prompts="current")
            return suites.ask(home, SUITE, "record", options, catalogue=catalogue, store=store)

        refused = ask(one)
        assert refused.wait(60)
        assert isinstance(refused.error, SuiteBusy)
        assert str(first.pid) in refused.error.message
        may_answer.set()
        assert end(first)[0] == 0
        may_answer.clear()
        job = ask(one)
        until(lambda: asked(server) > CASES)
        second = ask(other)
        assert second.wait(60)
        assert isinstance(second.error, SuiteBusy)
        may_answer.set()
        assert job.wait(60)
        assert job.error is None
        catalogue.close()
        store.close()
    assert asked(server) == 2 * CASES
    assert recorded(home) >= CASES
