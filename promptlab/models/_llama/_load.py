"""Loading a local model: its weights, a context to read in, its LoRAs, and in table why that failed."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from promptlab.errors import EngineFailed
from promptlab.models._llama._library import cpu_variant, library, log_lines, reason
from promptlab.models._llama._memory import CELL, MemoryNeed, free_memory, memory_need_in, tensors_of
from promptlab.models._llama._settings import ContextShape, Settings, context_params, model_params
from promptlab.models._llama._token_masks import TokenMasks
from promptlab.models._llama._unsupported import refuse_loaded, refuse_other_kinds
from promptlab.models._llama._vocabulary import TokenTable

SLICE = 256
"""Tokens read between two reports of progress. A multiple of 16: see DESIGN.md, measured facts. Pieces of 64 made
reading a tenth slower, which on the article is most of a second; 256 is as quick as 512."""
GPU_SLICE = 512
MANY = 1 << 17
"""Tokens of context up to which laying it out takes next to no memory."""
LORA_SCALE = 1.0
"""How strongly adapters are applied. Part of a model's identity."""


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


@lru_cache(maxsize=16)
def memory_need_of(settings: Settings, shape: ContextShape) -> MemoryNeed:
    """The memory that a model will take, as llama.cpp itself lays it out; nothing is loaded. Kinds of models that
    native code would end over are refused here.

    Raises:
        EngineFailed: it is of a kind that cannot answer, is no model, or its context cannot be laid out.
    """
    lib = library()
    for path in (settings.path, *settings.parts):
        refuse_other_kinds(path)
    free = free_memory()
    if (
        free is not None and shape.cells > MANY
    ):  # laying out so many tokens takes memory itself, so fewer are tried first
        fewer = memory_need_of(settings, ContextShape(MANY, shape.sequences))
        need = max(fewer.cache * (shape.cells // MANY), shape.cells * CELL)
        if need > free:
            raise too_large(settings, f"more than {need / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free")
    params = model_params(settings)
    params.no_alloc, params.load_mode = True, lib.LLAMA_LOAD_MODE_NONE
    with log_lines() as loading:
        model = lib.llama_model_load_from_file(str(settings.path).encode(), params)
    if not model:
        raise failure(settings, "cannot be loaded", loading)
    try:
        refuse_loaded(lib, model, settings.path)
        at_once = GPU_SLICE if read_offload(loading).layers else SLICE
        with log_lines() as opening:
            context = lib.llama_init_from_model(model, context_params(settings, shape, at_once))
        if not context:
            raise failure(settings, f"leaves no memory for {_context_in_words(settings)}", opening)
        lib.llama_free(context)
    finally:
        lib.llama_model_free(model)
    return memory_need_in(
        *("".join(loading), "".join(opening), tensors_of(settings.parts or (settings.path,))),
        adapters=sum(path.stat().st_size for path in settings.lora if path.exists()),
    )


def refuse_if_full(settings: Settings, room: MemoryNeed) -> None:
    """Refuse a model for which there is not enough memory: Linux would grant it, and kill the process when it is used.

    Raises:
        EngineFailed: it does not fit; says how much it takes, for what, and how much is free.
    """
    free = free_memory()
    if not room.on_gpu and free is not None and room.total > free:
        raise too_large(settings, f"{room}, and {free / 1e9:,.1f} GB are free")


def too_large(settings: Settings, need: str) -> EngineFailed:
    """The refusal of a model that takes more memory than there is."""
    return EngineFailed(
        f"{settings.path.name} leaves no memory for {_context_in_words(settings)}: it takes {need}",
        hint="set a smaller `n_ctx` of this model in promptlab.yaml, close other programs, or choose a smaller model",
    )


def failure(settings: Settings, what: str, lines: list[str]) -> EngineFailed:
    """The error of a load that llama.cpp refused, with the reason in its log."""
    why = reason(lines) or "".join(lines[-1:] if "memory" in "".join(lines[-1:]) else [])
    hint = "check that the file is a complete GGUF model"
    if any(word in "".join(lines).lower() for word in ("alloc", "memory")) or "context" in what:
        hint = "set a smaller `n_ctx`, or fewer `n_gpu_layers`, of this model in promptlab.yaml"
    return EngineFailed(f"{settings.path.name} {what}{': ' + why if why else ''}", hint=hint)


def _context_in_words(settings: Settings) -> str:
    many = settings.throughput
    return f"a context of {settings.window} tokens" + (f" and {many} answers together" if many else "")


class Stopped(Exception):
    """The job was told to stop while the model was loading."""


class LoadedModel:
    """A model in memory with one context of `cells` tokens for `sequences` sequences. Made, used and closed on one
    thread.

    Raises:
        EngineFailed: the file is no model, a LoRA does not fit it, or memory ran out.
        Stopped: `stopping` turned true meanwhile.
    """

    def __init__(self, settings: Settings, *, stopping: Callable[[], bool], shape: ContextShape | None = None) -> None:
        if settings.cpu.variant != cpu_variant():  # another variant's numbers would pass for this one's
            raise RuntimeError(f"asked for the CPU code {settings.cpu} in a process of {cpu_variant() or 'own'}")
        self.lib = lib = library()
        self.settings, self.shape = settings, shape or ContextShape(settings.window)
        self.cells, self.sequences = self.shape.cells, self.shape.sequences
        self.model: Any = None
        self.context: Any = None
        self._rules: TokenMasks | None = None
        self.room = memory_need_of(settings, self.shape)
        refuse_if_full(settings, self.room)
        params = model_params(settings)
        watch = lib.llama_progress_callback(lambda _part, _data: not stopping())
        params.progress_callback = watch
        with log_lines() as lines:
            self.model = lib.llama_model_load_from_file(str(settings.path).encode(), params)
        if not self.model:
            if stopping():
                raise Stopped
            raise failure(settings, "cannot be loaded", lines)
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

    @property
    def size(self) -> int:
        """Bytes it takes."""
        return self.room.total

    def rules(self, table: TokenTable) -> TokenMasks:
        """Its vocabulary for grammars, made when the first one is asked for: a second for 262,000 tokens."""
        if self._rules is None:
            self._rules = TokenMasks(self.lib, self.vocab, table)
        return self._rules

    def _open_context(self) -> None:
        params = context_params(self.settings, self.shape, self.slice)
        with log_lines() as lines:
            self.context = self.lib.llama_init_from_model(self.model, params)
        if not self.context:
            raise failure(self.settings, f"leaves no memory for {_context_in_words(self.settings)}", lines)
        self.memory = self.lib.llama_get_memory(self.context)
        if not self.memory:
            raise EngineFailed(
                f"{self.settings.path.name} remembers nothing of what it reads, so it cannot write",
                hint="only models that write text can be asked; choose another file",
            )

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
        scales = (ctypes.c_float * len(paths))(*[LORA_SCALE] * len(paths))
        if lib.llama_set_adapters_lora(self.context, adapters, len(paths), scales) != 0:
            raise EngineFailed(f"llama.cpp could not apply the LoRAs of {self.settings.path.name}")

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
