"""The answers in groups: by the number of examples, and by tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptlab.experiments._outcome import Outcome
from promptlab.experiments._scores import score_of


def means_by_k(outcome: Outcome) -> list[dict[str, Any]]:
    """For each model and number of examples: the mean over all draws, with the interval over the cases."""
    by_k: dict[int, list[str]] = {}
    for arm in outcome.design.arms:
        by_k.setdefault(int(arm.levels["k"]), []).append(arm.name)
    return [
        {"model": model, "k": k, **row}
        for model in outcome.planned.experiment.models
        for k, arms in sorted(by_k.items())
        if (row := _score(outcome, outcome.seen.cases, arms, model))
    ]


def tag_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """For each model and tag: the score over all ways to ask. Empty unless the cases have different tags."""
    cases = {case.id: case for case in outcome.planned.material.cases}
    by_tag: dict[str, list[str]] = {}
    for name in (case for case in cases if case in outcome.seen.cases):
        for tag in cases[name].tags:
            by_tag.setdefault(tag, []).append(name)
    if len(by_tag) < 2:
        return []
    arms = [arm.name for arm in outcome.design.arms]
    return [
        {"model": model, "tag": tag, "cases": len(names), **row}
        for model in outcome.planned.experiment.models
        for tag, names in by_tag.items()
        if (row := _score(outcome, names, arms, model))
    ]


def _score(outcome: Outcome, cases: Sequence[str], arms: Sequence[str], model: str) -> dict[str, Any]:
    """The mean score over cases and arms with its interval; empty if none is judged."""
    by_cell = outcome.seen.by_cell
    scored = score_of([[one for arm in arms for one in by_cell.get((case, arm, model), ())] for case in cases])
    return scored if scored["judged"] else {}
