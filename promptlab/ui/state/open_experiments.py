"""What the pages of experiments share between clicks: the jobs, what came of each experiment, and estimates.

An experiment is worked through by the same jobs as a suite. What came of it is read from the stored answers, which
renders every prompt once; it is kept until an answer, the template, the cases or a document changes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from promptlab import suites
from promptlab._util.files import file_stamp
from promptlab.experiments import (
    Experiment,
    Outcome,
    Planned,
    Running,
    Takes,
    Tools,
    plan_experiment,
    read_outcome,
    what_it_takes,
)
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import Verb
from promptlab.types import Request
from promptlab.ui.state.kept import Kept
from promptlab.ui.state.open_suites import OpenSuites
from promptlab.ui.state.suite_jobs import SuiteJob, SuiteJobs
from promptlab.workspace import Workspace

LOOK = 2.0
"""Seconds that numbers of a running experiment are shown before they are computed again."""


class ExperimentWork:
    """A running experiment, as a job works through it: all its stages count as one."""

    verb: Verb = "rerun"
    run = None
    out_of = ""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.halted = False
        self._stage, self._before, self._resumed_before = "", 0, 0
        self._last: tuple[float, int, Outcome] | None = None

    @property
    def total(self) -> int:
        """The answers of all stages; after screening, of the arms that are left."""
        experiment, planned = self.running.planned.experiment, self.running.planned
        if not experiment.screen or self._stage in ("", "screening"):
            return planned.trials
        cells = len(experiment.models) * experiment.repeats
        cases = len(planned.material.cases) - experiment.screen
        screened = cells * experiment.screen * len(planned.design.arms)
        return screened + cells * cases * len(self.running.so_far.design.arms)

    @property
    def resumed(self) -> int:
        return self._resumed_before + self.running.resumed

    def pause(self) -> None:
        self.stop()

    def stop(self) -> None:
        self.halted = True
        self.running.stop()

    def __iter__(self) -> Iterator[Any]:
        resumed = 0
        for progress in self.running:
            if progress.stage != self._stage:
                self._stage, self._resumed_before = progress.stage, self._resumed_before + resumed
            resumed = self.running.resumed
            yield progress

    def so_far(self) -> Outcome:
        """What was seen until now. It is computed again after some seconds, and at the end."""
        now, last = time.monotonic(), self._last
        if last is None or self.running.outcome is not None or (now - last[0] > LOOK):
            outcome = self.running.so_far
            if last is None or outcome.done != last[1] or outcome.state != "asking":
                self._last = last = (now, outcome.done, outcome)
        return last[2]


class OpenExperiments:
    """The experiments of a workspace, in this process. Safe to use from several threads."""

    def __init__(self, suites_open: OpenSuites) -> None:
        self._suites = suites_open
        self.jobs = SuiteJobs()
        self._lock = threading.RLock()
        self._works: dict[str, ExperimentWork] = {}
        self._kept = Kept()

    def start(
        self,
        workspace: Workspace,
        experiment: Experiment,
        *,
        catalogue: Catalogue,
        store: Store,
        max_cost: float | None = None,
        again: bool = False,
    ) -> SuiteJob:
        """Ask `experiment`, or go on with it. If it is being asked, its job is returned."""
        tools = Tools(catalogue, store, self._suites.log, max_cost, again)

        def make() -> ExperimentWork:
            work = ExperimentWork(Running(plan_experiment(workspace, experiment), tools))
            with self._lock:
                self._works[experiment.path] = work
            return work

        hold = suites.hold_suite
        with self._lock:
            job = self.jobs.get(experiment.path)
            if job is None or not job.running:
                self._works.pop(experiment.path, None)
        return self.jobs.start(
            experiment.path, "rerun", make, lambda _: "", lambda: hold(workspace, experiment.path, "rerun")
        )

    def work(self, path: str) -> ExperimentWork | None:
        """What the newest job of the experiment at `path` works through; None until it has begun."""
        with self._lock:
            return self._works.get(path)

    def outcome(self, planned: Planned, *, catalogue: Catalogue, store: Store) -> Outcome:
        """What came of an experiment, from the answers that are stored. No model is asked."""
        log = self._suites.log
        runs = tuple((run.id, run.done, run.state) for run in log.runs(planned.experiment.path))
        key = ("outcome", runs, _state(planned))
        return self._kept.get(key, lambda: read_outcome(planned, Tools(catalogue, store, log)))

    def was_asked(self, path: str) -> str:
        """When the newest part of the experiment at `path` was asked, "" if it was not."""
        return next((run.created for run in self._suites.log.runs(path, limit=5) if run.done), "")

    def takes(self, planned: Planned, *, catalogue: Catalogue, store: Store) -> Takes:
        """What asking everything takes. It renders every prompt, so it is kept."""

        key = ("takes", _state(planned), catalogue)
        return self._kept.get(key, lambda: what_it_takes(planned, catalogue, store, self._suites.log))

    def requests(self, store: Store, run: str) -> Mapping[str, Request]:
        """The requests of a run of the history, by the id of their answer."""
        key = ("requests", run, store.run(run).done)
        return self._kept.get(key, lambda: {one.id: one.request for one in store.results(run) if one.request})

    def close(self) -> None:
        """Stop all jobs."""
        self.jobs.close()


def _state(planned: Planned) -> Hashable:
    """What decides the prompts of an experiment: its own words, its cases and arms, and the files that they read."""
    experiment, material = planned.experiment, planned.material
    template = material.template
    files = {*template.context, *(path for case in material.cases for path in case.documents or ())}
    if template.examples is not None:
        files.add(template.examples.pool)
    stamps = tuple((str(path), _stamp(material.workspace, str(path))) for path in sorted(map(str, files)))
    return experiment.as_yaml(), planned.stage(planned.design, material.cases).source, stamps, repr(material.cases)


def _stamp(workspace: Workspace, path: str) -> Hashable:
    return file_stamp(workspace.root / path)


__all__ = ["ExperimentWork", "OpenExperiments"]
