"""Writing the head of a GGUF file, for a model that nobody has here.

head = head_bytes(keys, tensors)     # the head with its padding; the weights would follow
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.models import GgufTensor, tensor_bytes

ALIGNED = 32


def head_bytes(keys: Mapping[str, Any], tensors: Sequence[GgufTensor]) -> bytes:
    """The head of a file with `keys` and `tensors`, up to the place where the weights begin."""
    data = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)))
    for key, value in keys.items():
        data += _text(key) + _value(value)
    place = 0
    for tensor in tensors:
        data += _text(tensor.name) + struct.pack(f"<I{len(tensor.sizes)}Q", len(tensor.sizes), *tensor.sizes)
        data += struct.pack("<IQ", tensor.kind, place)
        place += padded(tensor_bytes(tensor.kind, tensor.sizes) or 0)
    return bytes(data) + bytes(-len(data) % ALIGNED)


def padded(count: int) -> int:
    """`count` bytes with the padding behind them."""
    return -(-count // ALIGNED) * ALIGNED


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    """A value with the number of its type before it."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    code, kind = ("?", 7) if isinstance(value[0], bool) else ("i", 5)
    return struct.pack(f"<IIQ{len(value)}{code}", 9, kind, len(value), *value)


__all__ = ["head_bytes", "padded"]
