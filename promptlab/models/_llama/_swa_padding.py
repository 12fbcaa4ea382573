"""Padding cells for restored states of models with sliding-window attention (SWA).

For a layer with a sliding window, a state has only the last tokens. Restored, they would be in the first cells of that
layer. Attention adds up cells in groups from the first one on, so it would round differently than if the whole text had
been computed (by up to 1.8 in the logits of gemma-3-270m). So cells of another sequence, which attention masks, are put
before them: as many as move the window by whole pieces.
"""

from __future__ import annotations

import ctypes

from promptlab.errors import EngineFailed
from promptlab.models._llama._batching import PIECE
from promptlab.models._llama._load import LoadedModel

SEQUENCE = 1
"""The sequence of the padding cells; the text is sequence 0."""


class SwaPadding:
    """The padding cells for an empty context. One piece of them is computed when this is made.

    Raises:
        EngineFailed: llama.cpp could not compute them.
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
        """Prepare an empty context for a state of the first `end` tokens of a text.

        Raises:
            EngineFailed: llama.cpp does not accept the cells.
        """
        count = max(0, end - self._window) % PIECE
        if count:
            flags = self._lib.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
            size = len(self._cells)
            if not self._lib.llama_state_seq_set_data_ext(self._context, self._cells, size, SEQUENCE, flags):
                raise EngineFailed("llama.cpp does not accept its own padding cells", hint="ask again")
            self._lib.llama_memory_seq_rm(self._memory, SEQUENCE, count, -1)
