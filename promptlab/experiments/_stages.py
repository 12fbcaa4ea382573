"""The stages of an experiment: cases for screening and fresh ones, what survives screening, and the parts for looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from promptlab.errors import ExperimentError
from promptlab.experiments._design import Design
from promptlab.experiments._effects import effects_of
from promptlab.experiments._observations import Observations
from promptlab.experiments._random import shuffled
from promptlab.suites import Case

KEPT_AFTER_SCREEN = 3
"""So many contrasts, beside the primary one, are confirmed on fresh cases."""


def split(cases: Sequence[Case], first: int, seed: int) -> tuple[list[Case], list[Case]]:
    """Cases for screening, drawn by the seed, and the fresh rest."""
    if first >= len(cases) - 1:
        raise ExperimentError(
            f"screening on {first} of {len(cases)} cases leaves none to confirm on", field="screen", hint="lower it"
        )
    chosen = set(shuffled([case.id for case in cases], seed, 1)[:first])
    return [case for case in cases if case.id in chosen], [case for case in cases if case.id not in chosen]


def survivors(design: Design, screened: Observations, models: Sequence[str], margin: float) -> tuple[Design, str]:
    """The design with the contrasts that are worth confirming: the primary ones, and the largest of the others."""
    effects = effects_of(design, screened, models, margin=margin)
    largest: dict[str, float] = {}
    for effect in effects:
        if not effect.contrast.primary and not effect.unchanged:
            name = effect.contrast.name
            largest[name] = max(largest.get(name, 0.0), abs(effect.difference))
    kept = set(sorted(largest, key=lambda name: -largest[name])[:KEPT_AFTER_SCREEN])
    contrasts = [c for c in design.contrasts if c.primary or c.name in kept]
    arms = {name for contrast in contrasts for name in (*contrast.after, *contrast.before)}
    survivors = design.only([arm.name for arm in design.arms if arm.name in arms])
    survivors = replace(survivors, contrasts=tuple(contrasts))
    dropped = len(design.contrasts) - len(contrasts)
    note = f"{len(design.contrasts)} comparisons were screened on {len(screened.cases)} cases; the {len(contrasts)} "
    note += "largest were confirmed on fresh cases." if dropped else "comparisons were all confirmed on fresh cases."
    return survivors, note


def parts(cases: Sequence[Case], looks: int, seed: int) -> list[list[Case]]:
    """`cases` in `looks` parts of about the same size, drawn by the seed; each part in the order of the file."""
    if not cases:
        raise ExperimentError("there are no cases to ask")
    order = shuffled([case.id for case in cases], seed, 2)
    looks = min(looks, len(cases))
    part = {name: number * looks // len(cases) for number, name in enumerate(order)}
    return [[case for case in cases if part[case.id] == number] for number in range(looks)]
