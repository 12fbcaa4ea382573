"""`order`: the same examples in other orders."""

from __future__ import annotations

from math import factorial

from pydantic import Field

from promptlab.errors import ExperimentError
from promptlab.examples import choose_shots
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._fill import with_shots
from promptlab.experiments._kinds import Options, kind
from promptlab.experiments._random import drawn
from promptlab.suites import Variant
from promptlab.types import Example


class OrderOptions(Options):
    """`orders` is the number of orders, with the template's own; `k` is the number of examples, None for the
    template's."""

    orders: int = Field(6, ge=2, le=200)
    k: int | None = Field(None, ge=2)


@kind("order", "how much does the order of the examples matter?", OrderOptions)
def plan(material: Material, options: OrderOptions) -> Design:
    """The shots of the template in its own order, and in other orders drawn by chance, each compared with its own."""
    pool = material.need_pool()
    own = _own(material, options.k)
    orders = _orders(own, options.orders, material.seed)
    arms = [
        Arm(
            name := "the template's order" if number == 0 else f"order {number}",
            Variant(name, fill=with_shots(pool, order, len(own))),
            {"order": number, "examples": " ".join(example.id for example in order)},
        )
        for number, order in enumerate(orders)
    ]
    base = arms[0]
    contrasts = [
        Contrast(arm.name, (arm.name,), (base.name,), f"{arm.name} instead of the template's own") for arm in arms[1:]
    ]
    return Design(tuple(arms), tuple(contrasts), ("order", "examples"))


def _own(material: Material, k: int | None) -> tuple[Example, ...]:
    choice = material.template.examples
    assert choice is not None  # `need_pool` has checked it
    if choice.select == "similar":
        raise ExperimentError(
            "the template chooses other examples for each question, so there is no one set to reorder",
            hint="choose `first`, `random`, `balanced` or `diverse`",
        )
    wanted = choice if k is None else type(choice)(choice.pool, k, choice.select, choice.seed, choice.order)
    own = tuple(choose_shots(material.pool, wanted, {}))
    if len(own) < 2:
        raise ExperimentError("one example has no order", hint="set `k` to 2 or more")
    return own


def _orders(own: tuple[Example, ...], wanted: int, seed: int) -> list[tuple[Example, ...]]:
    """`own`, and other orders of it, all different."""
    orders = {tuple(example.id for example in own): own}
    draw = 0
    while len(orders) < min(wanted, factorial(len(own))):
        order = drawn(own, seed, draw)
        orders.setdefault(tuple(example.id for example in order), order)
        draw += 1
    return list(orders.values())
