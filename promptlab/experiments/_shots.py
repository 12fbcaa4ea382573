"""`shots`: how many examples help, and how much luck is in the choice of them?"""

from __future__ import annotations

from pydantic import Field

from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._fill import with_shots
from promptlab.experiments._kinds import Options, kind
from promptlab.experiments._random import drawn
from promptlab.suites import Variant


class ShotsOptions(Options):
    """`most` is the largest k, None for as many as the pool has beside the case itself, at most 8. `ks` names the
    numbers instead. At each k above 0 there are `draws` different choices."""

    most: int | None = Field(None, ge=1)
    ks: tuple[int, ...] | None = None
    draws: int = Field(3, ge=1, le=100)


@kind("shots", "how many examples, and how much luck is in them?", ShotsOptions)
def plan(material: Material, options: ShotsOptions) -> Design:
    """k examples from 0 on, each k with several seeded draws. A larger k of a draw begins with its smaller ones, so the
    text that was read for them is not read again."""
    pool = material.need_pool()
    room = len(pool) - 1  # a case may be in the pool itself
    ks = options.ks or tuple(_steps(min(options.most or 8, room)))
    if wrong := [k for k in ks if not 0 <= k <= room]:
        raise ExperimentError(f"k = {wrong[0]} does not fit the pool", hint=f"it has room for 0 to {room}", field="ks")
    arms = list[Arm]()
    if 0 in ks:
        arms.append(Arm("k=0", Variant("k=0", ("examples",)), {"k": 0, "draw": 1}))
    for draw in range(options.draws):
        order = drawn(pool, material.seed, draw)
        for k in (k for k in ks if k):
            name = f"k={k} draw {draw + 1}"
            variant = Variant(name, fill=with_shots(pool, order, k))
            arms.append(Arm(name, variant, {"k": k, "draw": draw + 1}))
    return Design(tuple(arms), _contrasts(arms, sorted(set(ks))), ("k", "draw"))


def _steps(most: int) -> list[int]:
    """0, 1, 2, 4, 8 … and `most` itself."""
    steps, k = [0], 1
    while k < most:
        steps.append(k)
        k *= 2
    return [*steps, most] if most else steps


def _contrasts(arms: list[Arm], ks: list[int]) -> tuple[Contrast, ...]:
    by_k = {k: tuple(arm.name for arm in arms if arm.levels["k"] == k) for k in ks}
    first = ks[0]
    return tuple(
        Contrast(f"k={k}", by_k[k], by_k[first], f"going from {first} to {k} example{'s' * (k != 1)}") for k in ks[1:]
    )
