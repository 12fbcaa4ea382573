"""The most that a request and an item can take, and the limits that a run must not pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from promptlab import runs
from promptlab.errors import SuiteError
from promptlab.models import Catalogue, price, price_of
from promptlab.runs import Trial
from promptlab.suites._items import AskOptions, TrialMaker
from promptlab.suites._suite import Item
from promptlab.types import Completion, Request
from promptlab.workspace import OpenAIModel

Role = Literal["answer", "judge", "cause"]
"""What a request is for: the answer of an item, a judge's verdict on it, or finding the cause of a change."""


@dataclass(frozen=True, slots=True)
class CallBound:
    """The most that one request can take: tokens of its prompt and new tokens. `exact` is False if the tokens of the
    prompt are an estimate, `fits` if the prompt does not fit the window and would not be sent."""

    model: str
    role: Role
    prompt: int
    new: int
    exact: bool
    fits: bool


def bounds_of_item(fill: TrialMaker, catalogue: Catalogue, item: Item, trial: Trial) -> Iterator[CallBound]:
    """What asking `item` can take at most: its own answer, then what each of its judges reads and answers. A request
    that fails and is sent again is one request: only its last attempt has an answer."""
    request = runs.request_of(trial)
    own = bound_of_request(catalogue, request)
    yield own
    if not own.fits:
        return
    for judge in fill.judges(item, request.prompt, _ANSWER):
        asked = runs.request_of(judge)
        bound = bound_of_request(catalogue, asked, role="judge")
        # The answer is not known yet: its longest is counted, as often as the judge's prompt holds it.
        times = max(1, sum(message.content.count(_ANSWER) for message in asked.messages))
        same = asked.model == request.model  # another model has other tokens for the same answer
        yield replace(bound, prompt=bound.prompt + times * request.params.max_tokens, exact=bound.exact and same)


def bound_of_request(catalogue: Catalogue, request: Request, role: Role = "answer") -> CallBound:
    """What sending `request` can take at most. Raises what its model's backend raises for a request it cannot send."""
    budget = catalogue.backend(request.model).as_sent(request).budget
    return CallBound(request.model, role, budget.prompt, budget.room, budget.exact, budget.fits)


_ANSWER = "promptlab-answer"
"""Stands for the answer in a judge's prompt whose tokens are counted."""


# While asking


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has used: tokens of prompts and answers, and US dollars if prices are known."""

    tokens: int = 0
    cost: float = 0.0

    def __add__(self, more: Spent) -> Spent:
        return Spent(self.tokens + more.tokens, self.cost + more.cost)


class Tally:
    """Adds up what the answers of a run took."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.spent = Spent()

    def add(self, model: str, done: Completion) -> None:
        """Count one answer of `model`."""
        self.spent += _spent(self._catalogue, model, done.usage.prompt or 0, done.usage.written or 0)


def _spent(catalogue: Catalogue, model: str, prompt: int, new: int) -> Spent:
    return Spent(prompt + new, price(catalogue, model, prompt, new) or 0.0)


def check_prices(catalogue: Catalogue, models: Iterable[str], suite: str) -> None:
    """Raise `SuiteError` if one of `models` is an API whose price is not known: a limit of cost could not be kept."""
    for model in dict.fromkeys(models):
        if not isinstance(catalogue.entry(model), OpenAIModel):
            continue
        each = price_of(catalogue, model)
        if each is None or each.of(1, 1) is None:
            raise SuiteError(
                f"a limit of cost cannot be kept: the price of `{model}` is not known",
                file=suite,
                hint="set price_in and price_out of the model in promptlab.yaml, or limit the tokens (--max-tokens)",
            )


def list_price_note(catalogue: Catalogue, models: Iterable[str]) -> str:
    """What to know of a limit of cost that counts with list prices: their date, because the provider may have changed
    them since. Empty if none of `models` has one."""
    listed = {}
    for model in dict.fromkeys(models):
        each = price_of(catalogue, model)
        if each is not None and each.listed is not None:
            listed[model] = each.source
    if not listed:
        return ""
    prices = "; ".join(f"{model}: {source}" for model, source in listed.items())
    return f"{prices}; the provider's price of today may differ: price_in and price_out in promptlab.yaml set it"


def most_for_item(fill: TrialMaker, catalogue: Catalogue, item: Item, trial: Trial) -> Spent:
    """The most that asking `item` can take, its judges included."""
    every = bounds_of_item(fill, catalogue, item, trial)
    return sum((spent_at_most(catalogue, bound) for bound in every), Spent())


def spent_at_most(catalogue: Catalogue, bound: CallBound) -> Spent:
    """What a request takes that takes as much as it can."""
    return _spent(catalogue, bound.model, bound.prompt, bound.new)


ROUNDING = 1e-9
"""How much a sum of prices may be off, because it is added up in another order."""


class Reserve:
    """Sets aside the most that each item can take, on top of what was spent, so that a limit is never passed."""

    def __init__(self, options: AskOptions, so_far: Spent) -> None:
        self._options, self._reserved = options, so_far
        self.out_of = ""

    @property
    def limited(self) -> bool:
        """True if the run has a limit."""
        return self._options.max_cost is not None or self._options.max_tokens is not None

    def take(self, most: Spent) -> bool:
        """Set `most` aside for the next item. False if that would pass a limit; `out_of` then says which."""
        self.out_of = self._passed(self._reserved + most)
        if not self.out_of:
            self._reserved += most
        return not self.out_of

    def take_more(self, most: Spent) -> bool:
        """As `take`, for something that may be left undone: the run goes on without it."""
        if self._passed(self._reserved + most):
            return False
        self._reserved += most
        return True

    def _passed(self, after: Spent) -> str:
        """The limit that a run would pass that takes `after`, "" if none."""
        most_tokens, most_cost = self._options.max_tokens, self._options.max_cost
        if most_tokens is not None and after.tokens > most_tokens:
            return f"the next item may take the run past {most_tokens:,} tokens"
        if most_cost is not None and after.cost > most_cost * (1 + ROUNDING):
            return f"the next item may take the run past ${most_cost:g}"
        return ""
