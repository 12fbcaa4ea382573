"""The exact mode: one answer at a time, with the prefix cache, and with the same logits as in a fresh process.

Everything here runs on one thread. A prompt starts from the prefix cache (_prefix_cache.py), and its batches are padded
(_batching.py), so that the same request gives the same logits to the bit, whatever was asked before. The prefill goes
in slices. After each slice its progress is reported, and a GPU can be stopped; on a CPU, a stop also ends the batch
that is running.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from promptlab.errors import EngineFailed
from promptlab.models._llama._batching import LEAST, decode_ranges, padded
from promptlab.models._llama._generation import Answer, Requester, Task
from promptlab.models._llama._library import library, log_lines
from promptlab.models._llama._load import LoadedModel
from promptlab.models._llama._prefix_cache import PrefixCache, Start
from promptlab.models._llama._settings import ContextShape, Settings
from promptlab.models._llama._swa_padding import SEQUENCE, SwaPadding
from promptlab.models._llama._vocabulary import TokenTable
from promptlab.types import Completion, FinishReason, Phase, Timings, Usage

ABORTED = 2


class ExactEngine:
    """A loaded model that answers one request at a time. Raises the errors of `LoadedModel`."""

    def __init__(self, settings: Settings, *, stopping: Callable[[], bool]) -> None:
        self.loaded = loaded = LoadedModel(settings, stopping=stopping, shape=self.shape_of(settings))
        self._lib = loaded.lib
        self._table = TokenTable(loaded.model)
        self._batch = loaded.lib.llama_batch_init(loaded.slice, 0, 1)
        self._pads, self._last = not loaded.recurrent, -1
        try:
            padding = SwaPadding(loaded) if loaded.sliding_window else None
        except EngineFailed:
            self.close()
            raise
        self.prefixes = PrefixCache(
            *(loaded.lib, loaded.context),
            rewinds=not loaded.recurrent,
            pad=padding.put if padding else None,
            limit=settings.prefix_bytes,
            shelf=settings.shelf(),
        )

    @staticmethod
    def shape_of(settings: Settings) -> ContextShape:
        """The context it opens."""
        return ContextShape(settings.window + LEAST, SEQUENCE + 1)

    @property
    def size(self) -> int:
        """Bytes of memory that it takes, with the states of the prefix cache."""
        return self.loaded.size + self.prefixes.tree.bytes

    @property
    def held(self) -> tuple[int, int]:
        """The number of states of the prefix cache in memory, and their bytes."""
        return len(self.prefixes.tree), self.prefixes.tree.bytes

    def live(self) -> bytes:
        """The text in the KV cache, as the bytes of its tokens."""
        return self.prefixes.live()

    def forget(self) -> None:
        """Clear the prefix cache, in memory and on disk."""
        self.prefixes.forget()

    def answer(self, task: Task, requester: Requester) -> Completion:
        """Prefill, then decode until the model ends, a stop string, `max_tokens` or a stop.

        Raises:
            RequestRejected: the grammar or a parameter cannot be used.
            EngineFailed: a batch failed.
        """
        answer = Answer(task, requester, self.loaded, self._table)
        try:
            start = self.prefixes.begin(task.tokens, mark=task.mark, keep=task.keep)
            done = self._answer(answer, start)
            if done.finish_reason != "stopped":
                self.prefixes.ended()
        except BaseException:
            self.prefixes.lost()
            raise
        finally:
            answer.close()
        return done

    def read_ahead(self, task: Task, requester: Requester) -> Completion:
        """Read the first `task.ahead` tokens into the prefix cache; the completion has no text. What was read before a
        stop stays in the cache.

        Raises:
            EngineFailed: a batch failed.
        """
        started = time.monotonic()
        try:
            start = self.prefixes.begin(task.tokens, mark=task.mark, keep=task.keep, ahead=task.ahead)
            self._stop_with(requester)
            read = self._prefill(task.tokens, requester, start, until=task.ahead)
            if read == task.ahead > start.position:
                self.prefixes.ended()
        except BaseException:
            self.prefixes.lost()
            raise
        usage = Usage(max(0, read - start.position), start.position, 0)
        timings = Timings(total=time.monotonic() - started)
        end: FinishReason = "stop" if read >= task.ahead else "stopped"
        return Completion("", end, usage, timings, details={"prefix": start.source or "none"})

    def _stop_with(self, requester: Requester) -> None:
        self._flag = requester.abort_flag  # llama.cpp keeps its address
        self._lib.llama_set_abort_callback(
            self.loaded.context, _abort_when_set(), ctypes.addressof(requester.abort_flag)
        )

    def _answer(self, answer: Answer, start: Start) -> Completion:
        requester, tokens = answer.requester, answer.task.tokens
        self._stop_with(requester)
        read = self._prefill(tokens, requester, start)
        if read < len(tokens):
            answer.finish = "stopped"
        while answer.finish is None:
            answer.choose(self._last)
            if answer.finish is None:
                at = len(tokens) + len(answer.tokens) - 1
                if not self._decode(answer.tokens[-1:], at, requester):
                    answer.finish = "stopped"
        return answer.done(read=max(0, read - start.position), reused=start.position, prefix=start.source or "none")

    def _prefill(self, tokens: Sequence[int], requester: Requester, start: Start, *, until: int = 0) -> int:
        """Prefill the prompt from `start`, or its first `until` tokens; the position reached, which is before the end
        only after a stop."""
        total = until or len(tokens)
        requester.emit(Phase("reading", start.position, total))
        for begin, end in decode_ranges(start.position, total, self.loaded.slice, start.stops):
            if not self._decode(tokens[begin:end], begin, requester, last=end == len(tokens), pad=self._pads):
                # Part of the batch may be in the KV cache; llama.cpp does not say how much.
                self.prefixes.stopped()
                return begin
            self.prefixes.reached(end)
            requester.emit(Phase("reading", end, total))
        return total

    def _decode(
        self, tokens: Sequence[int], position: int, requester: Requester, *, last: bool = True, pad: bool = False
    ) -> bool:
        """Run the model over `tokens`; False if it was stopped. Only the last token of a prompt gives logits, at index
        `_last` of the batch. With `pad` the batch is padded with tokens that are removed again."""
        if requester.stopping:
            return False
        batch, count = self._batch, len(tokens)
        batch.n_tokens = padded(count) if pad else count
        self._last = count - 1
        for i in range(batch.n_tokens):
            batch.token[i] = tokens[min(i, count - 1)]
            batch.pos[i] = position + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = last and i == count - 1
        with log_lines() as lines:
            code = int(self._lib.llama_decode(self.loaded.context, batch))
        if code == ABORTED or (code and requester.stopping):
            return False
        if code:
            raise self.loaded.decode_error(lines, code, position)
        if batch.n_tokens > count:
            self._lib.llama_memory_seq_rm(self.loaded.memory, 0, position + count, -1)
        return True

    def close(self) -> None:
        """Free the batch and the model."""
        self._lib.llama_batch_free(self._batch)
        self.loaded.close()


@cache
def _abort_when_set() -> Any:
    """An abort callback made of the C library's `strlen`: it reads the abort flag as a string and returns 0 for an
    empty one, which means go on. llama.cpp calls it between any two operations; a Python function would need the
    interpreter lock each time."""
    libc = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
    address = ctypes.cast(libc.strlen, ctypes.c_void_p).value
    return library().ggml_abort_callback(address)
