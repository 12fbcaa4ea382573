"""Memory by formulas beside llama.cpp's own plan, for families of every kind."""

from __future__ import annotations

import pytest

from promptlab.errors import EngineFailed, InputError
from promptlab.models import PlanRequest, plan_memory
from promptlab.sizing import Wanted, family, source_of
from promptlab.sizing._file_types import ESTIMATED_WITHIN, quantised_by_rule
from promptlab.sizing._formula import need_by_formula

MIB = 1 << 20
KINDS = (
    *("Llama-2-70b", "Qwen2.5-0.5B", "Qwen3-0.6B", "Qwen3-30B-A3B", "gemma-2-2b", "gemma-3-270m", "Mixtral-8x7B"),
    *("phi-2", "Phi-3.5-mini", "DeepSeek-V3", "gpt-oss-20b", "SmolLM2-135M", "Qwen3.5-27B"),
)
"""One family of each kind of attention, cache and network."""
WANTED = (Wanted(8192, whole_context=False), Wanted(2048, 2), Wanted(4096, 2, flash=False))


@pytest.mark.parametrize("name", KINDS)
def test_the_formulas_say_what_llama_cpp_says(name: str) -> None:
    pytest.importorskip("llama_cpp")
    source = source_of(name)
    wanted = WANTED[KINDS.index(name) % len(WANTED)]
    with source.on_disk() as (path,):
        planned = plan_memory(
            PlanRequest(
                path,
                wanted.cells,
                wanted.sequences,
                wanted.batch,
                flash_attn=None if wanted.flash else False,
                whole_context=wanted.whole_context,
                file_types=("F16", "Q8_0", "Q4_K_M"),
            )
        )
    need, by_formula = planned.need, need_by_formula(source.heads, wanted)
    assert by_formula.weights == need.weights
    assert abs(by_formula.cache - need.cache) <= MIB // 64  # the log has two decimals
    assert abs(by_formula.compute - need.compute) <= 0.25 * need.compute
    assert abs(by_formula.total - need.total) <= 0.02 * need.total
    ruled = quantised_by_rule(source.heads)
    assert set(planned.quantised) == {"F16", "Q8_0", "Q4_K_M"}
    for kind, size in planned.quantised.items():
        assert abs(ruled[kind] - size) <= ESTIMATED_WITHIN * size


def test_the_cache_of_each_kind_of_attention() -> None:
    def cache(name: str, wanted: Wanted) -> int:
        return need_by_formula(source_of(name).heads, wanted).cache

    assert cache("Llama-2-70b", Wanted(4096)) == 1280 * MIB  # grouped queries
    assert cache("DeepSeek-V3", Wanted(8192)) == 8192 * 70_272  # latent: keys only
    assert cache("gemma-3-270m", Wanted(8192, whole_context=False)) == 39 * MIB  # 15 of 18 layers keep a window
    assert cache("gemma-3-270m", Wanted(8192)) == 144 * MIB
    assert cache("Llama-3.1-8B", Wanted(8192, kv_type="q8_0")) == 1024 * MIB * 17 // 32
    states = 48 * 4 * (3 * 10_240 + 128 * 6_144)
    assert cache("Qwen3.5-27B", Wanted(8192)) == 512 * MIB + states  # recurrent layers


def test_a_cache_type_that_does_not_divide_the_heads_is_refused() -> None:
    with pytest.raises(InputError, match="blocks of 32"):
        need_by_formula(source_of("phi-2").heads, Wanted(2048, kv_type="q8_0"))


@pytest.mark.parametrize(
    "wrong", [{"context": 0}, {"context": 1 << 40}, {"context": 8, "parallel": 0}, {"context": 8, "kv_type": "q3_0"}]
)
def test_what_no_context_can_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError):
        Wanted(**wrong)  # type: ignore[arg-type]


def test_a_head_that_llama_cpp_refuses_is_an_error_and_no_crash() -> None:
    pytest.importorskip("llama_cpp")
    with source_of("SmolLM2-135M").on_disk() as (path,), path.open("r+b") as file:
        file.seek(24)
        file.write(b"\xff" * 64)
        file.flush()
        with pytest.raises(EngineFailed):
            plan_memory(PlanRequest(path, 512))


def test_the_families_are_known_by_name() -> None:
    assert all(family(name).layers for name in KINDS)
