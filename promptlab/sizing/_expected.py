"""The memory that a model of the catalogue is expected to take, and its speed, beside what was measured when it was
loaded.

expected_memory(catalogue, "smollm2-135m").total     # asks llama.cpp, once for each file and context
expected_soon(catalogue, "smollm2-135m")             # the same in the background, for a page that may not wait
expected_speed(catalogue, "smollm2-135m").most       # tokens a second that memory bandwidth allows
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

from promptlab._util.files import file_stamp
from promptlab.models import Catalogue, GgufHead, Measured, MemoryNeed, PlanRequest, plan_memory, read_gguf
from promptlab.sizing._lines import gigabytes, speed_words
from promptlab.sizing._speed import Speed, memory_bandwidth, speed_on

_WORKER = ThreadPoolExecutor(1, "expected-memory")
_SOON: dict[tuple[PlanRequest, str], Future[MemoryNeed]] = {}
_LOCK = threading.Lock()


def expected_memory(catalogue: Catalogue, name: str) -> MemoryNeed:
    """The memory that a local model will take with the context of its entry, as llama.cpp plans it.

    Raises:
        ModelNotReady: it is no local model, has no file, or llama.cpp is not installed.
        EngineFailed: llama.cpp refuses the file.
    """
    return _expected(*_asked(catalogue, name))


def expected_soon(catalogue: Catalogue, name: str) -> Future[MemoryNeed]:
    """The same, found in the background.

    Raises:
        ModelNotReady: it is no local model, or has no file.
    """
    asked = _asked(catalogue, name)
    with _LOCK:
        if asked not in _SOON:
            _SOON[asked] = _WORKER.submit(_all_expected, *asked)
        return _SOON[asked]


def expected_speed(catalogue: Catalogue, name: str) -> Speed:
    """How fast a local model can write on this machine, by its memory bandwidth, and what was measured.

    Raises:
        ModelNotReady: it is no local model, has no file, or llama.cpp is not installed.
        EngineFailed: llama.cpp refuses the file.
    """
    asked = _asked(catalogue, name)
    need, measured = _expected(*asked), catalogue.measured(name)
    writing = measured.writing if measured else None
    return speed_on(_heads(*asked), need, 1, "this machine", memory_bandwidth(), measured=writing)


def _all_expected(request: PlanRequest, stamp: str) -> MemoryNeed:
    """The memory, with what the speed needs: a page that draws both must not wait."""
    need = _expected(request, stamp)
    _heads(request, stamp)
    memory_bandwidth()
    return need


@lru_cache(maxsize=8)
def _heads(request: PlanRequest, _stamp: str) -> tuple[GgufHead, ...]:
    return tuple(read_gguf(path) for path in request.parts or (request.path,))


def _asked(catalogue: Catalogue, name: str) -> tuple[PlanRequest, str]:
    request = catalogue.plan_request(name)
    return request, str([file_stamp(path) for path in (request.path, *request.parts, *request.lora)])


@lru_cache(maxsize=64)
def _expected(request: PlanRequest, _stamp: str) -> MemoryNeed:
    return plan_memory(request).need


def expected_speed_words(speed: Speed) -> str:
    """The speed of writing that is possible, beside what was measured, in words."""
    possible = f"at most {speed_words(speed)} by the memory bandwidth of {speed.bandwidth / 1e9:,.0f} GB/s"
    if speed.measured is None:
        return f"{possible}; measured: not yet"
    return f"{possible}; measured {speed.measured:,.1f} tokens/s, bound by {speed.bound}"


def memory_lines(need: MemoryNeed, measured: Measured | None) -> list[str]:
    """What is expected, and what was measured, as lines of text."""
    lines = [f"{'expected':14} {expected_words(need)}"]
    if measured is None or measured.memory is None:
        return [*lines, f"{'measured':14} not yet: promptlab models check"]
    return [*lines, f"{'measured':14} {measured_words(need, measured)}"]


def expected_words(need: MemoryNeed) -> str:
    """The expected memory with its parts, in words."""
    parts = {
        "weights": need.weights,
        "weights stored twice": need.repacked,
        "KV cache": need.cache,
        "computing": need.compute + need.output,
        "adapters": need.adapters,
    }
    details = ", ".join(f"{name} {gigabytes(count)}" for name, count in parts.items() if count)
    return f"{gigabytes(need.total)} ({details})"


def measured_words(need: MemoryNeed, measured: Measured) -> str:
    """What was measured, beside the `need` that was expected, in words."""
    memory = measured.memory
    if memory is None:
        return "not yet"
    off = 100 * (need.counted - memory.allocated) / memory.allocated if memory.allocated else 0.0
    words = f"{gigabytes(memory.allocated)} allocated by llama.cpp ({off:+.1f} % expected)"
    if memory.anonymous is not None and memory.file_backed is not None:
        words += f"; held: {gigabytes(memory.anonymous)} of its own, {gigabytes(memory.file_backed)} of the file"
    return words


__all__ = [
    "expected_memory",
    "expected_soon",
    "expected_speed",
    "expected_speed_words",
    "expected_words",
    "measured_words",
    "memory_lines",
]
