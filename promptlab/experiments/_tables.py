"""The answers of an experiment as tables: the effects, the arms, and every single answer with its factors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from promptlab.experiments._effects import Effect
from promptlab.experiments._observations import Observation
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._scores import score_of


def effect_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """A row for each effect. Differences and intervals are shares from -1 to 1; where nothing was compared, or nothing
    was changed in the prompt, they are None."""
    return [
        {
            "model": effect.model,
            "what": effect.contrast.name,
            "primary": effect.contrast.primary,
            "verdict": effect.verdict,
            **{name: value if effect.cases and not effect.unchanged else None for name, value in _numbers(effect)},
            "confidence": effect.confidence,
            "cases": effect.cases,
            "left_out": sum(effect.left_out.values()),
            "better": len(effect.better),
            "worse": len(effect.worse),
            "more_cases": effect.more,
        }
        for effect in outcome.effects
    ]


def _numbers(effect: Effect) -> list[tuple[str, float]]:
    low, high = effect.interval.low, effect.interval.high
    numbers = {"difference": effect.difference, "low": low, "high": high, "p": effect.p}
    return [*numbers.items(), ("adjusted_p", effect.adjusted_p)]


def arm_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """A row for each arm and model: its factors, its mean score with the interval of that mean, and how many passed."""
    rows = []
    for model in outcome.planned.experiment.models:
        for arm in outcome.design.arms:
            cells = [outcome.seen.by_cell.get((case, arm.name, model), ()) for case in outcome.seen.cases]
            scored = score_of(cells)
            rows.append(
                {
                    "model": model,
                    "arm": arm.name,
                    **{name: arm.levels.get(name) for name in outcome.design.factors},
                    "score": scored["score"],
                    "passed": scored["passed"],
                    "judged": scored["judged"],
                    "not_judged": sum(map(len, cells)) - scored["judged"],
                    "low": scored["low"],
                    "high": scored["high"],
                    **_structure([one for cell in cells for one in cell]),
                }
            )
    return rows


def _structure(answers: Sequence[Observation]) -> dict[str, Any]:
    """Mean new tokens of an answer and the share of valid ones, and how many answers each of them knows."""
    tokens = [one.tokens for one in answers if one.tokens is not None]
    valid = [one.valid for one in answers if one.valid is not None]
    return {
        "new_tokens": sum(tokens) / len(tokens) if tokens else None,
        "new_tokens_unknown": len(answers) - len(tokens),
        "valid": sum(valid) if valid else None,
        "valid_of": len(valid),
    }


def answer_rows(outcome: Outcome, *, show_labelled: bool = False) -> Iterator[dict[str, Any]]:
    """A row for each answer, with every factor; those of screening come first and say so. Text labelled above public is
    masked unless `show_labelled`."""
    levels: Mapping[str, Mapping[str, Any]] = {arm.name: arm.levels for arm in outcome.planned.design.arms}
    stages = (("screening", outcome.screened), ("asked", outcome.seen))
    for stage, seen in stages:
        for given in seen.every if seen else ():
            one = given if show_labelled else given.masked()
            yield {
                "stage": stage,
                "case": one.case,
                "model": one.model,
                "arm": one.arm,
                **{name: levels[one.arm].get(name) for name in outcome.planned.design.factors},
                "repeat": one.repeat,
                "score": one.score,
                "passed": one.passed,
                "not_judged": one.why_not or None,
                "answer": one.text,
                "label": one.label,
                "seconds": one.seconds,
                "result": one.result,
                "new_tokens": one.tokens,
                "valid": one.valid,
            }


def flipped(outcome: Outcome, contrast: str, model: str) -> list[dict[str, Any]]:
    """The cases that a contrast changed, the worse ones first, each with an answer of either side that differ most."""
    effect = next(e for e in outcome.effects if e.contrast.name == contrast and e.model == model)
    after, before = effect.contrast.sides(model)
    rows = []
    for change, cases in (("worse", effect.worse), ("better", effect.better)):
        for case in cases:
            sides = [_answers(outcome, case, *side) for side in (before, after)]
            pairs = [(old, new) for old in sides[0] for new in sides[1]]
            sign = 1 if change == "better" else -1
            old, new = max(pairs, key=lambda pair: sign * ((pair[1].score or 0.0) - (pair[0].score or 0.0)))
            rows.append({"case": case, "change": change, "before": old, "after": new})
    return rows


def _answers(outcome: Outcome, case: str, arms: Sequence[str], model: str) -> list[Observation]:
    return [one for arm in arms for one in outcome.seen.by_cell.get((case, arm, model), ())]
