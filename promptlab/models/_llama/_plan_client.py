"""Asking llama.cpp in a child process how much memory a file will take.

planned = plan_memory(PlanRequest(Path("hole.gguf"), cells=8192, file_types=("Q4_K_M",)))
planned.need.cache            # bytes of the KV cache
planned.quantised["Q4_K_M"]   # bytes of the weights in that file type
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from promptlab._util import subprocesses
from promptlab.errors import EngineFailed
from promptlab.models._extras import require_llama_cpp
from promptlab.models._llama._cpu_variants import candidates
from promptlab.models._llama._library import CPU_VARIABLE
from promptlab.models._llama._memory import CachePart, MemoryNeed

COMMAND = subprocesses.command("promptlab.models._llama._plan_worker")
SECONDS = 120


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What to lay out: the file at `path` (with all `parts` if it is split), a context of `cells` tokens shared by
    `sequences`, and batches of `batch` tokens (None: as the loader reads). `flash_attn` None leaves it to llama.cpp.
    With `whole_context`, layers with a sliding window keep all tokens. `lora` are adapters. `variant` is the CPU code;
    None for the fastest. `file_types` are those to tell the size in, `other_cells` further contexts to lay out."""

    path: Path
    cells: int
    sequences: int = 1
    batch: int | None = None
    flash_attn: bool | None = None
    kv_type: str = "f16"
    whole_context: bool = True
    gpu_layers: int = -1
    extra_buffers: bool = True
    variant: str | None = None
    parts: tuple[Path, ...] = ()
    lora: tuple[Path, ...] = ()
    file_types: tuple[str, ...] = ()
    other_cells: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """The memory that llama.cpp would take, also for the `other_cells` of the request, and bytes of the weights by file
    type."""

    need: MemoryNeed
    quantised: Mapping[str, int]
    others: tuple[MemoryNeed, ...] = ()


def plan_memory(request: PlanRequest) -> Planned:
    """Ask llama.cpp, in a process of its own with bounded memory.

    Raises:
        ModelNotReady: llama-cpp-python is not installed.
        EngineFailed: llama.cpp refuses the file, or fails on it.
    """
    require_llama_cpp()
    variant = (*candidates("fast"), "")[0] if request.variant is None else request.variant
    asked = {**asdict(request), "path": str(request.path), "parts": [*map(str, request.parts)]}
    asked["lora"] = [*map(str, request.lora)]
    try:
        done = subprocess.run(
            COMMAND,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            env={**subprocesses.environment(), CPU_VARIABLE: variant},
        )
    except subprocess.TimeoutExpired as exc:
        raise EngineFailed(
            f"llama.cpp did not lay out {request.path.name} within {SECONDS} s", hint="is the file a sound model?"
        ) from exc
    except OSError as exc:
        raise EngineFailed(f"the process that asks llama.cpp cannot be started: {exc}") from exc
    try:
        reply = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.strip().splitlines()
        why = next((line for line in lines if "ASSERT" in line or "rror" in line), lines[-1] if lines else "")
        raise EngineFailed(
            f"llama.cpp failed while it laid out {request.path.name} (exit status {done.returncode})"
            f"{': ' + why.strip()[:300] if why else ''}",
            hint="the head of the file is damaged, or of a kind that this llama.cpp does not know",
        ) from None
    if "error" in reply:
        raise EngineFailed(reply["error"], hint=reply["hint"])
    return Planned(_need(reply["need"]), reply["quantised"], tuple(map(_need, reply["others"])))


def _need(data: dict[str, Any]) -> MemoryNeed:
    caches = tuple(CachePart(**part) for part in data.pop("caches"))
    devices = tuple((name, size) for name, size in data.pop("devices"))
    return MemoryNeed(**data, caches=caches, devices=devices)


__all__ = ["PlanRequest", "Planned", "plan_memory"]
