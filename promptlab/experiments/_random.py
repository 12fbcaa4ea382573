"""Seeded orders: the same on every machine and in every release of Python."""

from __future__ import annotations

from collections.abc import Sequence

from promptlab.types import Example, sha256


def drawn(examples: Sequence[Example], seed: int, draw: int) -> tuple[Example, ...]:
    """All `examples` in an order of chance. It depends on their ids, not on their places in the file."""
    return tuple(sorted(examples, key=lambda example: sha256(f"{seed}\0{draw}\0{example.id}")))


def shuffled(names: Sequence[str], seed: int, draw: int) -> tuple[str, ...]:
    """`names` in an order of chance."""
    return tuple(sorted(names, key=lambda name: sha256(f"{seed}\0{draw}\0{name}")))
