"""The KV cache that the sequences of a batch share: which sequence has which text, and which prompts stay cached.

A sequence that begins like another one shares its cells; nothing is copied. After an answer its prompt stays cached
for the next request until the cells are needed.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from promptlab.models._llama._load import LoadedModel
from promptlab.models._llama._prefix_tree import common

KEPT = 4
"""The most prompts that stay cached. More would slow down decoding: attention goes over all cells in use, also those of
other sequences."""
LONG = 256
"""If a prompt needs more new cells than this and other answers are active, cached prompts that do not help it are
dropped first."""


@dataclass(frozen=True, slots=True)
class Resident:
    """An active sequence: the tokens in its cells, and how many more cells it may need (`left`)."""

    sequence: int
    text: array[int]
    left: int


class KVCells:
    """The sequences of the context of `loaded`. `KEPT` of them are for cached prompts."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._lib, self._memory = loaded.lib, loaded.memory
        self._count, self._sequences = loaded.cells, loaded.sequences
        self._kept: OrderedDict[int, array[int]] = OrderedDict()
        self._free = list(range(loaded.sequences))

    @property
    def kept(self) -> int:
        """The number of cached prompts."""
        return len(self._kept)

    def nearest(self, wanted: array[int], active: Sequence[Resident]) -> tuple[int, int]:
        """The sequence that shares the longest prefix with `wanted`: the tokens shared, and its number; 0 and -1 if no
        sequence shares any."""
        matches = [(common(wanted, text), sequence) for sequence, text in self._texts(active)]
        best = max(matches, key=lambda match: match[0], default=(0, -1))
        return best if best[0] else (0, -1)

    def make_room(self, cells: int, active: Sequence[Resident], *, spared: int) -> bool:
        """True if so many more cells are free, beside those that active sequences may still need. Cached prompts are
        dropped for that, except the one of the sequence `spared`."""
        if active and cells > LONG:
            for sequence in [sequence for sequence in self._kept if sequence != spared]:
                self._drop(sequence)
        while active or self._kept:
            if self._reserved(active) + cells <= self._count:
                break
            oldest = next((sequence for sequence in self._kept if sequence != spared), None)
            if oldest is None:
                return not active
            self._drop(oldest)
        return True

    def open(self, source: int, shared: int) -> int:
        """A new sequence that shares its first `shared` tokens with the sequence `source`."""
        if source in self._kept:
            self._kept.move_to_end(source)
        sequence = self._free.pop()
        if shared:
            self._lib.llama_memory_seq_cp(self._memory, source, sequence, 0, shared)
        return sequence

    def keep(self, sequence: int, text: array[int]) -> None:
        """Keep `text`, the beginning of a sequence whose answer has ended, as a cached prompt."""
        self._lib.llama_memory_seq_rm(self._memory, sequence, len(text), -1)
        self._kept[sequence] = text
        while len(self._kept) > KEPT:
            self.drop_oldest()

    def drop_oldest(self) -> bool:
        """Drop the least recently used prompt. True if there was one."""
        for sequence in self._kept:
            self._drop(sequence)
            return True
        return False

    def release(self, sequence: int) -> None:
        """End a sequence and free the cells that only it uses."""
        self._lib.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        self._free.append(sequence)

    def clear(self) -> None:
        """End all sequences and free all cells, also after an error."""
        self._kept.clear()
        self._lib.llama_memory_clear(self._memory, False)
        self._free = list(range(self._sequences))

    def _reserved(self, active: Sequence[Resident]) -> int:
        """The cells in use, and those that active sequences may still need. Shared cells count once."""
        reserved = sum(resident.left for resident in active)
        before: list[array[int]] = []
        for _, text in self._texts(active):
            reserved += len(text) - max((common(text, earlier) for earlier in before), default=0)
            before.append(text)
        return reserved

    def _texts(self, active: Sequence[Resident]) -> list[tuple[int, array[int]]]:
        return [*self._kept.items(), *((resident.sequence, resident.text) for resident in active)]

    def _drop(self, sequence: int) -> None:
        del self._kept[sequence]
        self.release(sequence)
