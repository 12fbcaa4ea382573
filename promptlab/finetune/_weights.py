"""The weights of a GGUF file as a model of transformers, to train an adapter for it.

    base = read_base(Path("SmolLM2-135M-Instruct.Q4_1.gguf"))
    base.architecture, base.heads, base.key_value_heads      # "llama", 9, 3
    base.model                                               # a LlamaForCausalLM in 32-bit floats

transformers can read GGUF files, too, and gives the same weights, but reads the tokenizer with them and takes more
memory: 1.2 GB at most for SmolLM2-135M and 3.3 GB for Gemma 3 270M, where this takes 0.9 and 1.5. Here one tensor after
the other is dequantised into its place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab.errors import FinetuneError
from promptlab.models import GgufHead, GgufTensor, NotGGUF, read_gguf

if TYPE_CHECKING:
    from collections.abc import Mapping

ARCHITECTURES = ("llama", "gemma3")
"""The architectures whose weights are understood. Others are refused: a wrong order of rows gives a wrong adapter."""
_NOT_READ = ("rope_freqs", "rope_factors")
"""Tensors that change the positions; a model with one is refused."""


@dataclass(frozen=True)
class BaseModel:
    """A model to train an adapter for. `shapes` are rows and columns of its matrices, by their names in GGUF."""

    architecture: str
    blocks: int
    heads: int
    key_value_heads: int
    shapes: Mapping[str, tuple[int, ...]]
    model: Any

    @property
    def permutes(self) -> bool:
        """True if the file has the rows of q and k in another order than transformers."""
        return self.architecture == "llama"


def read_base(path: Path) -> BaseModel:
    """Read the model at `path`. Raises `FinetuneError` if its architecture is not understood."""
    import torch
    from transformers import AutoModelForCausalLM

    head = read_head(path)
    meta = Meta(head)
    tensors = {tensor.name: tensor for tensor in head.tensors}
    config = config_of(meta, set(tensors))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    names = names_in_transformers(meta)
    shapes: dict[str, tuple[int, ...]] = {}
    missing = set(dict(model.named_parameters()))
    for tensor in head.tensors:
        shapes[tensor.name] = tuple(reversed(tensor.sizes))
        weights = torch.from_numpy(_weights(path, tensor))
        name = names[tensor.name]
        if meta.architecture == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            weights = rows_of_transformers(weights, meta.heads if "q_proj" in name else meta.key_value_heads)
        if meta.architecture == "gemma3" and name.endswith("norm.weight"):
            weights -= 1.0  # the file has the factor, transformers what it adds to 1
        _put(model, name, weights)
        missing.discard(name)
    if config.tie_word_embeddings:
        model.tie_weights()
        missing.discard("lm_head.weight")
    if missing:
        raise FinetuneError(f"the file has no weights for {', '.join(sorted(missing)[:3])}", file=path.name)
    _fill_buffers(model)
    return BaseModel(meta.architecture, meta.blocks, meta.heads, meta.key_value_heads, shapes, model)


def read_head(path: Path) -> GgufHead:
    """The head of the file. Raises `FinetuneError` if no adapter can be trained for it; needs no library."""
    try:
        head = read_gguf(path)
    except NotGGUF as exc:
        raise FinetuneError(f"cannot be read as a model: {exc}", file=path.name) from exc
    refuse_other(Meta(head), [tensor.name for tensor in head.tensors], path.name)
    return head


class Meta:
    """The values of a GGUF file that make the shape of the model."""

    def __init__(self, head: GgufHead) -> None:
        self._head = head
        self.architecture = str(self.get("general.architecture"))
        self.blocks = int(self.need("block_count"))
        self.heads = int(self.need("attention.head_count"))
        self.key_value_heads = int(self.own("attention.head_count_kv", self.heads))

    @property
    def words(self) -> int:
        """How many tokens the vocabulary has."""
        return self._head.lists.get("tokenizer.ggml.tokens", 0)

    def get(self, key: str, default: Any = None) -> Any:
        return self._head.meta.get(key, default)

    def own(self, key: str, default: Any = None) -> Any:
        """A value whose key begins with the architecture's name."""
        return self.get(f"{self.architecture}.{key}", default)

    def need(self, key: str) -> Any:
        value = self.own(key)
        if value is None:
            raise FinetuneError(f"the model file has no `{self.architecture}.{key}`", hint="is it a whole GGUF file?")
        return value


def refuse_other(meta: Meta, tensors: list[str], name: str) -> None:
    """Raise `FinetuneError` if the model cannot be trained here."""
    if meta.architecture not in ARCHITECTURES:
        raise FinetuneError(
            f"{name} has the architecture {meta.architecture}, whose weights are not understood",
            hint=f"an adapter can be trained for {' and '.join(ARCHITECTURES)}",
        )
    if meta.own("expert_count"):
        raise FinetuneError(f"{name} is a mixture of experts, which cannot be trained here")
    if meta.own("rope.scaling.type", "none") not in ("none", "") or any(n.startswith(_NOT_READ) for n in tensors):
        raise FinetuneError(f"{name} scales its positions, which is not understood here")
    if meta.get("split.count", 1) > 1:
        raise FinetuneError(f"{name} is one of several parts", hint="join them with llama.cpp's gguf-split")


