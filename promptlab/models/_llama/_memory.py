"""The memory that a model will need, and the memory that is free.

    need = memory_need_of(settings, ContextShape(8200, 2))  # in _load.py
    need.weights, need.cache, need.compute, need.output     # bytes, as llama.cpp will allocate them
    free_memory()                                           # bytes that the machine or its container has left

llama.cpp can plan a model and its context without allocating (`no_alloc`). It logs the size of each buffer, the same
as in a real load. That takes some tenths of a second and the memory of the vocabulary. The check is needed because
Linux grants more memory than there is and kills the process when it uses it.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptlab.models._ggml import weight_bytes
from promptlab.models._gguf import NotGGUF, Tensor, read_head

MIB = 1 << 20
UNITS = {"K": 1 << 10, "M": MIB, "G": 1 << 30}
OVERHEAD = 12 * MIB
"""Bytes for a vocabulary and bookkeeping, which the log does not list: 8 to 12 MiB."""
CELL = 64
"""The most bytes of bookkeeping for a token of context, for any model."""

REPACKED = frozenset({2, 10, 12, 20, 39})
"""Types of tensors (Q4_0, Q2_K, Q4_K, IQ4_NL, MXFP4) that llama.cpp stores a second time in an order that suits the
processor, if its log lists a buffer for that."""
REPACKED_TOO = REPACKED | frozenset({3, 8, 13, 14, 23})
"""The same with AMX, and on arm64 (Q4_1, Q8_0, Q5_K, Q6_K, IQ4_XS)."""


@dataclass(frozen=True, slots=True)
class CachePart:
    """A part of the KV cache: `cells` tokens of `layers` layers. `keys` and `values` are bytes, `key_type` and
    `value_type` the types of the numbers. A recurrent state has the sequences as its cells."""

    cells: int
    layers: int
    keys: int
    key_type: str
    values: int
    value_type: str


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes that a loaded model needs: for its weights, second copies of some of them (`repacked`), the KV cache of a
    full context, computing, the logits (`output`), and adapters. `on_gpu` is True if layers go to a GPU; its memory is
    not counted separately. `caches` are the parts of the KV cache, `devices` the bytes of cache, computing and output
    by the device that llama.cpp puts them on. `repacks` is True if this processor stores weights of some types
    twice."""

    weights: int
    repacked: int
    cache: int
    compute: int
    output: int
    adapters: int = 0
    on_gpu: bool = False
    caches: tuple[CachePart, ...] = ()
    devices: tuple[tuple[str, int], ...] = ()
    repacks: bool = False

    @property
    def total(self) -> int:
        """The sum, with the memory that the log does not list."""
        return self.counted + self.adapters + OVERHEAD

    @property
    def counted(self) -> int:
        """The sum of what the log of a real load lists."""
        return self.weights + self.repacked + self.cache + self.compute + self.output

    def __str__(self) -> str:
        parts = {
            "weights": self.weights + self.repacked,
            "context": self.cache,
            "computing": self.compute + self.output,
            "adapters": self.adapters,
        }
        details = ", ".join(f"{name} {_gb(count)}" for name, count in parts.items() if count)
        return f"{_gb(self.total)} ({details})"


def memory_need_in(model_log: str, context_log: str, tensors: Sequence[Tensor], *, adapters: int = 0) -> MemoryNeed:
    """The sizes in the log of llama.cpp, which it wrote while it planned a model and a context."""
    extra = re.findall(r"(\S+) model buffer size", model_log)
    kinds = _repacked_kinds(extra)
    repacked = sum(t.bytes for t in tensors if t.kind in kinds and _multiplies(t))
    return MemoryNeed(
        weights=_weights(model_log, tensors),
        repacked=repacked,
        cache=_sum(r"(?:kv_cache\w*|memory_\w+): size =\s*([\d.]+) (\w)iB \(", context_log),
        compute=_sum(r"compute buffer size =\s*([\d.]+) (\w)iB", context_log),
        output=_sum(r"output buffer size =\s*([\d.]+) (\w)iB", context_log),
        adapters=adapters,
        on_gpu=bool(re.search(r"offloaded [1-9]\d*/\d+ layers to GPU", model_log)),
        caches=tuple(_caches(context_log)),
        devices=_devices(context_log),
        repacks=bool(kinds),
    )


