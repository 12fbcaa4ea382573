"""The trial of a model in a process of its own: can this processor run its CPU code?

`python -m promptlab.models._llama._cpu_trial` takes the pickled `Settings` of a model on standard input. It prefills 1,
2, 64 and 600 tokens and decodes a few, because llama.cpp uses different code for each of these. It prints the result as
JSON: `{"read": 671, "why": ""}`. If the code uses an instruction that the processor does not have, this process is
killed, and _cpu_choice.py sees the signal.

`... --vocabulary PATH` opens only the vocabulary of a file and tokenises all kinds of text. A damaged file can end the
process; promptlab's own process opens vocabularies, too, and must survive.
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

from promptlab._util import subprocesses
from promptlab.errors import EngineFailed
from promptlab.models._llama._library import log_lines
from promptlab.models._llama._load import LoadedModel
from promptlab.models._llama._settings import ContextShape, Settings
from promptlab.models._llama._vocabulary import Vocab

READ = (1, 2, 64, 600)
WRITE = 4
CELLS = 1024
SECONDS = 20.0
"""The prefill ends after this time: by then even a large model on a small machine has shown that its code runs."""
TEXTS = (
    *("", " ", "\n\n\t", "Who won the 2022 World Cup?\r\n", "a" * 300, "word " * 100, "1234567890" * 20),
    *("é€😀\u200d漢字かなไทย한국어עברית", "e\u0301\u00a0\ufeff\ufffd", "<|im_start|>user<|im_end|></s><s>"),
    "".join(map(chr, (*range(1, 0x500), *range(0x2000, 0x2100), 0x1F600, 0x10FFFF))),
)


def try_model(settings: Settings) -> tuple[int, str]:
    """The number of tokens computed, and why the logits cannot be used, or "". Raises the errors of `LoadedModel`."""
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
    """Decode a batch of `size` tokens; why that failed, or ""."""
    tokens = int(loaded.lib.llama_vocab_n_tokens(loaded.vocab))
    batch.n_tokens = size
    for i in range(size):
        batch.token[i] = (7 * (position + i) + 11) % tokens
        batch.pos[i] = position + i
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = 0
        batch.logits[i] = i == size - 1
    with log_lines() as lines:
        code = int(loaded.lib.llama_decode(loaded.context, batch))
    if code:
        return str(loaded.decode_error(lines, code, position))
    logits = loaded.lib.llama_get_logits_ith(loaded.context, size - 1)
    # If one logit is NaN, so is the sum, and NaN is not equal to itself.
    total = sum((ctypes.c_float * tokens).from_address(ctypes.addressof(logits.contents)))
    return "" if total == total else "the computed logits are not numbers (NaN)"


def try_vocabulary(path: Path) -> int:
    """The number of bytes of all tokens of `TEXTS`, made with the vocabulary of a file. Raises what `Vocab` raises."""
    vocab, count = Vocab(path), 0
    for text in TEXTS:
        for special in (False, True):
            tokens = vocab.tokenize(text.encode(), special=special)
            count += len(b"".join(vocab.piece(token) + vocab.text_piece(token) for token in tokens))
    return count + len(vocab.guarded)


def main() -> None:
    """Try the model on standard input, or the vocabulary of a file, and print the result."""
    subprocesses.stand_back()
    write = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # prints must not mix with the result
    try:
        if len(sys.argv) > 1:
            read, why = try_vocabulary(Path(sys.argv[2])), ""
        else:
            read, why = try_model(pickle.load(sys.stdin.buffer))
    except EngineFailed as exc:
        result = {"read": 0, "why": "", "failed": exc.message, "hint": exc.hint}
    else:
        result = {"read": read, "why": why}
    json.dump(result, write)
    write.close()


if __name__ == "__main__":
    main()
