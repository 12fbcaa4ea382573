"""Wrong answers that could be shown as right: each kind, with the figures that must differ or the words that must stand
there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promptlab.models import Catalogue
from promptlab.sizing import Asked, FoundCard, Machine, Sizing, fit_words, gibibytes, gigabytes, size, speed_words
from promptlab.workspace import Workspace
from tests.gguf_made import tiny, write

GB = 1_000_000_000
MODELS = """models:
  plain: {backend: llama, path: tiny.gguf, n_ctx: 512}
  wide: {backend: llama, path: tiny.gguf, n_ctx: 8192}
  tuned: {backend: llama, path: tiny.gguf, n_ctx: 512, lora: [lora.gguf]}
"""
CONFIG = {
    **{"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 2},
    **{"intermediate_size": 128, "vocab_size": 300, "max_position_embeddings": 512},
}
pytestmark = pytest.mark.usefixtures("llama")


@pytest.fixture
def llama() -> None:
    pytest.importorskip("llama_cpp")


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    (tmp_path / "promptlab.yaml").write_text(MODELS)
    tiny(tmp_path / "tiny.gguf")
    matrices = {f"blk.0.attn_q.weight.lora_{part}": [[0.5] * 64] * 64 for part in "ab"}
    write(tmp_path / "lora.gguf", {"general.architecture": "llama", "general.type": "adapter"}, matrices)
    opened = Catalogue(Workspace.find(tmp_path))
    yield opened
    opened.close()


def sized(name: str, catalogue: Catalogue | None = None, machine: Machine | None = None, **asked: object) -> Sizing:
    here = machine or Machine(32 * GB, 16 * GB)
    return size(name, catalogue, asked=Asked(**asked), machine=lambda: here)  # type: ignore[arg-type]


def notes(answer: Sizing) -> str:
    return " | ".join(answer.notes)


def gb_are_no_gib(_: Catalogue) -> bool:
    need = sized("Llama-2-70b").need
    return (gigabytes(need.weights), gibibytes(need.weights)) == ("137.96 GB", "128.48 GiB")


def a_card_in_gib_holds_more(_: Catalogue) -> bool:
    small, large = (sized("Llama-2-70b", gpus=[name]).fits[0] for name in ("130GB", "131GiB"))
    return (small.count, large.count) == (2, 1)


def every_card_has_its_own_buffers(_: Catalogue) -> bool:
    """What two cards hold together is more than what one would."""
    (fit,) = sized("Llama-2-70b", gpus=["A100 80GB"]).fits
    return (
        fit.count == 2 and fit.needs > sized("Llama-2-70b").need.total and 0 < fit.left < 80 * GB - fit.needs // 2 + 2
    )


def the_driver_counts(_: Catalogue) -> bool:
    need = sized("SmolLM2-1.7B").need
    on_card = need.weights + need.cache + need.compute + need.output
    fits = sized("SmolLM2-1.7B", gpus=[f"{on_card / 1e6 + more:.1f}MB" for more in (400, 510)]).fits
    return [fit.count for fit in fits] == [2, 1]


def little_room_left_is_said(_: Catalogue) -> bool:
    tight, roomy = sized("Llama-2-70b", gpus=["H200", "B200"]).fits
    return "only just" in fit_words(tight) and "left" in fit_words(roomy) and "only just" not in fit_words(roomy)


def little_memory_left_is_said(_: Catalogue) -> bool:
    need = sized("SmolLM2-135M").need.total
    (fit,) = sized("SmolLM2-135M", machine=Machine(8 * GB, need + 1_000)).here
    return fit.is_close and "only just" in fit_words(fit)


def no_speed_where_it_does_not_fit(_: Catalogue) -> bool:
    speeds = {each.device: each for each in sized("Llama-2-70b", gpus=["T4", "A100 80GB"]).speeds}
    return (
        speed_words(speeds["this machine"]) == "it does not fit"
        and speeds["this machine"].count is None
        and "2 in turn" in speed_words(speeds["A100 80GB"])
    )


def a_card_of_this_machine_has_a_speed(_: Catalogue) -> bool:
    machine = Machine(32 * GB, 16 * GB, (FoundCard("NVIDIA L40S", 46_068 << 20, 46_000 << 20),))
    speeds = {each.device: each.bandwidth for each in sized("SmolLM2-135M", machine=machine, gpus=[]).speeds}
    return speeds["NVIDIA L40S, free now"] == 864e9


def all_experts_take_memory_and_some_take_time(_: Catalogue) -> bool:
    answer = sized("Mixtral-8x7B")
    return answer.need.weights > 93 * GB and answer.speeds[0].read < 30 * GB


def several_texts_use_more_experts(_: Catalogue) -> bool:
    one, eight = (sized("Mixtral-8x7B", parallel=texts, gpus=["H200"]).speeds[1].most for texts in (1, 8))
    return one < eight < 4 * one


def several_texts_take_several_contexts(_: Catalogue) -> bool:
    one, four = (sized("SmolLM2-135M", parallel=texts).need.cache for texts in (1, 4))
    return four == 4 * one


def a_context_longer_than_trained_is_said(_: Catalogue) -> bool:
    answer = sized("SmolLM2-135M", context=16_384)
    return answer.wanted.context == 16_384 and "trained with 8,192" in notes(answer)


def a_context_that_is_cut_is_said(catalogue: Catalogue) -> bool:
    answer = sized("wide", catalogue)
    return answer.wanted.context == 2_048 and "n_ctx 8,192" in notes(answer)


def a_context_that_is_not_loaded_is_said(catalogue: Catalogue) -> bool:
    return "loaded with 512 tokens" in notes(sized("plain", catalogue, context=1_024))


def a_cache_that_is_not_loaded_is_said(catalogue: Catalogue) -> bool:
    return "KV cache in bf16" in notes(sized("plain", catalogue, kv_type="bf16"))


def adapters_are_counted(catalogue: Catalogue) -> bool:
    plain, tuned = sized("plain", catalogue).need, sized("tuned", catalogue).need
    return tuned.adapters > 2 * 64 * 64 * 4 and tuned.total - plain.total == tuned.adapters


def adapters_are_counted_by_formula(catalogue: Catalogue) -> bool:
    answer = sized("tuned", catalogue)
    return answer.formula is not None and answer.formula.adapters == answer.need.adapters > 0


def another_file_type_is_not_that_of_the_file(catalogue: Catalogue) -> bool:
    as_it_is, other = sized("plain", catalogue), sized("plain", catalogue, quant="F16")
    return (as_it_is.file_type, other.file_type) == ("F32", "F16") and "the file is in F32" in notes(other)


def what_the_maker_publishes_otherwise_is_said(_: Catalogue) -> bool:
    return "MXFP4, weights of about 65.3 GB" in notes(sized("gpt-oss-120b"))


def a_config_in_fewer_bits_is_said(catalogue: Catalogue) -> bool:
    config = catalogue.workspace.root / "config.json"
    config.write_text(json.dumps({**CONFIG, "quantization_config": {"quant_method": "gptq"}}))
    few = notes(sized(str(config)))
    config.write_text(json.dumps(CONFIG))
    return "(gptq)" in few and "16 bits" in few and "bits" not in notes(sized(str(config)))


def a_part_that_sees_is_not_counted(_: Catalogue) -> bool:
    return "mmproj" in notes(sized("gemma-3-27b")) and "mmproj" not in notes(sized("gemma-3-1b"))


def a_window_that_is_not_used_is_said(_: Catalogue) -> bool:
    return "does not use the sliding window" in notes(sized("Mistral-7B-v0.1"))


KINDS: tuple[Callable[[Catalogue], bool], ...] = (
    *(gb_are_no_gib, a_card_in_gib_holds_more, every_card_has_its_own_buffers, the_driver_counts),
    *(little_room_left_is_said, little_memory_left_is_said, no_speed_where_it_does_not_fit),
    *(a_card_of_this_machine_has_a_speed, all_experts_take_memory_and_some_take_time, several_texts_use_more_experts),
    *(several_texts_take_several_contexts, a_context_longer_than_trained_is_said, a_context_that_is_cut_is_said),
    *(a_context_that_is_not_loaded_is_said, a_cache_that_is_not_loaded_is_said, adapters_are_counted),
    *(adapters_are_counted_by_formula, another_file_type_is_not_that_of_the_file),
    a_config_in_fewer_bits_is_said,
    *(what_the_maker_publishes_otherwise_is_said, a_part_that_sees_is_not_counted, a_window_that_is_not_used_is_said),
)


@pytest.mark.parametrize("holds", KINDS, ids=lambda kind: kind.__name__)
def test_no_wrong_answer_is_shown_as_right(holds: Callable[[Catalogue], bool], catalogue: Catalogue) -> None:
    assert holds(catalogue)
