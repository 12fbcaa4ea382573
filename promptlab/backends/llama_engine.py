"""A loaded model: its weights, its context, and the loop that reads a prompt and writes an answer.

Everything here runs on the lane's thread. An answer starts from what was read before (llama_prefix.py), and
prompts are read in whole pieces from position 0, what is left over in a decode of its own, so that the same
request gives the same logits to the bit whatever was asked before. Slices bring the progress shown while
reading, and their ends are where a GPU can be stopped; on a CPU a stop also ends the decode that is running.
"""

from __future__ import annotations

import ctypes
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from promptlab.backends.llama_disk import Shelf
from promptlab.backends.llama_lane import Job
from promptlab.backends.llama_native import has_gpu, library, log_lines, reason
from promptlab.backends.llama_prefix import MEMORY, Prefixes, Start
from promptlab.backends.llama_sampling import Sampler
from promptlab.backends.llama_text import AnswerText
from promptlab.backends.llama_tree import whole
from promptlab.errors import EngineFailed
from promptlab.types import Completion, Delta, FinishReason, Phase, Timings, Usage

SLICE = 256
"""Tokens read between two reports of progress. A multiple of 16: see DESIGN.md, measured facts. Pieces of 64 made
reading a tenth slower, which on the article is most of a second; 256 is as quick as 512."""
GPU_SLICE = 512
MAX_LOADED = 2
"""Models kept loaded; the one unused for longest makes room."""
ABORTED = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """How to load a model. `identity` tells apart files that were at the same path one after the other."""

    path: Path
    identity: str
    window: int
    n_threads: int
    n_gpu_layers: int = -1
    flash_attn: bool = False
    lora: tuple[Path, ...] = ()
    prefix_bytes: int = MEMORY
    prefix_folder: Path | None = None

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


