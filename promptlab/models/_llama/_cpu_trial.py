"""One try of a model in a process of its own: can this processor run the CPU code that would answer?

`python -m promptlab.models._llama._cpu_trial` takes the `Settings` of a model, pickled, on standard input. It reads
1, 2, 64 and 600 tokens and writes a few, since llama.cpp takes other code for each of these, and prints the result as
JSON: `{"read": 671, "why": ""}`. If the code uses an instruction that the processor does not have, this process
dies, and _cpu_choice.py sees by which signal.

`… --vocabulary PATH` opens a file's vocabulary only and makes tokens of all kinds of text, which ends the process too
where the file is damaged: promptlab's own process opens vocabularies, and may not end with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from promptlab.errors import EngineFailed
from promptlab.models._llama._library import log_lines
from promptlab.models._llama._load import LoadedModel
from promptlab.models._llama._settings import ContextShape, Settings
from promptlab.models._llama._vocabulary import Vocab

READ = (1, 2, 64, 600)
WRITE = 4
CELLS = 1024
SECONDS = 20.0
"""Reading ends after this time: a large model on a small machine has then shown that its code runs."""
TEXTS = (
    *("", " ", "\n\n\t", "Who won the 2022 World Cup?\r\n", "a" * 300, "word " * 100, "1234567890" * 20),
    *("é€😀\u200d漢字かなไทย한국어עברית", "e\u0301\u00a0\ufeff\ufffd", "<|im_start|>user<|im_end|></s><s>"),
    "".join(map(chr, (*range(1, 0x500), *range(0x2000, 0x2100), 0x1F600, 0x10FFFF))),
)


def tried(settings: Settings) -> tuple[int, str]:
    """The number of tokens read, and why the numbers cannot be used; empty if they can. Raises what `LoadedModel` raises."""
    loaded = LoadedModel(settings, stopping=lambda: False, shape=ContextShape(min(settings.window, CELLS)))
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


def _decode(loaded: LoadedModel, batch: Any, position: int, size: int) -> str:
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
        return str(loaded.decode_error(lines, code, position))
    logits = loaded.lib.llama_get_logits_ith(loaded.context, size - 1)
    # A NaN is not equal to itself; adding up meets each of them.
    total = sum((ctypes.c_float * words).from_address(ctypes.addressof(logits.contents)))
    return "" if total == total else "the numbers that come out are no numbers (NaN)"


def opened(path: Path) -> int:
    """The number of tokens made of `TEXTS` by the vocabulary of a file. Raises what `Vocab` raises."""
    vocab, made = Vocab(path), 0
    for text in TEXTS:
        for special in (False, True):
            tokens = vocab.tokenize(text.encode(), special=special)
            made += len(b"".join(vocab.piece(token) + vocab.text_piece(token) for token in tokens))
    return made + len(vocab.guarded)


def main() -> None:
    """Try the model on standard input, or the vocabulary that is named, and print how it went."""
    write = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what is printed must not be taken for the result
    try:
        if len(sys.argv) > 1:
            read, why = opened(Path(sys.argv[2])), ""
        else:
            read, why = tried(pickle.load(sys.stdin.buffer))
    except EngineFailed as exc:
        result = {"read": 0, "why": "", "failed": exc.message, "hint": exc.hint}
    else:
        result = {"read": read, "why": why}
    json.dump(result, write)
    write.close()


if __name__ == "__main__":
    main()
