"""One try of a model in a process of its own: can this processor run the CPU code that would answer?

`python -m promptlab.backends.llama_trial` takes the `Settings` of a model, pickled, on standard input. It reads 1, 2,
64 and 600 tokens and writes a few, since llama.cpp takes other code for each of these, and prints how it went as JSON:
`{"read": 671, "why": ""}`. If the code uses an instruction that the processor does not have, this process dies, and
llama_tried.py sees by which signal.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import sys
import time
from itertools import pairwise
from typing import Any

from promptlab.backends.llama_loading import Loaded, Settings, Shape
from promptlab.backends.llama_native import log_lines
from promptlab.errors import EngineFailed

READ = (1, 2, 64, 600)
WRITE = 4
CELLS = 1024
SECONDS = 20.0
"""Reading ends after this time: a large model on a small machine has then shown that its code runs."""


def tried(settings: Settings) -> tuple[int, str]:
    """The number of tokens read, and why the numbers cannot be used; empty if they can. Raises what `Loaded` raises."""
    loaded = Loaded(settings, stopping=lambda: False, shape=Shape(min(settings.window, CELLS)))
    lib, ends = loaded.lib, time.monotonic() + SECONDS
    batch = lib.llama_batch_init(loaded.slice, 0, 1)
    read, why = 0, ""
    try:
        for count in READ:
            lib.llama_memory_clear(loaded.memory, True)
            last = min(count, loaded.cells - WRITE)
            steps = [*range(0, last, loaded.slice), last]
            if count == READ[-1]:
                steps += range(last + 1, last + WRITE + 1)
            for begin, end in pairwise(steps):
                if why or time.monotonic() > ends:
                    return read, why
                why = _decode(loaded, batch, begin, end - begin)
                read += end - begin
    finally:
        lib.llama_batch_free(batch)
        loaded.close()
    return read, why


def _decode(loaded: Loaded, batch: Any, position: int, size: int) -> str:
    """Read `size` tokens; why that failed, or empty."""
    words = int(loaded.lib.llama_vocab_n_tokens(loaded.vocab))
    batch.n_tokens = size
    for i in range(size):
        batch.token[i] = (7 * (position + i) + 11) % words
        batch.pos[i] = position + i
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = 0
        batch.logits[i] = i == size - 1
    with log_lines() as lines:
        code = int(loaded.lib.llama_decode(loaded.context, batch))
    if code:
        return str(loaded.failed(lines, code, position))
    logits = loaded.lib.llama_get_logits_ith(loaded.context, size - 1)
    # A NaN is not equal to itself; adding up meets each of them.
    total = sum((ctypes.c_float * words).from_address(ctypes.addressof(logits.contents)))
    return "" if total == total else "the numbers that come out are no numbers (NaN)"


def main() -> None:
    """Try the model on standard input, and print how it went."""
    settings = pickle.load(sys.stdin.buffer)
    write = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what is printed must not be taken for the result
    try:
        read, why = tried(settings)
    except EngineFailed as exc:
        result = {"read": 0, "why": "", "failed": exc.message, "hint": exc.hint}
    else:
        result = {"read": read, "why": why}
    json.dump(result, write)
    write.close()


if __name__ == "__main__":
    main()
