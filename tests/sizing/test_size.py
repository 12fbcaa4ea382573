"""Will it fit: the example of 70 billion parameters, contexts and file types that fit, training, and the machine."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from promptlab import finetune
from promptlab.errors import InputError, ModelNotReady
from promptlab.finetune._parts import TOKENS_AT_ONCE
from promptlab.sizing import (
    Asked,
    FoundCard,
    Machine,
    Sizing,
    _laid_out,
    _training,
    devices,
    families,
    memory_bandwidth,
    size,
    sizing_lines,
    training_here,
    training_memory,
)
from promptlab.sizing._devices import cards_in, device
from promptlab.sizing._fit import in_memory, on_cards
from promptlab.sizing._source import source_of
from promptlab.sizing._speed import speed_on
from tests.places import ROOT

GB = 1_000_000_000


def machine() -> Machine:
    return Machine(32 * GB, 16 * GB)


def sized(name: str, **asked: object) -> Sizing:
    return size(name, asked=Asked(**asked), machine=machine)  # type: ignore[arg-type]


@pytest.fixture(params=["llama.cpp", "formulas"])
def by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of answering: with llama.cpp, and on a machine without it."""
    if request.param == "llama.cpp":
        pytest.importorskip("llama_cpp")
    else:
        monkeypatch.setitem(sys.modules, "llama_cpp", None)
    return str(request.param)


def test_seventy_billion_parameters_at_16_bits_need_two_cards_of_80_gb(by: str) -> None:
    """2 bytes × 70 billion are 140 GB; by its tensors the model has 68.98 billion, which are 137.96 GB."""
    answer = sized("Llama-2-70b", gpus=["A100 80GB"])
    assert answer.by == by
    assert answer.parameters == 68_976_648_192
    assert answer.need.weights == 137_955_934_208
    assert round(answer.need.weights / GB) == 138
    (fit,) = answer.fits
    assert (fit.each, fit.count, fit.fits_one, fit.largest_type) == (80 * GB, 2, False, "Q8_0")
    assert answer.here[0].count is None
    text = "\n".join(sizing_lines(answer))
    assert "137.96 GB" in text
    assert "one is not enough, 2 are" in text
    assert ("llama.cpp was not asked" in text) == (by == "formulas")


def test_the_largest_context_fits_and_the_next_does_not(by: str) -> None:
    assert by
    answer = sized("Llama-3.1-8B", gpus=["24GB"], context=8192)
    (fit,) = answer.fits
    assert fit.largest_context
    assert fit.largest_context % 256 == 0
    fitting = sized("Llama-3.1-8B", gpus=["24GB"], context=fit.largest_context)
    assert fitting.fits[0].count == 1
    assert sized("Llama-3.1-8B", gpus=["24GB"], context=fit.largest_context + 1024).fits[0].count != 1


def test_a_file_type_changes_the_weights_alone() -> None:
    pytest.importorskip("llama_cpp")
    whole, small = sized("Llama-3.2-1B"), sized("Llama-3.2-1B", quant="q4_k_m")
    assert small.file_type == "Q4_K_M"
    assert small.need.weights == next(each.bytes for each in whole.types if each.name == "Q4_K_M")
    assert (small.need.cache, small.need.compute) == (whole.need.cache, whole.need.compute)
    sizes = [each.bytes for each in whole.types]
    assert sizes == sorted(sizes, reverse=True)


def test_several_texts_each_have_their_context() -> None:
    one, four = sized("SmolLM2-135M", context=2048), sized("SmolLM2-135M", context=2048, parallel=4)
    assert four.need.cache == 4 * one.need.cache
    assert four.speeds[0].most > 3.9 * one.speeds[0].most


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"gpus": ["A100"]}, "several"),
        ({"gpus": ["Voodoo 2"]}, "no card"),
        ({"quant": "Q7_K"}, "no file type"),
        ({"train": "hope"}, "no way of training"),
        ({"context": 0}, "context"),
        ({"kv_type": "q1"}, "KV cache"),
    ],
)
def test_what_cannot_be_asked_is_said(asked: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        sized("SmolLM2-135M", **asked)


def test_a_context_beyond_the_training_is_warned_of() -> None:
    assert any("8,192" in note for note in sized("SmolLM2-135M", context=16_384).notes)
    assert sized("SmolLM2-135M").notes == () or "llama.cpp was not asked" in sized("SmolLM2-135M").notes[0]


def test_without_llama_cpp_a_kind_that_the_formulas_do_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object) -> object:
        raise InputError("no size")

    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    monkeypatch.setattr(_laid_out, "need_by_formula", unknown)
    with pytest.raises(ModelNotReady, match="cannot be sized by formulas"):
        sized("SmolLM2-135M")


