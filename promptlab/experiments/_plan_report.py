"""What asking an experiment takes, as data and as lines: the same for the command line, Python and the page.

It says what is asked, what it costs, what will not be sent, and the smallest effect that it can show.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from promptlab.experiments._plan import CHANGED, Planned
from promptlab.experiments._takes import Takes
from promptlab.experiments._words import points


def plan_data(planned: Planned, takes: Takes) -> dict[str, Any]:
    """The plan as JSON data. `read` are the tokens that a local model must read if each shared beginning is read once.
    `refused` are answers that the gate will refuse, by model and label; `unchanged` are arms that ask the same as
    another."""
    experiment = planned.experiment
    return {
        "experiment": experiment.name,
        "answers": planned.trials,
        "cases": len(planned.material.cases),
        "arms": [arm.name for arm in planned.design.arms],
        "models": [
            {
                "model": each.model,
                "for": each.role,
                "calls": each.calls,
                "prompt_tokens": each.prompt,
                "read": takes.read.get(each.model) if each.role == "answer" else None,
                "new_tokens": each.new,
                "cost": each.cost,
                "minutes": each.minutes,
                "too_long": each.refused,
                "problem": each.problem,
            }
            for each in takes.estimate.models
        ],
        "max_cost": takes.estimate.max_cost,
        "refused": [
            {"model": model, "label": label, "answers": count}
            for (model, label), count in sorted(takes.refused.items())
        ],
        "unchanged": dict(takes.unchanged),
        "smallest_effect": planned.smallest_effect(),
    }


def plan_lines(planned: Planned, takes: Takes) -> Iterator[str]:
    """What would be asked, what it takes, the smallest effect that it can show, and what will not be as one may
    think."""
    experiment, design = planned.experiment, planned.design
    cases, models = len(planned.material.cases), len(experiment.models)
    repeats = f" × {experiment.repeats} repeats" if experiment.repeats > 1 else ""
    ways, asked = _count(len(design.arms), "way"), _count(models, "model")
    yield f"{experiment.name}: {planned.trials:,} answers: {_count(cases, 'case')} × {ways} to ask × {asked}{repeats}"
    yield from takes.estimate.lines()
    for model, read in takes.read.items():
        yield f"{model}: {read:,} tokens to read, each shared beginning once"
    yield smallest_effect_words(planned)
    yield from takes.warnings


def smallest_effect_words(planned: Planned) -> str:
    """The smallest effect that so many cases can show, in words."""
    cases = _count(len(planned.material.cases), "case")
    smallest = planned.smallest_effect()
    if smallest is None:
        return f"{cases} are too few to show any effect."
    shown = f"{cases} show a difference of {points(smallest)} points or more (power 80 %)"
    return f"If {100 * CHANGED:.0f} % of the cases change, {shown}."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
