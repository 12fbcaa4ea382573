"""The worker processes of local models: one for each variant of llama.cpp's CPU code in use.

A process can load one variant only. Suites use the portable variant and everything else the fast one, so two processes
may run side by side. Together they keep to the memory limit for models.
"""

from __future__ import annotations

from collections.abc import Callable

from promptlab.models._llama._generation import PendingRequest
from promptlab.models._llama._host import NO_ROOM_AHEAD, ModelState
from promptlab.models._llama._settings import Settings
from promptlab.models._llama._worker_client import COMMAND, WorkerClient
from promptlab.types import Completion, Usage


class Workers:
    """A worker process for each variant of the CPU code, started on first use; see `Host`."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._clients: dict[str, WorkerClient] = {}
        self._last: WorkerClient | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process that answered last; None if it does not run."""
        return self._last.pid if self._last else None

    def _of(self, settings: Settings) -> WorkerClient:
        return self._clients.setdefault(settings.cpu.variant, WorkerClient(self._command))

    def serve(self, first: PendingRequest, more: Callable[[], PendingRequest | None]) -> None:
        settings = first.task.settings
        child = self._last = self._of(settings)
        if not child.state(settings):
            others = self._in_the_way(settings, child)
            if others and first.task.ahead:
                first.end(Completion("", "stop", Usage(0, 0, 0), details={"note": NO_ROOM_AHEAD}))
                return
            for client in others:
                client.close()
        child.serve(first, more)

    def _in_the_way(self, settings: Settings, child: WorkerClient) -> list[WorkerClient]:
        """The other processes, if all together would exceed the limit. Each process only knows its own models."""
        others = [client for client in self._clients.values() if client is not child and client.size]
        limit = settings.resident_bytes
        size = sum(client.size for client in others) + child.size + settings.file_bytes
        return others if limit is not None and size > limit else []

    def state(self, settings: Settings) -> ModelState | None:
        child = self._clients.get(settings.cpu.variant)
        return child.state(settings) if child else None

    def forget(self, settings: Settings) -> None:
        self._of(settings).forget(settings)

    def unload(self, settings: Settings) -> None:
        self._of(settings).unload(settings)


WORKERS = Workers()
"""The worker processes of this process."""
