"""The prefix cache of a loaded model: the next prompt starts from the longest prefix that was computed before.

The context has one live sequence, the last prompt, which can be cut back to any of its tokens. Before live text is
dropped, its useful prefixes are saved as states: the text before the question, and the positions at which earlier
prompts differ. The next prompt starts from the live text or from a state in memory or on disk, whichever is longest,
and only the rest is computed. With the batches of _batching.py, live text and states give the same logits to the bit as
a fresh context, so an answer never depends on what was asked before.

To be used on the thread of its engine only.
"""

from __future__ import annotations

import ctypes
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from promptlab.models._llama._batching import PIECE, WORTH, Pieces
from promptlab.models._llama._prefix_files import PrefixFiles
from promptlab.models._llama._prefix_tree import Node, Tree, common

DISK_WORTH = 256
"""A file is worth writing if it spares the prefill of at least this many tokens."""
MEMORY = 1_000_000_000
"""The default limit for states in memory, in bytes."""

Source = Literal["", "live", "memory", "disk"]


@dataclass(frozen=True, slots=True)
class Start:
    """The start of a prefill: the first `position` tokens came from `source`. It must pause at each of `stops`, so
    that `PrefixCache.reached` can save the state there."""

    position: int
    source: Source
    stops: frozenset[int]


