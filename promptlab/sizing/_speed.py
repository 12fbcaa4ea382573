"""How fast a model can be at most, and what bounds it.

    speed = speed_on(heads, need, 1, "A100 80GB", 2_039e9)
    speed.most            # tokens a second

To write one token, every weight that is used for it and the KV cache of the text so far are read from memory once. So a
single text is bound by memory bandwidth; a processor may be bound by computing before that. Reading a prompt uses each
weight for many tokens at once, which is bound by computing.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from promptlab.models import GgufHead, MemoryNeed, tensor_bytes
from promptlab.sizing._formula import number

CHUNK = 64 << 20
ROUNDS = 12
NEAR = 0.5
"""A model that is measured at this share of the bound or more is bound by memory bandwidth."""


@dataclass(frozen=True, slots=True)
class Speed:
    """The speed of writing on one device with `bandwidth` bytes a second. `read` bytes are read for a token of one text
    with a full context. For all texts together, `most` tokens a second are possible while they are short, and `full`
    once their contexts are full. `count` is how many devices the model needs, None if it does not fit: several compute
    one after the other, so they are as fast as one. `measured` is what `promptlab models check` measured on this
    machine, None if it did not."""

    device: str
    bandwidth: float
    read: int
    most: float
    full: float
    count: int | None = 1
    measured: float | None = None

    @property
    def bound(self) -> str:
        """What bounds it, in words."""
        if self.measured is None:
            return "memory bandwidth"
        if self.measured >= NEAR * self.most:
            return "memory bandwidth, by what was measured"
        return "computing, by what was measured"


def speed_on(
    heads: Sequence[GgufHead],
    need: MemoryNeed,
    texts: int,
    device: str,
    bandwidth: float,
    *,
    count: int | None = 1,
    measured: float | None = None,
) -> Speed:
    """The speed of writing `texts` at a time that `bandwidth` allows."""
    weights = int(need.weights * _used_share(heads, texts)) + need.adapters
    read = int(need.weights * _used_share(heads, 1)) + need.adapters + need.cache // texts
    if measured is not None:  # a busy machine reads less while it is measured; what was written proves more
        bandwidth = max(bandwidth, measured * weights / texts)
    most, full = (texts * bandwidth / max(1, weights + cache) for cache in (0, need.cache))
    return Speed(device, bandwidth, read, most, full, count, measured)


def _used_share(heads: Sequence[GgufHead], texts: int) -> float:
    """The share of the weights that a token of each of `texts` uses: not all experts, and one row of an embedding table
    of its own. The tokens of several texts use different experts: here each chooses its own by chance."""
    tensors = [tensor for head in heads for tensor in head.tensors]
    sizes = {tensor.name: tensor_bytes(tensor.kind, tensor.sizes) or tensor.bytes for tensor in tensors}
    whole = sum(sizes.values())
    experts = number(heads[0], "expert_count", 0)
    idle = (1 - number(heads[0], "expert_used_count", 0) / experts) ** texts if experts else 0.0
    unused = idle * sum(size for name, size in sizes.items() if "_exps." in name)
    if "output.weight" in sizes:
        unused += sizes.get("token_embd.weight", 0)
    return 1 - unused / whole if whole else 1.0


@cache
def memory_bandwidth() -> float:
    """Bytes a second that all cores together read from the memory of this machine, measured by searching for a byte
    that is not there. Takes some tenths of a second, once. Other programs make it less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    blocks = [ctypes.create_string_buffer(b"\1" * CHUNK, CHUNK) for _ in range(min(cores, 8))]
    search = (ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)).memchr
    search.argtypes, search.restype = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t), ctypes.c_void_p

    def read(block: ctypes.Array[ctypes.c_char]) -> None:
        search(ctypes.addressof(block), 0, CHUNK)  # without the interpreter's lock

    best = 0.0
    for _ in range(ROUNDS):
        threads = [threading.Thread(target=read, args=(block,)) for block in blocks]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        best = max(best, CHUNK * len(blocks) / (time.perf_counter() - began))
    return best


__all__ = ["Speed", "memory_bandwidth", "speed_on"]
