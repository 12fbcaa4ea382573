"""The process that quantises one file: `python -m promptlab.models._llama._quantize_worker`.

_quantize_client.py starts it, writes one line of JSON to its standard input, and reads one from its standard output. It
ends when its standard input is closed, so that it does not outlive who asked for it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab._util import subprocesses
from promptlab.errors import PromptlabError
from promptlab.models._llama._library import library, log_lines, reason
from promptlab.models._llama._plan import MOST_LINES, quantised_bytes

MOST_BUFFER = 1 << 30
"""Bytes of one matrix that are kept in memory at once; llama.cpp's default is 8 GiB."""
LONGEST_VALUE = 127


def quantise(source: Path, target: Path, file_type: str, keys: Mapping[str, str]) -> str:
    """Quantise `source` into `target`, with further `keys` in its head. "" if it went well, else the reason."""
    lib = library()
    params = lib.llama_model_quantize_default_params()
    params.ftype = lib.LLAMA_FTYPE_ALL_F32 if file_type == "F32" else getattr(lib, f"LLAMA_FTYPE_MOSTLY_{file_type}")
    params.allow_requantize, params.max_buf_size = True, MOST_BUFFER
    params.nthread = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    written = (lib.llama_model_kv_override * (len(keys) + 1))()  # the last one, with an empty key, is the end
    for place, (key, value) in zip(written, keys.items(), strict=False):
        place.tag, place.key = lib.LLAMA_KV_OVERRIDE_TYPE_STR, key.encode()
        place.value.val_str = value.encode()[:LONGEST_VALUE]
    params.kv_overrides = written
    with log_lines(most=MOST_LINES) as lines:
        failed = lib.llama_model_quantize(str(source).encode(), str(target).encode(), params)
    return (reason(lines) or "".join(lines[-1:]).strip() or f"status {failed}") if failed else ""


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Do what is asked: tell the bytes of each of some file types, or write one file."""
    try:
        if "sizes" in asked:
            return {"sizes": quantised_bytes(Path(asked["source"]), asked["sizes"])}
        return {"failed": quantise(Path(asked["source"]), Path(asked["target"]), asked["file_type"], asked["keys"])}
    except PromptlabError as exc:
        return {"failed": exc.message}


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Read the question, do it, write the answer."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # prints of native code must not mix with the answer
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    subprocesses.stand_back()
    json.dump(answer(asked), out)
    out.close()
    os._exit(0)  # the thread that reads standard input would hold the interpreter back


if __name__ == "__main__":
    main()
