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
CLOSE = 0.05
"""The share of a place that should be left."""
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

    @property
    def left(self) -> int:
        """Bytes that are left on the fullest of the places; below 0 if it fits nowhere."""
        return self.each - self.needs // (self.count or 1)

    @property
    def is_close(self) -> bool:
        """True if it fits, but so little is left that it may fail: cards and drivers differ."""
        return self.count is not None and self.left < CLOSE * self.each


NeedOf = Callable[[int], MemoryNeed]
"""The memory for a context of so many tokens."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to place: its `need` at the wanted context, the need at other contexts, its number of `layers`, the
    longest context it was trained with, bytes of its weights by file type, and the share of its weights that is in no
    layer (`apart`: embedding and output)."""

    need: MemoryNeed
    need_of: NeedOf
    layers: int
    longest: int
    weights: Mapping[str, int]
    apart: float = 0.0


def on_cards(need: MemoryNeed, cards: int, layers: int, apart: float = 0.0) -> int:
    """Bytes that the fullest of `cards` cards has to hold. llama.cpp spreads the layers, and the output as one more;
    the embedding counts with it, to be on the safe side."""
    outside = int(need.weights * apart)
    layer = (need.weights - outside + need.cache + need.adapters) / layers
    spread = -(-(layers + 1) // cards)
    held = max(int(layer * min(spread, layers)), int(layer * (spread - 1)) + outside)
    return held + need.compute + need.output + DRIVER


def in_memory(need: MemoryNeed) -> int:
    """Bytes that a processor's memory has to hold."""
    return need.counted + need.adapters + LOCAL_OVERHEAD


def fit_cards(model: Candidate, card: Device) -> Fit:
    """How many cards of a kind the model needs."""

    def held(need: MemoryNeed, cards: int = 1) -> int:
        return on_cards(need, cards, model.layers, model.apart)

    count = next((n for n in range(1, MOST_CARDS + 1) if held(model.need, n) <= card.bytes), None)
    return Fit(
        card.name,
        card.bytes,
        count,
        (count or 1) * held(model.need, count or 1),
        _largest_context(model, lambda need: held(need) <= card.bytes),
        _largest_type(model, lambda need: held(need) <= card.bytes),
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
