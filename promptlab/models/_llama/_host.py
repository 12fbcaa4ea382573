"""The models that are loaded in a process, behind one protocol.

`Engines` loads models in this process, which is a worker process (_worker.py) or a test. `WorkerClient`
(_worker_client.py) has the same methods and passes the calls to a worker process, so that a crash of native code ends
only that process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from promptlab.models._llama._batched_engine import BatchedEngine
from promptlab.models._llama._exact_engine import ExactEngine
from promptlab.models._llama._generation import PendingRequest
from promptlab.models._llama._library import has_gpu
from promptlab.models._llama._load import NO_GPU, Stopped, memory_need_of
from promptlab.models._llama._memory import MemoryNeed, free_memory
from promptlab.models._llama._settings import Settings
from promptlab.models._measured import LoadedMemory
from promptlab.types import Completion, Usage


@dataclass(frozen=True, slots=True)
class ModelState:
    """The state of a loaded model: a sentence about its GPU, how many prefix states it has in memory and their bytes,
    the `live` text in its KV cache as the bytes of its tokens, its size in bytes, and the `memory` that it really
    takes."""

    gpu: str
    states: int
    state_bytes: int
    live: bytes
    size: int
    memory: LoadedMemory | None = None


class Host(Protocol):
    """Answers tasks. All methods belong to one thread, except `state`, which any thread may call."""

    def serve(self, first: PendingRequest, more: Callable[[], PendingRequest | None]) -> None:
        """Answer `first`. If the model decodes several answers together, also answer the requests of the same model
        that `more` returns. Each request is told its end, also if that is an error."""

    def state(self, settings: Settings) -> ModelState | None:
        """The state of a model; None if it is not loaded."""

    def forget(self, settings: Settings) -> None:
        """Clear the prefix cache of a model, in memory and on disk."""

    def unload(self, settings: Settings) -> None:
        """Unload a model."""


NO_ROOM_AHEAD = "it does not fit into memory beside the models that are loaded"


class NoRoomAhead(Exception):
    """A prompt is not read ahead if a loaded model had to go for it."""


class Engines:
    """The models loaded in this process. If memory gets short, the least recently used model is unloaded."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[Settings, ExactEngine | BatchedEngine] = OrderedDict()
        self._loads = 0  # how many models were ever loaded: pages of an earlier one may still be there

    def serve(self, first: PendingRequest, more: Callable[[], PendingRequest | None]) -> None:
        try:
            engine = self._get(first)
        except Stopped:
            first.end(None)
            return
        except NoRoomAhead:
            first.end(Completion("", "stop", Usage(0, 0, 0), details={"note": NO_ROOM_AHEAD}))
            return
        except Exception as exc:
            first.fail(exc)
            return
        if isinstance(engine, BatchedEngine):
            engine.run(first, more)
            return
        first.begin()
        try:
            done = engine.read_ahead(first.task, first) if first.task.ahead else engine.answer(first.task, first)
        except Exception as exc:
            first.fail(exc)
        else:
            first.end(done)

    def _get(self, waiting: PendingRequest) -> ExactEngine | BatchedEngine:
        settings = waiting.task.settings
        if settings in self._loaded:
            self._loaded.move_to_end(settings)
            return self._loaded[settings]
        waiting.loading(f"loading {settings.path.name}")
        try:
            kind = BatchedEngine if settings.throughput else ExactEngine
            need = memory_need_of(settings, kind.shape_of(settings))
            if waiting.task.ahead and self._loaded and self._too_much(settings.resident_bytes, need):
                raise NoRoomAhead
            self._make_room(settings, need)
            self._loads += 1
            engine = self._loaded[settings] = kind(settings, stopping=lambda: waiting.stopping)
        finally:
            waiting.loading(None)
        return engine

    def _make_room(self, settings: Settings, coming: MemoryNeed) -> None:
        """Unload models until the `coming` one fits into the limit and into the free memory of the machine."""
        while self._loaded and self._too_much(settings.resident_bytes, coming):
            self._loaded.popitem(last=False)[1].close()

    def _too_much(self, limit: int | None, coming: MemoryNeed) -> bool:
        if limit is not None and sum(engine.size for engine in self._loaded.values()) + coming.total > limit:
            return True
        free = free_memory()
        return not coming.on_gpu and free is not None and coming.total > free

    def state(self, settings: Settings) -> ModelState | None:
        engine = self._loaded.get(settings)
        if engine is None:
            return None
        gpu = str(engine.loaded.gpu) if has_gpu() else NO_GPU
        memory = engine.loaded.taken(alone=self._loads == 1)
        return ModelState(gpu, *engine.held, engine.live(), engine.size, memory)

    def forget(self, settings: Settings) -> None:
        engine, shelf = self._loaded.get(settings), settings.shelf()
        if engine:
            engine.forget()
        elif shelf:
            shelf.clear()

    def unload(self, settings: Settings) -> None:
        engine = self._loaded.pop(settings, None)
        if engine:
            engine.close()

    def loaded(self) -> list[Settings]:
        """The models that are loaded."""
        return list(self._loaded)
