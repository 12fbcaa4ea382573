"""The answers in groups: by the number of examples, by tag, and over the repeats of a case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb
from typing import Any

from promptlab import stats
from promptlab.experiments._observations import Observation
from promptlab.experiments._run import Outcome


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
    """The mean score over cases and arms, with the interval of the rate over the cases; empty if none is judged."""
    rates, scores = [], list[float]()
    for case in cases:
        judged = [
            one for arm in arms for one in outcome.seen.by_cell.get((case, arm, model), ()) if one.score is not None
        ]
        if judged:
            rates.append((sum(bool(one.passed) for one in judged), len(judged)))
            scores += [one.score or 0.0 for one in judged]
    if not scores:
        return {}
    interval = stats.clustered(rates)
    return {"score": sum(scores) / len(scores), "judged": len(scores), "low": interval.low, "high": interval.high}


def pass_at_k_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """For each arm and model, and each k up to the number of repeats: the chance that one of k answers is right.

    The unbiased estimate of Chen et al., Evaluating Large Language Models Trained on Code (2021). A case with an answer
    that is not judged is left out. Empty without repeats.
    """
    repeats = outcome.planned.experiment.repeats
    rows = []
    for arm, model, cells in _cells(outcome):
        whole = [cell for cell in cells if len(cell) == repeats and all(one.score is not None for one in cell)]
        for k in range(1, repeats + 1) if whole and repeats > 1 else ():
            chances = [1 - comb(repeats - sum(bool(o.passed) for o in cell), k) / comb(repeats, k) for cell in whole]
            share = sum(chances) / len(chances)
            rows.append({"model": model, "arm": arm, "k": k, "pass_at_k": share, "cases": len(whole)})
    return rows


def agreement_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """For each arm and model: how many of the repeats of a case give its most frequent answer, on average."""
    levels = {arm.name: arm.levels for arm in outcome.design.arms}
    rows = []
    for arm, model, cells in _cells(outcome):
        shares = [
            Counter(one.text.strip() for one in cell).most_common(1)[0][1] / len(cell)
            for cell in cells
            if len(cell) > 1
        ]
        if shares:
            share = sum(shares) / len(shares)
            rows.append({"model": model, "arm": arm, **levels[arm], "agreement": share, "cases": len(shares)})
    return rows


def _cells(outcome: Outcome) -> list[tuple[str, str, list[tuple[Observation, ...]]]]:
    """The repeats of every case, for each arm and model."""
    return [
        (arm.name, model, [outcome.seen.by_cell.get((case, arm.name, model), ()) for case in outcome.seen.cases])
        for arm in outcome.design.arms
        for model in outcome.planned.experiment.models
    ]
