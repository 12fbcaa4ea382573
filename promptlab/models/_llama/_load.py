"""Loading a local model: its weights, a context and its LoRAs, with errors that say why it failed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

from promptlab.errors import EngineFailed
from promptlab.models._llama._library import cpu_variant, library, log_lines, reason
from promptlab.models._llama._memory import CELL, MemoryNeed, free_memory, real_need
from promptlab.models._llama._plan import GPU_SLICE, MOST_LINES, SLICE, context_in_words, failure, plan, read_offload
from promptlab.models._llama._settings import ContextShape, Settings, context_params, model_params
from promptlab.models._llama._token_masks import TokenMasks
from promptlab.models._llama._unsupported import refuse_loaded, refuse_other_kinds
from promptlab.models._llama._vocabulary import TokenTable
from promptlab.models._measured import LoadedMemory
from promptlab.models._resident_memory import own_pages

MANY = 1 << 17
"""Up to this many tokens of context, planning its layout takes almost no memory."""
LORA_SCALE = 1.0
"""The scale that adapters are applied with. Part of the fingerprint."""


NO_GPU = "this build of llama-cpp-python has no GPU support; answering on the CPU"


@lru_cache(maxsize=16)
def memory_need_of(settings: Settings, shape: ContextShape) -> MemoryNeed:
    """The memory that a model will need, as planned by llama.cpp itself; nothing is loaded.

    Raises:
        EngineFailed: the file is no model or a kind that cannot answer, or its context is too large.
    """
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
    return plan(settings, shape, check=lambda lib, model: refuse_loaded(lib, model, settings.path))


def refuse_if_full(settings: Settings, room: MemoryNeed) -> None:
    """Refuse a model that does not fit into memory. Linux would grant the memory and kill the process on its use.

    Raises:
        EngineFailed: the model does not fit; with the memory it needs, for what, and the memory that is free.
    """
    free = free_memory()
    if not room.on_gpu and free is not None and room.total > free:
        raise too_large(settings, f"{room}, and {free / 1e9:,.1f} GB are free")


def too_large(settings: Settings, need: str) -> EngineFailed:
    """The error for a model that needs more memory than there is."""
    return EngineFailed(
        f"{settings.path.name} leaves no memory for {context_in_words(settings)}: it takes {need}",
        hint="set a smaller `n_ctx` of this model in promptlab.yaml, close other programs, or choose a smaller model",
    )


class Stopped(Exception):
    """The job was stopped while the model was loading."""


class LoadedModel:
    """A model in memory with one context of `cells` KV cells for `sequences` sequences. To be made, used and closed on
    one thread.

    Raises:
        EngineFailed: the file is no model, a LoRA does not fit it, or there is not enough memory.
        Stopped: `stopping` returned True meanwhile.
    """

    def __init__(self, settings: Settings, *, stopping: Callable[[], bool], shape: ContextShape | None = None) -> None:
        if settings.cpu.variant != cpu_variant():  # the answers would have the fingerprint of the wrong CPU code
            raise RuntimeError(f"the CPU code {settings.cpu} is not that of this process, {cpu_variant() or 'own'}")
        self.lib = lib = library()
        self.settings, self.shape = settings, shape or ContextShape(settings.window)
        self.cells, self.sequences = self.shape.cells, self.shape.sequences
        self.model: Any = None
        self.context: Any = None
        self._token_masks: TokenMasks | None = None
        self.room = memory_need_of(settings, self.shape)
        self._before = own_pages()
        refuse_if_full(settings, self.room)
        params = model_params(settings)
        # A name of its own keeps the callback alive while llama.cpp may call it.
        progress_callback = lib.llama_progress_callback(lambda _part, _data: not stopping())
        params.progress_callback = progress_callback
        with log_lines(most=MOST_LINES) as lines:
            self.model = lib.llama_model_load_from_file(str(settings.path).encode(), params)
        if not self.model:
            if stopping():
                raise Stopped
            raise failure(settings, "cannot be loaded", lines)
        self.gpu = read_offload(lines)
        self._log = "".join(lines)
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
        """True if its memory is a recurrent state, which cannot be cut back to an earlier token."""
        return bool(self.lib.llama_model_is_recurrent(self.model) or self.lib.llama_model_is_hybrid(self.model))

    @property
    def sliding_window(self) -> int:
        """The attention window of layers with sliding-window attention; 0 if it has no such layers."""
        return max(0, int(self.lib.llama_model_n_swa(self.model)))

    @cached_property
    def system(self) -> str:
        """The processor features that the code of llama.cpp uses, in its own words."""
        return str(self.lib.llama_print_system_info().decode("utf-8", "replace")).strip()

    @property
    def size(self) -> int:
        """Bytes of memory that it takes."""
        return self.room.total

    def taken(self, *, alone: bool) -> LoadedMemory:
        """The memory that llama.cpp allocated, and the pages that the process holds since the load if the model is
        `alone` in it."""
        now = own_pages() if alone else None
        if now is None or self._before is None:
            return LoadedMemory(self._allocated)
        return LoadedMemory(
            self._allocated, *(max(0, after - before) for after, before in zip(now, self._before, strict=True))
        )

    def token_masks(self, table: TokenTable) -> TokenMasks:
        """The token masks for grammars. They are prepared on first use, which takes a second for 262,000 tokens."""
        if self._token_masks is None:
            self._token_masks = TokenMasks(self.lib, self.vocab, table)
        return self._token_masks

    def _open_context(self) -> None:
        params = context_params(self.settings, self.shape, self.slice)
        with log_lines(most=MOST_LINES) as lines:
            self.context = self.lib.llama_init_from_model(self.model, params)
        if not self.context:
            raise failure(self.settings, f"leaves no memory for {context_in_words(self.settings)}", lines)
        self._allocated, self._log = real_need(self._log, "".join(lines)), ""
        self.memory = self.lib.llama_get_memory(self.context)
        if not self.memory:
            raise EngineFailed(
                f"{self.settings.path.name} has no KV cache, so it cannot write text",
                hint="choose the file of a model that writes text",
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
                    hint="is it a GGUF LoRA for exactly this base model?",
                )
            adapters[i] = adapter
        scales = (ctypes.c_float * len(paths))(*[LORA_SCALE] * len(paths))
        if lib.llama_set_adapters_lora(self.context, adapters, len(paths), scales) != 0:
            raise EngineFailed(f"llama.cpp could not apply the LoRAs of {self.settings.path.name}")

    def decode_error(self, lines: list[str], code: int, position: int) -> EngineFailed:
        """The error for a `llama_decode` that returned `code`."""
        why = reason(lines) or f"llama_decode returned {code}"
        return EngineFailed(f"{self.settings.path.name} failed at token {position} of its context: {why}")

    def close(self) -> None:
        """Free the context and the model."""
        if self.context:
            self.lib.llama_free(self.context)
        if self.model:
            self.lib.llama_model_free(self.model)
        self.context = self.model = None
