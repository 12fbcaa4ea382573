"""The number types of ggml: how many numbers stand in one block, and how many bytes a block takes.

    TYPES[12]                          # GgmlType("Q4_K", 256, 144)
    TYPES[12].bits                     # 4.5 bits a number
    bytes_of(12, (8192, 28672))        # bytes of a matrix of that type

A *file type* such as Q4_K_M mixes several of these types, so its size is never the number of parameters times the bits
of one type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from promptlab.models._gguf import Tensor


@dataclass(frozen=True, slots=True)
class GgmlType:
    """A type by its `name`: `block` numbers together take `bytes` bytes."""

    name: str
    block: int
    bytes: int

    @property
    def bits(self) -> float:
        """Bits that one number takes."""
        return 8 * self.bytes / self.block


TYPES = {
    0: GgmlType("F32", 1, 4),
    1: GgmlType("F16", 1, 2),
    2: GgmlType("Q4_0", 32, 18),
    3: GgmlType("Q4_1", 32, 20),
    6: GgmlType("Q5_0", 32, 22),
    7: GgmlType("Q5_1", 32, 24),
    8: GgmlType("Q8_0", 32, 34),
    9: GgmlType("Q8_1", 32, 36),
    10: GgmlType("Q2_K", 256, 84),
    11: GgmlType("Q3_K", 256, 110),
    12: GgmlType("Q4_K", 256, 144),
    13: GgmlType("Q5_K", 256, 176),
    14: GgmlType("Q6_K", 256, 210),
    15: GgmlType("Q8_K", 256, 292),
    16: GgmlType("IQ2_XXS", 256, 66),
    17: GgmlType("IQ2_XS", 256, 74),
    18: GgmlType("IQ3_XXS", 256, 98),
    19: GgmlType("IQ1_S", 256, 50),
    20: GgmlType("IQ4_NL", 32, 18),
    21: GgmlType("IQ3_S", 256, 110),
    22: GgmlType("IQ2_S", 256, 82),
    23: GgmlType("IQ4_XS", 256, 136),
    24: GgmlType("I8", 1, 1),
    25: GgmlType("I16", 1, 2),
    26: GgmlType("I32", 1, 4),
    27: GgmlType("I64", 1, 8),
    28: GgmlType("F64", 1, 8),
    29: GgmlType("IQ1_M", 256, 56),
    30: GgmlType("BF16", 1, 2),
    34: GgmlType("TQ1_0", 256, 54),
    35: GgmlType("TQ2_0", 256, 66),
    39: GgmlType("MXFP4", 32, 17),
    40: GgmlType("NVFP4", 64, 36),
    41: GgmlType("Q1_0", 128, 18),
    42: GgmlType("Q2_0", 64, 18),
}
"""Types by ggml's number. tests/models/test_ggml.py asks the installed ggml library for every one of them."""
NUMBER = {each.name: number for number, each in TYPES.items()}
"""ggml's number of a type, by its name."""
KV_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
"""Types that llama.cpp can keep a KV cache in."""


def bytes_of(kind: int, sizes: Sequence[int]) -> int | None:
    """Bytes of a tensor of the type `kind`; None if the type is unknown or its rows are no whole blocks."""
    each = TYPES.get(kind)
    if each is None or not sizes or sizes[0] % each.block:
        return None
    return prod(sizes) // each.block * each.bytes


def weight_bytes(tensors: Sequence[Tensor]) -> int:
    """Bytes of all tensors, as llama.cpp counts them: without the padding between them. A tensor of a type that is not
    known here counts with its place in the file."""
    return sum(known if (known := bytes_of(t.kind, t.sizes)) is not None else t.bytes for t in tensors)


__all__ = ["KV_TYPES", "NUMBER", "TYPES", "GgmlType", "bytes_of", "weight_bytes"]
