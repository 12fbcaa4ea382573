"""How an adapter is trained: the settings, and the order in which rows are seen. Nothing here needs torch."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

MATRICES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The matrices of each layer that get an adapter."""


@dataclass(frozen=True)
class Recipe:
    """The settings of a training.

    The adapter of a matrix has the rank `rank` and is scaled by `alpha / rank`. Each of at most `epochs` passes over
    the rows is cut into batches of `batch`. The learning rate rises over the first `warm_up` steps and falls to 0.
    After each pass the held-out rows, a share `held_out`, are looked at; without a better loss in `patience` passes the
    training stops. The best adapter is the one that is kept. `seed` decides all that is drawn by chance.
    """

    rank: int = 8
    alpha: float = 16.0
    learning_rate: float = 1e-3
    epochs: int = 8
    batch: int = 8
    warm_up: int = 5
    held_out: float = 0.125
    patience: int = 3
    seed: int = 0
    most_steps: int | None = None

    def __post_init__(self) -> None:
        for name in ("rank", "alpha", "learning_rate", "epochs", "batch", "patience"):
            if getattr(self, name) <= 0:
                raise ValueError(f"`{name}` must be above 0")
        if not 0 <= self.held_out < 1:
            raise ValueError("`held_out` is a share from 0 to below 1")

    def as_data(self) -> dict[str, Any]:
        return asdict(self)

    def steps_of(self, rows: int) -> int:
        """How many steps a training on `rows` rows has if it does not stop early."""
        steps = self.epochs * self.steps_a_pass(rows)
        return steps if self.most_steps is None else min(steps, self.most_steps)

    def steps_a_pass(self, rows: int) -> int:
        return math.ceil(rows / self.batch)

    def batch_at(self, step: int, rows: int) -> list[int]:
        """The numbers of the rows of step `step`, counted from 0. It depends on nothing that happened before, so a
        training that goes on sees the same rows."""
        a_pass, number = divmod(step, self.steps_a_pass(rows))
        order = list(range(rows))
        random.Random(f"{self.seed}/{a_pass}").shuffle(order)
        return order[number * self.batch : (number + 1) * self.batch]

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of step `step`."""
        return self.learning_rate * min(1.0, (step + 1) / max(1, self.warm_up)) * (1 - step / steps)


@dataclass(frozen=True)
class TokenRow:
    """A row to train on: the tokens of the prompt, and those of the answer."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.answer)


def total_tokens(rows: Sequence[TokenRow]) -> int:
    return sum(row.length for row in rows)


__all__ = ["MATRICES", "Recipe", "TokenRow", "total_tokens"]
