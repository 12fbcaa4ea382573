"""Cells nobody sees, which put a restored state of a model with sliding windows where its text was read.

Of a layer that sees a window only, a state holds the last tokens. Restored, they would stand at the beginning of that
layer's cells, and attention, which adds up cells in groups from the beginning, would round differently than where the
whole text was read (by up to 1.8 in the logits of gemma-3-270m). So some cells of another sequence are put before them:
as many as it takes to move the window by whole pieces.
"""

from __future__ import annotations

import ctypes

from promptlab.errors import EngineFailed
from promptlab.models._llama._batching import PIECE
from promptlab.models._llama._load import LoadedModel

SEQUENCE = 1
"""The sequence that those cells belong to; the text is sequence 0."""


class SwaPadding:
    """The cells, for a context in which nothing has been read.

    Raises:
        EngineFailed: a token could not be read.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._lib, self._context, self._memory = lib, context, memory = loaded.lib, loaded.context, loaded.memory
        self._window = loaded.sliding_window
        batch = lib.llama_batch_init(PIECE, 0, 1)
        batch.n_tokens = PIECE
        for i in range(PIECE):
            batch.token[i], batch.pos[i] = 0, i
            batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = 1, SEQUENCE, False
        code = int(lib.llama_decode(context, batch))
        lib.llama_batch_free(batch)
        if code:
            raise EngineFailed(f"{loaded.settings.path.name} failed at its first token: llama_decode gave {code}")
        only_windows = lib.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
        size = int(lib.llama_state_seq_get_size_ext(context, SEQUENCE, only_windows))
        self._cells = (ctypes.c_uint8 * size)()
        lib.llama_state_seq_get_data_ext(context, self._cells, size, SEQUENCE, only_windows)
        lib.llama_memory_clear(memory, False)

    def put(self, end: int) -> None:
        """Make an empty context ready for a state of the first `end` tokens of a text.

        Raises:
            EngineFailed: llama.cpp does not take the cells.
        """
        count = max(0, end - self._window) % PIECE
        if count:
            flags = self._lib.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
            size = len(self._cells)
            if not self._lib.llama_state_seq_set_data_ext(self._context, self._cells, size, SEQUENCE, flags):
                raise EngineFailed("llama.cpp does not take back cells of its own", hint="ask again")
            self._lib.llama_memory_seq_rm(self._memory, SEQUENCE, count, -1)
