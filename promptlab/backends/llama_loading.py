"""Loading a local model: its weights, a context to read in, its LoRAs, and in words why that failed."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from promptlab.backends.llama_disk import Shelf
from promptlab.backends.llama_native import Words, cpu_variant, library, log_lines, reason
from promptlab.backends.llama_prefix import MEMORY
from promptlab.backends.llama_rules import Rules
from promptlab.backends.llama_variants import OWN, Cpu
from promptlab.errors import EngineFailed

SLICE = 256
"""Tokens read between two reports of progress. A multiple of 16: see DESIGN.md, measured facts. Pieces of 64 made
reading a tenth slower, which on the article is most of a second; 256 is as quick as 512."""
GPU_SLICE = 512


@dataclass(frozen=True, slots=True)
class Settings:
    """How to load a model. `identity` tells apart files that were at the same path one after the other. `throughput`
    answers are written together, 0 for one at a time. `flash_attn` is llama.cpp's to judge where None. All loaded
    models together take `resident_bytes` at most. `cpu` is the CPU code that computes."""

    path: Path
    identity: str
    window: int
    n_threads: int
    n_gpu_layers: int = -1
    flash_attn: bool | None = False
    lora: tuple[Path, ...] = ()
    prefix_bytes: int = MEMORY
    prefix_folder: Path | None = None
    throughput: int = 0
    resident_bytes: int | None = None
    cpu: Cpu = OWN

    def shelf(self) -> Shelf | None:
        """Where this model's prefixes are on disk; None where they are not kept."""
        return None if self.prefix_folder is None else Shelf(self.prefix_folder, self.identity)


@dataclass(frozen=True, slots=True)
class Offload:
    """What llama.cpp said about the GPU while it loaded a model."""

    layers: int
    of: int
    devices: tuple[str, ...]

    def __str__(self) -> str:
        if not self.layers:
            return "no layers on a GPU; answering on the CPU"
        return f"offloaded {self.layers}/{self.of} layers to {', '.join(self.devices) or 'the GPU'}"


NO_GPU = "this build of llama-cpp-python has no GPU support; answering on the CPU"


def read_offload(lines: list[str]) -> Offload:
    """Offloaded layers and devices in the log of a load."""
    text = "".join(lines)
    found = re.search(r"offloaded (\d+)/(\d+) layers to GPU", text)
    devices = tuple(f"{name} ({device})" for device, name in re.findall(r"using device (\S+) \((.+?)\)", text))
    return Offload(int(found[1]), int(found[2]), devices) if found else Offload(0, 0, devices)


class Stopped(Exception):
    """The job was told to stop while the model was loading."""


