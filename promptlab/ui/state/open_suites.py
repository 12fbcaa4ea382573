"""What the pages of suites share between clicks: the log, the jobs, summaries and open recordings.

A summary reads every row of a run, and an open recording has an index of all its lines. Both are kept until the run or
the file changes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from promptlab import suites
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import (
    Asking,
    AskOptions,
    Case,
    CaseFile,
    CellRate,
    HistoryPoint,
    Recording,
    Replaying,
    Suite,
    SuiteLog,
    SuiteRun,
    Summary,
    TwoRuns,
    Verb,
    compare_runs,
    summary_of_run,
)
from promptlab.types import sha256
from promptlab.ui.state.kept import Kept
from promptlab.ui.state.suite_jobs import SuiteJob, SuiteJobs, Work
from promptlab.workspace import Workspace


class OpenSuites:
    """The suites of a workspace, in this process. Safe to use from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.jobs = SuiteJobs()
        self._lock = threading.RLock()
        self._log: SuiteLog | None = None
        self._kept = Kept()
        self._recordings: dict[Path, tuple[tuple[int, int], Recording]] = {}

    @property
    def log(self) -> SuiteLog:
        """The suite log. It is opened at the first use."""
        with self._lock:
            if self._log is None:
                self._log = SuiteLog.of(self._workspace)
            return self._log

    def summary(self, suite: Suite, run: SuiteRun) -> Summary:
        """The summary of a run."""
        key = ("summary", run.id, run.done, run.total, sha256(suite.source))
        return self._kept.get(key, lambda: summary_of_run(suite, self.log, run, self._workspace))

    def compared(self, before: SuiteRun, after: SuiteRun) -> TwoRuns:
        """The differences between two runs."""
        key = ("two", before.id, before.done, after.id, after.done)
        return self._kept.get(key, lambda: compare_runs(self.log, before, after))

    def cases(self, workspace: Workspace, suite: Suite) -> Mapping[str, Case]:
        """The cases of a suite by their ids, as its files have them now."""
        files = [entry.path for entry in suite.entries if isinstance(entry, CaseFile)]
        stamps = tuple((path, workspace.label_of(path), _stamp(workspace, path)) for path in files)
        key = ("cases", suite.path, sha256(suite.source), sha256(suite.template.source), stamps)
        return self._kept.get(key, lambda: {case.id: case for case in suites.suite_cases(workspace, suite)})

    def rates(self, run: SuiteRun) -> dict[tuple[str, str], CellRate]:
        """The pass rate of each variant and model of a run."""
        return self._kept.get(("rates", run.id, run.done), lambda: suites.column_rates(self.log, run))

    def history(self, suite: Suite, store: Store, catalogue: Catalogue) -> list[HistoryPoint]:
        """The runs of a suite with their pass rates, cost and time."""
        runs = tuple((run.id, run.done, run.state) for run in self.log.runs(suite.path))
        key = ("history", suite.path, sha256(suite.source), runs)
        return self._kept.get(key, lambda: suites.suite_history(suite, log=self.log, store=store, catalogue=catalogue))

    @contextmanager
    def recording(self, workspace: Workspace, suite: Suite) -> Iterator[Recording | None]:
        """The suite's recording, to find items in; None if there is none. No other thread uses it meanwhile."""
        path = workspace.resolve(suite.recording)
        with self._lock:
            try:
                stat = path.stat()
            except OSError:
                yield None
                return
            now = (stat.st_mtime_ns, stat.st_size)
            before, recording = self._recordings.get(path, (None, None))
            if recording is None or before != now:
                if recording:
                    recording.close()
                self._recordings.pop(path, None)
                recording = Recording(path, shown=suite.recording)
                self._recordings[path] = (now, recording)
            yield recording

    # Jobs

    def replay(self, workspace: Workspace, path: str) -> SuiteJob:
        """Start a replay of the suite at `path`. Its file is read when the job begins."""

        def make() -> Work:
            return Replaying(workspace, suites.load_suite(workspace, path), log=self.log)

        return self.jobs.start(path, "replay", make, _nothing)

    def ask(
        self,
        workspace: Workspace,
        path: str,
        verb: Verb,
        options: AskOptions,
        *,
        catalogue: Catalogue,
        store: Store,
        resume: bool = True,
    ) -> SuiteJob:
        """Start or resume a record or a rerun of the suite at `path`. Its file is read when the job begins. When a
        record has ended, the answers are written to the recording."""

        def make() -> Work:
            return Asking(
                workspace,
                suites.load_suite(workspace, path),
                verb=verb,
                options=options,
                catalogue=catalogue,
                store=store,
                log=self.log,
                resume=resume,
            )

        def finish(work: Work) -> str:
            assert isinstance(work, Asking), "`make` returned it"
            if verb != "record":
                return ""
            taken = work.write_recording()
            return f"{taken:,} item{'' if taken == 1 else 's'} recorded in {work.suite.recording}"

        return self.jobs.start(path, verb, make, finish, lambda: suites.hold_suite(workspace, path, verb))

    def close(self) -> None:
        """Stop all jobs and close the files."""
        self.jobs.close()
        with self._lock:
            for _, recording in self._recordings.values():
                recording.close()
            self._recordings.clear()
            if self._log:
                self._log.close()
                self._log = None


def _stamp(workspace: Workspace, path: str) -> tuple[int, int] | None:
    try:
        stat = workspace.resolve(path).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _nothing(_work: Work) -> str:
    return ""