# Cards


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("A100 80GB", 80 * GB),
        ("NVIDIA A100-80GB", 80 * GB),
        ("rtx4090", 24 * GB),
        ("GeForce RTX 4090", 24 * GB),
        ("L40S", 46_068 << 20),
        ("24GB", 24 * GB),
        ("24 GiB", 24 << 30),
        ("81559MiB", 81_559 << 20),
        ("24G", 24 * GB),
        ("a100-80gb", 80 * GB),
        ("a100 80", 80 * GB),
        ("NVIDIA A100-SXM4-80GB", 80 * GB),
        ("4090", 24 * GB),
        ("4060", 8 * GB),  # not the 4060 Ti
        ("rtx 4060 ti 16gb", 16 * GB),
        ("L40", 48 * GB),  # not the L40S
        ("a10", 24 * GB),  # not the A100
        ("h100 pcie", 80 * GB),
        ("NVIDIA H100 80GB HBM3", 80 * GB),
        ("H100 NVL", 94 * GB),
        ("AMD Instinct MI300X", 192 * GB),
    ],
)
def test_cards_are_found_by_name_or_size(name: str, count: int) -> None:
    assert device(name).bytes == count


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("A100", "A100 40GB, A100 80GB"),
        ("h100", "H100 80GB SXM"),
        ("v100", "V100 16GB, V100 32GB"),
        ("RTX 4060 Ti 8GB", "RTX 4060 Ti"),
        ("RTX 4090 Laptop GPU", "give its size"),
        ("4070 super", "give its size"),
        ("RTX 6000", "RTX A6000"),  # there is an older one with half the memory
        ("2x A100 80GB", "how many are needed"),
        ("A100 80GB x2", "how many are needed"),
        ("24", "--gpu 24GB"),
        ("100", "--gpu 24GB"),
        ("RTX", "--gpu 24GB"),
        ("B", "--gpu 24GB"),
        ("", "--gpu 24GB"),
    ],
)
def test_a_card_that_is_not_surely_meant_is_refused(name: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        device(name)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "mib", "bandwidth"),
    [
        ("NVIDIA L40S", 46_068, 864e9),  # not that of the L4
        ("NVIDIA A100-SXM4-80GB", 81_920, 2_039e9),  # not that of the A10
        ("NVIDIA GeForce RTX 4090", 24_564, 1_008e9),
        ("NVIDIA H200", 143_771, 4_800e9),
        ("NVIDIA GeForce RTX 3080", 12_288, None),  # the one with more memory
        ("NVIDIA T400", 4_096, None),
    ],
)
def test_a_card_of_this_machine_has_its_own_bandwidth(name: str, mib: int, bandwidth: float | None) -> None:
    assert FoundCard(name, mib << 20, 1).bandwidth == bandwidth


def test_every_card_has_a_size_and_a_source() -> None:
    assert len(devices()) >= 20
    assert all(each.bytes >= 8 * GB and each.source for each in devices().values())


def test_the_cards_of_a_machine_are_read_from_nvidia_smi() -> None:
    text = "NVIDIA H200, 143771, 143156\nNVIDIA A100-SXM4-80GB, 81920, 512\nNo devices were found\nX, [N/A], 3\n"
    assert [(card.name, card.bytes >> 20, card.free >> 20) for card in cards_in(text)] == [
        ("NVIDIA H200", 143_771, 143_156),
        ("NVIDIA A100-SXM4-80GB", 81_920, 512),
    ]