class PrefixCache:
    """The live text of a context and the tree of its saved states.

    `rewinds` is False for recurrent models, whose memory cannot be cut back: they start from states only. With
    sliding-window attention, a state has only the last window and cannot be cut back. For such models `pad` prepares an
    empty context for a state of so many tokens (_swa_padding.py); for others it is None.
    """

    def __init__(
        self,
        lib: Any,
        context: Any,
        *,
        rewinds: bool,
        pad: Callable[[int], None] | None,
        limit: int = MEMORY,
        shelf: PrefixFiles | None = None,
    ) -> None:
        self._pad, self._floor = pad, 0  # live text cannot be cut back to before the floor
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
            self._add_files(shelf)

    def _add_files(self, shelf: PrefixFiles) -> None:
        for prefix in shelf.find():
            tokens = array("i", prefix.tokens)
            # A saved prefix ends at the beginning of a question, or at the end of a whole piece.
            path = Pieces.of(len(tokens) + 1, len(tokens)).pieces([*tokens, 0])
            self.tree.put_file(path, len(path), prefix.path)

    def live(self) -> bytes:
        """The live text, as the bytes of its tokens. The scheduler orders requests by it."""
        return self._tokens[: self._read].tobytes()

    def begin(self, tokens: Sequence[int], *, mark: int, keep: bool, ahead: int = 0) -> Start:
        """Prepare the context for the prompt `tokens`; the start of its prefill.

        `mark` is the token at which the question begins. With `keep`, the prefix before it may be written to disk. At
        least one token is left to compute, because only that gives the logits for the next token. With `ahead`, only
        so many tokens will be computed, and nothing happens if they are live.
        """
        text = array("i", tokens)
        cuts = Pieces.of(len(text), mark)
        path = cuts.pieces(text)
        if ahead:  # the rest is not asked: another prompt may go on differently
            path = path[: bisect_right(cuts.ends, ahead)]
        shared = 0
        if self._rewinds:
            shared = min(common(self._tokens[: self._read], text), len(text) - 1)
            shared = shared if shared >= max(PIECE, self._floor) else 0
            if 0 < ahead <= shared:
                return Start(ahead, "live", frozenset())
        self._save_before_cut(shared)
        branch = self.tree.note(path)
        start, source = self._start(path, shared, self.tree.longest(path))
        self._tokens, self._read, self._cuts, self._path = text, start, cuts, path
        self._keep_on_disk = keep
        depths = {branch} if self._rewinds else {branch, cuts.before, *([len(path)] if ahead else [])}
        self._wanted = {
            cuts.ends[d - 1]: d
            for d in depths
            if 0 < d <= len(path) and cuts.ends[d - 1] > start and self.tree.missing(path, d) >= WORTH
        }
        return Start(start, source, frozenset(self._wanted) | (set() if self._rewinds else cuts.uneven))

    def _start(self, path: Sequence[bytes], shared: int, node: Node | None) -> tuple[int, Source]:
        """Restore the longest prefix; its number of tokens, and its source."""
        while node is not None and node.tokens > shared:
            source: Source = "memory" if node.state is not None else "disk"
            if self._restore(node, path):
                return node.tokens, source
            node = self.tree.longest(path)
        if shared and self._cut(shared):
            return shared, "live"
        self._clear()
        return 0, ""

    def _restore(self, node: Node, path: Sequence[bytes]) -> bool:
        """Restore the state of `node` in the context. True if that worked; otherwise the state is forgotten."""
        state = node.state
        if state is None and node.file is not None and self._shelf is not None:
            state = self._shelf.load(node.file)
            if state is None:
                node.file = None
        if state is None:
            return False
        self._clear()
        if self._pad:
            self._pad(node.tokens)
        # The library only reads the bytes, so they need not be copied first.
        data = ctypes.cast(ctypes.c_char_p(state), ctypes.POINTER(ctypes.c_uint8))
        if not self._lib.llama_state_seq_set_data(self._context, data, len(state), 0):
            self._clear()
            self.tree.forget(node)
            return False
        self.loaded += 1
        self._floor = node.tokens if self._pad else 0
        if node.state is None:
            self.tree.put(path, node.depth, state)
        return True

    def _cut(self, tokens: int) -> bool:
        return bool(self._lib.llama_memory_seq_rm(self._memory, 0, tokens, -1))

    def reached(self, position: int) -> None:
        """To be called after each batch of the prefill: save the state at `position` if it is one of the stops."""
        self._read = position
        depth = self._wanted.pop(position, None)
        if depth is not None:
            self._save(depth)

    def ended(self) -> None:
        """To be called after the answer: write the prefix before the question to disk, once, if that is allowed."""
        depth = self._cuts.before
        if not (self._keep_on_disk and self._shelf and self._rewinds and depth):
            return
        end = self._cuts.ends[depth - 1]
        node = self.tree.at(self._path, depth)
        if (
            node is None
            or node.file is not None
            or not DISK_WORTH <= end <= self._read
            or end < self._floor
            or not self._cut(end)
        ):
            return
        self._read = end
        saved = self._save(depth)
        if saved is not None and saved.state is not None:
            file = self._shelf.save(saved.text(), saved.state)
            if file is not None:
                self.tree.put_file(self._path, depth, file)

    def forget(self) -> None:
        """Clear the cache, in memory and on disk."""
        self.tree = Tree(self.tree.limit)
        self._wanted = {}
        self.lost()
        if self._shelf is not None:
            self._shelf.clear()

    def stopped(self) -> None:
        """To be called after a batch of the prefill was stopped: the text before it stays, and its part that is in the
        context is removed."""
        if not (self._rewinds and self._read and self._cut(self._read)):
            self.lost()

    def lost(self) -> None:
        """To be called after an error: the content of the context is not known, so it is cleared."""
        self._read = 0
        self._clear()

    def _clear(self) -> None:
        # Cells are freed, not zeroed: zeroing the whole window took longer than the prefill of a question. Attention
        # masks cells that belong to no sequence.
        self._lib.llama_memory_clear(self._memory, False)
        self._floor = 0

    def _save_before_cut(self, shared: int) -> None:
        """Save prefixes that are worth it, the longest first, before the live text is cut back to `shared` tokens."""
        if not self._rewinds:
            return
        last = self._cuts.before
        depths = {last, *(d for d in self.tree.branches(self._path) if d <= last)}
        for depth in sorted(depths - {0}, reverse=True):
            end = self._cuts.ends[depth - 1]
            if not max(shared, self._floor) < end <= self._read:
                continue
            node = self.tree.at(self._path, depth)
            has_state = node is not None and node.state is not None
            again = self.tree.missing_from(self._path, depth)  # tokens to compute again if this state is not saved
            if not has_state and (min(again, end - shared) if shared else again) >= WORTH and self._cut(end):
                self._read = end
                self._save(depth)

    def _save(self, depth: int) -> Node | None:
        """Save the state of the context, which ends at the end of the piece `depth`."""
        size = int(self._lib.llama_state_seq_get_size(self._context, 0))
        if size <= 0 or size > self.tree.limit:
            return None
        buffer = (ctypes.c_uint8 * size)()
        written = int(self._lib.llama_state_seq_get_data(self._context, buffer, size, 0))
        if written <= 0:
            return None
        self.saved += 1
        return self.tree.put(self._path, depth, bytes(memoryview(buffer)[:written]))
