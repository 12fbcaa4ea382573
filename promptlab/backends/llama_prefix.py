"""What a loaded model has read already, and how the next prompt starts from it.

One sequence is live in the context: the last prompt can be cut back to the end of any of its pieces. Before the
live text is given up, what somebody may come back to is kept as a state of its own: the text before the question, and
the places where prompts are known to part. The next prompt starts from the live text or from a state in memory or on
disk, whichever lies deepest, and only the rest is read. Cut where pieces end (llama_cuts.py), live text and states give
the same numbers as a fresh context, to the bit; so an answer never depends on what was asked before.

Used on the thread of its engine only.
"""

from __future__ import annotations

import ctypes
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from promptlab.backends.llama_cuts import WORTH, Cuts, tokens_in
from promptlab.backends.llama_disk import Shelf
from promptlab.backends.llama_tree import Node, Tree

DISK_WORTH = 256
"""Tokens that must be saved from being read again for a file to be kept."""
MEMORY = 1_000_000_000
"""Bytes of states in memory, unless said otherwise."""

Found = Literal["", "live", "memory", "disk"]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a prompt starts: after `position` tokens, which were `found` where. Reading is to pause at `stops`, so that
    `Prefixes.reached` can keep the states there."""

    position: int
    found: Found
    stops: frozenset[int]


class Prefixes:
    """The live text of a context and the tree of its states.

    `rewinds` is false for models whose memory cannot be cut back (recurrent ones): they start from states only.
    `window` is true for models with sliding windows: a state of theirs holds the last of them, and cannot be cut back.
    """

    def __init__(
        self,
        lib: Any,
        context: Any,
        *,
        rewinds: bool,
        window: bool,
        limit: int = MEMORY,
        shelf: Shelf | None = None,
    ) -> None:
        self._window, self._floor = window, 0
        self._lib, self._context, self._memory = lib, context, lib.llama_get_memory(context)
        self._rewinds, self._shelf = rewinds, shelf
        self.tree = Tree(limit)
        self._live: list[bytes] = []
        self._mark = 0
        self._path: list[bytes] = []
        self._ends: Sequence[int] = ()
        self._wanted: set[int] = set()
        self._keep_on_disk = False
        self.loaded = self.saved = 0
        if shelf is not None:
            self._take_in(shelf)

    def _take_in(self, shelf: Shelf) -> None:
        for one in shelf.find():
            tokens = array("i", one.tokens)
            # What was kept ends where a question began, or at a whole piece.
            path = Cuts.of(len(tokens) + 1, len(tokens)).pieces([*tokens, 0])
            self.tree.put_file(path, len(path), one.path)

    def live(self) -> bytes:
        """The live text, as the bytes of its tokens; for ordering requests."""
        return b"".join(self._live)

    def begin(self, tokens: Sequence[int], cuts: Cuts, *, keep: bool) -> Start:
        """Make the context ready to read `tokens`, cut like that, on from the start that is returned; `keep` allows
        what stands before the question to be kept on disk."""
        path = cuts.pieces(tokens)
        shared = _shared(self._live, path) if self._rewinds else 0
        shared = shared if shared >= self._floor else 0
        self._give_up(shared)
        branch = self.tree.note(path)
        node = self.tree.longest(path)
        start, found = self._start(path, shared, node)
        self._path, self._ends = path, cuts.ends
        self._mark = cuts.before
        self._keep_on_disk = keep
        depths = {branch, self._mark} if not self._rewinds else {branch}
        self._wanted = {d for d in depths if d > start and self.tree.missing(path, d) >= WORTH}
        self._live = path[:start]
        return Start(tokens_in(self._live), found, frozenset(cuts.ends[d - 1] for d in self._wanted))

    def _start(self, path: Sequence[bytes], shared: int, node: Node | None) -> tuple[int, Found]:
        """The pieces that are in the context now, and where they were found."""
        while node is not None and node.depth > shared:
            found: Found = "memory" if node.state is not None else "disk"
            if self._restore(node, path):
                return node.depth, found
            node = self.tree.longest(path)
        if shared and self._cut(path[:shared]):
            return shared, "live"
        self._clear()
        return 0, ""

    def _restore(self, node: Node, path: Sequence[bytes]) -> bool:
        """Put the state of `node` into the context; whether that worked. One that does not is forgotten."""
        state = node.state
        if state is None and node.file is not None and self._shelf is not None:
            state = self._shelf.load(node.file)
            if state is None:
                node.file = None
        if state is None:
            return False
        self._clear()
        # The library only reads it, so the bytes need not be copied first.
        data = ctypes.cast(ctypes.c_char_p(state), ctypes.POINTER(ctypes.c_uint8))
        if not self._lib.llama_state_seq_set_data(self._context, data, len(state), 0):
            self._clear()
            self.tree.forget(node)
            return False
        self.loaded += 1
        self._floor = node.depth if self._window else 0
        if node.state is None:
            self.tree.put(path, node.depth, state)
        return True

    def _cut(self, path: Sequence[bytes]) -> bool:
        return bool(self._lib.llama_memory_seq_rm(self._memory, 0, tokens_in(path), -1))

    def reached(self, position: int) -> None:
        """Reading got to `position`, the end of a piece that is not the last."""
        depth = bisect_left(self._ends, position) + 1
        self._live = self._path[:depth]
        if depth in self._wanted:
            self._wanted.discard(depth)
            self._save(self._path, depth)

    def ended(self) -> None:
        """The answer has been given. What stands before the question goes to disk, once, where that is allowed."""
        if not (self._keep_on_disk and self._shelf and self._rewinds) or self._mark > len(self._live):
            return
        node = self.tree.at(self._live, self._mark)
        if (
            node is None
            or node.file is not None
            or node.tokens < DISK_WORTH
            or self._mark < self._floor  # a state with a sliding window cannot be cut back
            or not self._cut(self._live[: self._mark])
        ):
            return
        self._live = self._live[: self._mark]
        kept = self._save(self._live, self._mark)
        if kept is not None and kept.state is not None:
            file = self._shelf.save(kept.text(), kept.state)
            if file is not None:
                self.tree.put_file(self._live, self._mark, file)

    def forget(self) -> None:
        """Let go of everything that was read, in memory and on disk."""
        self.tree = Tree(self.tree.limit)
        self._wanted = set()
        self.lost()
        if self._shelf is not None:
            self._shelf.clear()

    def lost(self) -> None:
        """The context is in a state nobody knows; nothing live is left."""
        self._live, self._mark = [], 0
        self._clear()

    def _clear(self) -> None:
        # Cells are let go, not overwritten: zeroing the whole window took longer than reading a question, and what is
        # in a cell without a sequence is masked, as it is behind a cut.
        self._lib.llama_memory_clear(self._memory, False)
        self._floor = 0

    def _give_up(self, shared: int) -> None:
        """The live text goes back to `shared` pieces: keep of the rest what is worth it, the deepest first."""
        if not self._rewinds:
            return
        mark = min(self._mark, len(self._live))
        depths = {mark, *(d for d in self.tree.branches(self._live) if d <= mark)}
        for depth in sorted((d for d in depths if d > max(shared, self._floor)), reverse=True):
            node = self.tree.at(self._live, depth)
            held = node is not None and node.state is not None
            if not held and self._lost_without(depth, shared) >= WORTH and self._cut(self._live[:depth]):
                self._live = self._live[:depth]
                self._save(self._live, depth)

    def _lost_without(self, depth: int, shared: int) -> int:
        """Tokens that coming back to `depth` would read again: from the nearest state, or from what stays live."""
        again = self.tree.missing_from(self._live, depth)
        return min(again, tokens_in(self._live[shared:depth])) if shared else again

    def _save(self, path: Sequence[bytes], depth: int) -> Node | None:
        size = int(self._lib.llama_state_seq_get_size(self._context, 0))
        if size <= 0 or size > self.tree.limit:
            return None
        buffer = (ctypes.c_uint8 * size)()
        written = int(self._lib.llama_state_seq_get_data(self._context, buffer, size, 0))
        if written <= 0:
            return None
        self.saved += 1
        return self.tree.put(path, depth, bytes(memoryview(buffer)[:written]))


def _shared(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Pieces that two ways have in common from the start."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
