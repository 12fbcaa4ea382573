"""One cell of the simulation of experiments: what is asked, how it is run, and what is counted."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.abilities import ABILITIES, DIFFICULTIES, Ability, Luck, Score, planned, scores
from promptlab.experiments import Design, Effect, Observation, Observations, Outcome, Planned, Progress, Running
from promptlab.suites import Case

EFFECTS = (0.0, 0.05, 0.2)
CASES = (20, 60, 200)
FLOWS: Mapping[str, Mapping[str, float]] = {
    "at once": {},
    "screened": {"screen": 0.25},
    "early stops": {"looks": 4},
    "screened, early stops": {"screen": 0.25, "looks": 4},
}


@dataclass(frozen=True)
class Cell:
    """One cell of the tables: what is simulated. `difficulty` "" takes all of them in turn."""

    ability: str
    flow: str = "at once"
    cases: int = 60
    effect: float = 0.0
    difficulty: str = ""
    score: Score = "right or wrong"
    luck: Luck = "own"


@dataclass
class Count:
    """Counts over many simulated experiments."""

    intervals: int = 0
    covered: int = 0
    nothing: int = 0
    false_helps: int = 0
    effects: int = 0
    found: int = 0
    asked: int = 0
    experiments: int = 0

    @property
    def coverage(self) -> float:
        return self.covered / self.intervals

    @property
    def false(self) -> float:
        return self.false_helps / self.nothing if self.nothing else 0.0

    def add(self, effect: Effect, truth: float) -> None:
        if not effect.cases:
            return
        self.intervals += 1
        # An end that lies on the truth, but for rounding, covers it.
        self.covered += any(effect.comparison.covers(truth + by) for by in (0.0, 1e-9, -1e-9))
        if truth <= 1e-9:
            self.nothing += 1
            self.false_helps += effect.verdict == "helps"
        else:
            self.effects += 1
            self.found += effect.verdict == "helps"


class Simulated(Running):
    """An experiment whose answers are drawn: each case has a difficulty, and each arm adds its dose of the effect."""

    def __init__(
        self, plan: Planned, ability: Ability, cell: Cell, rng: np.random.Generator, shape: tuple[float, float]
    ):
        super().__init__(plan, None)  # type: ignore[arg-type]  # nothing is asked
        self.ability, self.cell, self.rng, self.shape = ability, cell, rng, shape
        self.asked = 0

    def _ask(self, _stage: str, design: Design, cases: Sequence[Case]) -> Generator[Progress, None, Observations]:
        self.asked += len(cases)
        models, effect = self.planned.experiment.models, self.cell.effect
        base = self.rng.beta(*self.shape, len(cases))[:, None, None] * (1 - effect)
        doses = np.array([[self.ability.dose(arm, model) for model in models] for arm in design.arms])
        drawn = scores(self.rng, base + effect * doses, self.ability.repeats, self.cell.score, self.cell.luck)
        return Observations(
            tuple(
                Observation(case.id, arm.name, model, repeat, value, value == 1)
                for case, of_case in zip(cases, drawn.tolist(), strict=True)
                for arm, of_arm in zip(design.arms, of_case, strict=True)
                for model, of_model in zip(models, of_arm, strict=True)
                for repeat, value in enumerate(of_model)
            )
        )
        yield  # a generator, as the real one


@lru_cache(maxsize=4)
def _plan(ability: str, flow: str, cases: int, chance: float) -> Planned:
    settings = {k: max(2, int(v * cases)) if k == "screen" else v for k, v in FLOWS[flow].items()}
    with tempfile.TemporaryDirectory() as folder:
        return planned(Path(folder), ABILITIES[ability], cases, settings, chance)


def outcomes(cell: Cell, times: int, seed: int = 0) -> Iterator[tuple[Outcome, float, int]]:
    """Simulated experiments: each outcome, the mean chance of a right answer without any dose, and the cases asked."""
    ability, plan = ABILITIES[cell.ability], _plan(cell.ability, cell.flow, cell.cases, 0.5 * (1 - cell.effect))
    names = [cell.difficulty] if cell.difficulty else list(DIFFICULTIES)
    for number in range(times):
        shape = DIFFICULTIES[names[number % len(names)]]
        rng = np.random.default_rng([seed, number, *repr(cell).encode()])
        running = Simulated(replace(plan, experiment=replace(plan.experiment, seed=number)), ability, cell, rng, shape)
        for _ in running:
            pass
        assert running.outcome is not None
        yield running.outcome, shape[0] / sum(shape) * (1 - cell.effect), running.asked


def simulate(cell: Cell, times: int, seed: int = 0) -> Count:
    """Counts over `times` experiments."""
    count, ability = Count(), ABILITIES[cell.ability]
    for outcome, base, asked in outcomes(cell, times, seed):
        count.asked += asked
        count.experiments += 1
        for effect in outcome.effects:
            count.add(effect, ability.truth(outcome.design, effect.contrast, effect.model, cell.effect, base))
    return count


@dataclass(frozen=True)
class Chosen:
    """The mean error of the estimate of the arm that was chosen from twenty that all do nothing, and its deviation."""

    way: str
    error: float
    deviation: float


def selection(times: int, cases: int = 60) -> list[Chosen]:
    """The best of twenty: screened and confirmed on fresh cases, and picked on the same cases."""
    errors: dict[str, list[float]] = {
        "picked and estimated on the same cases": [],
        "screened, estimated on fresh cases": [],
    }
    for outcome, _, _ in outcomes(Cell("wording, 20 ways", "at once", cases), times):
        errors["picked and estimated on the same cases"].append(max(e.difference for e in outcome.effects))
    for outcome, _, _ in outcomes(Cell("wording, 20 ways", "screened", cases), times):
        assert outcome.screened is not None
        before = {
            effect.contrast.name: np.mean(
                [
                    (outcome.screened.score(case, effect.contrast.after, "m") or 0.0)
                    - (outcome.screened.score(case, effect.contrast.before, "m") or 0.0)
                    for case in outcome.screened.cases
                ]
            )
            for effect in outcome.effects
        }
        best = max(outcome.effects, key=lambda effect: before[effect.contrast.name])
        errors["screened, estimated on fresh cases"].append(best.difference)
    return [
        Chosen(way, float(np.mean(found)), float(np.std(found) / math.sqrt(len(found))))
        for way, found in errors.items()
    ]
