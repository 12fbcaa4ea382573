"""The memory that training takes: all weights, an adapter (LoRA), or an adapter on quantised weights (QLoRA).

    memory = training_memory(heads, "lora", tokens=2048)
    memory.weights, memory.states, memory.activations

Full training with AdamW in mixed precision keeps 16 bytes for every trained parameter: 2 of the weight, 2 of its
gradient, 4 of a master copy and 8 of two moments (Rajbhandari et al. 2020, ZeRO, section 3.1). LoRA trains two narrow
matrices beside each matrix of a layer (Hu et al. 2021), so only these have the 16 bytes. QLoRA keeps the matrices of
the layers in nf4 with quantised constants, 4.127 bits (Dettmers et al. 2023, section 3). Activations of a layer are
about 34 bytes for each number of its hidden state (Korthikanti et al. 2022, with flash attention); with checkpointing
2 bytes are kept for every layer, and one layer is computed again.

`promptlab finetune` trains otherwise (`training_here`): on a processor, everything in 32 bits, and without
checkpointing, which would compute each layer twice. So 4 bytes for every frozen parameter, 16 for those of the adapter
and 4 for its best state so far. For a token, each layer keeps what its gradients need: the hidden state before and
behind both norms (4 times its width; 6 with the norms behind of Gemma), queries, keys, values and the answer of
attention (4 times the width of the queries; for Gemma, 3 times that and 3 times that of the keys), and 4 numbers for
each of the feed-forward network. PyTorch itself says so (torch.autograd.graph.saved_tensors_hooks): 10,885 numbers a
layer of SmolLM2-135M and 16,014 of Gemma 3 270M, where this counts 10,752 and 15,872. Peaks are larger, by gradients on
their way and by what the allocator keeps of freed memory: measured, 1.75 to 1.9 times as much (docs/sizing.md).
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
TRAINED_HERE = ("llama", "gemma3")
"""Architectures that `promptlab finetune` trains, with its own rank and the tokens that it computes at once."""
RANK_HERE = 8
TOKENS_HERE = 256
ANSWERS_HERE = 32
"""Tokens of answers among them. Only these have logits: the numbers, their losses and gradients are 12 bytes each."""
STATES_HERE = STATES + 4
PEAK_HERE = 1.8
"""The peak of activations and what goes with them, to what is kept for the gradients: measured."""
LIBRARIES_HERE = 500_000_000
"""Bytes that torch, transformers, peft and promptlab take."""
LIBRARIES = 1_000_000_000
"""Bytes that the runtime and its working space take."""


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Bytes of training in one way, with `tokens` tokens at a time: frozen `weights`, `states` of the `trained`
    parameters, `activations` and the logits, and what the `runtime` takes. `here` if it is by `promptlab finetune`, in
    32 bits on a processor; else on cards, in 16 bits, with checkpointing."""

    way: Way
    trained: int
    rank: int | None
    tokens: int
    weights: int
    states: int
    activations: int
    runtime: int = LIBRARIES
    here: bool = False

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


def training_here(
    heads: Sequence[GgufHead], *, tokens: int = TOKENS_HERE, rank: int = RANK_HERE
) -> TrainingMemory | None:
    """About how much memory `promptlab finetune` takes; None for a model that it does not train. At most 256 tokens are
    computed at once, or one text that is longer; what all texts begin with counts once."""
    head = heads[0]
    if len(heads) > 1 or head.architecture not in TRAINED_HERE or number(head, "expert_count", 0):
        return None
    tensors = head.tensors
    adapters = sum(_adapter(tensor, rank) for tensor in tensors if _is_matrix(tensor))
    parameters = sum(prod(tensor.sizes) for tensor in tensors)
    at_once = max(tokens, TOKENS_HERE)
    logits = 12 * min(ANSWERS_HERE, at_once) * vocabulary_of(heads)
    kept = int(PEAK_HERE * 4 * at_once * _kept_numbers(head)) + logits
    return TrainingMemory(
        *("lora", adapters, rank, at_once, 4 * parameters, STATES_HERE * adapters, kept, LIBRARIES_HERE), here=True
    )


def _kept_numbers(head: GgufHead) -> int:
    """Numbers that all layers keep for a token, until their gradients are computed."""
    hidden, layers = number(head, "embedding_length"), number(head, "block_count")
    heads, inner = number(head, "attention.head_count"), number(head, "feed_forward_length")
    queries = heads * number(head, "attention.key_length", hidden // max(1, heads))
    if "blk.0.post_ffw_norm.weight" in {tensor.name for tensor in head.tensors}:
        keys = queries // max(1, heads) * number(head, "attention.head_count_kv", heads)
        return layers * (6 * hidden + 3 * queries + 3 * keys + 4 * inner)
    return layers * (4 * hidden + 4 * queries + 4 * inner)


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


__all__ = [
    "RANK",
    "RANK_HERE",
    "TOKENS",
    "TOKENS_HERE",
    "TRAINED_HERE",
    "WAYS",
    "TrainingMemory",
    "Way",
    "training_here",
    "training_memory",
]
