"""The throughput mode: many answers written together, each decode bringing one token to every one of them.

All sequences share one pool of cells, so a prompt that begins like another one takes over its cells instead of reading
them again. Prompts are read while others are written, in what room a batch has left; one that is about to read what a
neighbour is reading waits for it. What an answer leaves behind, its prompt, stays until the room is needed.

A token's numbers depend a little on what stands beside it in the batch and in the cells (DESIGN.md, measured facts), so
texts may differ from those of the exact mode: one asks for this mode, and `promptlab models check` says how many do.
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
"""Prompt tokens in a decode on a processor: a stop waits for its end."""
ROOM = 256
"""Cells beyond the window for each answer written together."""
NO_ROOM = 1


@dataclass(eq=False, slots=True)
class _Seat:
    """An answer on its way. `position` counts the tokens of `text` that are in the cells of `sequence`."""

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
        """Tokens it may still write and has still to read."""
        task = self.answer.task
        return len(task.tokens) + task.params.max_tokens - self.position

    @property
    def behind(self) -> bool:
        """Whether it has more to read than the token it wrote last."""
        return len(self.text) - self.position > 1


class BatchedEngine:
    """A loaded model that writes up to `settings.throughput` answers at once. Raises what `LoadedModel` raises, and
    `EngineFailed` for a model whose memory cannot be shared."""

    def __init__(self, settings: Settings, *, stopping: Callable[[], bool]) -> None:
        self._seats = settings.throughput
        self.loaded = loaded = LoadedModel(settings, stopping=stopping, shape=self.shape_of(settings))
        if loaded.recurrent:
            loaded.close()
            raise EngineFailed(
                f"{settings.path.name} keeps one state for a whole text, so prompts cannot share their beginnings",
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
        """Bytes it takes."""
        return self.loaded.size

    @property
    def held(self) -> tuple[int, int]:
        """Prompts that stay read; their cells are part of the context, so they take no bytes of their own."""
        return self._cells.kept, 0

    def live(self) -> bytes:
        """The prompt that was begun last, as the bytes of its tokens."""
        return self._last

    def forget(self) -> None:
        """Let go of all that was read. Between answers only."""
        self._cells.clear()

    def run(self, first: PendingRequest, more: Callable[[], PendingRequest | None]) -> None:
        """Answer `first` and whatever `more` gives while there is a seat; each is told when its answer has ended."""
        self._take(first)
        while self._active or self._queue:
            while len(self._active) + len(self._queue) < self._seats and (one := more()):
                self._take(one)
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
        """One decode: a token for each that writes, and as much of prompts as there is room for."""
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
        """The next token of one answer; a schema that becomes too much for it ends that answer and no other."""
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
        """Fill the batch; who is in it, each with how many tokens."""
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
        """Of those who wait the one of whose text most is there, with a sequence of its own; None while all had better
        wait."""
        if not self._queue or self._full:
            return None
        active = self._resident()
        nearest = {seat: self._cells.nearest(seat.text, active) for seat in self._queue}
        seat = max(self._queue, key=lambda one: nearest[one][0])
        shared, source = nearest[seat]
        # One that reads the same just now will have read it with the next decode.
        coming = max((common(seat.text, one.text) for one, _ in parts if one.reading), default=0)
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
        """Give up the cells of an answer; it goes on when another has ended, after its text has been read again."""
        self._full = True
        self._active.remove(seat)
        self._cells.release(seat.sequence)
        seat.again += seat.position
        seat.sequence, seat.position = -1, 0
        self._queue.appendleft(seat)

    def _end(self, seat: _Seat) -> None:
        """Tell the asker, and keep the prompt for the next one."""
        prompt = seat.answer.task.tokens
        if seat in self._active:
            self._full = False
            self._active.remove(seat)
            self._cells.keep(seat.sequence, array("i", prompt[: seat.position]))
        else:
            self._queue.remove(seat)
        seat.answer.close()
        read = max(0, min(seat.position, len(prompt)) - seat.reused)
        found = "live" if seat.reused else "none"
        more = {"read_again": seat.again} if seat.again else {}
        seat.waiting.end(seat.answer.done(read=read, reused=seat.reused, prefix=found, **more))

    def _fail(self, error: BaseException) -> None:
        """Something broke: everybody is told, and nothing that was read is trusted."""
        seats = [*self._active, *self._queue]
        self._active.clear()
        self._queue.clear()
        self._full = False
        self._cells.clear()
        for seat in seats:
            seat.answer.close()
            seat.waiting.fail(error)

    def close(self) -> None:
        """Free everything."""
        self._lib.llama_batch_free(self._batch)
        self.loaded.close()