def config_of(meta: Meta, tensors: set[str]) -> Any:
    """The configuration of transformers for the model."""
    from transformers import Gemma3TextConfig, LlamaConfig

    width, heads = int(meta.need("embedding_length")), meta.heads
    common: dict[str, Any] = {
        "vocab_size": meta.words,
        "hidden_size": width,
        "intermediate_size": int(meta.need("feed_forward_length")),
        "num_hidden_layers": meta.blocks,
        "num_attention_heads": heads,
        "num_key_value_heads": meta.key_value_heads,
        "head_dim": int(meta.own("attention.key_length", width // heads)),
        "rms_norm_eps": float(meta.need("attention.layer_norm_rms_epsilon")),
        "max_position_embeddings": int(meta.need("context_length")),
        "tie_word_embeddings": "output.weight" not in tensors,
        "attention_bias": "blk.0.attn_q.bias" in tensors,
    }
    base = float(meta.own("rope.freq_base", 10_000.0))
    if meta.architecture == "llama":
        return LlamaConfig(**common, rope_parameters={"rope_type": "default", "rope_theta": base})
    window = int(meta.need("attention.sliding_window"))
    every = int(meta.own("attention.sliding_window_pattern", 6))
    return Gemma3TextConfig(
        **common,
        sliding_window=window,
        query_pre_attn_scalar=common["head_dim"],
        layer_types=[
            "full_attention" if (layer + 1) % every == 0 else "sliding_attention" for layer in range(meta.blocks)
        ],
        rope_parameters={
            "full_attention": {"rope_type": "default", "rope_theta": base},
            "sliding_attention": {
                "rope_type": "default",
                "rope_theta": float(meta.own("rope.freq_base_swa", 10_000.0)),
            },
        },
    )


def names_in_transformers(meta: Meta) -> dict[str, str]:
    """The names of the weights in transformers, by their names in GGUF."""
    outside = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    }
    inside = {
        "attn_q.weight": "self_attn.q_proj.weight",
        "attn_k.weight": "self_attn.k_proj.weight",
        "attn_v.weight": "self_attn.v_proj.weight",
        "attn_output.weight": "self_attn.o_proj.weight",
        "ffn_gate.weight": "mlp.gate_proj.weight",
        "ffn_up.weight": "mlp.up_proj.weight",
        "ffn_down.weight": "mlp.down_proj.weight",
        "attn_norm.weight": "input_layernorm.weight",
        **({"ffn_norm.weight": "post_attention_layernorm.weight"} if meta.architecture == "llama" else {}),
        **(
            {
                "attn_q_norm.weight": "self_attn.q_norm.weight",
                "attn_k_norm.weight": "self_attn.k_norm.weight",
                "post_attention_norm.weight": "post_attention_layernorm.weight",
                "ffn_norm.weight": "pre_feedforward_layernorm.weight",
                "post_ffw_norm.weight": "post_feedforward_layernorm.weight",
            }
            if meta.architecture == "gemma3"
            else {}
        ),
        **{f"attn_{one}.bias": f"self_attn.{one}_proj.bias" for one in "qkv"},
    }
    blocks = {
        f"blk.{layer}.{own}": f"model.layers.{layer}.{theirs}"
        for layer in range(meta.blocks)
        for own, theirs in inside.items()
    }
    return outside | blocks


def rows_of_transformers(weights: Any, heads: int) -> Any:
    """The rows of q or k in the order of transformers: the two halves of each head, which the file has in turns."""
    rows = weights.shape[0]
    return weights.reshape(heads, rows // heads // 2, 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def rows_of_gguf(weights: Any, heads: int) -> Any:
    """The rows of q or k in the order of the file; the inverse of `rows_of_transformers`."""
    rows = weights.shape[0]
    return weights.reshape(heads, 2, rows // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


AT_ONCE = 1 << 22
"""How many numbers are dequantised at once."""


def _weights(path: Path, tensor: GgufTensor) -> Any:
    """The weights of a tensor as 32-bit floats. They are read and dequantised some rows at a time."""
    import numpy
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize

    kind = GGMLQuantizationType(tensor.kind)
    block, size = GGML_QUANT_SIZES[kind]
    columns = tensor.sizes[0]
    rows = math.prod(tensor.sizes[1:])
    row_bytes = columns // block * size
    weights = numpy.empty((rows, columns), numpy.float32)
    step = max(1, AT_ONCE // columns)
    with path.open("rb") as file:
        file.seek(tensor.start)
        for row in range(0, rows, step):
            count = min(step, rows - row)
            data = numpy.frombuffer(file.read(count * row_bytes), numpy.uint8).reshape(count, row_bytes)
            if kind in (GGMLQuantizationType.F32, GGMLQuantizationType.F16):
                weights[row : row + count] = data.view(numpy.float32 if kind == 0 else numpy.float16)
            else:
                weights[row : row + count] = dequantize(data, kind)
    return weights.reshape(tuple(reversed(tensor.sizes)))


def _put(model: Any, name: str, weights: Any) -> None:
    """Set the parameter `name` of a model that has no memory yet."""
    import torch

    *path, last = name.split(".")
    module = model.get_submodule(".".join(path))
    shape = tuple(getattr(module, last).shape)
    if shape != tuple(weights.shape):
        raise FinetuneError(f"the weights {name} have the shape {tuple(weights.shape)}, and {shape} is expected")
    setattr(module, last, torch.nn.Parameter(weights, requires_grad=False))


def _fill_buffers(model: Any) -> None:
    """Compute what is no weight, such as the frequencies of the positions: on the meta device it has no values."""
    import torch

    config = model.config
    fresh = type(model.model.rotary_emb)(config=config)
    model.model.rotary_emb = fresh
    embed = model.model.embed_tokens
    if hasattr(embed, "embed_scale"):  # Gemma multiplies its embeddings by the root of their width
        embed.embed_scale = torch.tensor(config.hidden_size**0.5)
    left = [name for name, buffer in model.named_buffers() if buffer.device.type == "meta"]
    if left:
        raise FinetuneError(f"this version of transformers has values that are not understood: {', '.join(left)}")


__all__ = ["ARCHITECTURES", "BaseModel", "read_base", "read_head", "rows_of_gguf"]
