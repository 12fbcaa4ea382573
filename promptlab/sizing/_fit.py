"""Whether a model fits: how many cards of a kind it needs, and the largest context and file type that fit.

Layers are spread over the cards of a machine, each layer whole. Every card has buffers for computing of its own, and
the driver takes about half a gigabyte of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from promptlab.models import LOCAL_OVERHEAD, MemoryNeed
from promptlab.sizing._devices import Device

DRIVER = 500_000_000
"""Bytes of a card that the driver and its libraries take."""
MOST_CARDS = 16
STEP = 256


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a model is put. `each` is the size of one place in bytes, `count` how many of them it needs (None: more
    than 16, or it is this machine's memory and not enough), `needs` the bytes that it takes on `count` of them, or on
    one if it fits nowhere. On one place: the `largest_context` in tokens (None: not even a short one fits) and the
    `largest_type` of file."""

    name: str
    each: int
    count: int | None
    needs: int
    largest_context: int | None
    largest_type: str | None
    on_card: bool = True
    bandwidth: float | None = None

    @property
    def fits_one(self) -> bool:
        """True if one card, or this machine, is enough."""
        return self.count == 1


NeedOf = Callable[[int], MemoryNeed]
"""The memory for a context of so many tokens."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to place: its `need` at the wanted context, the need at other contexts, its number of `layers`, the
    longest context it was trained with, and bytes of its weights by file type."""

    need: MemoryNeed
    need_of: NeedOf
    layers: int
    longest: int
    weights: Mapping[str, int]


def on_cards(need: MemoryNeed, cards: int, layers: int) -> int:
    """Bytes that the fullest of `cards` cards has to hold."""
    spread = -(-layers // cards) / layers
    return int((need.weights + need.cache + need.adapters) * spread) + need.compute + need.output + DRIVER


def in_memory(need: MemoryNeed) -> int:
    """Bytes that a processor's memory has to hold."""
    return need.counted + need.adapters + LOCAL_OVERHEAD


def fit_cards(model: Candidate, card: Device) -> Fit:
    """How many cards of a kind the model needs."""
    count = next((n for n in range(1, MOST_CARDS + 1) if on_cards(model.need, n, model.layers) <= card.bytes), None)
    return Fit(
        card.name,
        card.bytes,
        count,
        (count or 1) * on_cards(model.need, count or 1, model.layers),
        _largest_context(model, lambda need: on_cards(need, 1, model.layers) <= card.bytes),
        _largest_type(model, lambda need: on_cards(need, 1, model.layers) <= card.bytes),
        bandwidth=card.bandwidth,
    )


def fit_memory(model: Candidate, name: str, free: int) -> Fit:
    """Whether the model fits into `free` bytes of a processor's memory."""
    needs = in_memory(model.need)
    return Fit(
        name,
        free,
        1 if needs <= free else None,
        needs,
        _largest_context(model, lambda need: in_memory(need) <= free),
        _largest_type(model, lambda need: in_memory(need) <= free),
        on_card=False,
    )


def _largest_context(model: Candidate, fits: Callable[[MemoryNeed], bool]) -> int | None:
    """The longest context that fits, in steps of 256 tokens; at most the one it was trained with."""
    if fits(model.need_of(model.longest)):
        return model.longest
    low, high = 0, -(-model.longest // STEP)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(model.need_of(middle * STEP)) else (low, middle)
    return low * STEP or None


def _largest_type(model: Candidate, fits: Callable[[MemoryNeed], bool]) -> str | None:
    """The largest file type of the model that fits with the wanted context."""
    by_size = sorted(model.weights.items(), key=lambda item: -item[1])
    for name, weights in by_size:
        # A second copy of weights depends on their types; at most it is all of them.
        if fits(replace(model.need, weights=weights, repacked=min(model.need.repacked, weights))):
            return name
    return None


__all__ = ["DRIVER", "MOST_CARDS", "Candidate", "Fit", "fit_cards", "fit_memory", "in_memory", "on_cards"]
