"""Models of known ability for `benchmarks/experiments.py`: how likely each answer is right, and so what is true.

Every kind is planned by its real planner. A case has a chance of a right answer that differs from case to case, and an
arm adds to it: `dose` says how much of the effect, from 0 to 1, so the truth of a contrast is the effect times the
difference of the mean doses. It is the effect in all cases there could be, of which those asked are a sample, and on
the arms that were asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import permutations
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from promptlab.experiments import Arm, Contrast, Design, Experiment, Planned, plan_experiment
from promptlab.workspace import Workspace

DIFFICULTIES: Mapping[str, tuple[float, float]] = {"easy": (4.0, 1.0), "mixed": (0.5, 0.5), "hard": (1.0, 4.0)}
"""The beta distributions of how likely cases are right before anything is added."""
Score = Literal["right or wrong", "graded"]
Luck = Literal["own", "shared"]
"""Whether each answer has its own luck, or all answers to a case have the same, as at temperature 0."""

TEMPLATE = """\
inputs:
  question: {type: string}
instructions: Answer the question.
output_format: One word only.
context: [docs/page.md]
examples: {pool: pool.jsonl, k: 3, select: first}
params: {temperature: 0, max_tokens: 16}
"""


@dataclass(frozen=True)
class Ability:
    """What is asked, and the dose of each arm for each model."""

    kind: str
    dose: Callable[[Arm, str], float]
    options: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ("m",)
    repeats: int = 1
    shapley: Callable[[frozenset[str]], float] | None = None
    """The dose of a set of examples, where the truth is their Shapley value."""

    def truth(self, design: Design, contrast: Contrast, model: str, effect: float, base: float) -> float:
        """The true difference. `base` is the mean chance of a right answer without any dose."""
        if self.shapley is not None:
            return effect * _shapley(design.factors, self.shapley)[contrast.name]
        (after, one), (before, other) = contrast.sides(model)
        mean = _mean([self.dose(design.arm(name), one) for name in after])
        if contrast.chance is not None:
            return base + effect * mean - contrast.chance
        return effect * (mean - _mean([self.dose(design.arm(name), other) for name in before]))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


@lru_cache(maxsize=8)
def _shapley(players: tuple[str, ...], worth: Callable[[frozenset[str]], float]) -> dict[str, float]:
    return shapley_values(players, worth)


def shapley_values(players: tuple[str, ...], worth: Callable[[frozenset[str]], float]) -> dict[str, float]:
    """The Shapley values, by every order."""
    total = dict.fromkeys(players, 0.0)
    orders = list(permutations(players))
    for order in orders:
        there: frozenset[str] = frozenset()
        for player in order:
            total[player] += worth(there | {player}) - worth(there)
            there |= {player}
    return {player: value / len(orders) for player, value in total.items()}


def _has(factor: str, level: Any = "on") -> Callable[[Arm, str], float]:
    return lambda arm, _model: float(arm.levels[factor] == level)


def _named(name: str) -> Callable[[Arm, str], float]:
    return lambda arm, _model: float(arm.name == name)


def _shots(arm: Arm, _model: str) -> float:
    """More examples help, and some draws are luckier than others."""
    return arm.levels["k"] / 4 * (1.4 - 0.2 * arm.levels["draw"]) / 1.2


def _book(arm: Arm, _model: str) -> float:
    """The document helps, least in the middle."""
    return {"open": 0.5 if arm.levels["place"] == 2 else 1.0}.get(arm.levels["book"], 0.0)


def _worth(there: frozenset[str]) -> float:
    """Half of the effect from one example, half if two others are both there."""
    return 0.5 * ("e0" in there) + 0.5 * ({"e1", "e2"} <= there)


def _subset(arm: Arm, _model: str) -> float:
    return _worth(frozenset(name for name, level in arm.levels.items() if level == "in"))


WORDINGS = {f"wording {n}": f"Answer the question, please, in way {n}." for n in range(20)}
ABILITIES: Mapping[str, Ability] = {
    "ablate": Ability("ablate", _has("context"), {"primary": "context"}),
    "ablate, 3 repeats": Ability("ablate", _has("context"), {"primary": "context"}, repeats=3),
    "ablate, each alone": Ability("ablate", _has("context"), {"mode": "alone"}),
    "ablate, every combination": Ability("ablate", _has("context"), {"mode": "grid"}),
    "shots, 3 draws": Ability("shots", _shots, {"most": 4, "draws": 3}),
    "order, 6 orders": Ability("order", _has("order", 1)),
    "examples, one left out": Ability("examples", _has("e0", "in")),
    "examples, Shapley": Ability("examples", _subset, {"method": "shapley", "k": 5, "orders": 8}, shapley=_worth),
    "book, 3 places": Ability("book", _book, {"decoys": ["docs/other.md", "docs/third.md"], "places": 3}),
    "layout": Ability("layout", _has("layout", "documents in the last user turn")),
    "format": Ability("format", _has("format", "schema")),
    "wording": Ability("wording", _named("please")),
    "wording, 20 ways": Ability("wording", _named("wording 7"), {"instead": WORDINGS, "surface": False}),
    "models, and chance": Ability("models", lambda _arm, model: float(model == "n"), models=("m", "n", "o")),
    "params, 3 repeats": Ability("params", _has("temperature", 0.7), repeats=3),
    "grid": Ability(
        "grid",
        _has("context"),
        {"kinds": {"ablate": {"sections": ["context", "examples"]}, "params": {"temperature": [0.0, 1.0]}}},
    ),
}


def planned(folder: Path, ability: Ability, cases: int, settings: Mapping[str, Any], chance: float) -> Planned:
    """The plan of the real planner. `chance` is the rate of right answers that is told to `models`."""
    space = _workspace(folder, cases)
    options = {**ability.options, **({"chance": chance} if ability.kind == "models" else {})}
    experiment = Experiment(
        *("simulated", ability.kind, "t", "cases.jsonl", ability.models),
        options=options,
        scorers=("exact",),
        repeats=ability.repeats,
        **settings,
    )
    return plan_experiment(space, experiment)


def _workspace(folder: Path, cases: int) -> Workspace:
    for name in ("templates", "docs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "promptlab.yaml").write_text("models: {}\n")
    (folder / "templates/t.yaml").write_text(TEMPLATE)
    for name in ("page", "other", "third"):
        (folder / f"docs/{name}.md").write_text(f"# {name}\n\nNumber 3 is word-3.\n")
    pool = [{"id": f"e{n}", "inputs": {"question": f"Example {n}?"}, "output": f"out{n}"} for n in range(9)]
    rows = [{"id": f"c{n}", "inputs": {"question": f"What is {n}?"}, "expected": f"word-{n}"} for n in range(cases)]
    for name, data in (("pool", pool), ("cases", rows)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data))
    return Workspace.find(folder)


def scores(
    rng: np.random.Generator, chances: NDArray[np.float64], repeats: int, score: Score, luck: Luck
) -> NDArray[np.float64]:
    """Scores of each case, arm, model and repeat, for the chances of each case, arm and model."""
    every = np.repeat(chances[..., None], repeats, axis=-1)
    drawn = rng.random((len(chances), 1, 1, 1) if luck == "shared" else every.shape)
    whole = (drawn < every).astype(float)
    if score == "right or wrong":
        return whole
    # Half of the answers are all right or all wrong, and the others anything in between.
    between = rng.beta(4 * every + 1e-9, 4 * (1 - every) + 1e-9)
    return np.where(rng.random(every.shape) < 0.5, whole, between)
