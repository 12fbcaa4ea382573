"""Loads the pages and opens the workspace on a thread, while the browser loads Streamlit's scripts.

    App(main, lifespan=warm.lifespan)      # begins once the server listens
    warm.ready(2.0)                        # in the first run of a page: True once everything is loaded

Only one thread imports: a run of a page that comes too early shows an outline of the page and waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from promptlab.errors import PromptlabError

if TYPE_CHECKING:
    from promptlab.ui.state.session import Session

log = logging.getLogger(__name__)

PAGES = ("workbench", "templates", "documents", "examples", "suites", "votes", "runs", "ledger", "models")
FIRST = "templates/world-cup.yaml"
"""The template that the workbench opens if the address names none."""
LATER = 0.1  # seconds
_loaded = threading.Event()
_started = threading.Lock()


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Begin to load when the server has started."""
    # Not before it listens: it would start later, because both need the interpreter.
    timer = asyncio.get_running_loop().call_later(LATER, start)
    yield
    timer.cancel()


def start() -> None:
    """Begin to load, once in a process."""
    if _started.acquire(blocking=False):
        threading.Thread(target=_load, name="promptlab-warm", daemon=True).start()


def ready(seconds: float | None = None) -> bool:
    """True once everything is loaded; waits `seconds` for it."""
    start()
    return _loaded.wait(seconds)


def _load() -> None:
    try:
        importlib.import_module("promptlab.ui.components.frame")
        for page in PAGES:
            importlib.import_module(f"promptlab.ui.{page}.page")
        session = _open_workspace()
    except Exception:  # the page meets the same error, and shows it
        log.debug("the pages could not be loaded beforehand", exc_info=True)
        return
    finally:
        _loaded.set()
    _read_vocabularies(session)


def _open_workspace() -> Session:
    from promptlab.ui.state.session import current

    session = current()
    session.look()
    session.not_trusted()
    session.templates()
    session.store.runs(limit=1)
    return session


def _read_vocabularies(session: Session) -> None:
    """Count the tokens of the first template with each local model, because reading a vocabulary takes a second."""
    paths = session.lab.templates()
    for status in session.statuses:
        if status.ready and status.backend == "llama" and paths:
            with contextlib.suppress(PromptlabError):  # the page shows it
                session.lab.preview(FIRST if FIRST in paths else paths[0], model=status.name)


__all__ = ["PAGES", "lifespan", "ready", "start"]
