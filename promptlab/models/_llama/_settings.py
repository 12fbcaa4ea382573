"""The settings that a model is loaded with, and how they are given to llama.cpp."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab.models._ggml import NUMBER
from promptlab.models._llama._cpu_variants import OWN, Cpu
from promptlab.models._llama._library import library
from promptlab.models._llama._prefix_cache import MEMORY
from promptlab.models._llama._prefix_files import PrefixFiles


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings to load a model with.

    `identity` is the model's fingerprint, since the file at a path may be replaced by another. `throughput` is the
    number of answers that are decoded together, 0 for one at a time. With `flash_attn` None, llama.cpp decides. `parts`
    are all files of a split model, with `path` as the first. All loaded models together take at most `resident_bytes`.
    `cpu` is the CPU code that computes. `kv_type` is the type of the numbers in the KV cache. With `whole_context`,
    layers with a sliding window keep the whole context too, so that any prefix of a text can be continued.
    """

    path: Path
    identity: str
    window: int
    n_threads: int
    n_gpu_layers: int = -1
    flash_attn: bool | None = False
    lora: tuple[Path, ...] = ()
    parts: tuple[Path, ...] = ()
    prefix_bytes: int = MEMORY
    prefix_folder: Path | None = None
    throughput: int = 0
    resident_bytes: int | None = None
    cpu: Cpu = OWN
    kv_type: str = "f16"
    whole_context: bool = True

    @property
    def file_bytes(self) -> int:
        """Bytes on disk, of all parts if the model is split."""
        return sum(path.stat().st_size for path in self.parts or (self.path,) if path.exists())

    def shelf(self) -> PrefixFiles | None:
        """The files of this model's prefix cache; None if there is no folder for them."""
        return None if self.prefix_folder is None else PrefixFiles(self.prefix_folder, self.identity)


@dataclass(frozen=True, slots=True)
class ContextShape:
    """The size of a context: how many cells its KV cache has, and how many sequences may share them."""

    cells: int
    sequences: int = 1


def model_params(settings: Settings) -> Any:
    """The parameters for llama.cpp to load the weights."""
    params = library().llama_model_default_params()
    params.n_gpu_layers = settings.n_gpu_layers if settings.n_gpu_layers >= 0 else 0x7FFFFFFF  # negative means all
    params.use_extra_bufts = settings.cpu.extra_buffers
    return params


def context_params(settings: Settings, shape: ContextShape, at_once: int) -> Any:
    """The parameters for llama.cpp to open a context that decodes up to `at_once` tokens in one batch."""
    lib = library()
    params = lib.llama_context_default_params()
    params.n_ctx = shape.cells
    params.n_batch = params.n_ubatch = max(at_once, 32) + (shape.sequences if shape.sequences > 1 else 0)
    params.n_seq_max = shape.sequences
    params.kv_unified = shape.sequences > 1  # with a KV cache for each sequence they could not share a prefix
    params.n_threads = params.n_threads_batch = settings.n_threads
    params.flash_attn_type = {
        None: lib.LLAMA_FLASH_ATTN_TYPE_AUTO,
        True: lib.LLAMA_FLASH_ATTN_TYPE_ENABLED,
        False: lib.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    }[settings.flash_attn]
    params.type_k = params.type_v = NUMBER[settings.kv_type.upper()]
    params.swa_full = settings.whole_context
    params.no_perf = True
    return params
