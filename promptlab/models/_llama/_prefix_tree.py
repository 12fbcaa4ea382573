"""A tree of the pieces of prompts. Some of its nodes have a saved state of the model.

A prompt starts from the deepest node on its path that has a state; only the rest is computed. A state is bytes of the
native library, taken at the end of a piece; its size grows with the text before it. If all states together exceed the
limit, the state with the least value is evicted: its value is the number of tokens to compute again for each byte that
it frees, and it ages with every eviction (GreedyDual-Size; Cao and Irani, 1997).

This module does not use the native library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptlab.models._llama._batching import PIECE, tokens_in

MAX_NODES = 20_000
"""The most nodes. Nodes without a state are remembered to know where prompts differ."""


def common(left: Any, right: Any) -> int:
    """The number of items that two sequences have in common at their beginning."""
    low, high = 0, min(len(left), len(right))
    while low < high:  # a binary search over slices is much faster than a loop over items
        middle = (low + high + 1) // 2
        low, high = (middle, high) if left[:middle] == right[:middle] else (low, middle - 1)
    return low


@dataclass(eq=False, slots=True)
class Node:
    """The end of a piece, `depth` pieces and `tokens` tokens from the start of a prompt. `state` is the state of the
    model there; `file` has it on disk. `cost` and `worth` are for eviction, `used` is the time of the last use."""

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
        """True if a prompt can start from here."""
        return self.state is not None or self.file is not None

    def add_child(self, piece: bytes) -> Node:
        """A new child for `piece`."""
        child = self.children[piece] = Node(self, piece, self.depth + 1, self.tokens + tokens_in([piece]))
        return child

    def text(self) -> bytes:
        """The whole prefix: the pieces from the start to here."""
        parts: list[bytes] = []
        node: Node | None = self
        while node is not None and node.parent is not None:
            parts.append(node.piece)
            node = node.parent
        return b"".join(reversed(parts))


class Tree:
    """The prefixes of a model. Their states take at most `limit` bytes."""

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
        """The number of states in memory."""
        return len(self._held)

    def longest(self, path: Sequence[bytes]) -> Node | None:
        """The deepest node of `path` that a prompt can start from; None if there is none."""
        deepest = None
        for node in self._walk(path):
            if node.holds:
                deepest = node
        if deepest is not None:
            self._touch(deepest)
        return deepest

    def note(self, path: Sequence[bytes]) -> int:
        """Add the path of a prompt; the number of pieces that it shares with earlier prompts."""
        node, shared = self._root, 0
        self._clock += 1
        for piece in path:
            child = node.children.get(piece)
            if child is None:
                child = node.add_child(piece)
                self._nodes += 1
            else:
                shared = child.depth
            child.used = self._clock
            node = child
        if self._nodes > MAX_NODES:
            self._forget_paths()
        return shared

    def at(self, path: Sequence[bytes], depth: int) -> Node | None:
        """The node of `path` at `depth` pieces; None if it is not in the tree."""
        return next((node for node in self._walk(path[:depth]) if node.depth == depth), None)

    def branches(self, path: Sequence[bytes]) -> list[int]:
        """The depths at which other prompts differ from `path`, the deepest last."""
        return [node.depth for node in self._walk(path) if len(node.children) > 1]

    def missing(self, path: Sequence[bytes], depth: int) -> int:
        """The number of tokens to compute to reach `depth`, from the deepest state before it or at it."""
        nearest = max((node.depth for node in self._walk(path[:depth]) if node.holds), default=0)
        return tokens_in(path[nearest:depth])

    def missing_from(self, path: Sequence[bytes], depth: int) -> int:
        """The number of tokens to compute to reach `depth`, from the deepest state before it; one at it is ignored."""
        nearest = max((node.depth for node in self._walk(path[: depth - 1]) if node.holds), default=0)
        return tokens_in(path[nearest:depth])

    def put(self, path: Sequence[bytes], depth: int, state: bytes) -> Node | None:
        """Store `state` at `depth` of `path`; its node. None if the state alone exceeds the limit."""
        if len(state) > self.limit:
            return None
        cost = self.missing(path, depth)
        node = self._ensure(path, depth)
        self._drop(node)
        while self.bytes + len(state) > self.limit and self._held:
            least = min(self._held, key=lambda held: (held.worth, held.used))
            self._age = least.worth
            self._drop(least)
            self.evicted += 1
        node.state = state
        node.cost = max(cost, PIECE)
        self.bytes += len(state)
        self._held.add(node)
        self._touch(node)
        return node

    def put_file(self, path: Sequence[bytes], depth: int, file: Path) -> Node:
        """Record that the state at `depth` of `path` is in `file`."""
        node = self._ensure(path, depth)
        node.file = file
        return node

    def forget(self, node: Node) -> None:
        """Drop a state that cannot be used, in memory and on disk."""
        self._drop(node)
        node.file = None

    def drop_states(self) -> None:
        """Drop all states in memory. Those on disk stay."""
        for node in [*self._held]:
            self._drop(node)

    def _ensure(self, path: Sequence[bytes], depth: int) -> Node:
        node = self._root
        for piece in path[:depth]:
            child = node.children.get(piece)
            if child is None:
                child = node.add_child(piece)
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

    def _forget_paths(self) -> None:
        """Remove the least recently used paths without a state, until half of the limit is left."""
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
