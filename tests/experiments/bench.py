"""A workspace with a template, cases and a pool, and a model of known ability, for the tests of experiments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from promptlab.experiments import Experiment, Outcome, Running, Tools, plan_experiment
from promptlab.models import Catalogue, ScriptedBackend
from promptlab.runs import Store
from promptlab.suites import SuiteLog
from promptlab.types import Request, sha256
from promptlab.workspace import Workspace

TEMPLATE = """\
inputs:
  question: {type: string}
instructions: |
  Answer the question.
output_format: |
  One word only.
context: [docs/page.md]
examples: {pool: pool.jsonl, k: 3, select: first}
params: {temperature: 0, max_tokens: 16}
"""


def workspace(folder: Path, cases: int = 40) -> Workspace:
    """A workspace whose document has the answer to every case: `word-N` to `What is N?`."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "promptlab.yaml").write_text("models: {}\n")
    (folder / "templates/t.yaml").write_text(TEMPLATE)
    facts = "\n".join(f"Number {n} is word-{n}." for n in range(cases))
    (folder / "docs/page.md").write_text(f"# Words\n\n{facts}\n")
    (folder / "docs/other.md").write_text("# Other\n\nNothing of use.\n")
    pool = [{"id": f"e{n}", "inputs": {"question": f"Example {n}?"}, "output": f"out{n}"} for n in range(9)]
    (folder / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pool))
    rows = [{"id": f"c{n}", "inputs": {"question": f"What is {n}?"}, "expected": f"word-{n}"} for n in range(cases)]
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Workspace.find(folder)


def chance_of(request: Request) -> float:
    """A number from 0 to 1 that depends on the question alone: the same case has the same luck in every arm."""
    return int(sha256(request.prompt.messages[-1].content)[:8], 16) / 16**8


def able(probability: Callable[[Mapping[str, bool]], float], name: str = "m", seconds: float = 0) -> ScriptedBackend:
    """A model that is right with `probability`, which is a function of the sections that are in the prompt. It takes
    `seconds` to answer."""

    def reply(request: Request) -> list[float | str]:
        there = {span.section for span in request.prompt.spans}
        question = request.prompt.messages[-1].content
        right = chance_of(request) < probability({s: s in there for s in ("instructions", "context", "examples")})
        number = "".join(ch for ch in question.rsplit("What is", 1)[-1] if ch.isdigit())
        return [seconds, f"word-{number}" if right else "nothing"]

    return ScriptedBackend(name, reply)


def asked(space: Workspace, experiment: Experiment, *backends: ScriptedBackend) -> Outcome:
    """The outcome of `experiment`, asked with `backends`. Its file is written first, as everywhere: without it, what
    was asked has no known label."""
    file = space.resolve(experiment.path)
    file.parent.mkdir(exist_ok=True)
    file.write_text(experiment.as_yaml())
    catalogue = Catalogue(space, extra={backend.name: backend for backend in backends})
    store, log = Store.of(space), SuiteLog.of(space)
    try:
        running = Running(plan_experiment(space, experiment), Tools(catalogue, store, log))
        for _ in running:
            pass
    finally:
        store.close()
        log.close()
    assert running.outcome is not None
    return running.outcome


def experiment(kind: str, models: tuple[str, ...] = ("m",), **more: object) -> Experiment:
    return Experiment("", kind, "t", "cases.jsonl", models, scorers=("exact",), **more)  # type: ignore[arg-type]  # of many types
