"""The memory of a model by formulas, from the head of its file: where llama.cpp is missing, and to check its answer.

    need = need_by_formula([head], Wanted(context=8192))
    need.cache                    # the same as llama.cpp's to the byte, for the kinds of models that are known here
    need.compute                  # about as llama.cpp lays out its graphs

KV cache (llama.cpp's src/llama-kv-cache.cpp): a layer keeps `cells` keys and values of `kv heads × head size` numbers.
Multi-head latent attention keeps keys only. Layers with a sliding window keep `window + batch` cells unless the whole
context is asked for. Recurrent layers keep one state a sequence, in 32 bits. Compute: the largest phase of a graph,
which is the logits of a batch for most models: `batch × vocabulary × 4` bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from promptlab.errors import InputError
from promptlab.models import GGML_NUMBERS, GGML_TYPES, CachePart, GgufHead, MemoryNeed, tensor_bytes
from promptlab.sizing._wanted import Wanted

CELLS = 256
"""llama.cpp rounds the cells of a context up to a multiple of this."""
WINDOW_EVERY = {
    **{"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "exaone4": 4, "olmo2": 4, "llama4": 4},
    **{"afmoe": 4, "exaone-moe": 4, "plamo3": 8, "mellum": 4},
}
"""Each how many layers one sees everything, for files that do not say it themselves (llama.cpp's src/models)."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """What one layer keeps: numbers of keys and values a token, with a window or not; or a state a sequence."""

    keys: int
    values: int
    windowed: bool
    state: tuple[int, int] = (0, 0)


def need_by_formula(heads: Sequence[GgufHead], wanted: Wanted) -> MemoryNeed:
    """The memory that a model takes, by its head or the heads of its parts.

    Raises:
        InputError: the head leaves out a size that is needed.
    """
    head = heads[0]
    weights = sum(tensor_bytes(t.kind, t.sizes) or t.bytes for each in heads for t in each.tensors)
    caches = tuple(_caches(head, wanted))
    vocabulary = vocabulary_of(heads)
    return MemoryNeed(
        weights=weights,
        repacked=0,
        cache=sum(part.keys + part.values for part in caches),
        compute=_compute(head, wanted, vocabulary),
        output=4 * vocabulary * wanted.sequences,
        caches=caches,
    )


def vocabulary_of(heads: Sequence[GgufHead]) -> int:
    """The number of tokens, by the embedding table."""
    for tensor in (tensor for head in heads for tensor in head.tensors):
        if tensor.name == "token_embd.weight" and len(tensor.sizes) == 2:
            return tensor.sizes[1]
    value = heads[0].of_architecture("vocab_size")
    return int(value) if isinstance(value, int) else heads[0].lists.get("tokenizer.ggml.tokens", 0)


def number(head: GgufHead, key: str, default: int | None = None) -> int:
    """A size that the head names; the largest if it names one for each layer."""
    value = head.of_architecture(key)
    if value is None:
        value = max((int(each) for each in head.numbers.get(f"{head.architecture}.{key}", ())), default=default)
    if not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise InputError(
            f"the head of the file has no usable `{head.architecture or 'general'}.{key}`",
            hint="is it the GGUF file of a model that writes text?",
        )
    return int(value)


def _per_layer(head: GgufHead, key: str, count: int, default: int | None = None) -> list[int]:
    values = head.numbers.get(f"{head.architecture}.{key}")
    if values:
        return [int(value) for value in values][:count]
    return [number(head, key, default)] * count


def _layers(head: GgufHead) -> list[_Layer]:
    count = number(head, "block_count") - number(head, "nextn_predict_layers", 0)
    if count > 4_096:
        raise InputError(f"the head of the file names {count:,} layers", hint="the head is damaged")
    heads = _per_layer(head, "attention.head_count", count, 0)
    kv_heads = _per_layer(head, "attention.head_count_kv", count, heads[0] if heads else 0)
    size = number(head, "embedding_length") // heads[0] if heads and heads[0] else 0
    keys, values = (number(head, f"attention.{what}_length", size) for what in ("key", "value"))
    latent = head.of_architecture("attention.key_length_mla") is not None
    windowed, state = _windowed(head, count), _state(head)
    recurrent = _recurrent(head, count, kv_heads) if any(state) else [False] * count
    kept = count - number(head, "attention.shared_kv_layers", 0)
    layers = []
    for at in range(count):
        width = 0 if recurrent[at] or at >= kept else kv_heads[at]
        layers.append(
            _Layer(width * keys, 0 if latent else width * values, windowed[at], state if recurrent[at] else (0, 0))
        )
    return layers


def _windowed(head: GgufHead, count: int) -> list[bool]:
    """Which layers have a sliding window, as llama.cpp reads the file."""
    own = head.numbers.get(f"{head.architecture}.attention.sliding_window_pattern")
    every = WINDOW_EVERY.get(head.architecture, 0)
    if not every or not number(head, "attention.sliding_window", 0):
        return [False] * count
    if own:
        return [bool(each) for each in own][:count]
    every = number(head, "attention.sliding_window_pattern", every)
    return [bool((at + 1) % every) if every else True for at in range(count)]


def _state(head: GgufHead) -> tuple[int, int]:
    """Numbers of the two states of a recurrent layer (src/llama-hparams.cpp); zeros for other models."""
    hidden = number(head, "embedding_length")
    if wkv := number(head, "wkv.head_size", 0):
        return number(head, "token_shift_count", 2) * hidden, hidden * wkv
    if short := number(head, "shortconv.l_cache", 0):
        return hidden * (short - 1), 0
    inner, size = number(head, "ssm.inner_size", 0), number(head, "ssm.state_size", 0)
    kernel = max(1, number(head, "ssm.conv_kernel", 1))
    return (kernel - 1) * (inner + 2 * number(head, "ssm.group_count", 0) * size), size * inner


def _recurrent(head: GgufHead, count: int, kv_heads: Sequence[int]) -> list[bool]:
    own = head.numbers.get(f"{head.architecture}.attention.recurrent_layers")
    if own:
        return [bool(each) for each in own][:count]
    every = number(head, "full_attention_interval", 4 if head.architecture.startswith(("qwen35", "qwen3next")) else 0)
    if every:
        return [bool((at + 1) % every) for at in range(count)]
    return [not width for width in kv_heads]


def _caches(head: GgufHead, wanted: Wanted) -> list[CachePart]:
    layers = _layers(head)
    cells = -(-wanted.cells // CELLS) * CELLS
    # Sequences share the cells, so each has its own window in them.
    reach = number(head, "attention.sliding_window", 0) * wanted.sequences + wanted.tokens_at_once
    short = min(cells, -(-reach // CELLS) * CELLS)
    number_type = wanted.kv_type.upper()
    _check_blocks(head, number_type)
    parts = []
    attending = [each for each in layers if each.keys]
    for windowed, group in groupby(sorted(attending, key=lambda each: each.windowed), key=lambda each: each.windowed):
        own, rows = list(group), short if windowed and not wanted.whole_context else cells
        keys, values = (
            sum(_row_bytes(number_type, width) for width in widths) * rows
            for widths in ([each.keys for each in own], [each.values for each in own])
        )
        parts.append(CachePart(rows, len(own), keys, wanted.kv_type, values, wanted.kv_type))
    states = [each.state for each in layers if any(each.state)]
    if states:
        first, second = (4 * wanted.sequences * sum(state[at] for state in states) for at in (0, 1))
        parts.append(CachePart(wanted.sequences, len(states), first, "f32", second, "f32"))
    return parts


def _check_blocks(head: GgufHead, kind: str) -> None:
    """Refuse a type whose blocks do not divide the heads of the model, as llama.cpp does."""
    block = GGML_TYPES[GGML_NUMBERS[kind]].block
    heads = number(head, "attention.head_count", 0)
    size = number(head, "attention.key_length", number(head, "embedding_length") // heads if heads else 0)
    if size % block:
        raise InputError(
            f"a KV cache of the type {kind.lower()} has blocks of {block} numbers, and the heads of this model have "
            f"{size}",
            hint="choose f16",
        )


def _row_bytes(kind: str, width: int) -> int:
    each = GGML_TYPES[GGML_NUMBERS[kind]]
    return width // each.block * each.bytes


def _compute(head: GgufHead, wanted: Wanted, vocabulary: int) -> int:
    """Bytes of the largest phase of a graph: the logits, the feed-forward network, or attention. Found by comparing
    with what llama.cpp lays out for the families of families.toml (docs/sizing.md)."""
    hidden, tokens = number(head, "embedding_length"), wanted.tokens_at_once
    heads = number(head, "attention.head_count", 0)
    size = number(head, "attention.key_length", hidden // heads if heads else 0)
    cells = -(-wanted.cells // CELLS) * CELLS
    used = max(1, number(head, "expert_used_count", 0))
    inner = number(head, "expert_feed_forward_length", 0) or number(head, "feed_forward_length", 0)
    logits = vocabulary + 2 * hidden
    if head.architecture == "phi3":  # gate and up are one matrix, which is split in place
        network = 2 * inner + 3 * hidden
    else:
        network = 3 * inner * used + 4 * hidden + cells // 2
    attention = 0
    if head.of_architecture("attention.key_length_mla") is not None:
        attention = heads * (2 * size + number(head, "attention.kv_lora_rank"))
    if not wanted.flash:
        values = number(head, "attention.head_count_kv", heads) * size
        masks = 2 if any(_windowed(head, number(head, "block_count"))) else 1
        scores = (heads + masks) * cells
        attention = max(attention, scores + 5 * max(hidden, heads * size) + 2 * values)
    return 4 * tokens * max(logits, network, attention)


__all__ = ["need_by_formula", "number", "vocabulary_of"]
