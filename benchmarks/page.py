"""What a click on the workbench costs: a rerun of the page after an edit, and the time from Run to the first request.

    python -m benchmarks.page [--quick] [--json]

The real page, run by Streamlit's `AppTest`, in a workspace with the World Cup article, two scripted models that answer
at once, and a history of five runs. Beside the seconds it counts the work that should be done once: renders of a
prompt, looks at a model's status, and reads of a run's answers.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import machine
from promptlab.models._catalogue import Catalogue
from promptlab.models._scripted import ScriptedBackend
from promptlab.runs._store import Store
from promptlab.templates._render import _Render
from promptlab.types import Request
from promptlab.ui.state.session import Session, close_session, open_session
from promptlab.workspace._workspace import Workspace

ROOT = Path(__file__).parent.parent
FILES = ("templates/world-cup.yaml", "fixtures/documents/world-cup-2022.md", "fixtures/examples/world-cup.jsonl")
PAGE = ROOT / "promptlab/ui/routes/workbench.py"
QUESTION = "input-question-world-cup"
MODELS = ("alpha", "beta")
HISTORY = 5

COUNTED = {"renders": (_Render, "prompt"), "statuses": (Catalogue, "status"), "reads of a run": (Store, "results")}
"""What is counted, by the method that does it."""


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Counts calls of the methods in `COUNTED`, in every thread, while the block lasts."""
    counts: Counter[str] = Counter()
    originals = {name: getattr(owner, method) for name, (owner, method) in COUNTED.items()}

    def counted(name: str) -> Any:
        original = originals[name]

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            counts[name] += 1
            return original(*args, **kwargs)

        return call

    for name, (owner, method) in COUNTED.items():
        setattr(owner, method, counted(name))
    try:
        yield counts
    finally:
        for name, (owner, method) in COUNTED.items():
            setattr(owner, method, originals[name])


class Desk:
    """The workbench in one tab, and when its models were asked."""

    def __init__(self, root: Path) -> None:
        from streamlit.testing.v1 import AppTest

        for name in FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        (root / "promptlab.yaml").write_text("models: {}\n", encoding="utf-8")
        os.chdir(root)
        self.asked: list[float] = []
        workspace = Workspace.load(root)
        backends = {name: ScriptedBackend(name, self._answer) for name in MODELS}
        self.session: Session = open_session(workspace, Catalogue(workspace, {}, extra=backends))
        self.tab = AppTest.from_file(PAGE, default_timeout=60)
        self.tab.query_params["template"] = "templates/world-cup.yaml"  # else the first page asks what to do

    def _answer(self, _request: Request) -> str:
        self.asked.append(time.perf_counter())
        return "Argentina"

    def edit(self, text: str) -> float:
        """Type a question; seconds until the page is drawn."""
        began = time.perf_counter()
        self.tab.text_area(key=QUESTION).set_value(text).run()
        return time.perf_counter() - began

    def press_run(self) -> tuple[float, float]:
        """Press Run; seconds until the first request is with its model, and until the page shows the answers."""
        self.asked.clear()
        began = time.perf_counter()
        self.tab.button(key="run").click().run()
        for job in self.session.jobs.running():
            job.wait(60)
        first = min(self.asked) - began
        self.tab.run()
        return first, time.perf_counter() - began


def measure(rounds: int) -> dict[str, Any]:
    """Seconds and counts of `rounds` edits, each followed by a press of Run."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        try:
            desk.tab.run()
            for number in range(HISTORY):
                desk.edit(f"Who won in {1900 + number}?")
                desk.press_run()
            edits, requests, shown, counts = [], [], [], []
            for number in range(rounds):
                with counting() as of_edit:
                    edits.append(desk.edit(f"Who won in {2000 + number}?"))
                with counting() as of_run:
                    first, answers = desk.press_run()
                requests.append(first)
                shown.append(answers)
                counts.append((of_edit, of_run))
            assert not desk.tab.exception
        finally:
            close_session(desk.session)
            os.chdir(before)
    of_edit, of_run = counts[-1]
    return {
        "rounds": rounds,
        "edit_s": statistics.median(edits),
        "run_to_request_s": statistics.median(requests),
        "run_to_answers_s": statistics.median(shown),
        "counts_of_edit": {name: of_edit[name] for name in COUNTED},
        "counts_of_run": {name: of_run[name] for name in COUNTED},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="two rounds: tries the road, measures nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    figures = measure(2 if options.quick else options.rounds)
    if options.json:
        json.dump({"machine": machine.facts(), **figures}, sys.stdout)
        print()
        return
    print(f"{machine.described()}; load {os.getloadavg()[0]:.1f}")
    print(f"  page rerun after an edit       {figures['edit_s'] * 1000:7.1f} ms  {figures['counts_of_edit']}")
    print(f"  from Run to the first request  {figures['run_to_request_s'] * 1000:7.1f} ms")
    print(f"  from Run to the answers        {figures['run_to_answers_s'] * 1000:7.1f} ms  {figures['counts_of_run']}")


if __name__ == "__main__":
    main()
