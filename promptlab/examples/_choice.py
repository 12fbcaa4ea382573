"""Which worked examples a template uses, and how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Select = Literal["first", "random", "balanced", "similar", "diverse"]


Order = Literal["given", "reversed", "random", "similar_last"]


@dataclass(frozen=True, slots=True)
class ShotChoice:
    """Which examples of a pool become shots. `pool` is a path in the workspace, `k` the number, `select` the method.

    `order` is their order in the prompt. `balance` defines the classes if `select` is `balanced`: examples with the
    same output, or with the same first tag.
    """

    pool: str
    k: int = 2
    select: Select = "first"
    seed: int = 0
    order: Order = "given"
    balance: Literal["output", "tag"] = "output"
