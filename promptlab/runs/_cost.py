"""What the answers of a run cost, by today's prices."""

from __future__ import annotations

from collections.abc import Iterable

from promptlab.errors import PromptlabError
from promptlab.models import Catalogue, price
from promptlab.types import Result


def cost_of(result: Result, catalogue: Catalogue) -> float | None:
    """The price of `result` in US dollars; None if its tokens or the price of its model are not known.

    An answer that was taken from the history cost nothing this time: 0.0.
    """
    if result.cached:
        return 0.0
    done = result.completion
    if done is None or done.usage.prompt is None or done.usage.written is None:
        return None
    try:
        return price(catalogue, result.model, done.usage.prompt, done.usage.written)
    except PromptlabError:  # the model is no longer in promptlab.yaml
        return None


def cost_of_all(results: Iterable[Result], catalogue: Catalogue) -> tuple[float | None, int]:
    """The sum of the known prices of `results` in US dollars, None if none is known, and how many are not known."""
    costs = [cost_of(result, catalogue) for result in results]
    known = [cost for cost in costs if cost is not None]
    return (sum(known) if known else None), len(costs) - len(known)


def cost_text(cost: float) -> str:
    """An amount of US dollars as text for people; small amounts keep two digits that count."""
    if cost == 0:
        return "$0"
    if cost < 0.000001:
        return "< $0.000001"
    if cost >= 0.1:
        return f"${cost:,.2f}"
    digits = next(n for n in range(2, 8) if cost >= 10 ** (1 - n))
    return f"${cost:.{digits}f}"


def costs_text(costs: tuple[float | None, int]) -> str:
    """What `cost_of_all` found, as text for people; "" if no price is known."""
    known, missing = costs
    if known is None:
        return ""
    return f"{cost_text(known)} + {missing} without a price" if missing else cost_text(known)
