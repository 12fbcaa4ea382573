"""The items that a suite will ask, read once from the files of cases, for several passes.

Counting the items, checking their labels, asking them and writing the recording all go through the same items in the
same order. Reading the files again for each pass would be slow, and would mix two states of a file that is edited
meanwhile. The items are kept in memory up to a limit, and in a temporary file beyond that, so memory stays flat.
"""

from __future__ import annotations

import pickle
import weakref
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile

from promptlab.suites._suite import Case, Item, ItemKey, Suite

IN_MEMORY = 4_000_000
"""Bytes of cases that are kept in memory; more of them go to a temporary file."""


class Planned:
    """Items with their positions. They can be iterated any number of times, but not by several threads at once."""

    def __init__(self, suite: Suite, chosen: Iterable[tuple[int, Item]]) -> None:
        self._variants = suite.variants
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY, prefix="promptlab-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)  # the caller may prepare a suite and never ask it
        self._end = self._count = 0
        together: list[tuple[int, Item]] = []
        for position, item in chosen:
            # By identity: two cases may be equal, and each has its own place.
            if together and item.case is not together[0][1].case:
                self._add(together)
                together = []
            together.append((position, item))
        if together:
            self._add(together)

    def __len__(self) -> int:
        return self._count

    def _add(self, items: list[tuple[int, Item]]) -> None:
        names = [variant.name for variant in self._variants]
        asked = [(position, names.index(item.variant.name), *item.key[2:]) for position, item in items]
        pickle.dump((items[0][1].case, asked), self._file)
        self._end = self._file.tell()
        self._count += len(items)

    def __iter__(self) -> Iterator[tuple[int, Item]]:
        """The items from the first. Several iterators may be in use at once."""
        place = 0
        while place < self._end:
            self._file.seek(place)
            case: Case
            case, asked = pickle.load(self._file)  # safe: we wrote it, and no other process can open the file
            place = self._file.tell()
            for position, variant, model, repeat in asked:
                chosen = self._variants[variant]
                yield position, Item(ItemKey(case.id, chosen.name, model, repeat), case, chosen)
