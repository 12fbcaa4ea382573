"""The session of a workspace: its catalogue, history, drafts and jobs, which all pages of the process share.

Streamlit runs a page again for every click, tab and reload. Models, open files and running answers must outlive that,
so they are here and not in the session of a browser.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from cachetools import LRUCache

from promptlab._util.files import file_stamp
from promptlab.documents import Inventory
from promptlab.lab import Lab
from promptlab.models import Catalogue, ModelStatus
from promptlab.runs import PromptCache, RunInfo, Store
from promptlab.templates import TemplateEntry, TemplateIndex, templates_by_document
from promptlab.types import Result
from promptlab.ui.launch import FOLDER
from promptlab.ui.state.jobs import Jobs
from promptlab.ui.state.open_experiments import OpenExperiments
from promptlab.ui.state.open_suites import OpenSuites
from promptlab.ui.state.open_trainings import OpenTrainings
from promptlab.ui.state.prompt_cache import Sent
from promptlab.ui.state.read_ahead import ReadAhead
from promptlab.ui.state.spent import SpentSoFar
from promptlab.ui.state.tab_drafts import TabDrafts
from promptlab.workspace import FILE, Labels, Permission, Workspace, missing_permissions, trust_workspace

T = TypeVar("T")
TRUST_SECONDS = 5.0
MOST_ENTRIES = 50_000
"""At most so many files and folders are looked through for what the workspace asks for."""

KEPT_RESULTS = 1_000
"""At most so many answers of ended runs are cached for the pages."""
SOON = 0.3
"""Seconds that a page waits for the list of templates before it shows that the list is still being read."""


@dataclass(eq=False)
class Session:
    """An open workspace. `workspace` is promptlab.yaml as it was last read; `reload` reads it again."""

    lab: Lab
    drafts: TabDrafts
    jobs: Jobs
    sent: Sent
    looked: threading.Event = field(default_factory=threading.Event)
    """Set once the status of the models is known. Finding it takes seconds the first time, and no time after that."""
    prompts: PromptCache = field(default_factory=PromptCache)
    """The prompts rendered last, so that a click that changes no prompt renders none."""
    listing: TemplateIndex = field(init=False)
    """The list of templates. It reads only files that changed."""
    suites: OpenSuites = field(init=False)
    """The suites, their log, and their jobs."""
    experiments: OpenExperiments = field(init=False)
    """The experiments, what came of them, and their jobs."""
    trainings: OpenTrainings = field(default_factory=OpenTrainings)
    """The plans of trainings. A training itself runs in a process of its own."""
    labels: Labels = field(init=False)
    """The labels of now. It reads promptlab.yaml again only if it changed."""
    ahead: ReadAhead = field(init=False)
    """Reads the beginning of the prompt that is open, before it is asked."""

    spent: SpentSoFar = field(init=False)
    """What the answers in the history took."""

    def __post_init__(self) -> None:
        self.ahead = ReadAhead(self.catalogue, self.workspace.state)
        self.suites = OpenSuites(self.workspace)
        self.experiments = OpenExperiments(self.suites)
        self._file: tuple[int, int, int] | None = None
        self.labels = Labels(self.workspace)
        self.spent = SpentSoFar(lambda: self.store)
        self._results: LRUCache[tuple[str, int], tuple[Result, ...]] = LRUCache(KEPT_RESULTS, getsizeof=_weight)
        self._results_lock = threading.Lock()
        self.listing = TemplateIndex(self.workspace)
        self._statuses: tuple[ModelStatus, ...] = ()
        self._listed: TemplateIndex | None = None
        self._asks: tuple[Permission, ...] = ()
        self._asking: Future[tuple[Permission, ...]] | None = None
        self._waited: Future[tuple[Permission, ...]] | None = None
        self._asked = -TRUST_SECONDS
        self._asks_lock = threading.Lock()
        self._reading: tuple[TemplateIndex, Future[list[TemplateEntry]]] | None = None
        self._listing_lock = threading.Lock()

    @property
    def workspace(self) -> Workspace:
        return self.lab.workspace

    @property
    def catalogue(self) -> Catalogue:
        return self.lab.catalogue

    @property
    def store(self) -> Store:
        return self.lab.store

    def templates(self) -> list[TemplateEntry] | None:
        """The list of templates; None while a thread reads it for the first time."""
        listing = self.listing
        if listing is not self._listed:
            with self._listing_lock:
                if self._reading is None or self._reading[0] is not listing:
                    self._reading = listing, _beside(listing.entries)
                ready = self._reading[1]
            try:
                entries = ready.result(timeout=SOON)
            except TimeoutError:
                return None
            finally:
                if ready.done():
                    self._listed, self._reading = listing, None
            return entries
        return listing.entries()

    def documents(self) -> Inventory:
        """The documents as they are now, each with the templates that use it and its last use in a run."""
        users = templates_by_document(TemplateIndex(self.workspace).entries())
        return Inventory(self.workspace, users=users, uses=self.store.last_used("context"))

    def look(self) -> None:
        """Find the status of every model, once for the whole page."""
        self._statuses = tuple(self.catalogue.status(name) for name in self.catalogue.names())
        self.looked.set()

    @property
    def statuses(self) -> tuple[ModelStatus, ...]:
        """The status of the models when a page of any tab last began to draw: never older than the page that asks."""
        if not self.looked.is_set():
            self.look()
        return self._statuses

    def results(self, run: RunInfo) -> list[Result]:
        """The answers of a run. Those of a run that has ended cannot change, and are read once."""
        key = (run.id, run.done)
        with self._results_lock:
            known = self._results.get(key)
        if known is None:
            known = tuple(self.store.results(run.id))
            if len(known) == run.done == run.total and len(known) < KEPT_RESULTS:
                with self._results_lock:
                    self._results[key] = known
        return list(known)

    def reload(self) -> None:
        """Read promptlab.yaml again: every page gets its labels and models of now. Loaded models stay loaded.

        Raises `WorkspaceError` if it cannot be read; nothing changes then.
        """
        stamp = file_stamp(self.workspace.root / FILE)
        if stamp is not None and stamp == self._file:
            return
        now = Workspace.load(self.workspace.root)
        self._file = stamp
        if (now.models, now.labels) != (self.workspace.models, self.workspace.labels):
            self.lab.follow(now)
            self.listing = TemplateIndex(now)
            self.labels = Labels(now)

    def not_trusted(self) -> tuple[Permission, ...]:
        """What the workspace asks for and is not trusted with. Its files are read again after a few seconds."""
        with self._asks_lock:
            if time.monotonic() > self._asked + TRUST_SECONDS and (self._asking is None or self._asking.done()):
                self._asked = time.monotonic()
                self._asking = _beside(
                    functools.partial(missing_permissions, self.workspace, most_entries=MOST_ENTRIES)
                )
            asking, waited, self._waited = self._asking, self._waited, self._asking
        if asking is not None:
            with contextlib.suppress(TimeoutError):  # a large project: what was known before is shown until then
                self._asks = asking.result(timeout=SOON if asking is not waited else 0)
        return self._asks

    def trust(self, wanted: tuple[Permission, ...]) -> None:
        """Trust the workspace with `wanted`, which the person has seen."""
        trust_workspace(self.workspace, wanted)
        with self._asks_lock:
            self._asks, self._asking, self._asked = (), None, -TRUST_SECONDS

    def close(self) -> None:
        """Stop all jobs, unload the models and close the files."""
        self.ahead.close()
        self.experiments.close()
        self.suites.close()
        self.jobs.close()
        self.lab.close()


def _weight(results: tuple[Result, ...]) -> int:
    return max(1, len(results))


def _beside(read: Callable[[], T]) -> Future[T]:
    """Call `read` on a thread that ends with the process."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(read())
        except BaseException as exc:  # the future raises it in the thread that asks for the result
            future.set_exception(exc)

    threading.Thread(target=run, name="promptlab-read", daemon=True).start()
    return future


_lock = threading.Lock()
_open: dict[Path, Session] = {}


def open_session(workspace: Workspace, catalogue: Catalogue | None = None) -> Session:
    """Open a new session of `workspace`. From now on `current` returns it in that folder.

    `catalogue` replaces that of the workspace, for tests and demos with scripted models.
    """
    lab = Lab(workspace, catalogue=catalogue)
    session = Session(lab, TabDrafts(workspace.state / "drafts"), Jobs(lab.catalogue, lab.store), Sent())
    _open[workspace.root.resolve()] = session
    return session


def current() -> Session:
    """The session of the workspace that the current folder is in. It is opened at the first call."""
    with _lock:
        here = Path(os.environ.get(FOLDER) or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if folder in _open:
                return _open[folder]
        return open_session(Workspace.find(here))


def close_session(session: Session) -> None:
    """Close `session` and forget it, so that `current` opens a new one."""
    with _lock:
        for root in [root for root, known in _open.items() if known is session]:
            del _open[root]
    session.close()
