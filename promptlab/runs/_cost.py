"""What the answers of a run cost, by today's prices."""

from __future__ import annotations

from collections.abc import Iterable

from promptlab.errors import PromptlabError
from promptlab.models import Catalogue, price, price_of
from promptlab.types import Result
from promptlab.workspace import OpenAIModel


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
        return price(catalogue, result.model, done.usage.prompt, done.usage.written, done.usage.reused or 0)
    except PromptlabError:  # the model is no longer in promptlab.yaml
        return None


def cost_of_all(results: Iterable[Result], catalogue: Catalogue) -> tuple[float | None, int]:
    """The sum of the known prices of `results` in US dollars, None if none is known, and how many are not known."""
    costs = [cost_of(result, catalogue) for result in results]
    known = [cost for cost in costs if cost is not None]
    return (sum(known) if known else None), len(costs) - len(known)


def cost_text(dollars: float | None) -> str:
    """A price in plain figures: `$0.0142`, `< $0.0001`, `$12.35`; `unknown` if it is not known."""
    if dollars is None:
        return "unknown"
    if dollars == 0:
        return "$0"
    if dollars < 0.0001:
        return "< $0.0001"
    return f"${dollars:.4f}" if dollars < 1 else f"${dollars:,.2f}"


def cost_words(result: Result, catalogue: Catalogue) -> str:
    """The cost of an answer for people: `$0.0142`, with the date of a list price; `cost unknown` for an API whose price
    is not known. Empty for local models, and for what took nothing: errors and answers from the history."""
    try:
        if result.completion is None or result.cached or not isinstance(catalogue.entry(result.model), OpenAIModel):
            return ""
    except PromptlabError:
        return "cost unknown"
    each, cost = price_of(catalogue, result.model), cost_of(result, catalogue)
    if each is None or cost is None:
        return "cost unknown"
    return f"{cost_text(cost)} ({each.source})" if each.listed else cost_text(cost)


def price_source(model: str, catalogue: Catalogue) -> str | None:
    """Where the price of `model` comes from, a list price with its date; None if no price is known."""
    try:
        each = price_of(catalogue, model)
    except PromptlabError:
        return None
    return None if each is None else each.source


def costs_text(costs: tuple[float | None, int]) -> str:
    """What `cost_of_all` found, as text for people; "" if no price is known."""
    known, missing = costs
    if known is None:
        return ""
    return f"{cost_text(known)} + {missing} without a price" if missing else cost_text(known)
