"""The prefixes a model has read: a tree over the pieces of prompts, some of whose nodes hold the model's state.

A prompt starts from the deepest node on its path that holds a state; only the rest is read. States are bytes of the
native library, taken at the end of a piece, and as large as the text before them is long. When together they would
take more than the limit, the one goes whose loss costs least: tokens that would have to be read again for each byte
it frees, ageing with every eviction (GreedyDual-Size; Cao and Irani, 1997).

Nothing here knows the native library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptlab.models._llama._batching import PIECE, tokens_in

MAX_NODES = 20_000
"""Pieces remembered without a state, to know where prompts part."""


def common(one: Any, other: Any) -> int:
    """Items that two sequences share from the start."""
    low, high = 0, min(len(one), len(other))
    while low < high:  # comparing slices is much faster than looking at every item
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


@dataclass(eq=False, slots=True)
class Node:
    """The end of a piece on the way of some prompts: `depth` pieces and `tokens` tokens from the start. `state` is the
    model's there; `file` has it on disk."""

    parent: Node | None
    piece: bytes
    depth: int = 0
    tokens: int = 0
    children: dict[bytes, Node] = field(default_factory=dict)
    state: bytes | None = None
    file: Path | None = None
    cost: int = 0
    worth: float = 0.0
    used: int = 0

    @property
    def holds(self) -> bool:
        """Whether a prompt can start from here."""
        return self.state is not None or self.file is not None

    def grown(self, piece: bytes) -> Node:
        """A new child."""
        child = self.children[piece] = Node(self, piece, self.depth + 1, self.tokens + tokens_in([piece]))
        return child

    def text(self) -> bytes:
        """The pieces from the start to here, joined: the prefix itself."""
        parts: list[bytes] = []
        node: Node | None = self
        while node is not None and node.parent is not None:
            parts.append(node.piece)
            node = node.parent
        return b"".join(reversed(parts))


class Tree:
    """A model's prefixes, their states taking at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self.evicted = 0
        self._root = Node(None, b"")
        self._nodes = 0
        self._clock = 0
        self._age = 0.0
        self._held: set[Node] = set()

    def __len__(self) -> int:
        """States held in memory."""
        return len(self._held)

    def longest(self, path: Sequence[bytes]) -> Node | None:
        """The deepest node of `path` that a prompt can start from."""
        found = None
        for node in self._walk(path):
            if node.holds:
                found = node
        if found is not None:
            self._touch(found)
        return found

    def note(self, path: Sequence[bytes]) -> int:
        """Remember the way of a prompt; the depth, in pieces, to which prompts before it went the same way."""
        node, shared = self._root, 0
        self._clock += 1
        for piece in path:
            child = node.children.get(piece)
            if child is None:
                child = node.grown(piece)
                self._nodes += 1
            else:
                shared = child.depth
            child.used = self._clock
            node = child
        if self._nodes > MAX_NODES:
            self._forget()
        return shared

    def at(self, path: Sequence[bytes], depth: int) -> Node | None:
        """The node of `path` at `depth` pieces, where it is remembered."""
        return next((node for node in self._walk(path[:depth]) if node.depth == depth), None)

    def branches(self, path: Sequence[bytes]) -> list[int]:
        """Depths at which remembered prompts part from `path`, the deepest last."""
        return [node.depth for node in self._walk(path) if len(node.children) > 1]

    def missing(self, path: Sequence[bytes], depth: int) -> int:
        """Tokens that would have to be read to be at `depth`, from the nearest node on the way that is held."""
        nearest = max((node.depth for node in self._walk(path[:depth]) if node.holds), default=0)
        return tokens_in(path[nearest:depth])

    def missing_from(self, path: Sequence[bytes], depth: int) -> int:
        """The same for a node that may hold a state itself, which does not count."""
        nearest = max((node.depth for node in self._walk(path[: depth - 1]) if node.holds), default=0)
        return tokens_in(path[nearest:depth])

    def put(self, path: Sequence[bytes], depth: int, state: bytes) -> Node | None:
        """Hold `state` at `depth` of `path`; None where it alone is more than the limit."""
        if len(state) > self.limit:
            return None
        cost = self.missing(path, depth)
        node = self._made(path, depth)
        self._drop(node)
        while self.bytes + len(state) > self.limit and self._held:
            worst = min(self._held, key=lambda one: (one.worth, one.used))
            self._age = worst.worth
            self._drop(worst)
            self.evicted += 1
        node.state = state
        node.cost = max(cost, PIECE)
        self.bytes += len(state)
        self._held.add(node)
        self._touch(node)
        return node

    def put_file(self, path: Sequence[bytes], depth: int, file: Path) -> Node:
        """Remember that the state at `depth` of `path` is in `file`."""
        node = self._made(path, depth)
        node.file = file
        return node

    def forget(self, node: Node) -> None:
        """Let go of a state, in memory and on disk, that turned out to be of no use."""
        self._drop(node)
        node.file = None

    def drop_states(self) -> None:
        """Let go of every state in memory; those on disk stay."""
        for node in [*self._held]:
            self._drop(node)

    def _made(self, path: Sequence[bytes], depth: int) -> Node:
        node = self._root
        for piece in path[:depth]:
            child = node.children.get(piece)
            if child is None:
                child = node.grown(piece)
                self._nodes += 1
            node = child
        return node

    def _walk(self, path: Sequence[bytes]) -> Iterator[Node]:
        node = self._root
        for piece in path:
            child = node.children.get(piece)
            if child is None:
                return
            node = child
            yield node

    def _touch(self, node: Node) -> None:
        self._clock += 1
        node.used = self._clock
        if node.state is not None:
            node.worth = self._age + node.cost / len(node.state)

    def _drop(self, node: Node) -> None:
        if node.state is not None:
            self.bytes -= len(node.state)
            node.state = None
            self._held.discard(node)

    def _forget(self) -> None:
        """Take away the ways used longest ago that lead to no state, down to half of what may be remembered."""
        leaves = sorted((n for n in self._all() if not n.children and not n.holds), key=lambda n: n.used)
        for leaf in leaves:
            node = leaf
            while self._nodes > MAX_NODES // 2 and node.parent is not None and not node.children and not node.holds:
                del node.parent.children[node.piece]
                self._nodes -= 1
                node = node.parent
            if self._nodes <= MAX_NODES // 2:
                return

    def _all(self) -> Iterator[Node]:
        waiting = [*self._root.children.values()]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.children.values()
