"""Asking llama.cpp how much memory a model will take, without loading it.

    need = plan(settings, ContextShape(8200, 2))
    need.weights, need.cache, need.compute, need.output     # bytes, as llama.cpp will allocate them

`no_alloc` makes llama.cpp lay out the weights, the KV cache and the graphs of a model as it would for a real load, and
log their sizes; nothing is read but the head of the file. So the file may be a hole (promptlab/sizing). The loader's
check (_load.py), the Models page and `promptlab size` all ask this one function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab.errors import EngineFailed
from promptlab.models._llama._library import library, log_lines, reason
from promptlab.models._llama._memory import MemoryNeed, memory_need_in, tensors_of
from promptlab.models._llama._settings import ContextShape, Settings, context_params, model_params

SLICE = 256
"""How many tokens one batch of a prefill has on a CPU; progress is reported after each. A multiple of 16, the size of
a piece. Batches of 64 made the prefill a tenth slower; 256 is as fast as 512."""
GPU_SLICE = 512
MOST_LINES = 1 << 20
"""The sizes come last, behind a line or two for every tensor: for a model of 80 layers, far behind 2,000 pieces."""


@dataclass(frozen=True, slots=True)
class Offload:
    """What the log of a load says about the GPU: how many layers `of` all are on it, and on which devices."""

    layers: int
    of: int
    devices: tuple[str, ...]

    def __str__(self) -> str:
        if not self.layers:
            return "no layers on a GPU; answering on the CPU"
        return f"offloaded {self.layers}/{self.of} layers to {', '.join(self.devices) or 'the GPU'}"


def read_offload(lines: Sequence[str]) -> Offload:
    """The offloaded layers and the devices in the log of a load."""
    text = "".join(lines)
    match = re.search(r"offloaded (\d+)/(\d+) layers to GPU", text)
    devices = tuple(f"{name} ({device})" for device, name in re.findall(r"using device (\S+) \((.+?)\)", text))
    return Offload(int(match[1]), int(match[2]), devices) if match else Offload(0, 0, devices)


def plan(
    settings: Settings,
    shape: ContextShape,
    *,
    batch: int | None = None,
    check: Callable[[Any, Any], None] = lambda _lib, _model: None,
) -> MemoryNeed:
    """The memory that a model takes with a context of `shape`, by llama.cpp's own plan. `batch` is how many tokens are
    read at once, by default as many as the loader reads. `check` may refuse the model that is laid out.

    Raises:
        EngineFailed: the file is no model, or its context is too large.
    """
    lib = library()
    params = model_params(settings)
    params.no_alloc, params.load_mode = True, lib.LLAMA_LOAD_MODE_NONE
    with log_lines(most=MOST_LINES) as loading:
        model = lib.llama_model_load_from_file(str(settings.path).encode(), params)
    if not model:
        raise failure(settings, "cannot be loaded", loading)
    try:
        check(lib, model)
        at_once = batch or (GPU_SLICE if read_offload(loading).layers else SLICE)
        with log_lines(most=MOST_LINES) as opening:
            context = lib.llama_init_from_model(model, context_params(settings, shape, at_once))
        if not context:
            raise failure(settings, f"leaves no memory for {context_in_words(settings)}", opening)
        lib.llama_free(context)
    finally:
        lib.llama_model_free(model)
    return memory_need_in(
        *("".join(loading), "".join(opening), tensors_of(settings.parts or (settings.path,))),
        adapters=sum(path.stat().st_size for path in settings.lora if path.exists()),
    )


def quantised_bytes(path: Path, file_types: Sequence[str]) -> dict[str, int]:
    """Bytes of the weights of the model at `path` if it were quantised to each of `file_types` (`Q4_K_M`), by
    llama.cpp's own rules for every tensor; nothing is quantised. A type that llama.cpp refuses is left out."""
    lib, sizes = library(), {}
    for name in file_types:
        params = lib.llama_model_quantize_default_params()
        params.ftype = lib.LLAMA_FTYPE_ALL_F32 if name == "F32" else getattr(lib, f"LLAMA_FTYPE_MOSTLY_{name}")
        params.dry_run, params.allow_requantize = True, True
        with log_lines(most=MOST_LINES) as lines:
            failed = lib.llama_model_quantize(str(path).encode(), b"", params)
        match = re.search(r"quant size\s*=\s*([\d.]+) MiB", "".join(lines))
        if not failed and match:
            sizes[name] = round(float(match[1]) * (1 << 20))
    return sizes


def failure(settings: Settings, what: str, lines: list[str]) -> EngineFailed:
    """The error for a load that llama.cpp refused, with the reason from its log."""
    why = reason(lines) or "".join(lines[-1:] if "memory" in "".join(lines[-1:]) else [])
    hint = "check that the file is a complete GGUF model"
    if any(word in "".join(lines).lower() for word in ("alloc", "memory")) or "context" in what:
        hint = "set a smaller `n_ctx`, or fewer `n_gpu_layers`, of this model in promptlab.yaml"
    return EngineFailed(f"{settings.path.name} {what}{': ' + why if why else ''}", hint=hint)


def context_in_words(settings: Settings) -> str:
    """The context of a model in words: how many tokens, for how many answers."""
    many = settings.throughput
    return f"a context of {settings.window} tokens" + (f" and {many} answers together" if many else "")


__all__ = [
    "GPU_SLICE",
    "MOST_LINES",
    "SLICE",
    "Offload",
    "context_in_words",
    "failure",
    "plan",
    "quantised_bytes",
    "read_offload",
]
