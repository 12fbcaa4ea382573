"""Which CPU code there is, which of it a processor can run, and what is in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from promptlab.models._llama import _cpu_variants as cpu_variants
from promptlab.models._llama import _wheel as wheel
from promptlab.models._llama._cpu_variants import Cpu, candidates
from tests.places import ROOT

OLD = "sse4_2"
AVX2 = f"{OLD} avx f16c fma avx2 bmi2"
AVX512 = f"{AVX2} avx512f avx512cd avx512vl avx512dq avx512bw"
ICE_LAKE = f"{AVX512} avx512vbmi avx512_vnni"
X86, ARM = ("icelake", "haswell", "x64"), ("armv8.6_1", "armv8.2_2", "armv8.0_1")


@pytest.mark.parametrize(
    ("machine", "built", "flags", "fast", "portable"),
    [
        ("x86_64", X86, "", ["x64"], []),
        ("x86_64", X86, OLD, ["x64"], []),
        ("x86_64", X86, AVX2, ["haswell", "x64"], ["haswell"]),
        ("x86_64", X86, AVX2.replace("bmi2", ""), ["x64"], []),
        ("x86_64", X86, AVX512, ["haswell", "x64"], ["haswell"]),
        ("x86_64", X86, ICE_LAKE, ["icelake", "haswell", "x64"], ["haswell"]),
        ("x86_64", X86, f"{ICE_LAKE} amx_tile amx_int8 amx_bf16", ["icelake", "haswell", "x64"], ["haswell"]),
        ("x86_64", ("",), ICE_LAKE, [""], []),
        ("aarch64", ARM, "asimd", ["armv8.0_1"], ["armv8.0_1"]),
        ("aarch64", ARM, "asimddp fphp asimdhp", ["armv8.2_2", "armv8.0_1"], ["armv8.0_1"]),
        (None, ("",), "", [""], []),
    ],
)
def test_a_processor_gets_the_best_code_that_it_can_run(monkeypatch, machine, built, flags, fast, portable):
    monkeypatch.setattr(wheel, "machine", lambda: machine)
    monkeypatch.setattr(cpu_variants, "built", lambda: built)
    monkeypatch.setattr(cpu_variants, "features", lambda: frozenset(flags.split()))
    assert list(candidates("fast")) == fast
    assert list(candidates("portable")) == portable


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 fma\n\nprocessor : 1\nflags : none\n", {"fpu", "avx2", "fma"}),
        ("processor : 0\nFeatures\t: fp asimd asimddp\n", {"fp", "asimd", "asimddp"}),
        ("", set()),
    ],
)
def test_the_features_are_those_that_linux_says(tmp_path: Path, text: str, has: set[str]) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_variants.features(tmp_path / "cpuinfo") == has
    assert cpu_variants.features(tmp_path / "nothing") == frozenset()


def test_every_variant_that_is_built_says_what_it_needs() -> None:
    for machine, names in wheel.VARIANTS.items():
        assert set(names) <= set(cpu_variants.NEEDS)
        assert not cpu_variants.NEEDS[names[0]], "the first one runs on any processor"
        assert cpu_variants.PORTABLE[machine] in names


def test_the_name_of_the_code_tells_its_numbers_apart() -> None:
    names = {str(Cpu(variant, extra)) for variant in ("", "x64", "haswell") for extra in (True, False)}
    assert len(names) == 6


@pytest.mark.parametrize("own", ["", "-DGGML_CUDA=on '-DCMAKE_CUDA_ARCHITECTURES=80;90'"])
def test_options_of_the_users_own_win_and_make_another_wheel(monkeypatch, own: str) -> None:
    monkeypatch.delenv("CMAKE_ARGS", raising=False)
    monkeypatch.setattr(wheel, "machine", lambda: "x86_64")
    ours = wheel.options()
    assert "-DPROMPTLAB_CPU_VARIANTS=x64;haswell;icelake" in ours
    key = wheel.key("llama-cpp-python==1")
    assert key != wheel.key("llama-cpp-python==2")
    if own:
        monkeypatch.setenv("CMAKE_ARGS", own)
        assert wheel.options() == ["-DGGML_CUDA=on", "-DCMAKE_CUDA_ARCHITECTURES=80;90"]
        assert wheel.key("llama-cpp-python==1") != key


@pytest.mark.parametrize("line", ["llama_cpp_python==1.2.3", "Llama-CPP-Python==1.2.3  # a comment"])
def test_the_version_built_is_the_one_that_is_pinned(tmp_path: Path, line: str) -> None:
    (tmp_path / "constraints.txt").write_text(f"jinja2==3\n{line}\nwordllama==2\n")
    assert wheel.pinned(tmp_path / "constraints.txt") == "llama-cpp-python==1.2.3"
    (tmp_path / "constraints.txt").write_text("wordllama==2\n")
    with pytest.raises(SystemExit, match="pins no version"):
        wheel.pinned(tmp_path / "constraints.txt")


def test_the_pinned_version_is_the_one_built_by_hand() -> None:
    assert wheel.pinned(ROOT / "requirements/constraints.txt") == wheel.REQUIREMENT


def test_set_up_built_every_variant() -> None:
    """Without this, a set-up that built another way would only have the tests below skipped."""
    machine = wheel.machine()
    if machine is None or os.environ.get("CMAKE_ARGS"):
        pytest.skip("llama-cpp-python is built in another way here, as was asked for")
    assert cpu_variants.built() == tuple(reversed(wheel.VARIANTS[machine]))


# What is in the libraries that were built


def instructions(library: Path) -> str:
    """The library's machine code as text, with no addresses or bytes."""
    if not shutil.which("objdump"):
        pytest.skip("objdump, of the package binutils, is not installed")
    done = subprocess.run(["objdump", "-d", "--no-show-raw-insn", library], capture_output=True, text=True, check=True)
    return done.stdout


AMX = re.compile(r"\t(?:tile|tdp|ldtilecfg|sttilecfg)|%tmm")
AVX_512 = re.compile(r"%zmm|%k[1-7]\b|%[xy]mm(?:1[6-9]|2\d|3[01])\b")
AVX = re.compile(r"%ymm|\tv[a-z]")


@pytest.mark.parametrize(
    ("variant", "never"), [("x64", [AMX, AVX_512, AVX]), ("haswell", [AMX, AVX_512]), ("icelake", [AMX])]
)
def test_no_variant_holds_instructions_of_a_later_processor(variant: str, never: list[re.Pattern[str]]) -> None:
    if variant not in cpu_variants.built():
        pytest.skip("llama-cpp-python was built in another way")
    text = instructions(cpu_variants.library_of(variant))
    assert text.count("\n") > 50_000
    for pattern in never:
        found = pattern.search(text)
        assert not found, found


def test_the_search_for_instructions_finds_them() -> None:
    if "icelake" not in cpu_variants.built():
        pytest.skip("llama-cpp-python was built in another way")
    assert AVX_512.search(instructions(cpu_variants.library_of("icelake")))
    assert AVX.search(instructions(cpu_variants.library_of("haswell")))
    assert AMX.search("   1234:\ttilezero %tmm0")


def test_the_rest_of_the_library_runs_on_any_processor() -> None:
    if cpu_variants.built() == ("",):
        pytest.skip("llama-cpp-python was built in another way")
    folder = cpu_variants.folder()
    assert folder
    for name in ("libllama.so", "libggml.so.0", "libggml-base.so.0"):
        assert not AVX.search(instructions(folder / name)), name
