"""What has answers that can be compared: experiments, suites, and the runs of the history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from promptlab import suites
from promptlab.votes._answers import Sources, experiment_paths

SHOWN = 60
"""At most so many runs of the history are offered, the newest."""


@dataclass(frozen=True, slots=True)
class Comparable:
    """Something with answers. `name` is what `make_ballot` takes, `shown` what people read; `created` is the time of
    its last answers."""

    kind: Literal["experiment", "suite", "run"]
    name: str
    shown: str
    created: str


def comparables(sources: Sources) -> list[Comparable]:
    """Everything with answers: experiments, suites, then runs, the newest first."""
    return [*_asked(sources), *_runs(sources)]


def _asked(sources: Sources) -> Iterator[Comparable]:
    experiments = experiment_paths(sources.workspace)
    for path in (*experiments, *suites.suite_paths(sources.workspace)):
        run = next((run for run in sources.log.runs(path, limit=20) if run.verb != "replay" and run.done), None)
        if run:
            yield Comparable(
                "experiment" if path in experiments else "suite",
                path,
                path.rpartition("/")[2].rpartition(".")[0],
                run.created,
            )


def _runs(sources: Sources) -> Iterator[Comparable]:
    for run in sources.store.runs(kinds=("",), limit=SHOWN):
        if run.done > run.failed:
            models = ", ".join(run.models)
            yield Comparable("run", run.id[:12], f"{run.heading} · {models} · {run.id[:8]}", run.created)
