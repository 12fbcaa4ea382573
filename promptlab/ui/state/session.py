"""What every page works with: the workspace, its catalogue, history, drafts and jobs, once for the whole process.

Streamlit runs a page anew for every click, tab and reload; models, open files and running answers outlive
all of that, so they live here and not in the session of a browser.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from cachetools import LRUCache

from promptlab import workspace as trust
from promptlab.documents import Inventory
from promptlab.models import Catalogue, ModelStatus
from promptlab.runs import PromptCache, RunInfo, Store
from promptlab.templates import Entry, Listing, documents_and_users
from promptlab.types import Result
from promptlab.ui.launch import FOLDER
from promptlab.ui.state.drafts import Drafts
from promptlab.ui.state.jobs import Jobs
from promptlab.ui.state.open_suites import OpenSuites
from promptlab.ui.state.prompt_cache import Sent
from promptlab.workspace import Workspace

TRUST_SECONDS = 5.0
KEPT_RESULTS = 1_000
"""Answers of ended runs that are kept for the pages."""
SOON = 0.3
"""Seconds a page waits for what is read beside it before it says that it is being read."""


@dataclass(eq=False)
class Session:
    """One workspace, opened. `workspace` is promptlab.yaml as it was last read; `reload` reads it again."""

    workspace: Workspace
    catalogue: Catalogue
    store: Store
    drafts: Drafts
    jobs: Jobs
    sent: Sent
    looked: threading.Event = field(default_factory=threading.Event)
    """Set once the models have been looked at, which takes seconds the first time and no time after."""
    prompts: PromptCache = field(default_factory=PromptCache)
    """The prompts rendered last: a click that changes none renders none."""
    listing: Listing = field(init=False)
    """The list of templates, which remembers what it read."""
    suites: OpenSuites = field(init=False)
    """The suites, their log, and those at work."""

    def __post_init__(self) -> None:
        self.suites = OpenSuites(self.workspace)
        self._results: LRUCache[tuple[str, int], tuple[Result, ...]] = LRUCache(KEPT_RESULTS, getsizeof=_weight)
        self._results_lock = threading.Lock()
        self.listing = Listing(self.workspace)
        self._statuses: tuple[ModelStatus, ...] = ()
        self._listed: Listing | None = None
        self._asks: tuple[float, tuple[trust.Ask, ...]] = (0.0, ())
        self._reading: tuple[Listing, Future[list[Entry]]] | None = None
        self._listing_lock = threading.Lock()

    def templates(self) -> list[Entry] | None:
        """The list of templates; None while it is read for the first time, which is done beside the page."""
        listing = self.listing
        if listing is not self._listed:
            with self._listing_lock:
                if self._reading is None or self._reading[0] is not listing:
                    self._reading = listing, _beside(listing.entries)
                ready = self._reading[1]
            try:
                found = ready.result(timeout=SOON)
            except TimeoutError:
                return None
            finally:
                if ready.done():
                    self._listed, self._reading = listing, None
            return found
        return listing.entries()

    def documents(self) -> Inventory:
        """The documents as they are now, with the templates that take each and its last use."""
        users = documents_and_users(Listing(self.workspace).entries())
        return Inventory(self.workspace, users=users, uses=self.store.last_used("context"))

    def look(self) -> None:
        """See how every model stands, once for all that a page shows of it."""
        self._statuses = tuple(self.catalogue.status(name) for name in self.catalogue.names())
        self.looked.set()

    @property
    def statuses(self) -> tuple[ModelStatus, ...]:
        """How the models stood when a page was last begun, on whichever tab: never older than the page that asks."""
        if not self.looked.is_set():
            self.look()
        return self._statuses

    def results(self, run: RunInfo) -> list[Result]:
        """The answers of a run: read once when it has ended, since they stay as they are."""
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
        """Read promptlab.yaml again, for every page: labels and models as it has them now. What is loaded stays.

        Raises `WorkspaceError` where it cannot be read; all stays as it was then.
        """
        now = Workspace.load(self.workspace.root)
        if (now.models, now.labels) != (self.workspace.models, self.workspace.labels):
            self.catalogue.follow(now)
            self.workspace = now
            self.listing = Listing(now)

    def not_trusted(self) -> tuple[trust.Ask, ...]:
        """What the workspace asks for and is not trusted with. Its files are looked through every few seconds."""
        at, found = self._asks
        if not at or time.monotonic() > at + TRUST_SECONDS:
            found = trust.missing(self.workspace)
            self._asks = time.monotonic(), found
        return found

    def trust(self, wanted: tuple[trust.Ask, ...]) -> None:
        """Trust the workspace with what was shown."""
        trust.trust(self.workspace, wanted)
        self._asks = (0.0, ())

    def close(self) -> None:
        """Stop what runs and let go of models and files."""
        self.suites.close()
        self.jobs.close()
        self.catalogue.close()
        self.store.close()


def _weight(results: tuple[Result, ...]) -> int:
    return max(1, len(results))


def _beside(read: Callable[[], list[Entry]]) -> Future[list[Entry]]:
    """`read` on a thread that ends with the process."""
    future: Future[list[Entry]] = Future()

    def run() -> None:
        try:
            future.set_result(read())
        except BaseException as exc:  # whoever asks for the result gets it
            future.set_exception(exc)

    threading.Thread(target=run, name="templates", daemon=True).start()
    return future


_lock = threading.Lock()
_open: dict[Path, Session] = {}


def open_session(workspace: Workspace, catalogue: Catalogue | None = None) -> Session:
    """A new session of `workspace`, which `current` gives from now on in its folder.

    `catalogue` replaces the one the workspace describes, for tests and demos with scripted models.
    """
    store = Store.of(workspace)
    catalogue = catalogue or Catalogue(workspace)
    drafts = Drafts(workspace.state / "drafts")
    session = Session(workspace, catalogue, store, drafts, Jobs(catalogue, store), Sent())
    _open[workspace.root.resolve()] = session
    return session


def current() -> Session:
    """The session of the workspace around the current folder, opened when first asked for."""
    with _lock:
        here = Path(os.environ.get(FOLDER) or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if folder in _open:
                return _open[folder]
        return open_session(Workspace.find(here))


def close_session(session: Session) -> None:
    """Close `session` and forget it, so that `current` opens its workspace anew."""
    with _lock:
        for root in [root for root, known in _open.items() if known is session]:
            del _open[root]
    session.close()
