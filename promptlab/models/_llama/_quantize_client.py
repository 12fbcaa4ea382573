"""Quantising a GGUF file in a child process, by llama.cpp's own quantiser.

    sizes = quantised_sizes(Path("model.gguf"), ["Q4_0", "Q8_0"])       # bytes of the weights in each; writes nothing
    quantise_file(Path("model.gguf"), Path("new.gguf"), "Q4_0", {"promptlab.quantised_from": "F16"})

llama.cpp reads the whole file and uses all cores. A file that makes it fail ends the child only.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promptlab._util import subprocesses
from promptlab.errors import EngineFailed
from promptlab.models._extras import require_llama_cpp
from promptlab.models._llama._cpu_variants import candidates
from promptlab.models._llama._library import CPU_VARIABLE

COMMAND = subprocesses.command("promptlab.models._llama._quantize_worker")


def quantised_sizes(source: Path, file_types: Sequence[str]) -> Mapping[str, int]:
    """Bytes of the weights of `source` in each of `file_types`; a type that llama.cpp refuses is left out.

    Raises:
        ModelNotReady: llama-cpp-python is not installed.
        EngineFailed: llama.cpp fails on the file.
    """
    sizes: Mapping[str, int] = _ask({"source": str(source), "sizes": list(file_types)}, source)["sizes"]
    return sizes


def quantise_file(source: Path, target: Path, file_type: str, keys: Mapping[str, str]) -> None:
    """Write `source` as `file_type` to `target`, with `keys` in its head.

    Raises:
        ModelNotReady: llama-cpp-python is not installed.
        EngineFailed: llama.cpp refuses, or fails.
    """
    _ask({"source": str(source), "target": str(target), "file_type": file_type, "keys": dict(keys)}, source)


def _ask(asked: Mapping[str, Any], source: Path) -> dict[str, Any]:
    require_llama_cpp()
    environment = {**subprocesses.environment(), CPU_VARIABLE: (*candidates("fast"), "")[0]}
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(
            COMMAND, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, errors="replace", env=environment
        )
    except OSError as exc:
        raise EngineFailed(f"the process that quantises cannot be started: {exc}") from exc
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(asked) + "\n")
        child.stdin.flush()  # and left open: its end is the end of the child
        text = child.stdout.read()
        child.wait()
        reply: dict[str, Any] = json.loads(text)
    except (ValueError, BrokenPipeError):
        raise EngineFailed(
            f"llama.cpp failed while it quantised {source.name} (exit status {child.wait()})",
            hint="the file is damaged, or the memory is too small for it",
        ) from None
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        _close(child.stdin)
    if reply.get("failed"):
        raise EngineFailed(f"llama.cpp does not quantise {source.name}: {reply['failed']}")
    return reply


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:  # the child is gone
        return


__all__ = ["quantise_file", "quantised_sizes"]
