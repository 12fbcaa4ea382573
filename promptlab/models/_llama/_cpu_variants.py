"""The CPU code of the installed llama.cpp: which variants there are, and which of them this processor can run.

    built()                       # ("icelake", "haswell", "x64"), fastest first; ("",) if the build has no variants
    candidates("portable")        # ("haswell",): the same logits on every processor that has AVX2
    processor()                   # "x86_64 AuthenticAMD 25 17 1 3f1c9a02"

A build made by wheel.py holds several variants; one of them is loaded into a process before its first model
(llama_native.py). Any other build has just the code it was compiled with, and a name for that cannot be known.
"""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from promptlab.models._llama import _wheel as wheel

Numerics = Literal["fast", "portable"]
NUMERICS: tuple[Numerics, ...] = ("fast", "portable")
NOT_PORTABLE = "this build of llama-cpp-python, or this processor, has no portable code"
PORTABLE_HINT = "build it with that: promptlab models build; or say `numerics: fast`"

PORTABLE = {"x86_64": "haswell", "aarch64": "armv8.0_1"}
"""The variant with the same logits on every processor that can run it."""
NEEDS = {
    "x64": "",
    "haswell": "sse4_2 avx f16c fma avx2 bmi2",
    "icelake": "sse4_2 avx f16c fma avx2 bmi2 avx512f avx512cd avx512vl avx512dq avx512bw avx512vbmi avx512_vnni",
    "armv8.0_1": "",
    "armv8.2_2": "asimddp fphp asimdhp",
    "armv8.6_1": "asimddp fphp asimdhp sve i8mm",
}
"""The processor features that each variant needs, by their names on Linux."""
FOLDER = "LLAMA_CPP_LIB_PATH"
"""The environment variable that makes llama-cpp-python load its libraries from another folder."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """The CPU code that computes answers. `variant` is "" if the build has no variants. With `extra_buffers`, weights
    may be stored a second time in an order that suits the processor."""

    variant: str = ""
    extra_buffers: bool = True

    def __str__(self) -> str:
        return (self.variant or "own") + ("" if self.extra_buffers else "-plain")


OWN = Cpu()
"""The CPU code of a build without variants."""


def folder() -> Path | None:
    """The folder of llama.cpp's libraries; None if llama-cpp-python is not installed."""
    return Path(os.environ[FOLDER]) if FOLDER in os.environ else wheel.libraries()


def library_of(variant: str) -> Path:
    """The library of a variant that the build has."""
    libraries = folder()
    assert libraries, "the variant was found in it"
    return libraries / f"libggml-cpu-{variant}.so"


@cache
def built() -> tuple[str, ...]:
    """The variants in the installed build, fastest first; one empty name if it has no variants."""
    libraries = folder()
    known = wheel.VARIANTS.get(wheel.machine() or "", ())
    variants = [name for name in reversed(known) if libraries and (libraries / f"libggml-cpu-{name}.so").is_file()]
    return tuple(variants) or ("",)


def features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The features of the processor that the system lets programs use, by their names on Linux."""
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    pairs = (line.partition(":") for line in lines)
    return frozenset(next((value for key, _, value in pairs if key.strip() in ("flags", "Features")), "").split())


def candidates(numerics: Numerics) -> tuple[str, ...]:
    """The variants to try for `numerics`, fastest first; none if the build or the processor has no portable one."""
    available = features()
    usable = tuple(name for name in built() if set(NEEDS.get(name, "").split()) <= available)
    if numerics == "fast":
        return usable
    return tuple(name for name in usable if name and name == PORTABLE.get(wheel.machine() or ""))


@cache
def processor() -> str:
    """Identifies the kind of processor. Code that works on one kind may fail on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}".strip()
    info = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    words = [
        info.get(key, "") for key in ("vendor_id", "cpu family", "model", "stepping", "CPU implementer", "CPU part")
    ]
    features_hash = hashlib.sha256(" ".join(sorted(features())).encode()).hexdigest()[:8]
    return " ".join([platform.machine(), *filter(None, words), features_hash])


__all__ = [
    "NOT_PORTABLE",
    "NUMERICS",
    "OWN",
    "PORTABLE",
    "PORTABLE_HINT",
    "Cpu",
    "Numerics",
    "built",
    "candidates",
    "features",
    "folder",
    "library_of",
    "processor",
]
