"""How often the answers of experiments are right, by simulation: `python -m benchmarks.experiments`.

A model of known ability answers cases whose difficulty varies; one section has a known effect, the others have none.
Each design (all cases at once, screened, with early stops) is asked many times, and counted are: how often the
interval of an effect has the truth in it, how often "helps" is said of a section that does nothing, and how often the
true effect is found.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from promptlab.experiments import (
    Arm,
    Contrast,
    Design,
    Effect,
    Experiment,
    Material,
    Observation,
    Observations,
    Planned,
    Progress,
    Running,
)
from promptlab.suites import Case, Suite, Variant
from promptlab.templates import Template

EFFECTS = (0.0, 0.05, 0.2)
CASES = (20, 60, 200)
DESIGNS: dict[str, dict[str, Any]] = {"at once": {}, "screened": {"screen": 0.25}, "early stops": {"looks": 4}}
SECTIONS = ("first", "second", "third", "fourth")


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

    def add(self, effect: Effect, truth: float) -> None:
        self.intervals += 1
        self.covered += effect.interval.low - 1e-9 <= truth <= effect.interval.high + 1e-9
        if truth <= 0:
            self.nothing += 1
            self.false_helps += effect.verdict == "helps"
        else:
            self.effects += 1
            self.found += effect.verdict == "helps"


class Simulated(Running):
    """An experiment whose answers are drawn: each case has a difficulty, and the first section adds `effect`."""

    def __init__(self, planned: Planned, effect: float, chance: random.Random) -> None:
        super().__init__(planned, None)  # type: ignore[arg-type]  # nothing is asked
        self.effect, self.chance = effect, chance
        self.asked = 0

    def _ask(self, _stage: str, design: Design, cases: Sequence[Case]) -> Generator[Progress, None, Observations]:
        seen = []
        for case in cases:
            self.asked += 1
            base = self.chance.betavariate(1.0, 1.5) * (1 - self.effect)
            for arm in design.arms:
                right = base + (self.effect if arm.levels["first"] == "on" else 0.0)
                score = float(self.chance.random() < right)
                seen.append(Observation(case.id, arm.name, "m", 0, score, score == 1))
        return Observations(tuple(seen))
        yield  # a generator, as the real one


def design() -> Design:
    """The whole prompt, and the prompt without each section."""
    whole = Arm("whole", Variant("whole"), dict.fromkeys(SECTIONS, "on"))
    without = [Arm(f"without {s}", Variant(f"without {s}"), {**whole.levels, s: "off"}) for s in SECTIONS]
    contrasts = [
        Contrast(s, ("whole",), (arm.name,), f"the {s} section", primary=s == "first")
        for s, arm in zip(SECTIONS, without, strict=True)
    ]
    return Design((whole, *without), tuple(contrasts), SECTIONS)


def planned(cases: int, settings: dict[str, Any]) -> Planned:
    many = tuple(Case(f"c{n}", {}) for n in range(cases))
    given = {k: max(2, int(v * cases)) if k == "screen" else v for k, v in settings.items()}
    experiment = replace(Experiment("simulated", "ablate", "t", "cases", ("m",)), **given)
    template = Template("t", "templates/t.yaml")
    return Planned(experiment, Material(None, template, many, ("m",)), design(), Suite("s", "s", template, (), ("m",)))  # type: ignore[arg-type]


def simulate(cases: int, effect: float, settings: dict[str, Any], times: int, seed: int = 0) -> Count:
    """Counts over `times` experiments."""
    count, chance = Count(), random.Random(f"{seed} {cases} {effect} {settings}")
    plan = planned(cases, settings)
    for number in range(times):
        running = Simulated(replace(plan, experiment=replace(plan.experiment, seed=number)), effect, chance)
        for _ in running:
            pass
        assert running.outcome is not None
        count.asked += running.asked
        for one in running.outcome.effects:
            count.add(one, effect if one.contrast.name == "first" else 0.0)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1_000, help="simulated experiments in each row")
    times = parser.parse_args().times
    print("| design | cases | effect | interval covers | false “helps” | effect found | cases asked |")
    print("|---|---|---|---|---|---|---|")
    for name, settings in DESIGNS.items():
        for cases in CASES:
            for effect in EFFECTS:
                c = simulate(cases, effect, settings, times)
                found = f"{c.found / c.effects:.1%}" if c.effects else "–"
                print(
                    f"| {name} | {cases} | {100 * effect:.0f} points | {c.covered / c.intervals:.1%} | "
                    f"{c.false_helps / c.nothing:.1%} | {found} | {c.asked / times:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
