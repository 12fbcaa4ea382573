"""What a workspace has open: its models, the history of runs, the history of suites."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from promptlab import models, runs, suites
from promptlab.errors import PromptlabError
from promptlab.lab._run_results import RunResults
from promptlab.workspace import Workspace

if TYPE_CHECKING:
    from promptlab.models import Backend, Catalogue
    from promptlab.runs import Store
    from promptlab.suites import SuiteLog


class Opened:
    """A workspace with its models and its histories, each opened when it is first used, and closed together."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        catalogue: Catalogue | None = None,
        models: Mapping[str, Backend] | None = None,
        numerics: Literal["fast", "portable"] = "fast",
    ) -> None:
        if (workspace.state / "moves").is_dir():
            from promptlab.shelf import finish_renames

            if finish_renames(workspace):  # promptlab.yaml may have changed
                workspace = Workspace.load(workspace.root)
        self.workspace = workspace
        self._extra, self._numerics = models, numerics
        self._catalogue = catalogue
        self._store: Store | None = None
        self._log: SuiteLog | None = None
        self._lock = threading.RLock()
        self._closed = False
        self._running: weakref.WeakSet[RunResults] = weakref.WeakSet()

    # What is open

    @property
    def catalogue(self) -> Catalogue:
        """The models, by name."""
        with self._lock:
            if self._catalogue is None:
                self.check_open()
                self._catalogue = models.Catalogue(self.workspace, extra=self._extra, numerics=self._numerics)
            return self._catalogue

    @property
    def store(self) -> Store:
        """The history of runs."""
        with self._lock:
            if self._store is None:
                self.check_open()
                self._store = runs.Store.of(self.workspace)
            return self._store

    @property
    def suite_log(self) -> SuiteLog:
        """The history of suites."""
        with self._lock:
            if self._log is None:
                self.check_open()
                self._log = suites.SuiteLog.of(self.workspace)
            return self._log

    def follow(self, workspace: Workspace) -> None:
        """Take over what promptlab.yaml says now. A model whose entry is the same stays loaded."""
        with self._lock:
            if self._catalogue is not None:
                self._catalogue.use_workspace(workspace)
            self.workspace = workspace

    def close(self) -> None:
        """Stop what runs, and release models and files. What was asked until now is in the history."""
        self._end(cancel=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answers under way are waited for; after an error or Ctrl-C they are stopped."""
        self._end(cancel=exc is not None)

    def watch(self, results: RunResults) -> None:
        """Remember a run under way, to end it before the history is closed."""
        with self._lock:
            self._running.add(results)

    def _end(self, *, cancel: bool) -> None:
        with self._lock:
            closed, self._closed = self._closed, True
            running = list(self._running)
        try:
            if not cancel:
                for run in running:
                    run.join()
        finally:  # also after Ctrl-C while waiting
            for run in running:
                run.cancel()
                run.join()
            for part in (self._log, self._catalogue, self._store):
                if part is not None and not closed:
                    part.close()

    def check_open(self) -> None:
        """Raise `PromptlabError` if it is closed."""
        if self._closed:
            raise PromptlabError("this lab is closed", hint="open the workspace again with promptlab.open()")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {str(self.workspace.root)!r}{', closed' if self._closed else ''}>"
