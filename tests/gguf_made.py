"""GGUF files written by hand: any keys and tensors, and a tiny model of random weights that llama.cpp answers with."""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLAIN = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}{{ 'assistant:' }}"


@dataclass(frozen=True)
class Sixteen:
    """A number of two bytes, unsigned, as `split.count` is."""

    value: int


@dataclass(frozen=True)
class Signed:
    """A number of four bytes with a sign, as `split.tensors.count` is."""

    value: int


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value_of(value: Any) -> bytes:
    """A value with its type before it."""
    if isinstance(value, Sixteen):
        return struct.pack("<IH", 2, value.value)
    if isinstance(value, Signed):
        return struct.pack("<Ii", 5, value.value)
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    kinds = {
        str: (8, text),
        bool: (7, lambda one: struct.pack("<?", one)),
        float: (6, lambda one: struct.pack("<f", one)),
        int: (5, lambda one: struct.pack("<i", one)),
    }
    kind, pack = kinds[type(value[0])]
    return struct.pack("<IIQ", 9, kind, len(value)) + b"".join(pack(one) for one in value)


def write(path: Path, meta: Mapping[str, Any], tensors: Mapping[str, Sequence[Sequence[float]]] = {}) -> Path:
    """A GGUF file with `meta` and `tensors`, which are rows of 32-bit floats (a single row is a vector)."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(meta))
    head += b"".join(text(key) + value_of(value) for key, value in meta.items())
    place, data = 0, b""
    for name, rows in tensors.items():
        sizes = (len(rows[0]), len(rows)) if len(rows) > 1 else (len(rows[0]),)
        head += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, 0, place)
        packed = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
        packed += bytes(-len(packed) % 32)
        data, place = data + packed, place + len(packed)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + bytes(-len(head) % 32) + data)
    return path


def tiny_meta(
    name: str = "tiny", *, template: str | None = PLAIN, window: int = 2048, extra: Mapping[str, Any] = {}
) -> dict[str, Any]:
    """The keys of a llama of two layers that knows bytes only, with `extra` ones."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{n:02X}>" for n in range(256))]
    return {
        "general.architecture": "llama",
        "general.name": name,
        "llama.context_length": window,
        "llama.embedding_length": 32,
        "llama.block_count": 2,
        "llama.feed_forward_length": 32,
        "llama.attention.head_count": 2,
        "llama.attention.head_count_kv": 2,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": 16,
        "llama.vocab_size": len(tokens),
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * len(tokens),
        "tokenizer.ggml.token_type": [2, 3, 3, *[6] * 256],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        **({"tokenizer.chat_template": template} if template is not None else {}),
        **extra,
    }


def tiny_tensors(seed: int) -> dict[str, list[list[float]]]:
    """Weights by chance; other ones for another `seed`."""
    chance = random.Random(seed)

    def some(rows: int, columns: int) -> list[list[float]]:
        return [[chance.gauss(0, 0.4) for _ in range(columns)] for _ in range(rows)]

    ones = [[1.0] * 32]
    found = {"token_embd.weight": some(259, 32), "output.weight": some(259, 32), "output_norm.weight": ones}
    for layer in range(2):
        at = f"blk.{layer}."
        found |= {f"{at}attn_norm.weight": ones, f"{at}ffn_norm.weight": ones}
        found |= {f"{at}{what}.weight": some(32, 32) for what in ("attn_q", "attn_k", "attn_v", "attn_output")}
        found |= {f"{at}{what}.weight": some(32, 32) for what in ("ffn_gate", "ffn_up", "ffn_down")}
    return found


def tiny(path: Path, seed: int = 1, **meta: Any) -> Path:
    """A tiny model in one file."""
    return write(path, tiny_meta(**meta), tiny_tensors(seed))


@dataclass(frozen=True)
class Shape:
    """What a random model of `made_of` looks like. `window` is the sliding window of gemma3, and every `pattern`-th
    layer sees everything; None leaves the key out. `biased` and `tied` are about the tensors."""

    architecture: str = "llama"
    width: int = 32
    heads: int = 4
    key_value_heads: int = 2
    head: int = 8
    inner: int = 48
    blocks: int = 2
    window: int | None = None
    pattern: int | None = None
    biased: tuple[str, ...] = ()
    tied: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


