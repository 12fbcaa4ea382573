"""The llama.cpp library: importing it, loading its CPU code, and reading its log.

    with log_lines() as lines:
        library().llama_model_load_from_file(...)
    reason(lines)                               # why it failed

What llama.cpp prints goes to a log in memory instead of the terminal. Each thread reads the lines that its own calls
caused; they tell if layers went to a GPU and why a model did not load. (The `verbose=False` of llama-cpp-python
redirects file descriptors 1 and 2 of the whole process.)
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
"""The environment variable that names the CPU code variant of a process; see _cpu_variants.py."""
GGML = "libggml.so.0"

_log = threading.local()
_keep: list[Any] = []  # keeps the callback alive as long as the library may call it


@cache
def library() -> Any:
    """The `llama_cpp` module, imported once, with its log in memory.

    Raises:
        ModelNotReady: llama-cpp-python is not installed, or its library does not load.
    """
    # Threads of llama.cpp spin while they wait for each other. If another program uses the same cores, they nearly
    # stand still: 8 s instead of 0.4 s for 55 tokens, measured beside one busy process. Threads that sleep at once
    # decode a seventh slower on an idle machine. Spinning a few hundred times, some microseconds, costs nothing in
    # either case.
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
            hint="reinstall it: pip install --force-reinstall --no-cache-dir llama-cpp-python",
        ) from exc

    def on_line(_level: int, text: bytes, _data: Any) -> None:
        lines = getattr(_log, "lines", None)
        if lines is not None and len(lines) < _log.most:
            lines.append(text.decode("utf-8", "replace"))

    callback = llama_cpp.llama_log_callback(on_line)
    _keep.append(callback)
    llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))
    _load_cpu_code()
    llama_cpp.llama_backend_init()
    return llama_cpp


def cpu_variant() -> str:
    """The variant of the CPU code in this process; "" if the build has no variants. A process that only opens
    vocabularies uses the variant that every processor can run."""
    return os.environ.get(CPU_VARIABLE) or cpu_variants.built()[-1]


def compute_here() -> None:
    """Make this process load the CPU code that worker processes load, for tests and benchmarks that run an engine
    themselves. To be called before the library is loaded."""
    os.environ.setdefault(CPU_VARIABLE, (*cpu_variants.candidates("fast"), "")[0])


def _load_cpu_code() -> None:
    """Load the CPU code and other backends, if the build has them as libraries of their own.

    Raises:
        ModelNotReady: the variant does not exist, or the processor cannot run it.
    """
    folder = cpu_variants.folder()
    if folder is None or not (folder / GGML).is_file() or any(folder.glob("libggml-cpu.*")):
        return  # the CPU code is linked in
    # libllama depends on the file with this version in its name, so that one has the list of loaded backends.
    # `libggml.so` is a copy with a list of its own.
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
            f"the installed llama-cpp-python has no CPU code `{name}`", hint="rebuild it: promptlab models build"
        )


@contextmanager
def log_lines(most: int = MAX_LOG_LINES) -> Iterator[list[str]]:
    """The log of llama.cpp on this thread during the block, in pieces as they came; a line may be several pieces. At
    `most` so many pieces are kept, the first ones."""
    outer = getattr(_log, "lines", None), getattr(_log, "most", MAX_LOG_LINES)
    _log.lines, _log.most = [], most
    try:
        yield _log.lines
    finally:
        _log.lines, _log.most = outer


def reason(lines: list[str]) -> str:
    """The line of a log that says why something failed; "" if there is none."""
    wanted = ("error", "failed", "invalid", "unable", "unknown", "not ", "mismatch", "corrupt", "unsupported")
    text = "".join(lines).splitlines()
    noise = "KV overrides do not apply"  # logged for every file
    complaints = [line.strip() for line in text if any(word in line.lower() for word in wanted) and noise not in line]
    # The first complaint is the cause; later ones come from its callers.
    return complaints[0].split(": ", 1)[-1].removeprefix("error loading model: ") if complaints else ""


def has_gpu() -> bool:
    """True if this build of llama.cpp can use a GPU of this machine."""
    return bool(library().llama_supports_gpu_offload())
