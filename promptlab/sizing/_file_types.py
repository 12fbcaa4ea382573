"""The file types that a model can be quantised to, and the bytes of its weights in each.

    quantised_by_rule(heads)["Q4_K_M"]      # about 41.5 GB for a model of 70 billion parameters

A file type mixes number types: Q4_K_M keeps the output and half of two kinds of matrices in more bits, and a matrix
whose rows are no whole blocks gets another type. llama.cpp knows its rules exactly and is asked (`plan_memory`). Where
it is not installed these rules, read from its src/llama-quant.cpp, give an estimate; tests hold it against llama.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promptlab.errors import InputError, nearest
from promptlab.models import GGML_NUMBERS, GgufHead, GgufTensor, tensor_bytes
from promptlab.sizing._formula import number


@dataclass(frozen=True, slots=True)
class FileType:
    """A file type: its `main` number type, and what the larger matrices get: `values` (attention values), `down` (the
    last matrix of the feed-forward network), `joint` (queries, keys and values in one). "more" gives the sixth of the
    layers llama.cpp chooses more bits. `matrix` says that it needs an importance matrix to be any good."""

    name: str
    main: str
    more: str = ""
    joint: str = ""
    early: str = ""
    matrix: bool = False


FILE_TYPES = (
    FileType("F32", "F32"),
    FileType("F16", "F16"),
    FileType("BF16", "BF16"),
    FileType("Q8_0", "Q8_0"),
    FileType("Q6_K", "Q6_K"),
    FileType("Q5_K_M", "Q5_K", more="Q6_K", joint="Q6_K"),
    FileType("Q5_K_S", "Q5_K"),
    FileType("Q4_K_M", "Q4_K", more="Q6_K", joint="Q5_K"),
    FileType("Q4_K_S", "Q4_K", early="Q5_K"),
    FileType("Q4_0", "Q4_0"),
    FileType("IQ4_XS", "IQ4_XS", early="Q5_K"),
    FileType("Q3_K_M", "Q3_K", more="Q4_K", joint="Q4_K"),
    FileType("Q2_K", "Q2_K", more="Q3_K"),
    FileType("IQ2_XS", "IQ2_XS", matrix=True),
)
"""Larger ones first."""
BY_NAME = {each.name: each for each in FILE_TYPES}
ESTIMATED_WITHIN = 0.06
"""How far these rules are from llama.cpp at most, for the families of families.toml."""
_WHOLE = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""The type of a matrix whose rows are no whole blocks of 256; IQ4_NL for all others."""


def file_type(name: str) -> FileType:
    """The file type `name`.

    Raises:
        InputError: there is none, or its size is not told here.
    """
    found = BY_NAME.get(name.upper())
    if found is None:
        raise InputError(
            f"`{name}` is no file type that is sized here",
            hint=nearest(name.upper(), BY_NAME) or f"choose one of {', '.join(BY_NAME)}",
        )
    return found


def quantised_by_rule(heads: Sequence[GgufHead]) -> Mapping[str, int]:
    """About how many bytes the weights take in every file type."""
    tensors = [tensor for head in heads for tensor in head.tensors]
    layers = max(1, number(heads[0], "block_count"))
    tied = not any(tensor.name == "output.weight" for tensor in tensors)
    return {each.name: sum(_bytes(each, tensor, layers, tied) for tensor in tensors) for each in FILE_TYPES}


def _bytes(kind: FileType, tensor: GgufTensor, layers: int, tied: bool) -> int:
    if len(tensor.sizes) < 2 or (tensor.kind == GGML_NUMBERS["F32"] and _stays(tensor.name)):
        return tensor_bytes(GGML_NUMBERS["F32"], tensor.sizes) or tensor.bytes
    name = _type_of(kind, tensor.name, layers, tied)
    found = tensor_bytes(GGML_NUMBERS[name], tensor.sizes)
    if found is None:
        found = tensor_bytes(GGML_NUMBERS[_WHOLE.get(name, "IQ4_NL")], tensor.sizes)
    return found if found is not None else tensor_bytes(GGML_NUMBERS["F16"], tensor.sizes) or tensor.bytes


def _stays(name: str) -> bool:
    return "ffn_gate_inp" in name or "ssm_conv1d" in name or "norm" in name


def _type_of(kind: FileType, name: str, layers: int, tied: bool) -> str:
    if kind.name in ("F32", "F16", "BF16", "Q8_0"):
        return kind.main
    if name == "output.weight" or (tied and name == "token_embd.weight"):
        return "Q6_K"
    if kind.name == "IQ2_XS" and name == "token_embd.weight":
        return "Q2_K"
    layer = int(name.split(".")[1]) if name.startswith("blk.") else -1
    if kind.joint and "attn_qkv" in name:
        return kind.joint
    chosen = "attn_v." in name or "ffn_down" in name
    if kind.name == "Q2_K" and ("attn_output" in name or chosen):
        return kind.more
    if kind.name == "Q3_K_M" and ("attn_v." in name or "attn_output" in name):
        return kind.more
    if kind.more and chosen and _gets_more(layer, layers):
        return kind.more
    if kind.early and chosen and layer < layers // 8:
        return kind.early
    return kind.main


def _gets_more(layer: int, layers: int) -> bool:
    """llama.cpp's `use_more_bits`: the first and last eighth, and each third layer between them."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


__all__ = ["BY_NAME", "ESTIMATED_WITHIN", "FILE_TYPES", "FileType", "file_type", "quantised_by_rule"]
