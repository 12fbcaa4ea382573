"""What asking a suite takes: an estimate beforehand, and the limits that a run must not pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from promptlab import runs
from promptlab.errors import PromptlabError
from promptlab.models import Catalogue
from promptlab.runs import Store, Trial
from promptlab.suites._items import AskOptions, TrialMaker
from promptlab.suites._suite import Item
from promptlab.types import Completion, Request, Result
from promptlab.workspace import OpenAIModel

RUNS = 20
"""How many of the newest runs of a model its speed is measured from."""
SAMPLED = 50
"""How many answers of each of these runs are looked at."""


def price(catalogue: Catalogue, model: str, prompt: int, new: int) -> float | None:
    """The price in US dollars of `prompt` and `new` tokens; None if no price is known."""
    entry = catalogue.entry(model)
    if not isinstance(entry, OpenAIModel) or (entry.price_in is None and entry.price_out is None):
        return None
    return (prompt * (entry.price_in or 0.0) + new * (entry.price_out or 0.0)) / 1_000_000


# Before asking


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second in prefill and in decoding, as measured on this machine; None if nothing was measured."""

    prefill: float | None
    decoding: float | None


@dataclass(frozen=True, slots=True)
class ModelEstimate:
    """What one model would be asked, and what that takes.

    `exact` is false if prompt tokens are estimated. `cost` is None if no price is known, `minutes` if the model is not
    local or was never measured here. `refused` items do not fit the window and would not be sent.
    """

    model: str
    calls: int
    prompt: int
    new: int
    exact: bool
    cost: float | None
    minutes: float | None
    refused: int
    problem: str = ""

    @property
    def said(self) -> str:
        """The estimate as a sentence."""
        if self.problem:
            return f"{self.model}: {self.calls} calls; {self.problem}"
        about = "" if self.exact else "about "
        parts = [f"{self.calls:,} calls", f"{about}{self.prompt:,} prompt tokens", f"at most {self.new:,} new ones"]
        parts += [f"at most ${self.cost:,.4f}"] if self.cost is not None else []
        parts += [f"at most {self.minutes:,.1f} min here"] if self.minutes is not None else []
        parts += [f"{self.refused} refused before they are sent"] if self.refused else []
        return f"{self.model}: {', '.join(parts)}"


def estimate_trials(trials: Iterable[Trial], catalogue: Catalogue, store: Store) -> list[ModelEstimate]:
    """An estimate for each model of `trials`, in the order of the trials. No model is asked."""
    sums: dict[str, _Sum] = {}
    for trial in trials:
        sums.setdefault(trial.model, _Sum(trial.model, catalogue)).add(trial)
    return [each.estimate(measured_speed(store, each.model)) for each in sums.values()]


class _Sum:
    """The trials of one model, added up."""

    def __init__(self, model: str, catalogue: Catalogue) -> None:
        self.model, self._catalogue = model, catalogue
        self.calls = self.prompt = self.new = self.refused = 0
        self.exact = True
        self.problem = ""

    def add(self, trial: Trial) -> None:
        self.calls += 1
        try:
            request = runs.request_of(trial)
            budget = self._catalogue.backend(self.model).as_sent(request).budget
        except PromptlabError as exc:
            self.problem = exc.hint or exc.message
            return
        self.exact = self.exact and budget.exact
        if not budget.fits:
            self.refused += 1
            return
        self.prompt += budget.prompt
        self.new += budget.room

    def estimate(self, speed: Speed) -> ModelEstimate:
        minutes = None
        if not isinstance(self._catalogue.entry(self.model), OpenAIModel) and speed.prefill and speed.decoding:
            minutes = (self.prompt / speed.prefill + self.new / speed.decoding) / 60
        cost = price(self._catalogue, self.model, self.prompt, self.new)
        return ModelEstimate(
            *(self.model, self.calls, self.prompt, self.new, self.exact, cost, minutes, self.refused, self.problem)
        )


def measured_speed(store: Store, model: str) -> Speed:
    """How fast `model` was in its newest runs here. Answers from the store were not measured and do not count."""
    prefill: list[float] = []
    decoding: list[float] = []
    for run in store.runs(model=model, limit=RUNS):
        for result in store.results(run.id, among=range(SAMPLED)):
            if result.model == model and not result.cached:
                _measure(result, prefill, decoding)
    return Speed(median(prefill) if prefill else None, median(decoding) if decoding else None)


def _measure(result: Result, prefill: list[float], decoding: list[float]) -> None:
    done = result.completion
    if done is None:
        return
    if done.usage.read and done.timings.first_token:
        prefill.append(done.usage.read / done.timings.first_token)
    if (rate := done.timings.tokens_per_second(done.usage.written)) is not None:
        decoding.append(rate)


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


def most_for_item(fill: TrialMaker, catalogue: Catalogue, item: Item, trial: Trial) -> Spent:
    """The most that asking `item` can take: its own answer, and what its judges read and answer."""
    request = runs.request_of(trial)
    most = _most_for_request(catalogue, request, 0)
    for judge in fill.judges(item, request.prompt, ""):
        # The judge's prompt will hold the answer, which is not known yet: its longest is counted.
        most += _most_for_request(catalogue, runs.request_of(judge), request.params.max_tokens)
    return most


def _most_for_request(catalogue: Catalogue, request: Request, more: int) -> Spent:
    """The most that a request can take if `more` tokens are added to its prompt."""
    budget = catalogue.backend(request.model).as_sent(request).budget
    return _spent(catalogue, request.model, budget.prompt + more, budget.room)


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
        after = self._reserved + most
        if self._options.max_tokens is not None and after.tokens > self._options.max_tokens:
            self.out_of = f"the next item may take the run past {self._options.max_tokens:,} tokens"
        elif self._options.max_cost is not None and after.cost > self._options.max_cost:
            self.out_of = f"the next item may take the run past ${self._options.max_cost:g}"
        else:
            self._reserved = after
        return not self.out_of
