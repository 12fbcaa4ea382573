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
from promptlab.finetune._understood import ROPE_FREQS, Meta, config_of, names_in_transformers, read_head

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptlab.models import GgufHead, GgufTensor


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
    """Read the model at `path`. Raises `FinetuneError` if it is not understood."""
    import torch
    from transformers import AutoModelForCausalLM

    head = read_head(path)
    meta = Meta(head)
    config = config_of(meta)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    names = names_in_transformers(meta)
    shapes = {own: tuple(model.get_parameter(names[own]).shape) for own in names if own in meta.tensors}
    _refuse_unreadable(path, head, {**shapes, ROPE_FREQS: (meta.head // 2,)})
    factors = None
    for tensor in head.tensors:
        weights = torch.from_numpy(_weights(path, tensor))
        if tensor.name == ROPE_FREQS:
            factors = weights
            continue
        name = names[tensor.name]
        if meta.architecture == "llama" and name.rpartition(".")[0].endswith(("q_proj", "k_proj")):
            weights = rows_of_transformers(weights, meta.heads if "q_proj" in name else meta.key_value_heads)
        if meta.architecture == "gemma3" and name.endswith("norm.weight"):
            weights -= 1.0  # the file has the factor, transformers what it adds to 1
        _put(model, name, weights)
    if config.tie_word_embeddings:
        model.tie_weights()
    _fill_biases(model)
    _fill_buffers(model, factors)
    return BaseModel(meta.architecture, meta.blocks, meta.heads, meta.key_value_heads, shapes, model)


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


def _refuse_unreadable(path: Path, head: GgufHead, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `FinetuneError` if a tensor has another shape than in `shapes`, a type that cannot be dequantised, or is
    not whole."""
    size = path.stat().st_size
    for tensor in head.tensors:
        shape = tuple(reversed(tensor.sizes))
        if shape != shapes[tensor.name]:
            wanted = shapes[tensor.name]
            raise FinetuneError(f"{tensor.name} has the shape {shape}, and {wanted} is expected", file=path.name)
        block, length = _block_of(tensor, path)
        if tensor.sizes[0] % block or tensor.start + math.prod(tensor.sizes) // block * length > size:
            raise FinetuneError(f"it ends before {tensor.name} is whole", file=path.name, hint="download it again")


def _block_of(tensor: GgufTensor, path: Path) -> tuple[int, int]:
    """How many numbers a block of the tensor has, and how many bytes. Raises `FinetuneError` if it has a type that the
    library gguf cannot dequantise."""
    import numpy
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize

    try:
        kind = GGMLQuantizationType(tensor.kind)
    except ValueError as exc:
        raise FinetuneError(f"{tensor.name} has the unknown type {tensor.kind}", file=path.name) from exc
    block, length = GGML_QUANT_SIZES[kind]
    try:
        dequantize(numpy.zeros((1, length), numpy.uint8), kind)
    except NotImplementedError as exc:
        hint = "take a file of this model in another quantisation"
        raise FinetuneError(
            f"{tensor.name} has the type {kind.name}, which cannot be dequantised", file=path.name, hint=hint
        ) from exc
    return block, length


def _put(model: Any, name: str, weights: Any) -> None:
    """Set the parameter `name` of a model that has no memory yet."""
    import torch

    path, _, last = name.rpartition(".")
    setattr(model.get_submodule(path), last, torch.nn.Parameter(weights, requires_grad=False))


def _fill_biases(model: Any) -> None:
    """Biases that the file does not have are 0: transformers has one for all matrices of the attention, or for none."""
    import torch

    for name, parameter in list(model.named_parameters()):
        if parameter.device.type == "meta":
            if not name.endswith(".bias"):
                raise FinetuneError(f"this version of transformers has weights that are not understood: {name}")
            _put(model, name, torch.zeros(parameter.shape))


def _fill_buffers(model: Any, factors: Any) -> None:
    """Compute what is no weight, such as the frequencies of the positions: on the meta device it has no values. The
    frequencies are divided by `factors`, if there are any."""
    import torch

    config = model.config
    rotary = type(model.model.rotary_emb)(config=config)
    if factors is not None:
        rotary.inv_freq /= factors
    model.model.rotary_emb = rotary
    embed = model.model.embed_tokens
    if hasattr(embed, "embed_scale"):  # Gemma multiplies its embeddings by the root of their width
        embed.embed_scale = torch.tensor(config.hidden_size**0.5)
    left = [name for name, buffer in model.named_buffers() if buffer.device.type == "meta"]
    if left:
        raise FinetuneError(f"this version of transformers has values that are not understood: {', '.join(left)}")


__all__ = ["BaseModel", "Meta", "read_base", "read_head", "rows_of_gguf"]
