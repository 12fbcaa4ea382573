"""The loaded models of a process, and the one way in which they are asked.

`Engines` is that process itself: the worker (llama_worker.py), or a test. `WorkerClient` (llama_child.py) has the same methods
and has them done by a worker of its own, so that what goes wrong in native code ends that process and no other.
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


@dataclass(frozen=True, slots=True)
class ModelState:
    """A loaded model: in words whether a GPU helps, the states of prefixes it keeps in memory and their bytes, and the
    text it would go on from, as the bytes of its tokens."""

    gpu: str
    states: int
    state_bytes: int
    live: bytes
    size: int


class Host(Protocol):
    """What answers tasks. `serve` is for one thread; `standing` may be asked from any."""

    def serve(self, first: PendingRequest, more: Callable[[], PendingRequest | None]) -> None:
        """Answer `first`, and while at it what `more` gives of the same model where it writes several together. Each
        is told its end, also where that is an error."""

    def standing(self, settings: Settings) -> ModelState | None:
        """How a model stands; None while it is not loaded."""

    def forget(self, settings: Settings) -> None:
        """Let go of all that a model has read, in memory and on disk."""

    def drop(self, settings: Settings) -> None:
        """Unload a model."""


class Engines:
    """Models loaded in this process; what was used longest ago is unloaded where they would take too much memory."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[Settings, ExactEngine | BatchedEngine] = OrderedDict()

    def serve(self, first: PendingRequest, more: Callable[[], PendingRequest | None]) -> None:
        try:
            engine = self._get(first)
        except Stopped:
            first.end(None)
            return
        except Exception as exc:
            first.fail(exc)
            return
        if isinstance(engine, BatchedEngine):
            engine.run(first, more)
            return
        first.begin()
        try:
            done = engine.answer(first.task, first)
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
            self._make_room(settings, memory_need_of(settings, kind.shape_of(settings)))
            made = self._loaded[settings] = kind(settings, stopping=lambda: waiting.stopping)
        finally:
            waiting.loading(None)
        return made

    def _make_room(self, settings: Settings, coming: MemoryNeed) -> None:
        """Unload until what the model to come will take fits beside the others, and into what the machine has left."""
        while self._loaded and self._too_much(settings.resident_bytes, coming):
            self._loaded.popitem(last=False)[1].close()

    def _too_much(self, limit: int | None, coming: MemoryNeed) -> bool:
        if limit is not None and sum(one.size for one in self._loaded.values()) + coming.total > limit:
            return True
        free = free_memory()
        return not coming.on_gpu and free is not None and coming.total > free

    def standing(self, settings: Settings) -> ModelState | None:
        engine = self._loaded.get(settings)
        if engine is None:
            return None
        gpu = str(engine.loaded.gpu) if has_gpu() else NO_GPU
        return ModelState(gpu, *engine.held, engine.live(), engine.size)

    def forget(self, settings: Settings) -> None:
        engine, shelf = self._loaded.get(settings), settings.shelf()
        if engine:
            engine.forget()
        elif shelf:
            shelf.clear()

    def drop(self, settings: Settings) -> None:
        engine = self._loaded.pop(settings, None)
        if engine:
            engine.close()

    def loaded(self) -> list[Settings]:
        """The models that are loaded."""
        return list(self._loaded)