class Engine:
    """A model in memory, ready to answer. Made, used and closed on the lane's thread.

    Raises:
        EngineFailed: the file is no model, a LoRA does not fit it, or memory ran out.
        Stopped: `stopping` turned true meanwhile.
    """

    def __init__(self, settings: Settings, *, stopping: Callable[[], bool]) -> None:
        self._lib = lib = library()
        self.settings = settings
        self.model: Any = None
        self._context: Any = None
        self._batch: Any = None
        params = lib.llama_model_default_params()
        params.n_gpu_layers = settings.n_gpu_layers if settings.n_gpu_layers >= 0 else 0x7FFFFFFF
        watch = lib.llama_progress_callback(lambda _part, _data: not stopping())
        params.progress_callback = watch
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
        self._batch = lib.llama_batch_init(self.slice, 0, 1)
        recurrent = lib.llama_model_is_recurrent(self.model) or lib.llama_model_is_hybrid(self.model)
        self.prefixes = Prefixes(
            *(lib, self._context),
            rewinds=not recurrent,
            window=int(lib.llama_model_n_swa(self.model)) > 0,
            limit=settings.prefix_bytes,
            shelf=settings.shelf(),
        )

    def _open_context(self) -> None:
        lib, settings = self._lib, self.settings
        need, free = self._context_bytes(), _free_memory()
        if not self.gpu.layers and free is not None and need > free:
            # Linux would grant the memory and kill the process when it is used.
            raise self._failure(
                f"leaves no memory for a context of {settings.window} tokens",
                [f"memory: it takes {need / 1e9:,.1f} GB and {free / 1e9:,.1f} GB are free"],
            )
        params = lib.llama_context_default_params()
        params.n_ctx = settings.window
        params.n_batch = params.n_ubatch = max(self.slice, 32)
        params.n_threads = params.n_threads_batch = settings.n_threads
        params.flash_attn_type = (
            lib.LLAMA_FLASH_ATTN_TYPE_ENABLED if settings.flash_attn else lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        params.no_perf = True
        with log_lines() as lines:
            self._context = lib.llama_init_from_model(self.model, params)
        if not self._context:
            raise self._failure(f"leaves no memory for a context of {settings.window} tokens", lines)
        self._memory = lib.llama_get_memory(self._context)

    def _context_bytes(self) -> int:
        """Bytes that keys and values of a full context take, 16 bits each; 0 where the file does not say."""
        lib, model = self._lib, self.model
        heads = max(1, int(lib.llama_model_n_head(model)))
        width = int(lib.llama_model_n_embd(model)) // heads
        # Heads may be wider than their share of the model: 256 instead of 160 in gemma-3-270m.
        kind = self._said("general.architecture")
        wide = [self._said(f"{kind}.attention.{what}_length") for what in ("key", "value")]
        both = sum(int(one) if one.isdigit() else width for one in wide)
        layers, kv_heads = int(lib.llama_model_n_layer(model)), int(lib.llama_model_n_head_kv(model))
        return self.settings.window * layers * kv_heads * both * 2

    def _said(self, key: str) -> str:
        """What the model's file says under `key`; empty where it says nothing."""
        buffer = ctypes.create_string_buffer(128)
        found = self._lib.llama_model_meta_val_str(self.model, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if found >= 0 else ""

    def _apply_lora(self) -> None:
        lib, paths = self._lib, self.settings.lora
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
        if lib.llama_set_adapters_lora(self._context, adapters, len(paths), scales) != 0:
            raise EngineFailed(f"llama.cpp could not apply the LoRAs of {self.settings.path.name}")

    def _failure(self, what: str, lines: list[str]) -> EngineFailed:
        why = reason(lines) or "".join(lines[-1:] if "memory" in "".join(lines[-1:]) else [])
        hint = "check that the file is a complete GGUF model"
        if any(word in "".join(lines).lower() for word in ("alloc", "memory")) or "context" in what:
            hint = "set a smaller `n_ctx`, or fewer `n_gpu_layers`, of this model in promptlab.yaml"
        return EngineFailed(f"{self.settings.path.name} {what}{': ' + why if why else ''}", hint=hint)

    def answer(
        self,
        tokens: Sequence[int],
        *,
        job: Job,
        sampler: Sampler,
        piece: Callable[[int], bytes],
        is_end: Callable[[int], bool],
        max_tokens: int,
        text: AnswerText,
        mark: int = 0,
        keep: bool = False,
    ) -> Completion:
        """Read `tokens`, then write until the model ends, a stop string, `max_tokens` or a stop.

        `piece` gives the bytes a token adds to the answer. `mark` is the token at which the question begins: what
        stands before it is worth coming back to, and with `keep` it may go to disk.
        """
        started = time.monotonic()
        try:
            start = self.prefixes.begin(tokens, mark=mark, keep=keep)
            done = self._answer(tokens, start, started, job, sampler, piece, is_end, max_tokens, text)
            if done.finish_reason != "stopped":
                self.prefixes.ended()
        except BaseException:
            self.prefixes.lost()
            raise
        return done

    def _answer(
        self,
        tokens: Sequence[int],
        start: Start,
        started: float,
        job: Job,
        sampler: Sampler,
        piece: Callable[[int], bytes],
        is_end: Callable[[int], bool],
        max_tokens: int,
        text: AnswerText,
    ) -> Completion:
        lib = self._lib
        self._flag = job.abort_flag  # llama.cpp keeps its address
        lib.llama_set_abort_callback(self._context, _abort_when_set(), ctypes.addressof(job.abort_flag))
        read = self._read(tokens, job, start.position)
        first: float | None = None
        written = 0
        finish: FinishReason = "stopped" if read < len(tokens) else "length"
        while finish != "stopped" and written < max_tokens:
            token = sampler.sample(self._context)
            first = first or time.monotonic() - started
            if is_end(token):
                finish = "stop"
                break
            written += 1
            shown = text.feed(piece(token))
            if shown:
                job.emit(Delta(shown))
            if text.stopped:
                finish = "stop"
                break
            if job.stopping or (written < max_tokens and not self._decode([token], len(tokens) + written - 1, job)):
                finish = "stopped"
        rest = text.finish()
        if rest:
            job.emit(Delta(rest))
        timings = Timings(waited=job.waited, first_token=first, total=time.monotonic() - started)
        usage = Usage(max(0, read - start.position), start.position, written)
        return Completion(text.text, finish, usage, timings, details={"prefix": start.found or "none"})

    def _read(self, tokens: Sequence[int], job: Job, position: int) -> int:
        """Read a prompt on from `position`; returns where reading ended, before its end only after a stop."""
        total = len(tokens)
        pieces = whole(total)
        job.emit(Phase("reading", position, total))
        while position < total:
            end = min(position + self.slice, pieces) if position < pieces else total
            stop = self.prefixes.next_stop(position)
            end = end if stop is None else min(end, stop)
            if not self._decode(tokens[position:end], position, job, last=end == total):
                # What was decoded before the stop is there, and how much nobody says.
                self.prefixes.lost()
                return position
            position = end
            if position <= pieces:
                self.prefixes.reached(position)
            job.emit(Phase("reading", position, total))
        return total

    def _decode(self, tokens: Sequence[int], position: int, job: Job, *, last: bool = True) -> bool:
        """Run the model over `tokens`; False when stopped. Only the last token of a prompt gives logits."""
        if job.stopping:
            return False
        batch = self._batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = position + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = last and i == len(tokens) - 1
        with log_lines() as lines:
            code = int(self._lib.llama_decode(self._context, batch))
        if code == ABORTED or (code and job.stopping):
            return False
        if code:
            why = reason(lines) or f"llama_decode gave {code}"
            raise EngineFailed(f"{self.settings.path.name} failed at token {position} of its context: {why}")
        return True

    def close(self) -> None:
        """Free everything."""
        lib = self._lib
        if self._batch is not None:
            lib.llama_batch_free(self._batch)
        if self._context:
            lib.llama_free(self._context)
        if self.model:
            lib.llama_model_free(self.model)
        self._batch = self._context = self.model = None


def _common(one: bytes, other: bytes) -> int:
    """Bytes that two texts share from the start."""
    low, high = 0, min(len(one), len(other))
    while low < high:  # comparing slices is much faster than looking at every byte
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


@cache
def _abort_when_set() -> Any:
    """An abort callback made of the C library's `strlen`, which reads the job's flag as a string: 0, go
    on, for an empty one. llama.cpp asks between any two operations; Python code asked so often from its
    threads would cost the interpreter lock each time."""
    libc = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
    address = ctypes.cast(libc.strlen, ctypes.c_void_p).value
    return library().ggml_abort_callback(address)


def _free_memory() -> int | None:
    """Bytes a process may still take; None where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text("ascii")
    except OSError:
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else None


class Engines:
    """Loaded models, at most `MAX_LOADED`; used on the lane's thread only."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[Hashable, Engine] = OrderedDict()

    def get(self, settings: Settings, *, stopping: Callable[[], bool]) -> Engine:
        """The engine of `settings`, loaded if need be."""
        if settings in self._loaded:
            self._loaded.move_to_end(settings)
            return self._loaded[settings]
        while len(self._loaded) >= MAX_LOADED:
            self._loaded.popitem(last=False)[1].close()
        engine = self._loaded[settings] = Engine(settings, stopping=stopping)
        return engine

    def drop(self, settings: Settings) -> None:
        """Unload a model, if it is loaded."""
        engine = self._loaded.pop(settings, None)
        if engine:
            engine.close()

    def near(self, settings: Settings, text: bytes) -> int:
        """Bytes of `text` that the model has live; on the lane's thread only."""
        engine = self._loaded.get(settings)
        return _common(engine.prefixes.live(), text) if engine else 0

    def held(self, settings: Settings) -> tuple[int, int]:
        """States of prefixes in memory and their bytes; may be asked from any thread."""
        engine = self._loaded.get(settings)
        return (len(engine.prefixes.tree), engine.prefixes.tree.bytes) if engine else (0, 0)

    def forget(self, settings: Settings) -> None:
        """Let go of all that a model has read, in memory and on disk; on the lane's thread only."""
        engine, shelf = self._loaded.get(settings), settings.shelf()
        if engine:
            engine.prefixes.forget()
        elif shelf:
            shelf.clear()

    def holds(self, settings: Settings) -> bool:
        """Whether the model is loaded; may be asked from any thread."""
        return settings in self._loaded

    def gpu(self, settings: Settings) -> str:
        """In words, whether a GPU helps; before loading only whether it could. Any thread may ask."""
        engine = self._loaded.get(settings)
        if not has_gpu():
            return NO_GPU
        if engine is None:
            return "a GPU can be used; loading the model will show it" if settings.n_gpu_layers else "not asked for"
        return str(engine.gpu)


ENGINES = Engines()
"""The loaded models of this process."""
