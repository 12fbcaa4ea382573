"""A rerun of 500 cases, killed again and again at random moments: complete in the end, and nothing paid for twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from promptlab.runs._store import Store
from promptlab.suites._log import SuiteLog
from tests.places import ROOT
from tests.suites.making import SuiteHouse, suites

__all__ = ["suites"]

CASES = 500
KILLS = 20

# Asks as `promptlab suite rerun` does, of a model whose every answer takes 4 ms; a question is written down before it
# is answered.
PROGRAM = """
import sys
from promptlab.suites import _file as suite_file
from promptlab.models._scripted import ScriptedBackend
from promptlab.models import Catalogue
from promptlab.runs._store import Store
from promptlab.suites._ask import Asking
from promptlab.suites._items import AskOptions
from promptlab.suites._log import SuiteLog
from promptlab.workspace import Workspace

workspace = Workspace.find()
asked = open(sys.argv[1], "a", buffering=1)

def answer(request):
    question = request.messages[-1].content.split()[-1]
    asked.write(question + "\\n")
    return [0.004, "Argentina" if question != "n7" else "Brazil"]

model = ScriptedBackend("good", answer, max_parallel=4)
catalogue = Catalogue(workspace, {}, extra={"good": model})
suite = suite_file.load_suite(workspace, "facts")
asking = Asking(workspace, suite, verb="rerun", options=AskOptions(prompts="current"),
    catalogue=catalogue, store=Store(workspace.state / "runs.sqlite"), log=SuiteLog(workspace.state / "suites.sqlite"))
for one in asking:
    pass
"""


def test_killed_twenty_times_it_ends_complete_and_asks_nothing_twice_that_was_answered(
    suites: SuiteHouse, tmp_path: Path
) -> None:
    cases = "".join(
        json.dumps({"id": f"c{n}", "inputs": {"question": f"Who won n{n}"}, "expected": "Argentina"}) + "\n"
        for n in range(CASES)
    )
    suites.write("template: cup\nmodels: [good]\nscorers: [contains]\ncases: [{file: cases.jsonl}]\n")
    (suites.workspace.root / "cases.jsonl").write_text(cases)
    rng, killed, round_ = random.Random(5), 0, 0
    answered: set[str] = set()
    while True:
        round_ += 1
        asked = tmp_path / f"asked-{round_}"
        process = start(suites, asked)
        # Some are killed while they load, most while they ask.
        if killed < KILLS:
            wait_for(asked, process, questions=rng.choice([0, 0, 1, 5, 20, 40]))
            time.sleep(rng.random() * 0.05)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
        _, errors = process.communicate(timeout=120)
        again = set(lines(asked)) & answered
        assert not again, f"asked although it had an answer: {sorted(again)[:5]}"
        assert len(lines(asked)) == len(set(lines(asked)))
        answered = with_answers(suites)
        if process.returncode != -signal.SIGKILL:
            assert process.returncode == 0, errors
            break
    assert killed == KILLS
    assert answered == {f"n{n}" for n in range(CASES)}
    log = SuiteLog(suites.workspace.state / "suites.sqlite")
    (run,) = log.runs(suites.path)
    rows = log.rows(run, limit=CASES + 1)
    assert (run.state, run.total, run.done) == ("finished", CASES, CASES)
    assert [row.key.case for row in rows] == [f"c{n}" for n in range(CASES)]
    assert [row.key.case for row in rows if not row.passed] == ["c7"]
    assert sum(count.items for count in log.counts(run)) == CASES
    log.close()
    # What was under way when the process died was never answered; that alone is asked again.
    every = Counter(line for path in tmp_path.glob("asked-*") for line in lines(path))
    assert sum(every.values()) <= CASES + KILLS * 4 * 3


def start(suites: SuiteHouse, asked: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(asked)],
        cwd=suites.workspace.root,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(asked: Path, process: subprocess.Popen[str], *, questions: int) -> None:
    while process.poll() is None and len(lines(asked)) < questions:
        time.sleep(0.002)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def with_answers(suites: SuiteHouse) -> set[str]:
    """The questions that the run history has an answer to."""
    store = Store(suites.workspace.state / "runs.sqlite")
    found = {
        result.request.messages[-1].content.split()[-1]
        for run in store.runs(limit=1_000)
        for result in store.results(run.id)
        if result.request and result.completion and result.completion.finish_reason != "stopped"
    }
    store.close()
    return found
