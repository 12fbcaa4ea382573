"""The processes of the local models: one for each variant of llama.cpp's CPU code that is asked for.

A process can hold one variant only. Suites ask the portable one and everything else the fast one, so two may run side
by side; together they keep to the memory that models may take.
"""

from __future__ import annotations

from collections.abc import Callable

from promptlab.models._llama._generation import PendingRequest
from promptlab.models._llama._host import ModelState
from promptlab.models._llama._settings import Settings
from promptlab.models._llama._worker_client import COMMAND, WorkerClient


class Workers:
    """A process for each variant of the CPU code, each started when it is first asked; see `Host`."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._children: dict[str, WorkerClient] = {}
        self._last: WorkerClient | None = None

    @property
    def pid(self) -> int | None:
        """The process that answered last; None if it does not run."""
        return self._last.pid if self._last else None

    def _of(self, settings: Settings) -> WorkerClient:
        return self._children.setdefault(settings.cpu.variant, WorkerClient(self._command))

    def serve(self, first: PendingRequest, more: Callable[[], PendingRequest | None]) -> None:
        settings = first.task.settings
        child = self._last = self._of(settings)
        if not child.state(settings):
            self._make_room(settings, child)
        child.serve(first, more)

    def _make_room(self, settings: Settings, child: WorkerClient) -> None:
        """A process keeps to the limit by itself; together they may not. End the others where they would not."""
        others = [one for one in self._children.values() if one is not child and one.size]
        coming = settings.file_bytes
        limit = settings.resident_bytes
        if limit is not None and sum(one.size for one in others) + child.size + coming > limit:
            for other in others:
                other.close()

    def state(self, settings: Settings) -> ModelState | None:
        child = self._children.get(settings.cpu.variant)
        return child.state(settings) if child else None

    def forget(self, settings: Settings) -> None:
        self._of(settings).forget(settings)

    def unload(self, settings: Settings) -> None:
        self._of(settings).unload(settings)


WORKERS = Workers()
"""Those of this process."""
