"""How much memory a model will take, asked of llama.cpp before it is loaded.

    room = room_of(settings, Shape(8200, 2))                # llama_loading.py asks
    room.weights, room.cache, room.compute, room.output     # bytes, as llama.cpp will allocate them
    free_memory()                                           # what the machine, or its container, has left

llama.cpp lays a model and its context out without allocating (`no_alloc`) and logs the sizes of each buffer, the same
as those of a real load. That takes some tenths of a second and the memory of the vocabulary. Linux would grant what is
not there and end the process once it is used, so it is asked for beforehand and refused in words.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptlab.models._gguf import NotGGUF, Tensor, read_head

MIB = 1 << 20
OVERHEAD = 12 * MIB
"""A vocabulary and bookkeeping, which no log line counts: 8 to 12 MiB."""
CELL = 64
"""Bytes of bookkeeping a token of context takes at the most, whatever the model."""

REPACKED = frozenset({2, 10, 12, 20, 39})
"""Types of tensors (Q4_0, Q2_K, Q4_K, IQ4_NL, MXFP4) of which llama.cpp keeps a second copy laid out for the processor,
where it says that it has a buffer for such."""
REPACKED_TOO = REPACKED | frozenset({3, 8, 13, 14, 23})
"""The same with AMX, and on arm64 (Q4_1, Q8_0, Q5_K, Q6_K, IQ4_XS)."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes that a loaded model takes: its weights, second copies of some of them, the keys and values of a full
    context, what a computation needs, the logits, and adapters. `on_gpu` where layers go to a GPU, whose memory
    this does not tell apart."""

    weights: int
    repacked: int
    cache: int
    compute: int
    output: int
    adapters: int = 0
    on_gpu: bool = False

    @property
    def total(self) -> int:
        """All of it, with what no log line counts."""
        return self.counted + self.adapters + OVERHEAD

    @property
    def counted(self) -> int:
        """What llama.cpp's own log of a load counts."""
        return self.weights + self.repacked + self.cache + self.compute + self.output

    def __str__(self) -> str:
        parts = {
            "weights": self.weights + self.repacked,
            "context": self.cache,
            "computing": self.compute + self.output,
            "adapters": self.adapters,
        }
        named = ", ".join(f"{name} {_gb(count)}" for name, count in parts.items() if count)
        return f"{_gb(self.total)} ({named})"


def memory_need_in(model_log: str, context_log: str, tensors: Sequence[Tensor], *, adapters: int = 0) -> MemoryNeed:
    """The sizes in what llama.cpp logged while it laid out a model and a context."""
    extra = re.findall(r"(\S+) model buffer size", model_log)
    kinds = _repacked_kinds(extra)
    repacked = sum(t.bytes for t in tensors if t.kind in kinds and _multiplies(t))
    return MemoryNeed(
        weights=_sum(r"print_info: file size\s*=\s*([\d.]+) (\w)iB", model_log),
        repacked=repacked,
        cache=_sum(r"(?:kv_cache\w*|memory_\w+): size =\s*([\d.]+) (\w)iB \(", context_log),
        compute=_sum(r"compute buffer size =\s*([\d.]+) (\w)iB", context_log),
        output=_sum(r"output buffer size =\s*([\d.]+) (\w)iB", context_log),
        adapters=adapters,
        on_gpu=bool(re.search(r"offloaded [1-9]\d*/\d+ layers to GPU", model_log)),
    )


def real_need(model_log: str, context_log: str) -> int:
    """Bytes of all buffers in the log of a real load, to hold an estimate against."""
    loaded = _sum(r"model buffer size =\s*([\d.]+) (\w)iB", model_log)
    return loaded + _sum(r"(?:KV|RS|compute|output) buffer size =\s*([\d.]+) (\w)iB", context_log)


def tensors_of(paths: Sequence[Path]) -> tuple[Tensor, ...]:
    """The tensors of all files of a model; none of one that cannot be read."""
    found: list[Tensor] = []
    for path in paths:
        try:
            found += read_head(path).tensors
        except (NotGGUF, OSError):
            return ()
    return tuple(found)


def _repacked_kinds(buffers: Sequence[str]) -> frozenset[int]:
    if "AMX" in buffers or "CPU_KLEIDIAI" in buffers:
        return REPACKED_TOO
    if "CPU_REPACK" not in buffers:
        return frozenset()
    return REPACKED if platform.machine().lower() in ("x86_64", "amd64") else REPACKED_TOO


def _multiplies(tensor: Tensor) -> bool:
    """Whether it is a matrix of the kind that is kept twice: not a table of embeddings, and in rows of eight."""
    return len(tensor.sizes) >= 2 and "embd" not in tensor.name and tensor.sizes[1] % 8 == 0


def _sum(pattern: str, log: str) -> int:
    units = {"K": 1 << 10, "M": MIB, "G": 1 << 30}
    return int(sum(float(number) * units[unit] for number, unit in re.findall(pattern, log)))


def _gb(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 5e7 else f"{count / 1e6:,.0f} MB"


def free_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that this process may still take, by the machine and by every limit of the container it is in; None where
    the system does not say."""
    found = [*_of_machine(proc), *_of_groups(proc, groups)]
    return min(found) if found else None


def _of_machine(proc: Path) -> Iterator[int]:
    available = re.search(r"MemAvailable:\s+(\d+) kB", _text(proc / "meminfo"))
    if available:
        yield int(available[1]) * 1024


def _of_groups(proc: Path, groups: Path) -> Iterator[int]:
    """What each control group above this process leaves; files it has cached can be let go, so they are free."""
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
        for one in (folder, *folder.parents):
            if not one.is_relative_to(root):
                break
            most, taken = _text(one / limit).strip(), _text(one / used).strip()
            if most.isdigit() and taken.isdigit():
                stat = dict(entry.split(" ", 1) for entry in _text(one / "memory.stat").splitlines() if " " in entry)
                yield max(0, int(most) - int(taken) + sum(int(stat.get(name, 0)) for name in cached))


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


__all__ = ["CELL", "MemoryNeed", "free_memory", "memory_need_in", "real_need", "tensors_of"]
