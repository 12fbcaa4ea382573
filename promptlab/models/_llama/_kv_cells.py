"""The cells of a context that many sequences share: who has which text in them, and what stays after an answer.

A sequence that begins like another one takes over its cells, which copies nothing. What an answer leaves behind, its
prompt, is kept for the next one until the room is needed.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from promptlab.models._llama._load import LoadedModel
from promptlab.models._llama._prefix_tree import common

KEPT = 4
"""Prompts that stay after their answers, at most: every token looks at all cells in use, also those of strangers."""
LONG = 256
"""Tokens to read before which those are let go that do not help, where others are being answered as well."""


@dataclass(frozen=True, slots=True)
class Resident:
    """A sequence at work: the tokens it has in its cells, and how many more it may take."""

    sequence: int
    text: array[int]
    left: int


class KVCells:
    """The sequences of `loaded`, of which `KEPT` are for prompts that stay."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._lib, self._memory = loaded.lib, loaded.memory
        self._count, self._sequences = loaded.cells, loaded.sequences
        self._kept: OrderedDict[int, array[int]] = OrderedDict()
        self._free = list(range(loaded.sequences))

    @property
    def kept(self) -> int:
        """Prompts that stay."""
        return len(self._kept)

    def nearest(self, wanted: array[int], active: Sequence[Resident]) -> tuple[int, int]:
        """How many tokens of `wanted` some sequence has in its cells, and which one; 0 and -1 where none has any."""
        found = [(common(wanted, text), sequence) for sequence, text in self._texts(active)]
        best = max(found, key=lambda one: one[0], default=(0, -1))
        return best if best[0] else (0, -1)

    def make_room(self, cells: int, active: Sequence[Resident], *, spared: int) -> bool:
        """Whether so many cells more can be had, now that all who are active may still grow; kept prompts are let go
        for it, but not that of the sequence `spared`."""
        if active and cells > LONG:
            for sequence in [one for one in self._kept if one != spared]:
                self._let_go(sequence)
        while active or self._kept:
            if self._taken(active) + cells <= self._count:
                break
            oldest = next((sequence for sequence in self._kept if sequence != spared), None)
            if oldest is None:
                return not active
            self._let_go(oldest)
        return True

    def open(self, source: int, shared: int) -> int:
        """A new sequence, whose first `shared` tokens are those of `source`."""
        if source in self._kept:
            self._kept.move_to_end(source)
        sequence = self._free.pop()
        if shared:
            self._lib.llama_memory_seq_cp(self._memory, source, sequence, 0, shared)
        return sequence

    def keep(self, sequence: int, text: array[int]) -> None:
        """The answer of a sequence has ended: `text`, which its cells begin with, stays."""
        self._lib.llama_memory_seq_rm(self._memory, sequence, len(text), -1)
        self._kept[sequence] = text
        while len(self._kept) > KEPT:
            self.drop_oldest()

    def drop_oldest(self) -> bool:
        """Let go of the prompt that was used longest ago; whether there was one."""
        for sequence in self._kept:
            self._let_go(sequence)
            return True
        return False

    def release(self, sequence: int) -> None:
        """Give up a sequence and the cells that it alone had."""
        self._lib.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        self._free.append(sequence)

    def clear(self) -> None:
        """Give up everything, whatever state it is in."""
        self._kept.clear()
        self._lib.llama_memory_clear(self._memory, False)
        self._free = list(range(self._sequences))

    def _taken(self, active: Sequence[Resident]) -> int:
        """Cells in use, and those that the active may still take."""
        taken = sum(one.left for one in active)
        before: list[array[int]] = []
        for _, text in self._texts(active):
            taken += len(text) - max((common(text, other) for other in before), default=0)
            before.append(text)
        return taken

    def _texts(self, active: Sequence[Resident]) -> list[tuple[int, array[int]]]:
        return [*self._kept.items(), *((one.sequence, one.text) for one in active)]

    def _let_go(self, sequence: int) -> None:
        del self._kept[sequence]
        self.release(sequence)
