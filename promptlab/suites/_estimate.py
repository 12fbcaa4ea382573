"""What asking a suite will take, worked out before anything is asked: calls, tokens, price and local minutes.

    estimate = estimate_suite(workspace, suite, verb="record", options=AskOptions(), catalogue=catalogue, ...)
    print("\\n".join(estimate.lines()))
    # gpt: 40 calls, about 4,120 prompt tokens, at most 1,280 new ones, about $0.0014 with the longest answers
    # judge gpt-4.1: 40 calls, about 9,960 prompt tokens, at most 6,400 new ones, about $0.0889 with the longest answers
    # in all at most: 80 calls, 30,000 tokens, $0.1129 (--max-tokens 30000 --max-cost 0.1129 is enough for everything)

Answers are counted as long as they may be. Prompt tokens that are estimated get an allowance in the last line, which
is therefore a limit that a run with it does not reach.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import median

from promptlab import runs
from promptlab.errors import PromptlabError
from promptlab.models import Catalogue, price, price_of
from promptlab.runs import Store
from promptlab.suites._budget import CallBound, Role, bound_of_request, bounds_of_item
from promptlab.suites._items import AskOptions, PlannedAsk, TrialMaker, planned_asks, recalled
from promptlab.suites._log import SuiteLog
from promptlab.suites._suite import Suite
from promptlab.suites._suite_run import Verb
from promptlab.types import Result
from promptlab.workspace import OpenAIModel, Workspace

RUNS = 20
"""How many of the newest runs of a model its speed is measured from."""
SAMPLED = 50
"""How many answers of each of these runs are looked at."""
ALLOWANCE, ALLOWANCE_A_CALL = 1.5, 16
"""Estimated prompt tokens are multiplied and increased by this, for a limit that is not reached."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second in prefill and in decoding, as measured on this machine; None if nothing was measured."""

    prefill: float | None
    decoding: float | None


@dataclass(frozen=True, slots=True)
class ModelEstimate:
    """What one model would be asked for one purpose, and what that takes if every answer is as long as it may be.

    `exact` is False if prompt tokens are estimated. `cost` is None if no price is known, `minutes` if the model is not
    local or was never measured here. `refused` items do not fit the window and would not be sent. `limit_tokens` and
    `limit_cost` are never reached: they have an allowance for estimated tokens. `priced_by` names a list price and its
    date; it is empty if promptlab.yaml sets the price.
    """

    model: str
    role: Role
    calls: int
    prompt: int
    new: int
    exact: bool
    cost: float | None
    minutes: float | None
    refused: int
    limit_tokens: int = 0
    limit_cost: float | None = None
    problem: str = ""
    priced_by: str = ""

    @property
    def said(self) -> str:
        """The estimate as a sentence."""
        name = {"answer": self.model, "judge": f"judge {self.model}", "cause": "finding causes"}[self.role]
        calls = f"at most {self.calls:,} calls" if self.role == "cause" else f"{self.calls:,} calls"
        if self.problem:
            return f"{name}: {calls}; {self.problem}"
        about = "" if self.exact else "about "
        prompt = f"{'at most ' if self.exact and self.role != 'answer' else about}{self.prompt:,} prompt tokens"
        parts = [calls, prompt, f"at most {self.new:,} new ones"]
        if self.cost is not None:
            parts.append(f"{dollars(self.cost)} with the longest answers" if about else f"at most {dollars(self.cost)}")
            parts[-1] = about + parts[-1] + (f" ({self.priced_by})" if self.priced_by else "")
        parts += [f"at most {self.minutes:,.1f} min here"] if self.minutes is not None else []
        parts += [f"{self.refused} refused before they are sent"] if self.refused else []
        return f"{name}: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What asking a suite takes at most: `models` has a line for each model and what it is asked for."""

    models: tuple[ModelEstimate, ...]

    @property
    def calls(self) -> int:
        return sum(one.calls for one in self.models)

    @property
    def max_tokens(self) -> int | None:
        """A limit of tokens with which everything is asked; None if the tokens of a model could not be counted."""
        return None if self._problem else sum(one.limit_tokens for one in self.models)

    @property
    def max_cost(self) -> float | None:
        """A limit in US dollars with which everything is asked, rounded up; None if no price is known."""
        known = [one.limit_cost for one in self.models if one.limit_cost is not None]
        return None if self._problem or not known else _rounded_up(sum(known))

    @property
    def is_estimated(self) -> bool:
        """True if prompt tokens of a model are estimated."""
        return not all(one.exact for one in self.models)

    @property
    def _problem(self) -> bool:
        return any(one.problem for one in self.models)

    def lines(self) -> list[str]:
        """The estimate in words, a line for each model and one for all; empty if there is nothing to ask."""
        lines = [one.said for one in self.models]
        return [*lines, self._total()] if lines else []

    def _total(self) -> str:
        tokens, cost = self.max_tokens, self.max_cost
        if tokens is None:
            return f"in all: {self.calls:,} calls; no upper limit is known, because tokens could not be counted"
        parts = [f"{self.calls:,} calls", f"{tokens:,} tokens"]
        option = f"--max-tokens {tokens}"
        if cost is not None:
            parts.append(dollars(cost))
            option = f"--max-cost {dollars(cost)[1:].replace(',', '')}"
        total = f"in all at most: {', '.join(parts)} ({option} is enough for everything)"
        if self.is_estimated:
            total += "; estimated prompt tokens are counted here with half as much again"
        unknown = sorted({one.model for one in self.models if one.cost is None}) if cost is not None else []
        return total + (f"; without the price of {', '.join(unknown)}, which is not known" if unknown else "")


