"""What asking an experiment takes, as data and as lines: the same for the command line, Python and the page.

It says what is asked, what it costs, what will not be sent, and the smallest effect that it can show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from promptlab.errors import PromptlabError
from promptlab.experiments._plan import Planned
from promptlab.experiments._reading import readings
from promptlab.models import Catalogue
from promptlab.suites import Estimate, TrialMaker, suite_items
from promptlab.types import LABELS


def plan_data(planned: Planned, estimate: Estimate, catalogue: Catalogue) -> dict[str, Any]:
    """The plan as JSON data. `read` are the tokens that a local model must read if each shared beginning is read once.
    `refused` are answers that the gate will refuse, by model and label; `unchanged` are arms that ask the same as
    another."""
    experiment = planned.experiment
    reading = {each.model: each.distinct for each in readings(planned, catalogue)}
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
                "read": reading.get(each.model) if each.role == "answer" else None,
                "new_tokens": each.new,
                "cost": each.cost,
                "minutes": each.minutes,
                "too_long": each.refused,
                "problem": each.problem,
            }
            for each in estimate.models
        ],
        "max_cost": estimate.max_cost,
        "refused": [
            {"model": model, "label": label, "answers": count}
            for (model, label), count in sorted(refused(planned, catalogue).items())
        ],
        "unchanged": planned.unchanged(),
        "smallest_effect": planned.smallest_effect(),
    }


def refused(planned: Planned, catalogue: Catalogue) -> Counter[tuple[str, str]]:
    """How many answers the gate will refuse, by model and by the label of the prompt."""
    suite = planned.stage(planned.design, planned.material.cases)
    maker = TrialMaker(planned.material.workspace, suite)
    counts: Counter[tuple[str, str]] = Counter()
    for item in suite_items(planned.material.workspace, suite):
        try:
            label, clearance = maker.label(item), catalogue.clearance(item.key.model)
        except PromptlabError:
            continue  # it ends with this error when it is asked
        if LABELS.index(label) > LABELS.index(clearance):
            counts[item.key.model, label] += 1
    return counts


def warnings(planned: Planned, catalogue: Catalogue) -> Iterator[str]:
    """What will not be as one may think: answers that are refused, and arms that change nothing."""
    for (model, label), count in sorted(refused(planned, catalogue).items()):
        yield f"{model}: {count:,} answers will be refused: their prompts are {label}, and the model may not see that"
    for arm, other in planned.unchanged().items():
        yield f"“{arm}” asks exactly what “{other}” asks: it changes nothing in the prompt"


__all__ = ["plan_data", "refused", "warnings"]
