"""What a loaded model has read already, and how the next prompt starts from it.

One sequence is live in the context: the last prompt can be cut back to any of its tokens. Before the
live text is given up, what somebody may come back to is kept as a state of its own: the text before the question, and
the places where prompts are known to part. The next prompt starts from the live text or from a state in memory or on
disk, whichever lies deepest, and only the rest is read. Read as llama_cuts.py says, live text and states give the same
numbers as a fresh context, to the bit; so an answer never depends on what was asked before.

Used on the thread of its engine only.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from promptlab.models._llama._batching import PIECE, WORTH, Pieces
from promptlab.models._llama._prefix_files import PrefixFiles
from promptlab.models._llama._prefix_tree import Node, Tree, common

DISK_WORTH = 256
"""Tokens that must be saved from being read again for a file to be kept."""
MEMORY = 1_000_000_000
"""Bytes of states in memory, unless said otherwise."""

Source = Literal["", "live", "memory", "disk"]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a prompt starts: after `position` tokens, which were `found` where. Reading is to pause at `stops`, so that
    `Prefixes.reached` can keep the states there."""

    position: int
    found: Source
    stops: frozenset[int]


class PrefixCache:
    """The live text of a context and the tree of its states.

    `rewinds` is false for models whose memory cannot be cut back (recurrent ones): they start from states only.
    Of models with sliding windows a state holds the last of them only, and cannot be cut back. For them, `ballast`
    makes an empty context ready for a state of so many tokens (llama_ballast.py); for others it is None.
    """

    def __init__(
        self,
        lib: Any,
        context: Any,
        *,
        rewinds: bool,
        ballast: Callable[[int], None] | None,
        limit: int = MEMORY,
        shelf: PrefixFiles | None = None,
    ) -> None:
        self._ballast, self._floor = ballast, 0
        self._lib, self._context, self._memory = lib, context, lib.llama_get_memory(context)
        self._rewinds, self._shelf = rewinds, shelf
        self.tree = Tree(limit)
        self._tokens = array("i")
        self._read = 0
        self._cuts, self._path = Pieces((), 0), list[bytes]()
        self._wanted: dict[int, int] = {}
        self._keep_on_disk = False
        self.loaded = self.saved = 0
        if shelf is not None:
            self._take_in(shelf)

    def _take_in(self, shelf: PrefixFiles) -> None:
        for one in shelf.find():
            tokens = array("i", one.tokens)
            # What was kept ends where a question began, or at a whole piece.
            path = Pieces.of(len(tokens) + 1, len(tokens)).pieces([*tokens, 0])
            self.tree.put_file(path, len(path), one.path)

    def live(self) -> bytes:
        """The live text, as the bytes of its tokens; for ordering requests."""
        return self._tokens[: self._read].tobytes()

    def begin(self, tokens: Sequence[int], *, mark: int, keep: bool) -> Start:
        """Make the context ready to read `tokens` on from the start that is returned.

        `mark` is the token at which the question begins; `keep` allows what stands before it to be kept on disk.
        At least one token is left to read, since only reading gives the numbers for the next one.
        """
        text = array("i", tokens)
        cuts = Pieces.of(len(text), mark)
        path = cuts.pieces(text)
        shared = 0
        if self._rewinds:
            shared = min(common(self._tokens[: self._read], text), len(text) - 1)
            shared = shared if shared >= max(PIECE, self._floor) else 0
        self._give_up(shared)
        branch = self.tree.note(path)
        start, found = self._start(path, shared, self.tree.longest(path))
        self._tokens, self._read, self._cuts, self._path = text, start, cuts, path
        self._keep_on_disk = keep
        depths = {branch, cuts.before} if not self._rewinds else {branch}
        self._wanted = {
            cuts.ends[d - 1]: d
            for d in depths
            if d and cuts.ends[d - 1] > start and self.tree.missing(path, d) >= WORTH
        }
        return Start(start, found, frozenset(self._wanted) | (set() if self._rewinds else cuts.uneven))

    def _start(self, path: Sequence[bytes], shared: int, node: Node | None) -> tuple[int, Source]:
        """The tokens that are in the context now, and where they were found."""
        while node is not None and node.tokens > shared:
            found: Source = "memory" if node.state is not None else "disk"
            if self._restore(node, path):
                return node.tokens, found
            node = self.tree.longest(path)
        if shared and self._cut(shared):
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
        if self._ballast:
            self._ballast(node.tokens)
        # The library only reads it, so the bytes need not be copied first.
        data = ctypes.cast(ctypes.c_char_p(state), ctypes.POINTER(ctypes.c_uint8))
        if not self._lib.llama_state_seq_set_data(self._context, data, len(state), 0):
            self._clear()
            self.tree.forget(node)
            return False
        self.loaded += 1
        self._floor = node.tokens if self._ballast else 0
        if node.state is None:
            self.tree.put(path, node.depth, state)
        return True

    def _cut(self, tokens: int) -> bool:
        return bool(self._lib.llama_memory_seq_rm(self._memory, 0, tokens, -1))

    def reached(self, position: int) -> None:
        """Reading got to `position`, where one of the decodes ends."""
        self._read = position
        depth = self._wanted.pop(position, None)
        if depth is not None:
            self._save(depth)

    def ended(self) -> None:
        """The answer has been given. What stands before the question goes to disk, once, where that is allowed."""
        depth = self._cuts.before
        if not (self._keep_on_disk and self._shelf and self._rewinds and depth):
            return
        end = self._cuts.ends[depth - 1]
        node = self.tree.at(self._path, depth)
        if (
            node is None
            or node.file is not None
            or not DISK_WORTH <= end <= self._read
            or end < self._floor  # a state with a sliding window cannot be cut back
            or not self._cut(end)
        ):
            return
        self._read = end
        kept = self._save(depth)
        if kept is not None and kept.state is not None:
            file = self._shelf.save(kept.text(), kept.state)
            if file is not None:
                self.tree.put_file(self._path, depth, file)

    def forget(self) -> None:
        """Let go of everything that was read, in memory and on disk."""
        self.tree = Tree(self.tree.limit)
        self._wanted = {}
        self.lost()
        if self._shelf is not None:
            self._shelf.clear()

    def lost(self) -> None:
        """The context is in a state nobody knows; nothing live is left."""
        self._read = 0
        self._clear()

    def _clear(self) -> None:
        # Cells are let go, not overwritten: zeroing the whole window took longer than reading a question, and what is
        # in a cell without a sequence is masked, as it is behind a cut.
        self._lib.llama_memory_clear(self._memory, False)
        self._floor = 0

    def _give_up(self, shared: int) -> None:
        """The live text goes back to `shared` tokens: keep of the rest what is worth it, the deepest first."""
        if not self._rewinds:
            return
        last = self._cuts.before
        depths = {last, *(d for d in self.tree.branches(self._path) if d <= last)}
        for depth in sorted(depths - {0}, reverse=True):
            end = self._cuts.ends[depth - 1]
            if not max(shared, self._floor) < end <= self._read:
                continue
            node = self.tree.at(self._path, depth)
            held = node is not None and node.state is not None
            again = self.tree.missing_from(self._path, depth)  # tokens that coming back to it would read again
            if not held and (min(again, end - shared) if shared else again) >= WORTH and self._cut(end):
                self._read = end
                self._save(depth)

    def _save(self, depth: int) -> Node | None:
        """Keep the state of the context, which stands at the end of that piece."""
        size = int(self._lib.llama_state_seq_get_size(self._context, 0))
        if size <= 0 or size > self.tree.limit:
            return None
        buffer = (ctypes.c_uint8 * size)()
        written = int(self._lib.llama_state_seq_get_data(self._context, buffer, size, 0))
        if written <= 0:
            return None
        self.saved += 1
        return self.tree.put(self._path, depth, bytes(memoryview(buffer)[:written]))