class Loaded:
    """A model in memory with one context of `cells` tokens for `sequences` sequences. Made, used and closed on one
    thread.

    Raises:
        EngineFailed: the file is no model, a LoRA does not fit it, or memory ran out.
        Stopped: `stopping` turned true meanwhile.
    """

    def __init__(self, settings: Settings, *, stopping: Callable[[], bool], cells: int = 0, sequences: int = 1) -> None:
        self.lib = lib = library()
        self.settings, self.sequences = settings, sequences
        self.cells = cells or settings.window
        self.model: Any = None
        self.context: Any = None
        self._rules: Rules | None = None
        params = lib.llama_model_default_params()
        params.n_gpu_layers = settings.n_gpu_layers if settings.n_gpu_layers >= 0 else 0x7FFFFFFF
        watch = lib.llama_progress_callback(lambda _part, _data: not stopping())
        params.progress_callback = watch
        if settings.cpu.variant != cpu_variant():  # another variant's numbers would pass for this one's
            raise RuntimeError(f"asked for the CPU code {settings.cpu} in a process of {cpu_variant() or 'own'}")
        params.use_extra_bufts = settings.cpu.extra_buffers
        with log_lines() as lines:
            self.model = lib.llama_model_load_from_file(str(settings.path).encode(), params)
        if not self.model:
            if stopping():
                raise Stopped
            raise self._failure("cannot be loaded", lines)
        self.gpu = read_offload(lines)
        self.vocab = lib.llama_model_get_vocab(self.model)
        self.slice = GPU_SLICE if self.gpu.layers else SLICE
        try:
            self._open_context()
            self._apply_lora()
        except EngineFailed:
            self.close()
            raise

    @property
    def recurrent(self) -> bool:
        """Whether its memory is a state that cannot be cut back."""
        return bool(self.lib.llama_model_is_recurrent(self.model) or self.lib.llama_model_is_hybrid(self.model))

    @property
    def sliding_window(self) -> int:
        """Tokens that some of its layers see; 0 where all see everything."""
        return max(0, int(self.lib.llama_model_n_swa(self.model)))

    @cached_property
    def system(self) -> str:
        """What llama.cpp says of the processor features that its code uses."""
        return str(self.lib.llama_print_system_info().decode("utf-8", "replace")).strip()

    @cached_property
    def size(self) -> int:
        """Bytes of weights, keys and values."""
        return int(self.lib.llama_model_size(self.model)) + self._context_bytes()

    def rules(self, words: Words) -> Rules:
        """Its vocabulary for grammars, made when the first one is asked for: a second for 262,000 tokens."""
        if self._rules is None:
            self._rules = Rules(self.lib, self.vocab, words)
        return self._rules

    def _open_context(self) -> None:
        lib, settings = self.lib, self.settings
        need, free = self._context_bytes(), _free_memory()
        if not self.gpu.layers and free is not None and need > free:
            # Linux would grant the memory and kill the process when it is used.
            raise self._failure(
                f"leaves no memory for {self._context_in_words()}",
                [f"memory: it takes {need / 1e9:,.1f} GB and {free / 1e9:,.1f} GB are free"],
            )
        params = lib.llama_context_default_params()
        params.n_ctx = self.cells
        params.n_batch = params.n_ubatch = max(self.slice, 32) + (self.sequences if self.sequences > 1 else 0)
        params.n_seq_max = self.sequences
        params.kv_unified = self.sequences > 1  # streams of their own could share no prefix
        params.n_threads = params.n_threads_batch = settings.n_threads
        params.flash_attn_type = {
            None: lib.LLAMA_FLASH_ATTN_TYPE_AUTO,
            True: lib.LLAMA_FLASH_ATTN_TYPE_ENABLED,
            False: lib.LLAMA_FLASH_ATTN_TYPE_DISABLED,
        }[settings.flash_attn]
        params.no_perf = True
        with log_lines() as lines:
            self.context = lib.llama_init_from_model(self.model, params)
        if not self.context:
            raise self._failure(f"leaves no memory for {self._context_in_words()}", lines)
        self.memory = lib.llama_get_memory(self.context)

    def _context_bytes(self) -> int:
        """Bytes that keys and values of a full context take, 16 bits each; 0 where the file does not say."""
        lib, model = self.lib, self.model
        heads = max(1, int(lib.llama_model_n_head(model)))
        width = int(lib.llama_model_n_embd(model)) // heads
        # Heads may be wider than their share of the model: 256 instead of 160 in gemma-3-270m.
        kind = self._said("general.architecture")
        wide = [self._said(f"{kind}.attention.{what}_length") for what in ("key", "value")]
        both = sum(int(one) if one.isdigit() else width for one in wide)
        layers, kv_heads = int(lib.llama_model_n_layer(model)), int(lib.llama_model_n_head_kv(model))
        return self.cells * layers * kv_heads * both * 2

    def _said(self, key: str) -> str:
        """What the model's file says under `key`; empty where it says nothing."""
        buffer = ctypes.create_string_buffer(128)
        found = self.lib.llama_model_meta_val_str(self.model, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if found >= 0 else ""

    def _apply_lora(self) -> None:
        lib, paths = self.lib, self.settings.lora
        if not paths:
            return
        adapters = (lib.llama_adapter_lora_p_ctypes * len(paths))()
        for i, path in enumerate(paths):
            with log_lines() as lines:
                adapter = lib.llama_adapter_lora_init(self.model, str(path).encode())
            if not adapter:
                raise EngineFailed(
                    f"the LoRA {path.name} cannot be used with {self.settings.path.name}: "
                    f"{reason(lines) or 'llama.cpp refuses it'}",
                    hint="is it a GGUF LoRA made for this very base model?",
                )
            adapters[i] = adapter
        scales = (ctypes.c_float * len(paths))(*[1.0] * len(paths))
        if lib.llama_set_adapters_lora(self.context, adapters, len(paths), scales) != 0:
            raise EngineFailed(f"llama.cpp could not apply the LoRAs of {self.settings.path.name}")

    def _context_in_words(self) -> str:
        many = self.settings.throughput
        return f"a context of {self.settings.window} tokens" + (f" and {many} answers together" if many else "")

    def _failure(self, what: str, lines: list[str]) -> EngineFailed:
        why = reason(lines) or "".join(lines[-1:] if "memory" in "".join(lines[-1:]) else [])
        hint = "check that the file is a complete GGUF model"
        if any(word in "".join(lines).lower() for word in ("alloc", "memory")) or "context" in what:
            hint = "set a smaller `n_ctx`, or fewer `n_gpu_layers`, of this model in promptlab.yaml"
        return EngineFailed(f"{self.settings.path.name} {what}{': ' + why if why else ''}", hint=hint)

    def failed(self, lines: list[str], code: int, position: int) -> EngineFailed:
        """The error of a decode that gave `code`."""
        why = reason(lines) or f"llama_decode gave {code}"
        return EngineFailed(f"{self.settings.path.name} failed at token {position} of its context: {why}")

    def close(self) -> None:
        """Free everything."""
        if self.context:
            self.lib.llama_free(self.context)
        if self.model:
            self.lib.llama_model_free(self.model)
        self.context = self.model = None


def _free_memory() -> int | None:
    """Bytes a process may still take; None where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text("ascii")
    except OSError:
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else None
