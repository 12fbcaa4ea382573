"""The llama.cpp library itself: importing it, its log, and the vocabulary of a model file.

What llama.cpp prints goes to a log of ours instead of the terminal: each thread reads back the lines
that its own calls caused, which is where the proof of GPU offload and the reasons of a failed load come
from. (The binding's own way, `verbose=False`, redirects file descriptors 1 and 2 of the whole process.)

A `Vocab` is a handle without weights. It opens in a tenth of a second to half a second, is safe to use
from any thread, and serves everything that needs tokens but no answer: previews, budgets, prompts.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from promptlab.errors import ModelNotReady
from promptlab.models._llama import _cpu_variants as cpu_variants

MAX_LOG_LINES = 2_000
CPU_VARIABLE = "PROMPTLAB_LLAMA_CPU"
"""Names the variant of llama.cpp's CPU code that a process is to load; see cpu_variants.py."""
GGML = "libggml.so.0"

_log = threading.local()
_keep: list[Any] = []  # the callback lives as long as the library that may call it


@cache
def library() -> Any:
    """The `llama_cpp` module, imported once and silenced.

    Raises:
        ModelNotReady: llama-cpp-python is not installed or its library does not load.
    """
    # Threads of llama.cpp that wait for each other by spinning come to a standstill where another program
    # uses the same cores: 8 s instead of 0.4 s for 55 tokens, measured with one busy neighbour. Those that sleep at
    # once write a seventh slower where nothing else runs; a few hundred turns, some microseconds, cost nothing there
    # and nothing beside a neighbour.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", "300")
    try:
        import llama_cpp
    except ImportError as exc:
        raise ModelNotReady(
            "local models need llama-cpp-python, which is not installed", hint="pip install 'promptlab[local]'"
        ) from exc
    except (OSError, RuntimeError, FileNotFoundError) as exc:
        raise ModelNotReady(
            f"the library of llama-cpp-python does not load: {exc}",
            hint="install it again: pip install --force-reinstall --no-cache-dir llama-cpp-python",
        ) from exc

    def on_line(_level: int, text: bytes, _data: Any) -> None:
        lines = getattr(_log, "lines", None)
        if lines is not None and len(lines) < MAX_LOG_LINES:
            lines.append(text.decode("utf-8", "replace"))

    callback = llama_cpp.llama_log_callback(on_line)
    _keep.append(callback)
    llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))
    _load_cpu_code()
    llama_cpp.llama_backend_init()
    return llama_cpp


def cpu_variant() -> str:
    """The variant of the CPU code in this process; empty in a build that has one kind of code only. A process that
    opens vocabularies and computes nothing takes the one that any processor can run."""
    return os.environ.get(CPU_VARIABLE) or cpu_variants.built()[-1]


def compute_here() -> None:
    """Have this process load the code for everyday answers, as the models' own process does: for tests and benchmarks
    that look at the engine's numbers from inside. Before the library is loaded."""
    os.environ.setdefault(CPU_VARIABLE, (*cpu_variants.candidates("fast"), "")[0])


def _load_cpu_code() -> None:
    """Load the CPU code, and whatever else was built as a library of its own, into a build that loads such at run time.

    Raises:
        ModelNotReady: there is no such variant, or the processor cannot run it.
    """
    folder = cpu_variants.folder()
    if folder is None or not (folder / GGML).is_file() or any(folder.glob("libggml-cpu.*")):
        return  # the CPU code is linked in
    # Only the file that libllama itself depends on holds the list of backends; `libggml.so` is a copy of it.
    ggml = ctypes.CDLL(str(folder / GGML))
    ggml.ggml_backend_load.argtypes, ggml.ggml_backend_load.restype = [ctypes.c_char_p], ctypes.c_void_p
    name = cpu_variant()
    chosen = cpu_variants.library_of(name) if name else None
    for path in sorted(folder.glob("libggml-*.so")):
        is_cpu = path.name.startswith("libggml-cpu-")
        if path.name != "libggml-base.so" and (path == chosen or not is_cpu or chosen is None):
            loaded = ggml.ggml_backend_load(str(path).encode())
            if path == chosen and not loaded:
                raise ModelNotReady(f"this processor cannot run llama.cpp's CPU code `{name}`")
    if chosen and not chosen.is_file():
        raise ModelNotReady(
            f"the installed llama-cpp-python has no CPU code `{name}`", hint="build it again: promptlab models build"
        )


@contextmanager
def log_lines() -> Iterator[list[str]]:
    """What llama.cpp logs on this thread meanwhile, in pieces as they came (a line may be several)."""
    outer = getattr(_log, "lines", None)
    _log.lines = []
    try:
        yield _log.lines
    finally:
        _log.lines = outer


def reason(lines: list[str]) -> str:
    """The line of a log that says why something failed; empty when none does."""
    wanted = ("error", "failed", "invalid", "unable", "unknown", "not ", "mismatch", "corrupt", "unsupported")
    text = "".join(lines).splitlines()
    noted = "KV overrides do not apply"  # said of every file
    told = [line.strip() for line in text if any(word in line.lower() for word in wanted) and noted not in line]
    # The first complaint is the cause; later ones only say that the caller failed, too.
    return told[0].split(": ", 1)[-1].removeprefix("error loading model: ") if told else ""


def has_gpu() -> bool:
    """Whether this build of llama.cpp can use a GPU of this machine."""
    return bool(library().llama_supports_gpu_offload())
