"""`examples`: which example helps, and which hurts?"""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import Literal

from pydantic import Field

from promptlab.errors import ExperimentError
from promptlab.examples import choose_shots
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._fill import with_shots
from promptlab.experiments._kinds import Options, kind
from promptlab.experiments._random import drawn
from promptlab.suites import Variant
from promptlab.types import Example


class ExamplesOptions(Options):
    """`method`: `leave-one-out` asks without each example; `shapley` averages what each adds over `orders` orders in
    which the examples are added one by one (Castro, Gomez & Tejada, Computers & Operations Research 36 (2009); Ghorbani
    & Zou, Data Shapley, ICML (2019)). With as many orders as there are, it is the exact Shapley value."""

    method: Literal["leave-one-out", "shapley"] = "leave-one-out"
    k: int | None = Field(None, ge=2)
    orders: int = Field(8, ge=1, le=500)


@kind("examples", "which example helps, which hurts?", ExamplesOptions)
def plan(material: Material, options: ExamplesOptions) -> Design:
    """All examples against all but one, or against growing subsets of them."""
    own = _own(material, options)
    return _leave_one_out(material, own) if options.method == "leave-one-out" else _shapley(material, own, options)


def _own(material: Material, options: ExamplesOptions) -> tuple[Example, ...]:
    pool, choice = material.need_pool(), material.template.examples
    assert choice is not None  # `need_pool` has checked it
    if options.k is not None and options.k > len(pool):
        raise ExperimentError(f"the pool has {len(pool)} examples, fewer than k = {options.k}", field="k")
    if choice.select == "similar" or options.k is not None:
        return tuple(pool[: options.k or choice.k])
    own = tuple(choose_shots(pool, choice, {}))
    if len(own) < 2:
        raise ExperimentError("with fewer than two examples, use `ablate`", field="k")
    return own


def _asked(material: Material, shots: tuple[Example, ...], own: tuple[Example, ...], name: str) -> Arm:
    levels = {example.id: "in" if example in shots else "out" for example in own}
    variant = (
        Variant(name, fill=with_shots(material.pool, shots, len(shots))) if shots else Variant(name, ("examples",))
    )
    return Arm(name, variant, levels)


def _leave_one_out(material: Material, own: tuple[Example, ...]) -> Design:
    every = _asked(material, own, own, "all examples")
    without = [
        _asked(material, tuple(other for other in own if other is not example), own, f"without {example.id}")
        for example in own
    ]
    contrasts = [
        Contrast(example.id, (every.name,), (arm.name,), f"the example {example.id}")
        for example, arm in zip(own, without, strict=True)
    ]
    return Design((every, *without), tuple(contrasts), tuple(example.id for example in own))


def _shapley(material: Material, own: tuple[Example, ...], options: ExamplesOptions) -> Design:
    """Each order gives one step for each example: with it against without it, after those that came before."""
    arms: dict[str, Arm] = {}
    after: dict[str, list[str]] = {example.id: [] for example in own}
    before: dict[str, list[str]] = {example.id: [] for example in own}
    there_are = factorial(len(own))
    for order in _orders(own, material.seed, min(options.orders, there_are)):
        shots: tuple[Example, ...] = ()
        last = _subset(material, shots, own, arms)
        for example in order:
            shots = (*shots, example)
            now = _subset(material, shots, own, arms)
            after[example.id].append(now)
            before[example.id].append(last)
            last = now
    contrasts = [
        Contrast(
            *(example.id, tuple(after[example.id]), tuple(before[example.id])),
            f"the example {example.id}",
            drawn_of=there_are,
        )
        for example in own
    ]
    every = options.orders >= there_are
    note = f"Shapley values over {'all' if every else options.orders} of {there_are:,} orders of adding the examples"
    note += "." if every else "; the intervals allow for the orders that were not asked."
    return Design(tuple(arms.values()), tuple(contrasts), tuple(example.id for example in own), (note,))


def _orders(own: tuple[Example, ...], seed: int, count: int) -> list[tuple[Example, ...]]:
    """`count` different orders, drawn by chance; all there are if they are few."""
    if len(own) <= 7 and count == factorial(len(own)):
        return list(permutations(own))
    orders: dict[tuple[str, ...], tuple[Example, ...]] = {}
    draw = 0
    while len(orders) < count:
        order = drawn(own, seed, draw)
        orders.setdefault(tuple(example.id for example in order), order)
        draw += 1
    return list(orders.values())


def _subset(material: Material, shots: tuple[Example, ...], own: tuple[Example, ...], arms: dict[str, Arm]) -> str:
    """The arm with `shots` in the order of the prompt, asked once however often it is needed; its name."""
    kept = tuple(example for example in own if example in shots)
    name = " ".join(example.id for example in kept) or "no examples"
    if name not in arms:
        arms[name] = _asked(material, kept, own, name)
    return name
