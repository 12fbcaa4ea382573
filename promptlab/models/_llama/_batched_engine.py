"""The throughput mode: continuous batching. Each batch decodes one token for every active answer.

All sequences share one KV cache, so a prompt that begins like another one uses its cells instead of a prefill. Prompts
are prefilled while other answers are decoded, in the space that a batch has left. A prompt waits if an active one is
just prefilling the same text. After an answer its prompt stays cached until the cells are needed.

The logits of a token depend a little on the other tokens in the batch and in the cells, so texts may differ from those
of the exact mode. The mode is therefore off by default, and `promptlab models check` reports how many texts differ.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from promptlab.errors import EngineFailed
from promptlab.models._llama._generation import Answer, PendingRequest
from promptlab.models._llama._kv_cells import KEPT, KVCells, Resident
from promptlab.models._llama._library import log_lines
from promptlab.models._llama._load import LoadedModel
from promptlab.models._llama._prefix_tree import common
from promptlab.models._llama._settings import ContextShape, Settings
from promptlab.models._llama._vocabulary import TokenTable
from promptlab.types import Phase

READ_AT_ONCE = 256
"""The most prompt tokens in a batch on a CPU. A stop waits for the end of the batch, so it is not larger."""
ROOM = 256
"""Cells beyond the context window for each answer of a batch."""
NO_ROOM = 1
"""The result of `llama_decode` if no cells are free."""


@dataclass(eq=False, slots=True)
class _Seat:
    """An answer in progress. `position` is the number of tokens of `text` in the cells of `sequence`; `reused` of them
    came from another sequence. `again` counts tokens that were computed twice, `index` is its place in the batch."""

    answer: Answer
    waiting: PendingRequest
    text: array[int]
    sequence: int = -1
    position: int = 0
    reused: int = 0
    again: int = 0
    index: int = -1

    @property
    def reading(self) -> bool:
        return self.position < len(self.text)

    @property
    def left(self) -> int:
        """The number of tokens that are left to prefill and that it may still write."""
        task = self.answer.task
        return len(task.tokens) + task.params.max_tokens - self.position

    @property
    def behind(self) -> bool:
        """True if it has more tokens to compute than the one that it chose last."""
        return len(self.text) - self.position > 1


class BatchedEngine:
    """A loaded model that decodes up to `settings.throughput` answers at once. Raises the errors of `LoadedModel`, and
    `EngineFailed` for a recurrent model, whose state cannot be shared."""

    def __init__(self, settings: Settings, *, stopping: Callable[[], bool]) -> None:
        self._seats = settings.throughput
        self.loaded = loaded = LoadedModel(settings, stopping=stopping, shape=self.shape_of(settings))
        if loaded.recurrent:
            loaded.close()
            raise EngineFailed(
                f"{settings.path.name} is a recurrent model with one state for a whole text, so prompts cannot share "
                "a prefix",
                hint="set `throughput: 0` for this model in promptlab.yaml",
            )
        self._lib, self._table = loaded.lib, TokenTable(loaded.model)
        self._read_at_once = loaded.slice if loaded.gpu.layers else READ_AT_ONCE
        self._batch = loaded.lib.llama_batch_init(self._read_at_once + self._seats, 0, 1)
        self._queue: deque[_Seat] = deque()
        self._active: list[_Seat] = []
        self._cells = KVCells(loaded)
        self._full = False
        self._last: bytes = b""

    @staticmethod
    def shape_of(settings: Settings) -> ContextShape:
        """The context it opens."""
        return ContextShape(settings.window + ROOM * settings.throughput, settings.throughput + KEPT)

    @property
    def size(self) -> int:
        """Bytes of memory that it takes."""
        return self.loaded.size

    @property
    def held(self) -> tuple[int, int]:
        """The number of cached prompts. They take no further bytes, since their cells are part of the context."""
        return self._cells.kept, 0

    def live(self) -> bytes:
        """The last prompt that was begun, as the bytes of its tokens."""
        return self._last

    def forget(self) -> None:
        """Drop all cached prompts. Only allowed between answers."""
        self._cells.clear()

    def run(self, first: PendingRequest, more: Callable[[], PendingRequest | None]) -> None:
        """Answer `first`, and the requests that `more` returns while there is a free seat. Each is told its end."""
        self._take(first)
        while self._active or self._queue:
            while len(self._active) + len(self._queue) < self._seats and (request := more()):
                self._take(request)
            try:
                self._step()
            except BaseException as exc:
                self._fail(exc)
                if not isinstance(exc, EngineFailed):
                    raise

    def _take(self, waiting: PendingRequest) -> None:
        task = waiting.task
        try:
            answer = Answer(task, waiting, self.loaded, self._table)
        except Exception as exc:
            waiting.fail(exc)
            return
        self._last = array("i", task.tokens).tobytes()
        waiting.begin()
        self._queue.append(_Seat(answer, waiting, array("i", task.tokens)))

    def _step(self) -> None:
        """One batch: a token for each answer, and as many tokens of prompts as fit."""
        for seat in [*self._active, *self._queue]:
            if seat.waiting.stopping and seat.answer.finish is None:
                seat.answer.finish = "stopped"
            if seat.answer.finish is not None:
                self._end(seat)
        parts = self._filled()
        while parts:
            with log_lines() as lines:
                code = int(self._lib.llama_decode(self.loaded.context, self._batch))
            if not code:
                break
            if code != NO_ROOM:
                raise self.loaded.decode_error(lines, code, 0)
            if self._cells.drop_oldest():
                continue
            if len(self._active) > 1:
                self._put_off(self._active[-1])
                parts = self._filled()
            else:
                raise self.loaded.decode_error(lines, code, self._active[0].position)
        for seat, count in parts:
            seat.position += count
            if seat.reading or count > 1 or not seat.answer.tokens:
                total = len(seat.answer.task.tokens)
                seat.waiting.emit(Phase("reading", min(seat.position, total), total))
            if not seat.reading:
                self._choose(seat)

    def _choose(self, seat: _Seat) -> None:
        """Choose the next token of an answer. If its grammar fails, only this answer ends."""
        try:
            seat.answer.choose(seat.index)
        except EngineFailed as exc:
            self._active.remove(seat)
            self._cells.release(seat.sequence)
            seat.answer.close()
            seat.waiting.fail(exc)
            return
        if seat.answer.finish is None:
            seat.text.append(seat.answer.tokens[-1])

    def _filled(self) -> list[tuple[_Seat, int]]:
        """Fill the batch; the seats in it, each with its number of tokens."""
        self._batch.n_tokens = 0
        room = self._read_at_once
        parts = [(seat, self._add(seat, 1)) for seat in self._active if not seat.behind]
        readers = [seat for seat in self._active if seat.behind]
        while room > 0 and (seat := readers.pop(0) if readers else self._seated(parts)):
            count = self._add(seat, min(room, len(seat.text) - seat.position))
            parts.append((seat, count))
            room -= count
        return parts

    def _add(self, seat: _Seat, count: int) -> int:
        batch = self._batch
        for i in range(seat.position, seat.position + count):
            at = batch.n_tokens
            batch.token[at], batch.pos[at] = seat.text[i], i
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, seat.sequence
            batch.logits[at] = i == len(seat.text) - 1
            batch.n_tokens = at + 1
        seat.index = batch.n_tokens - 1
        return count

    def _seated(self, parts: list[tuple[_Seat, int]]) -> _Seat | None:
        """Give a sequence to the waiting request that shares the longest prefix with the cells; its seat. None if it is
        better that all wait."""
        if not self._queue or self._full:
            return None
        active = self._resident()
        nearest = {seat: self._cells.nearest(seat.text, active) for seat in self._queue}
        seat = max(self._queue, key=lambda queued: nearest[queued][0])
        shared, source = nearest[seat]
        # If a prompt in this batch has the same beginning, it can be shared after the batch.
        coming = max((common(seat.text, active_.text) for active_, _ in parts if active_.reading), default=0)
        if coming > shared or not self._cells.make_room(seat.left - shared, active, spared=source):
            return None
        self._queue.remove(seat)
        seat.position = min(shared, len(seat.text) - 1)
        seat.sequence = self._cells.open(source, seat.position)
        if not seat.answer.tokens:
            seat.reused = seat.position
        self._active.append(seat)
        seat.waiting.emit(Phase("reading", seat.position, len(seat.answer.task.tokens)))
        return seat

    def _resident(self) -> list[Resident]:
        return [Resident(seat.sequence, seat.text[: seat.position], seat.left) for seat in self._active]

    def _put_off(self, seat: _Seat) -> None:
        """Free the cells of an answer. It goes on after another answer has ended; its text is then computed again."""
        self._full = True
        self._active.remove(seat)
        self._cells.release(seat.sequence)
        seat.again += seat.position
        seat.sequence, seat.position = -1, 0
        self._queue.appendleft(seat)

    def _end(self, seat: _Seat) -> None:
        """Pass on the answer, and keep its prompt cached."""
        prompt = seat.answer.task.tokens
        if seat in self._active:
            self._full = False
            self._active.remove(seat)
            self._cells.keep(seat.sequence, array("i", prompt[: seat.position]))
        else:
            self._queue.remove(seat)
        seat.answer.close()
        read = max(0, min(seat.position, len(prompt)) - seat.reused)
        source = "live" if seat.reused else "none"
        more = {"read_again": seat.again} if seat.again else {}
        seat.waiting.end(seat.answer.done(read=read, reused=seat.reused, prefix=source, **more))

    def _fail(self, error: BaseException) -> None:
        """End all requests with an error and clear the cells, since their content is not known any more."""
        seats = [*self._active, *self._queue]
        self._active.clear()
        self._queue.clear()
        self._full = False
        self._cells.clear()
        for seat in seats:
            seat.answer.close()
            seat.waiting.fail(error)

    def close(self) -> None:
        """Free the batch and the model."""
        self._lib.llama_batch_free(self._batch)
        self.loaded.close()
