"""The memory that training takes: all weights, an adapter (LoRA), or an adapter on quantised weights (QLoRA).

    memory = training_memory(heads, "lora", tokens=2048)
    memory.weights, memory.states, memory.activations

Full training with AdamW in mixed precision keeps 16 bytes for every trained parameter: 2 of the weight, 2 of its
gradient, 4 of a master copy and 8 of two moments (Rajbhandari et al. 2020, ZeRO, section 3.1). LoRA trains two narrow
matrices beside each matrix of a layer (Hu et al. 2021), so only these have the 16 bytes. QLoRA keeps the matrices of
the layers in nf4 with quantised constants, 4.127 bits (Dettmers et al. 2023, section 3). Activations of a layer are
about 34 bytes for each number of its hidden state (Korthikanti et al. 2022, with flash attention); with checkpointing
2 bytes are kept for every layer, and one layer is computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

from promptlab.errors import InputError
from promptlab.models import GgufHead, GgufTensor
from promptlab.sizing._formula import number, vocabulary_of

Way = Literal["full", "lora", "qlora"]
WAYS: tuple[str, ...] = get_args(Way)
STATES = 16
"""Bytes for each trained parameter: gradient, master copy and moments, with the 16-bit weight."""
NF4_BITS = 4 + 0.127
RANK = 16
TOKENS = 2_048
LIBRARIES = 1_000_000_000
"""Bytes that the runtime and its working space take."""


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Bytes of training in one way, with one text of `tokens` tokens at a time: frozen `weights`, `states` of the
    `trained` parameters, `activations` with checkpointing and the logits, and what the runtime takes."""

    way: Way
    trained: int
    rank: int | None
    tokens: int
    weights: int
    states: int
    activations: int
    runtime: int = LIBRARIES

    @property
    def total(self) -> int:
        return self.weights + self.states + self.activations + self.runtime


def training_memory(heads: Sequence[GgufHead], way: str, *, tokens: int = TOKENS, rank: int = RANK) -> TrainingMemory:
    """About how much memory training takes.

    Raises:
        InputError: there is no such way, or a number is out of range.
    """
    if way not in WAYS:
        raise InputError(f"`{way}` is no way of training", hint=f"choose one of {', '.join(WAYS)}")
    if not 1 <= rank <= 4_096 or not 1 <= tokens <= 1 << 24:
        raise InputError(f"rank {rank:,} with {tokens:,} tokens cannot be trained", hint="give smaller numbers")
    tensors = [tensor for head in heads for tensor in head.tensors]
    parameters = sum(prod(tensor.sizes) for tensor in tensors)
    matrices = [tensor for tensor in tensors if _is_matrix(tensor)]
    inside = sum(prod(tensor.sizes) for tensor in matrices)
    adapters = sum(_adapter(tensor, rank) for tensor in matrices)
    activations = _activations(heads, tokens)
    if way == "full":
        return TrainingMemory("full", parameters, None, tokens, 0, STATES * parameters, activations)
    if way == "lora":
        return TrainingMemory("lora", adapters, rank, tokens, 2 * parameters, STATES * adapters, activations)
    weights = int(inside * NF4_BITS / 8) + 2 * (parameters - inside)
    return TrainingMemory("qlora", adapters, rank, tokens, weights, STATES * adapters, activations)


def _is_matrix(tensor: GgufTensor) -> bool:
    """True for the matrices of layers, which get an adapter: not for embeddings, norms, routers and convolutions."""
    apart = ("ffn_gate_inp", "conv1d", "norm")
    return len(tensor.sizes) >= 2 and tensor.name.startswith("blk.") and not any(each in tensor.name for each in apart)


def _adapter(tensor: GgufTensor, rank: int) -> int:
    """Parameters of the adapter of a matrix, or of each expert's matrix."""
    columns, rows, *experts = tensor.sizes
    return rank * (columns + rows) * prod(experts)


def _activations(heads: Sequence[GgufHead], tokens: int) -> int:
    hidden, layers = number(heads[0], "embedding_length"), number(heads[0], "block_count")
    states = tokens * hidden * (2 * layers + 34)
    return states + 2 * 4 * tokens * vocabulary_of(heads)


__all__ = ["RANK", "TOKENS", "WAYS", "TrainingMemory", "Way", "training_memory"]