LLAMA = Shape()
GEMMA3 = Shape("gemma3", heads=2, key_value_heads=1, head=16, blocks=7, window=6, tied=True)
"""Seven layers: the sixth of them sees everything, as in the real ones."""


def meta_of(shape: Shape) -> dict[str, Any]:
    """The keys of a model of this shape. A value of None in `extra` leaves a key out."""
    own = f"{shape.architecture}."
    meta = {key.replace("llama.", own, 1) if key.startswith("llama.") else key: v for key, v in tiny_meta().items()}
    meta |= {
        "general.architecture": shape.architecture,
        f"{own}embedding_length": shape.width,
        f"{own}block_count": shape.blocks,
        f"{own}feed_forward_length": shape.inner,
        f"{own}attention.head_count": shape.heads,
        f"{own}attention.head_count_kv": shape.key_value_heads,
        f"{own}attention.key_length": shape.head,
        f"{own}attention.value_length": shape.head,
        f"{own}rope.dimension_count": shape.head,
        f"{own}attention.sliding_window": shape.window,
        f"{own}attention.sliding_window_pattern": shape.pattern,
        **shape.extra,
    }
    return {key: value for key, value in meta.items() if value is not None}


def tensors_of(shape: Shape, seed: int = 1) -> dict[str, list[list[float]]]:
    """Weights by chance, norms that are not 1, and the biases that the shape names."""
    chance = random.Random(seed)

    def some(rows: int, columns: int) -> list[list[float]]:
        return [[chance.gauss(0, 0.3) for _ in range(columns)] for _ in range(rows)]

    def near_one(length: int) -> list[list[float]]:
        return [[chance.uniform(0.6, 1.4) for _ in range(length)]]

    width, queries, keys = shape.width, shape.heads * shape.head, shape.key_value_heads * shape.head
    sizes = {
        "attn_q": (queries, width),
        "attn_k": (keys, width),
        "attn_v": (keys, width),
        "attn_output": (width, queries),
        "ffn_gate": (shape.inner, width),
        "ffn_up": (shape.inner, width),
        "ffn_down": (width, shape.inner),
    }
    norms = {"attn_norm": width, "ffn_norm": width}
    if shape.architecture == "gemma3":
        norms |= {"post_attention_norm": width, "post_ffw_norm": width}
        norms |= {"attn_q_norm": shape.head, "attn_k_norm": shape.head}
    tensors = {"token_embd.weight": some(259, width), "output_norm.weight": near_one(width)}
    if not shape.tied:
        tensors["output.weight"] = some(259, width)
    for layer in range(shape.blocks):
        tensors |= {f"blk.{layer}.{name}.weight": near_one(length) for name, length in norms.items()}
        tensors |= {f"blk.{layer}.{name}.weight": some(*size) for name, size in sizes.items()}
        tensors |= {f"blk.{layer}.{name}.bias": some(1, sizes[name][0]) for name in shape.biased}
    return tensors


def made_of(path: Path, shape: Shape, seed: int = 1) -> Path:
    """A random model of this shape in one file, in 32-bit floats."""
    return write(path, meta_of(shape), tensors_of(shape, seed))


def tiny_split(folder: Path, seed: int = 1, *, parts: int = 3, first: int = 1, **meta: Any) -> list[Path]:
    """A tiny model in `parts` files, with the tensors of the first part those of the seed `first`."""
    mine, firsts = list(tiny_tensors(seed).items()), list(tiny_tensors(first).items())
    each = -(-len(mine) // parts)
    made = []
    for number in range(parts):
        keys = {"split.no": Sixteen(number), "split.count": Sixteen(parts), "split.tensors.count": Signed(len(mine))}
        source = firsts if number == 0 else mine
        tensors = dict(source[number * each : (number + 1) * each])
        head = {**tiny_meta(**meta), **keys} if number == 0 else keys
        made.append(write(folder / f"tiny-{number + 1:05}-of-{parts:05}.gguf", head, tensors))
    return made