def _weights(model_log: str, tensors: Sequence[Tensor]) -> int:
    """Bytes of the weights: by the head of the file if the log, which has two decimals, says the same."""
    match = re.search(r"print_info: file size\s*=\s*([\d.]+) (\w)iB", model_log)
    if match is None:
        return 0
    logged, exact = int(float(match[1]) * UNITS[match[2]]), weight_bytes(tensors)
    return exact if abs(exact - logged) <= UNITS[match[2]] // 100 else logged


def _caches(log: str) -> Iterator[CachePart]:
    number = r"\(\s*([\w.]+)\):\s*([\d.]+) (\w)iB"
    pattern = rf"size =\s*[\d.]+ \wiB \(\s*(\d+) cells,\s*(\d+) layers,[^)]*\), \w {number}, \w {number}"
    for cells, layers, k_type, keys, k_unit, v_type, values, v_unit in re.findall(pattern, log):
        sizes = (int(float(size) * UNITS[unit]) for size, unit in ((keys, k_unit), (values, v_unit)))
        key_bytes, value_bytes = sizes
        yield CachePart(int(cells), int(layers), key_bytes, k_type, value_bytes, v_type)


def _devices(log: str) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for device, size, unit in re.findall(r"(\S+)\s+(?:KV|RS|compute|output) buffer size =\s*([\d.]+) (\w)iB", log):
        found[device] = found.get(device, 0) + int(float(size) * UNITS[unit])
    return tuple(found.items())


def real_need(model_log: str, context_log: str) -> int:
    """Bytes of all buffers in the log of a real load, to compare an estimate with."""
    loaded = _sum(r"model buffer size =\s*([\d.]+) (\w)iB", model_log)
    return loaded + _sum(r"(?:KV|RS|compute|output) buffer size =\s*([\d.]+) (\w)iB", context_log)


def tensors_of(paths: Sequence[Path]) -> tuple[Tensor, ...]:
    """The tensors of all files of a model; none if one of the files cannot be read."""
    tensors: list[Tensor] = []
    for path in paths:
        try:
            tensors += read_head(path).tensors
        except (NotGGUF, OSError):
            return ()
    return tuple(tensors)


def _repacked_kinds(buffers: Sequence[str]) -> frozenset[int]:
    if "AMX" in buffers or "CPU_KLEIDIAI" in buffers:
        return REPACKED_TOO
    if "CPU_REPACK" not in buffers:
        return frozenset()
    return REPACKED if platform.machine().lower() in ("x86_64", "amd64") else REPACKED_TOO


def _multiplies(tensor: Tensor) -> bool:
    """True if it is a matrix that is stored twice: not an embedding table, and with a multiple of eight rows."""
    return len(tensor.sizes) >= 2 and "embd" not in tensor.name and tensor.sizes[1] % 8 == 0


def _sum(pattern: str, log: str) -> int:
    return int(sum(float(number) * UNITS[unit] for number, unit in re.findall(pattern, log)))


def _gb(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 5e7 else f"{count / 1e6:,.0f} MB"


def free_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that this process may still allocate, by the machine's memory and by every limit of its container; None if
    the system does not say."""
    limits = [*_of_machine(proc), *_of_groups(proc, groups)]
    return min(limits) if limits else None


def _of_machine(proc: Path) -> Iterator[int]:
    available = re.search(r"MemAvailable:\s+(\d+) kB", _text(proc / "meminfo"))
    if available:
        yield int(available[1]) * 1024


def _of_groups(proc: Path, groups: Path) -> Iterator[int]:
    """The bytes that each control group above this process has left. Its cached files count as free, since the system
    can drop them."""
    for line in _text(proc / "self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            root, limit, used, cached = groups, "memory.max", "memory.current", ("inactive_file", "active_file")
        elif "memory" in controllers.split(","):
            root, limit, used = groups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cached = ("total_inactive_file", "total_active_file")
        else:
            continue
        folder = root / path.lstrip("/")
        if not folder.is_dir():  # a container sees its own group as the root
            folder = root
        for group in (folder, *folder.parents):
            if not group.is_relative_to(root):
                break
            most, current = _text(group / limit).strip(), _text(group / used).strip()
            if most.isdigit() and current.isdigit():
                stat = dict(entry.split(" ", 1) for entry in _text(group / "memory.stat").splitlines() if " " in entry)
                yield max(0, int(most) - int(current) + sum(int(stat.get(name, 0)) for name in cached))


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


__all__ = ["CELL", "CachePart", "MemoryNeed", "free_memory", "memory_need_in", "real_need", "tensors_of"]
