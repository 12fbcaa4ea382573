"""What asking a suite would take, without asking anybody: calls, tokens, dollars, minutes of local models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from promptlab import runs
from promptlab.errors import PromptlabError
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.types import Result, Trial
from promptlab.workspace import OpenAIModel

RUNS = 20
"""Runs of a model that its speed is taken from."""
SAMPLED = 50
"""Answers of a run that are looked at."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second, as measured here; None where nothing was."""

    reading: float | None
    writing: float | None


@dataclass(frozen=True, slots=True)
class ModelEstimate:
    """What one model would be asked. `exact` false: prompt tokens are estimated. `cost` None: no price is known.
    `minutes` None: it is no local model, or was never measured here. `refused` items would not be sent."""

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
        """In a sentence."""
        if self.problem:
            return f"{self.model}: {self.calls} calls; {self.problem}"
        about = "" if self.exact else "about "
        parts = [f"{self.calls:,} calls", f"{about}{self.prompt:,} prompt tokens", f"at most {self.new:,} new ones"]
        parts += [f"at most ${self.cost:,.4f}"] if self.cost is not None else []
        parts += [f"at most {self.minutes:,.1f} min here"] if self.minutes is not None else []
        parts += [f"{self.refused} refused before they are sent"] if self.refused else []
        return f"{self.model}: {', '.join(parts)}"


def estimate(trials: Iterable[Trial], catalogue: Catalogue, store: Store) -> list[ModelEstimate]:
    """An estimate for each model of `trials`, in the order they come up. Reads nothing twice and asks nobody."""
    found: dict[str, _Sum] = {}
    for trial in trials:
        found.setdefault(trial.model, _Sum(trial.model, catalogue)).add(trial)
    return [one.estimate(speed(store, one.model)) for one in found.values()]


class _Sum:
    def __init__(self, model: str, catalogue: Catalogue) -> None:
        self.model, self._catalogue = model, catalogue
        self.calls = self.prompt = self.new = self.refused = 0
        self.exact = True
        self.problem = ""

    def add(self, trial: Trial) -> None:
        self.calls += 1
        try:
            request = runs.request_of(trial)
            backend = self._catalogue.backend(self.model)
            budget = backend.as_sent(request).budget
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
        entry = self._catalogue.entry(self.model)
        cost = minutes = None
        if isinstance(entry, OpenAIModel):
            if entry.price_in is not None or entry.price_out is not None:
                cost = (self.prompt * (entry.price_in or 0) + self.new * (entry.price_out or 0)) / 1_000_000
        elif speed.reading and speed.writing:
            minutes = (self.prompt / speed.reading + self.new / speed.writing) / 60
        return ModelEstimate(
            *(self.model, self.calls, self.prompt, self.new, self.exact, cost, minutes, self.refused, self.problem)
        )


def speed(store: Store, model: str) -> Speed:
    """How fast `model` read and wrote in its newest runs here; stored answers were not measured."""
    reading: list[float] = []
    writing: list[float] = []
    for run in store.runs(model=model, limit=RUNS):
        for result in store.results(run.id, among=range(SAMPLED)):
            if result.model == model and not result.cached:
                _measure(result, reading, writing)
    return Speed(median(reading) if reading else None, median(writing) if writing else None)


def _measure(result: Result, reading: list[float], writing: list[float]) -> None:
    done = result.completion
    if done is None:
        return
    if done.usage.read and done.timings.first_token:
        reading.append(done.usage.read / done.timings.first_token)
    if (rate := done.timings.tokens_per_second(done.usage.written)) is not None:
        writing.append(rate)


def totals(found: Iterable[ModelEstimate]) -> Mapping[str, float]:
    """Sums over the models: calls, tokens, dollars and minutes where they are known."""
    sums = {"calls": 0.0, "prompt": 0.0, "new": 0.0, "cost": 0.0, "minutes": 0.0}
    for one in found:
        sums["calls"] += one.calls
        sums["prompt"] += one.prompt
        sums["new"] += one.new
        sums["cost"] += one.cost or 0.0
        sums["minutes"] += one.minutes or 0.0
    return sums
