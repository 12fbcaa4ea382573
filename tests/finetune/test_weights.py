"""transformers gives the logits of llama.cpp, with an adapter and without, for every kind of model that is read; every
other kind is refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="make finetune installs what training needs")
pytest.importorskip("peft")

from promptlab.errors import FinetuneError
from promptlab.finetune import BaseModel, read_base, write_adapter
from tests.finetune.adapters import logits_of_llama, logits_of_transformers, matrices_of, random_adapter
from tests.gguf_made import GEMMA3, LLAMA, Shape, made_of, meta_of, tensors_of, tiny_split, write

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
TOKENS = (1, *range(60, 80), *range(90, 70, -1))
Tensors = dict[str, list[list[float]]]
MOST = {"llama": 0.001, "gemma3": 0.02}
"""How far logits may be apart. llama.cpp looks gemma3's activation (GELU) up in a table of 16-bit floats."""


def with_extra(shape: Shape, **extra: Any) -> Shape:
    """The shape with keys of its architecture; `__` stands for a dot."""
    own = {f"{shape.architecture}.{key.replace('__', '.')}": value for key, value in extra.items()}
    return replace(shape, extra={**shape.extra, **own})


KNOWN: dict[str, tuple[Shape, dict[str, list[list[float]]]]] = {
    "llama": (LLAMA, {}),
    "llama, as many heads of keys": (replace(LLAMA, key_value_heads=4), {}),
    "llama, heads wider than the model": (replace(LLAMA, heads=2, head=24), {}),
    "llama, other base of positions": (with_extra(LLAMA, rope__freq_base=500_000.0), {}),
    "llama, positions of Llama 3": (LLAMA, {"rope_freqs.weight": [[1.0, 1.0, 2.5, 8.0]]}),
    "llama, positions scaled by 1": (with_extra(LLAMA, rope__scaling__type="linear", rope__scaling__factor=1.0), {}),
    "llama, tied output": (replace(LLAMA, tied=True), {}),
    "llama, biases of q, k and v": (replace(LLAMA, biased=("attn_q", "attn_k", "attn_v")), {}),
    "llama, bias of k alone": (replace(LLAMA, biased=("attn_k",)), {}),
    "llama, every bias": (
        replace(LLAMA, biased=("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")),
        {},
    ),
    "llama, numbers listed by block": (with_extra(LLAMA, attention__head_count_kv=[2, 2]), {}),
    "gemma3": (GEMMA3, {}),
    "gemma3, own output": (replace(GEMMA3, tied=False), {}),
    "gemma3, every second layer sees all": (replace(GEMMA3, blocks=3, pattern=2), {}),
    "gemma3, no layer sees all": (replace(GEMMA3, blocks=3, pattern=0), {}),
    "gemma3, layers listed": (
        replace(GEMMA3, blocks=3, extra={"gemma3.attention.sliding_window_pattern": [False, True, True]}),
        {},
    ),
    "gemma3, no window": (replace(GEMMA3, blocks=3, window=None), {}),
    "gemma3, other bases of positions": (
        with_extra(replace(GEMMA3, blocks=3, pattern=2), rope__freq_base=1e6, rope__freq_base_swa=500.0),
        {},
    ),
    "gemma3, capped logits": (with_extra(replace(GEMMA3, blocks=2), final_logit_softcapping=3.0), {}),
    "gemma3, biases": (replace(GEMMA3, blocks=2, biased=("attn_q", "attn_k", "attn_v")), {}),
    "gemma3, 62 blocks": (
        replace(GEMMA3, width=24, head=4, inner=8, blocks=62),
        {f"blk.{layer}.post_ffw_norm.weight": [[0.05] * 24] for layer in range(62)},  # or GELU's differences add up
    ),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_llama_has_the_logits_of_transformers_and_peft(kind: str, tmp_path: Path) -> None:
    shape, more = KNOWN[kind]
    path = write(tmp_path / "base.gguf", meta_of(shape), {**tensors_of(shape), **more})
    base = read_base(path)
    plain = logits_of_transformers(base.model, TOKENS)
    assert abs(plain - logits_of_llama(path, TOKENS)).max() < MOST[shape.architecture]
    assert plain.std() > 0.5  # the logits are far enough apart for a difference to be seen
    adapted = random_adapter(base)
    write_adapter(tmp_path / "a.gguf", matrices_of(adapted), base, alpha=8)
    tuned = logits_of_transformers(adapted, TOKENS)
    assert abs(tuned - plain).max() > 0.5  # the adapter does something
    assert abs(tuned - logits_of_llama(path, TOKENS, tmp_path / "a.gguf")).max() < MOST[shape.architecture]


def keyed(shape: Shape = LLAMA, **extra: Any) -> Callable[[Path], Path]:
    """A model with other keys."""
    return lambda path: made_of(path, with_extra(shape, **extra))


def general(**extra: Any) -> Callable[[Path], Path]:
    return lambda path: made_of(path, replace(LLAMA, extra={f"general.{key}": value for key, value in extra.items()}))


def changed(change: Callable[[Tensors], Any], shape: Shape = LLAMA) -> Callable[[Path], Path]:
    """A model whose tensors are changed in place."""

    def make(path: Path) -> Path:
        tensors = tensors_of(shape)
        change(tensors)
        return write(path, meta_of(shape), tensors)

    return make


def added(name: str, shape: Shape = LLAMA) -> Callable[[Path], Path]:
    return changed(lambda tensors: tensors.update({name: [[1.0] * shape.width]}), shape)


def of_type(number: int) -> Callable[[Path], Path]:
    """A model whose first tensor says that it has another type."""

    def make(path: Path) -> Path:
        data = made_of(path, LLAMA).read_bytes()
        name = b"token_embd.weight"
        place = data.index(name) + len(name) + 4 + 16
        path.write_bytes(data[:place] + struct.pack("<I", number) + data[place + 4 :])
        return path

    return make


def cut(path: Path) -> Path:
    made_of(path, LLAMA)
    path.write_bytes(path.read_bytes()[:-40])
    return path


def big_endian(path: Path) -> Path:
    import numpy
    from gguf import GGUFEndian, GGUFWriter

    writer = GGUFWriter(path, "llama", endianess=GGUFEndian.BIG)
    writer.add_block_count(1)
    writer.add_tensor("output_norm.weight", numpy.ones(32, numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def part(number: int) -> Callable[[Path], Path]:
    return lambda path: tiny_split(path.parent)[number]


def plain_text(path: Path) -> Path:
    path.write_text("no model")
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no GGUF file": (plain_text, "cannot be read as a model"),
    "no file": (lambda path: path, "cannot be read: No such file"),
    "other byte order": (big_endian, "byte order"),
    "first part": (part(0), "one of several parts"),
    "last part": (part(2), "one of several parts"),
    "adapter": (general(type="adapter"), "it is no model"),
    "projector": (general(type="mmproj"), "it is no model"),
    "other architecture": (lambda path: made_of(path, Shape("qwen2")), "its architecture is qwen2"),
    "no architecture": (general(architecture=None), "names no architecture"),
    "experts": (keyed(expert_count=8), "mixture of experts"),
    "tensors of experts": (added("blk.0.ffn_gate_exps.weight"), "mixture of experts"),
    "positions scaled": (keyed(rope__scaling__type="linear", rope__scaling__factor=8.0), "rope scaling"),
    "positions scaled, type left out": (keyed(rope__scaling__factor=8.0), "rope scaling"),
    "positions scaled, old key": (keyed(rope__scale_linear=2.0), "rope scaling"),
    "positions by yarn": (keyed(rope__scaling__type="yarn"), "rope scaling"),
    "positions, attention scaled": (keyed(rope__scaling__attn_factor=1.2), "rope scaling"),
    "positions, alpha": (keyed(rope__scaling__alpha=1000.0), "rope scaling"),
    "positions of a long window": (added("rope_factors_long.weight"), "rope scaling"),
    "gemma3, positions scaled": (keyed(GEMMA3, rope__scaling__type="linear", rope__scaling__factor=8.0), "rope scal"),
    "gemma3, positions of Llama 3": (added("rope_freqs.weight", GEMMA3), "not understood: rope_freqs"),
    "positions for a part": (keyed(rope__dimension_count=4), "only a part of each head"),
    "other length of values": (keyed(attention__value_length=4), "different lengths"),
    "heads that do not fit": (keyed(attention__head_count_kv=3), "do not fit together"),
    "no heads": (keyed(attention__head_count=0), "do not fit together"),
    "heads differ by block": (keyed(attention__head_count_kv=[2, 1]), "differs between its blocks"),
    "widths differ by block": (keyed(feed_forward_length=[48, 32]), "differs between its blocks"),
    "windows for other blocks": (keyed(GEMMA3, attention__sliding_window_pattern=[True, False]), "listed for 2 blocks"),
    "looks ahead": (keyed(attention__causal=False), "looks ahead"),
    "further tokens": (keyed(nextn_predict_layers=1), "further tokens"),
    "no width": (keyed(embedding_length=None), "it has no `llama.embedding_length`"),
    "no blocks": (keyed(block_count=None), "it has no `llama.block_count`"),
    "no inner width": (keyed(feed_forward_length=None), "it has no `llama.feed_forward_length`"),
    "a text for a number": (keyed(rope__freq_base="much"), "is no number"),
    "no vocabulary": (lambda path: made_of(path, replace(LLAMA, extra={"tokenizer.ggml.tokens": None})), "vocabulary"),
    "unknown tensor": (added("blk.1.attn_sinks.weight"), "not understood: blk.1.attn_sinks.weight"),
    "q, k and v in one": (added("blk.0.attn_qkv.weight"), "not understood: blk.0.attn_qkv.weight"),
    "gemma3, bias of the output": (added("blk.0.attn_output.bias", GEMMA3), "not understood: blk.0.attn_output.bias"),
    "a block more": (keyed(block_count=3), "no weights blk.2"),
    "a block fewer": (keyed(block_count=1), "not understood: blk.1"),
    "a norm is missing": (changed(lambda t: t.pop("blk.1.ffn_norm.weight")), "no weights blk.1.ffn_norm.weight"),
    "a matrix is missing": (changed(lambda t: t.pop("blk.0.attn_k.weight")), "no weights blk.0.attn_k.weight"),
    "gemma3, a norm is missing": (
        changed(lambda t: t.pop("blk.6.attn_q_norm.weight"), GEMMA3),
        "no weights blk.6.attn_q_norm.weight",
    ),
    "another shape": (changed(lambda t: t["blk.1.attn_v.weight"].pop()), "blk.1.attn_v.weight has the shape"),
    "another vocabulary": (changed(lambda t: t["token_embd.weight"].pop()), "token_embd.weight has the shape"),
    "a type that gguf cannot read": (of_type(15), "Q8_K, which cannot be dequantised"),
    "whole numbers": (of_type(26), "I32, which cannot be dequantised"),
    "an unknown type": (of_type(99), "the unknown type 99"),
    "cut short": (cut, "ends before"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_understood_is_refused(kind: str, tmp_path: Path) -> None:
    make, words = REFUSED[kind]
    with pytest.raises(FinetuneError, match=words.replace("(", r"\(")) as caught:
        read_base(make(tmp_path / "base.gguf"))
    assert "base.gguf" in str(caught.value) or "tiny-0" in str(caught.value)


def missing_half(matrices: dict[str, Any]) -> None:
    matrices.popitem()


def other_place(matrices: dict[str, Any]) -> None:
    matrices["base_model.model.lm_head.lora_A.weight"] = matrices.popitem()[1]


def narrow(matrices: dict[str, Any]) -> None:
    name = next(name for name in matrices if name.endswith("0.self_attn.q_proj.lora_B.weight"))
    matrices[name] = matrices[name][:-2]


def other_rank(matrices: dict[str, Any]) -> None:
    name = next(name for name in matrices if name.endswith("1.mlp.up_proj.lora_B.weight"))
    matrices[name] = matrices[name][:, :-1]


def further_block(matrices: dict[str, Any]) -> None:
    matrices |= {name.replace("layers.1.", "layers.7."): matrix for name, matrix in matrices.items()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (missing_half, "has one matrix of two"),
        (other_place, "no place in a GGUF file"),
        (narrow, "30 rows, not 32"),
        (other_rank, "ranks 4 and 3"),
        (further_block, "the base model has no blk.7"),
    ],
)
def test_an_adapter_that_does_not_fit_is_not_written(
    change: Callable[[dict[str, Any]], None], words: str, tmp_path: Path
) -> None:
    base: BaseModel = read_base(made_of(tmp_path / "base.gguf", LLAMA))
    matrices = dict(matrices_of(random_adapter(base)))
    change(matrices)
    with pytest.raises(FinetuneError, match=words):
        write_adapter(tmp_path / "a.gguf", matrices, base, alpha=8)
    assert [path.name for path in tmp_path.iterdir()] == ["base.gguf"]
