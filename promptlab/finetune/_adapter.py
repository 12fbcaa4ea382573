"""An adapter of peft as a GGUF file that llama.cpp applies to its base model.

    general.type = adapter, adapter.type = lora, adapter.lora.alpha = 16.0
    blk.0.attn_q.weight.lora_a   rank x columns of the base matrix
    blk.0.attn_q.weight.lora_b   rows x rank; for the architecture llama in the order of rows that the base file has

llama.cpp's own converter needs a folder with the base model as transformers keep it; here the base file is enough.
Tests compare the file with the converter's, to the byte, and the logits with those of transformers and peft.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab._util.files import replacing
from promptlab.errors import FinetuneError
from promptlab.finetune._weights import BaseModel, rows_of_gguf
from promptlab.models import LABEL_KEY
from promptlab.types import Label

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
ADAPTED = tuple(f".{name}.weight" for name in _NAMES.values())
"""How the names of the matrices end that get an adapter."""


def write_adapter(
    path: Path, matrices: Mapping[str, Any], base: BaseModel, *, alpha: float, name: str = "", label: Label = "public"
) -> None:
    """Write `matrices`, which have their names in peft, as an adapter of `base` to `path`, whole or not at all. The
    file carries `label`, the highest of what it was trained on.

    Raises `FinetuneError` if a matrix does not fit the base model, and `NotWritten`, an `OSError`.
    """
    import numpy
    from gguf import GGUFWriter

    _check(matrices, base)
    with replacing(path) as temporary:
        writer = GGUFWriter(temporary, base.architecture)
        writer.add_type("adapter")
        if name:
            writer.add_name(name)
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", alpha)
        if label != "public":
            writer.add_string(LABEL_KEY, label)
        for peft_name, matrix in sorted(matrices.items(), key=lambda item: _place(item[0])):
            own, which = gguf_name(peft_name)
            if which == "b" and base.permutes and own.endswith(("attn_q.weight", "attn_k.weight")):
                matrix = rows_of_gguf(matrix, base.heads if own.endswith("attn_q.weight") else base.key_value_heads)
            writer.add_tensor(f"{own}.lora_{which}", numpy.ascontiguousarray(matrix.to("cpu").float().numpy()))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def gguf_name(peft_name: str) -> tuple[str, str]:
    """The name in GGUF of the matrix that is adapted, and which of the two matrices it is: a or b."""
    stem, _, last = peft_name.removeprefix("base_model.model.").rpartition(".lora_")
    parts = stem.split(".")
    known = _NAMES.get(".".join(parts[-2:]))
    if known is None or parts[:2] != ["model", "layers"] or last[:1] not in ("A", "B"):
        raise FinetuneError(f"the matrix {peft_name} has no place in a GGUF file")
    return f"blk.{parts[2]}.{known}.weight", last[0].lower()


def _place(peft_name: str) -> tuple[int, str]:
    own, which = gguf_name(peft_name)
    return int(own.split(".")[1]), f"{own}{which}"


def _check(matrices: Mapping[str, Any], base: BaseModel) -> None:
    """Raise `FinetuneError` if a matrix is not there, or does not fit the base model."""
    pairs: dict[str, dict[str, tuple[int, ...]]] = {}
    for peft_name, matrix in matrices.items():
        own, which = gguf_name(peft_name)
        pairs.setdefault(own, {})[which] = tuple(matrix.shape)
    for own, pair in pairs.items():
        if own not in base.shapes:
            raise FinetuneError(f"the base model has no {own}, for which there is an adapter")
        if len(pair) < 2:
            raise FinetuneError(f"the adapter of {own} has one matrix of two")
        rows, columns = base.shapes[own]
        for given, wanted, what in ((pair["a"][1], columns, "columns"), (pair["b"][0], rows, "rows")):
            if given != wanted:
                raise FinetuneError(f"the adapter of {own} has {given} {what}, not {wanted}")
        if pair["a"][0] != pair["b"][1]:
            raise FinetuneError(f"the two matrices of {own} have the ranks {pair['a'][0]} and {pair['b'][1]}")


__all__ = ["ADAPTED", "gguf_name", "write_adapter"]
