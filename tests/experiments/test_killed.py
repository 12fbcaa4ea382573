"""An experiment of 2,000 answers over HTTP, killed twenty times: nothing answered is asked twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from promptlab.experiments import Tools, plan_experiment, read_outcome, report_data
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import SuiteLog
from tests.experiments.bench import experiment, workspace
from tests.loopback import LoopbackServer, Received, Reply, stream
from tests.places import ROOT

CASES, KILLS, TOGETHER = 1000, 20, 8

PROGRAM = """
from promptlab.experiments import Running, Tools, plan_experiment
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import SuiteLog
from promptlab.workspace import Workspace
from tests.experiments.bench import experiment
space = Workspace.find()
wanted = experiment("ablate", options={"sections": ["context"]}, screen=200, looks=2)
for _ in Running(plan_experiment(space, wanted), Tools(Catalogue(space), Store.of(space), SuiteLog.of(space))):
    pass
"""


def reply(request: Received) -> Reply:
    """Right with the page, wrong without it in nine of ten cases."""
    messages = request.json["messages"]
    number = "".join(ch for ch in messages[-1]["content"] if ch.isdigit())
    right = "word-1." in messages[0]["content"] or int(number) % 10 == 0
    return stream(f"word-{number}" if right else "nothing", latency=0.004)


def test_killed_twenty_times_nothing_answered_is_asked_twice(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        server.default = reply
        space = workspace(tmp_path, CASES)
        # A short page, so that two thousand prompts are quick to send.
        (tmp_path / "docs/page.md").write_text("# Words\n\nNumber 1 is word-1.\n")
        (tmp_path / "promptlab.yaml").write_text(
            f"models:\n  m: {{backend: openai, model: x, base_url: {server.url!r}, max_parallel: {TOGETHER}}}\n"
        )
        chance, killed = random.Random(3), 0
        while True:
            before = server.count
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            if killed < KILLS:
                more = chance.choice([0, 5, 40, 90])
                while process.poll() is None and server.count < before + more:
                    time.sleep(0.002)
                time.sleep(chance.random() * 0.05)
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    killed += 1
            _, errors = process.communicate(timeout=300)
            if process.returncode != -signal.SIGKILL:
                assert process.returncode == 0, errors
                break
        asked = server.count
        store, log = Store.of(space), SuiteLog.of(space)
        wanted = experiment("ablate", options={"sections": ["context"]}, screen=200, looks=2)
        outcome = read_outcome(plan_experiment(space, wanted), Tools(Catalogue(space), store, log))
        kept = Counter(
            result.case
            for run in store.runs(limit=10_000)
            for result in store.results(run.id)
            if result.completion and result.completion.finish_reason != "stopped"
        )
        store.close()
        log.close()
    assert killed == KILLS
    assert outcome.state == "finished"
    assert max(kept.values()) == 1, "something that was answered was asked again"
    # What was under way when the process died, or was answered and not yet written, is all that is asked again.
    assert asked - sum(kept.values()) <= KILLS * TOGETHER * 3
    assert report_data(outcome)["effects"][0]["verdict"] == "helps"
