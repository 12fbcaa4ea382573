"""The settings that a model is loaded with, and how they are given to llama.cpp."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab.models._llama._cpu_variants import OWN, Cpu
from promptlab.models._llama._library import library
from promptlab.models._llama._prefix_cache import MEMORY
from promptlab.models._llama._prefix_files import PrefixFiles


@dataclass(frozen=True, slots=True)
class Settings:
    """How to load a model. `identity` tells apart files that were at the same path one after the other. `throughput`
    answers are written together, 0 for one at a time. `flash_attn` is llama.cpp's to judge where None. `parts` are all
    files of a split model, of which `path` is the first. All loaded models together take `resident_bytes` at most.
    `cpu` is the CPU code that computes."""

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

    @property
    def file_bytes(self) -> int:
        """Bytes on disk, of all parts of a split model."""
        return sum(path.stat().st_size for path in self.parts or (self.path,) if path.exists())

    def shelf(self) -> PrefixFiles | None:
        """Where this model's prefixes are on disk; None where they are not kept."""
        return None if self.prefix_folder is None else PrefixFiles(self.prefix_folder, self.identity)


@dataclass(frozen=True, slots=True)
class ContextShape:
    """Of a context: the tokens it has cells for, and the sequences they may belong to."""

    cells: int
    sequences: int = 1


def model_params(settings: Settings) -> Any:
    """What llama.cpp is told to load the weights."""
    params = library().llama_model_default_params()
    params.n_gpu_layers = settings.n_gpu_layers if settings.n_gpu_layers >= 0 else 0x7FFFFFFF
    params.use_extra_bufts = settings.cpu.extra_buffers
    return params


def context_params(settings: Settings, shape: ContextShape, at_once: int) -> Any:
    """What it is told to open a context that reads `at_once` tokens."""
    lib = library()
    params = lib.llama_context_default_params()
    params.n_ctx = shape.cells
    params.n_batch = params.n_ubatch = max(at_once, 32) + (shape.sequences if shape.sequences > 1 else 0)
    params.n_seq_max = shape.sequences
    params.kv_unified = shape.sequences > 1  # streams of their own could share no prefix
    params.n_threads = params.n_threads_batch = settings.n_threads
    params.flash_attn_type = {
        None: lib.LLAMA_FLASH_ATTN_TYPE_AUTO,
        True: lib.LLAMA_FLASH_ATTN_TYPE_ENABLED,
        False: lib.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    }[settings.flash_attn]
    params.no_perf = True
    return params