def test_a_card_holds_whole_layers_and_its_own_buffers() -> None:
    need = replace(sized("Llama-2-70b").need, adapters=0)
    assert on_cards(need, 3, 80) > (need.weights + need.cache) * 27 // 80
    assert on_cards(need, 1, 80) > need.weights + need.cache + need.compute
    assert in_memory(need) == need.total


# Training


def test_training_takes_what_the_papers_say() -> None:
    heads = source_of("SmolLM2-135M").heads
    full, lora, qlora = (training_memory(heads, way, rank=8) for way in ("full", "lora", "qlora"))
    assert (full.states, full.weights) == (16 * 134_515_008, 0)
    assert lora.trained == 2_442_240  # counted by peft with rank 8 on all seven matrices of a layer
    assert (lora.weights, lora.states) == (2 * 134_515_008, 16 * 2_442_240)
    assert qlora.weights < lora.weights
    assert full.total > lora.total > qlora.total
    with pytest.raises(InputError):
        training_memory(heads, "lora", rank=0)


def test_a_model_of_8_billion_trains_within_published_minimums() -> None:
    heads = source_of("Llama-3.1-8B").heads
    assert 5 * GB < training_memory(heads, "qlora").total < 12 * GB
    assert training_memory(heads, "full").total > 128 * GB


@pytest.mark.parametrize(
    ("name", "tokens", "measured"),
    [("SmolLM2-135M", 462, 2.133), ("SmolLM2-135M", 526, 2.389), ("gemma-3-270m", 462, 2.489)],
)
def test_training_here_takes_what_was_measured(
    name: str, tokens: int, measured: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peaks of `promptlab finetune`'s own loop with so many tokens at once, as docs/sizing.md has them."""
    monkeypatch.setattr(_training, "TOKENS_HERE", tokens)
    memory = training_here(source_of(name).heads, tokens=tokens)
    assert memory
    assert abs(memory.total / GB - measured) <= 0.1 * measured
    assert f"{measured:.2f} GB" in (ROOT / "docs/sizing.md").read_text("utf-8")


def test_what_promptlab_trains_is_sized_as_it_trains() -> None:
    assert set(_training.TRAINED_HERE) == set(finetune.ARCHITECTURES)
    assert (TOKENS_AT_ONCE, finetune.Recipe().rank) == (_training.TOKENS_HERE, _training.RANK_HERE)
    card, here = sized("SmolLM2-135M", train="lora").training
    assert (card.here, here.here) == (False, True)
    assert here.weights == 4 * 134_515_008 == 2 * card.weights
    assert (here.trained, here.states) == (2_442_240, 20 * 2_442_240)
    assert training_here(source_of("SmolLM2-135M").heads, tokens=4_096).activations > 4 * here.activations  # type: ignore[union-attr]
    for name in ("Qwen3-0.6B", "Mixtral-8x7B"):  # an architecture, and experts, that it does not train
        assert training_here(source_of(name).heads) is None
    assert len(sized("SmolLM2-135M", train="qlora").training) == 1
    assert sized("SmolLM2-135M").training == ()


def test_the_bandwidth_is_at_least_what_was_written() -> None:
    """A busy machine reads less while it is measured; "at most 50, measured 120" would be nonsense."""
    heads, need = source_of("SmolLM2-135M").heads, sized("SmolLM2-135M").need
    slow = speed_on(heads, need, 1, "this machine", 1e9, measured=120.0)
    assert slow.most == pytest.approx(120.0)
    assert slow.bound.startswith("memory")
    fast = speed_on(heads, need, 1, "this machine", 1e12, measured=120.0)
    assert fast.most > 3_000
    assert fast.bound.startswith("computing")
    assert 1e9 < memory_bandwidth() < 1e13


@pytest.mark.model
@pytest.mark.parametrize("name", families())
def test_llama_cpp_lays_out_every_family(name: str) -> None:
    answer = sized(name)
    assert answer.by == "llama.cpp"
    assert answer.formula
    assert abs(answer.formula.total - answer.need.total) <= 0.02 * answer.need.total
