"""An experiment of 2,000 answers over HTTP, killed twenty times: nothing answered is asked twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from promptlab.experiments import Tools, plan_experiment, read_outcome
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import SuiteLog
from promptlab.types import sha256
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


def is_right(messages: Sequence[Mapping[str, str]]) -> bool:
    """Luck alone decides, so that no look settles anything and all is asked."""
    return int(sha256("".join(message["content"] for message in messages))[:8], 16) % 2 == 0


def reply(request: Received) -> Reply:
    messages = request.json["messages"]
    number = "".join(ch for ch in messages[-1]["content"] if ch.isdigit())
    return stream(f"word-{number}" if is_right(messages) else "nothing", latency=0.004)


def test_killed_twenty_times_nothing_answered_is_asked_twice(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        server.default = reply
        space = workspace(tmp_path, CASES)
        # A short page, so that two thousand prompts are quick to send.
        (tmp_path / "docs/page.md").write_text("# Words\n\nNumber 1 is word-1.\n")
        (tmp_path / "promptlab.yaml").write_text(
            f"models:\n  m: {{backend: openai, model: x, base_url: {server.url!r}, window: 9000, "
            f"clearance: confidential, max_parallel: {TOGETHER}}}\n"
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
        results = {result.id: result for run in store.runs(limit=10_000) for result in store.results(run.id)}
        kept = Counter(
            result.case
            for result in results.values()
            if result.completion and result.completion.finish_reason != "stopped"
        )
        store.close()
        log.close()
    assert killed == KILLS
    assert outcome.state == "finished"
    assert max(kept.values()) == 1, "something that was answered was asked again"
    # What was under way when the process died, or was answered and not yet written, is all that is asked again.
    assert asked - sum(kept.values()) <= KILLS * TOGETHER * 3
    every = [*(outcome.screened.every if outcome.screened else ()), *outcome.seen.every]
    assert len(every) == len(kept) == 2 * CASES
    for seen in every:  # as an uninterrupted run would have it
        request = results[seen.result].request
        assert request is not None
        assert seen.passed == is_right([{"content": message.content} for message in request.messages])


AT_A_BORDER = """
import os, signal
from promptlab.experiments import Running, Tools, plan_experiment
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import SuiteLog
from promptlab.workspace import Workspace
from tests.experiments.bench import experiment
space = Workspace.find()
wanted = experiment("ablate", options={"sections": ["context"]}, screen=10, looks=2)
for now in Running(plan_experiment(space, wanted), Tools(Catalogue(space), Store.of(space), SuiteLog.of(space))):
    if now.stage == os.environ["KILL_AFTER"] and now.done == now.total:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_between_two_stages_it_goes_on_with_the_next(tmp_path: Path) -> None:
    """After screening, after the first look, and after the last answer: each stage is asked once."""
    with LoopbackServer() as server:
        server.default = reply
        workspace(tmp_path, 30)
        (tmp_path / "promptlab.yaml").write_text(
            f"models:\n  m: {{backend: openai, model: x, base_url: {server.url!r}, window: 9000, "
            "clearance: confidential}\n"
        )
        asked = []
        for stage in ("screening", "look 1 of 2", "look 2 of 2", "never"):
            done = subprocess.run(
                [sys.executable, "-c", AT_A_BORDER],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT), "KILL_AFTER": stage},
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert done.returncode == (0 if stage == "never" else -signal.SIGKILL), done.stderr
            asked.append(server.count)
    assert asked == [20, 40, 60, 60]
