"""The process that asks llama.cpp about one file: `python -m promptlab.models._llama._plan_worker`.

_plan_client.py starts it, writes one JSON object to its standard input, and reads one from its standard output. The
file may be damaged or made to do harm. Native code that fails then ends this process only, and it may not take more
memory than `MOST_MEMORY`.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from promptlab.errors import PromptlabError
from promptlab.models._llama._cpu_variants import Cpu
from promptlab.models._llama._library import cpu_variant
from promptlab.models._llama._plan import plan, quantised_bytes
from promptlab.models._llama._settings import ContextShape, Settings

MOST_MEMORY = 4 << 30
"""Bytes. A vocabulary of 262,000 words takes 30 MB, and a context of a million tokens some hundred."""
MOST_SECONDS = 300
"""Processor seconds; the largest models take 6."""


def _limit() -> None:
    if sys.platform == "win32":
        return
    import resource

    # Not RLIMIT_AS: a hole of 140 GB may be mapped, which takes no memory.
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """The plan of one file, or the error."""
    settings = Settings(
        path=Path(asked["path"]),
        identity="",
        window=asked["cells"],
        n_threads=1,
        n_gpu_layers=asked["gpu_layers"],
        flash_attn=asked["flash_attn"],
        parts=tuple(map(Path, asked["parts"])),
        lora=tuple(map(Path, asked["lora"])),
        cpu=Cpu(cpu_variant(), asked["extra_buffers"]),
        kv_type=asked["kv_type"],
        whole_context=asked["whole_context"],
    )
    try:
        need, *others = [
            asdict(plan(replace(settings, window=cells), ContextShape(cells, asked["sequences"]), batch=asked["batch"]))
            for cells in (asked["cells"], *asked["other_cells"])
        ]
        quantised = quantised_bytes(settings.path, asked["file_types"])
        return {"need": need, "others": others, "quantised": quantised}
    except PromptlabError as exc:
        return {"error": exc.message, "hint": exc.hint}


def main() -> None:
    """Read the question, ask llama.cpp, write the answer."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # prints of native code must not mix with the answer
    asked = json.load(sys.stdin)
    _limit()
    json.dump(answer(asked), out)
    out.close()


if __name__ == "__main__":
    main()