def dollars(cost: float) -> str:
    """A price, rounded up: `$0.0142`, with more digits if it is small."""
    return f"${_rounded_up(cost):,.{_digits(cost)}f}"


def _digits(cost: float) -> int:
    return 4 if cost <= 0 else min(12, max(4, 1 - math.floor(math.log10(cost))))


def _rounded_up(cost: float) -> float:
    scale = 10 ** _digits(cost)
    return float(math.ceil(cost * scale * (1 - 1e-12)) / scale)


def estimate_suite(
    workspace: Workspace,
    suite: Suite,
    *,
    verb: Verb,
    options: AskOptions,
    catalogue: Catalogue,
    store: Store,
    log: SuiteLog,
    causes: int = 0,
) -> Estimate:
    """What `verb` with these options would take, judges included, and `causes` calls to find causes. No model is
    asked."""
    fill = TrialMaker(workspace, suite)
    sums: dict[tuple[str, Role], _Sum] = {}
    most = _MostForCause(catalogue, causes)
    for planned in planned_asks(fill, workspace, suite, verb=verb, options=options, log=log, look_up=causes > 0):
        key: tuple[str, Role] = (planned.trial.model, "answer")
        try:
            for bound in bounds_of_item(fill, catalogue, planned.item, planned.trial):
                key = bound.model, bound.role
                sums.setdefault(key, _Sum(*key)).add(bound)
            if causes:
                most.look(fill, planned)
        except PromptlabError as exc:
            sums.setdefault(key, _Sum(*key)).cannot(exc)
    models = [one.estimate(catalogue, measured_speed(store, one.model)) for one in sums.values()]
    return Estimate((*sorted(models, key=lambda one: one.role == "judge"), *most.estimates()))


class _Sum:
    """The requests to one model for one purpose, added up."""

    def __init__(self, model: str, role: Role) -> None:
        self.model, self.role = model, role
        self.calls = self.prompt = self.new = self.refused = self.limit_prompt = 0
        self.exact = True
        self.problem = ""

    def add(self, bound: CallBound) -> None:
        self.calls += 1
        self.exact = self.exact and bound.exact
        if not bound.fits:
            self.refused += 1
            return
        self.prompt += bound.prompt
        self.limit_prompt += _with_allowance(bound)
        self.new += bound.new

    def cannot(self, error: PromptlabError) -> None:
        """Count a request whose tokens could not be counted."""
        self.calls += 1
        self.problem = error.hint or error.message

    def estimate(self, catalogue: Catalogue, speed: Speed) -> ModelEstimate:
        minutes = _minutes(catalogue, self.model, speed, self.prompt, self.new)
        return ModelEstimate(
            *(self.model, self.role, self.calls, self.prompt, self.new, self.exact),
            price(catalogue, self.model, self.prompt, self.new),
            minutes,
            self.refused,
            self.limit_prompt + self.new,
            price(catalogue, self.model, self.limit_prompt, self.new),
            self.problem,
            _list_price(catalogue, self.model),
        )


def _list_price(catalogue: Catalogue, model: str) -> str:
    each = price_of(catalogue, model)
    return each.source if each is not None and each.listed is not None else ""


def _with_allowance(bound: CallBound) -> int:
    """The tokens of a prompt, and if they are an estimate what they may be more."""
    return bound.prompt if bound.exact else math.ceil(bound.prompt * ALLOWANCE) + ALLOWANCE_A_CALL


class _MostForCause:
    """The most that one call to find a cause can take: the longest prompt and answer, recorded or of today."""

    def __init__(self, catalogue: Catalogue, calls: int) -> None:
        self._catalogue, self._calls = catalogue, calls
        self._most: dict[str, CallBound] = {}

    def look(self, fill: TrialMaker, planned: PlannedAsk) -> None:
        if planned.stored is None:
            return
        recorded = replace(planned.trial, request=recalled(fill.suite, planned.stored))
        for trial in (planned.trial, recorded):
            bound = bound_of_request(self._catalogue, runs.request_of(trial), role="cause")
            old = self._most.get(bound.model, bound)
            self._most[bound.model] = replace(
                bound,
                prompt=max(bound.prompt, old.prompt),
                new=max(bound.new, old.new),
                exact=bound.exact and old.exact,
            )

    def estimates(self) -> Iterator[ModelEstimate]:
        """One estimate, of the models for which a call takes most, if there is something to find."""
        if not self._most:
            return
        every = list(self._most.values())
        limits = [price(self._catalogue, b.model, _with_allowance(b), b.new) for b in every]
        yield ModelEstimate(
            ", ".join(self._most),
            "cause",
            self._calls,
            self._calls * max(b.prompt for b in every),
            self._calls * max(b.new for b in every),
            all(b.exact for b in every),
            _times(self._calls, (price(self._catalogue, b.model, b.prompt, b.new) for b in every)),
            None,
            0,
            self._calls * max(_with_allowance(b) + b.new for b in every),
            _times(self._calls, limits),
        )


def _times(calls: int, prices: Iterable[float | None]) -> float | None:
    known = [one for one in prices if one is not None]
    return calls * max(known) if known else None


def local_minutes(catalogue: Catalogue, store: Store, model: str, read: int, new: int) -> float | None:
    """The minutes in which `model` reads and writes so many tokens here. None if it is not local, or was never measured
    here."""
    return _minutes(catalogue, model, measured_speed(store, model), read, new)


def _minutes(catalogue: Catalogue, model: str, speed: Speed, read: int, new: int) -> float | None:
    if isinstance(catalogue.entry(model), OpenAIModel) or not speed.prefill or not speed.decoding:
        return None
    return (read / speed.prefill + new / speed.decoding) / 60


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
