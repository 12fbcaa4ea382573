"""The answers of an experiment as tables: the effects, the arms, and every single answer with its factors."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from promptlab import stats
from promptlab.experiments._run import Outcome


def effect_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """A row for each effect. Differences and intervals are shares from -1 to 1."""
    return [
        {
            "model": effect.model,
            "what": effect.contrast.name,
            "primary": effect.contrast.primary,
            "verdict": effect.verdict,
            "difference": effect.difference,
            "low": effect.interval.low,
            "high": effect.interval.high,
            "confidence": effect.confidence,
            "p": effect.p,
            "adjusted_p": effect.adjusted_p,
            "cases": effect.cases,
            "left_out": sum(effect.left_out.values()),
            "better": len(effect.better),
            "worse": len(effect.worse),
            "more_cases": effect.more,
        }
        for effect in outcome.effects
    ]


def arm_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """A row for each arm and model: its factors, its mean score and the pass rate with the interval of the rate."""
    rows = []
    for model in outcome.planned.experiment.models:
        for arm in outcome.design.arms:
            cells = [outcome.seen.by_cell.get((case, arm.name, model), ()) for case in outcome.seen.cases]
            judged = [one for cell in cells for one in cell if one.score is not None]
            rates = [
                (
                    sum(bool(one.passed) for one in cell if one.score is not None),
                    sum(one.score is not None for one in cell),
                )
                for cell in cells
            ]
            interval = stats.clustered([rate for rate in rates if rate[1]])
            rows.append(
                {
                    "model": model,
                    "arm": arm.name,
                    **{name: arm.levels.get(name) for name in outcome.design.factors},
                    "score": sum(one.score or 0.0 for one in judged) / len(judged) if judged else None,
                    "passed": sum(bool(one.passed) for one in judged),
                    "judged": len(judged),
                    "not_judged": sum(map(len, cells)) - len(judged),
                    "low": interval.low,
                    "high": interval.high,
                }
            )
    return rows


def answer_rows(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """A row for each answer, with every factor; those of screening come first and say so."""
    levels: Mapping[str, Mapping[str, Any]] = {arm.name: arm.levels for arm in outcome.planned.design.arms}
    stages = (("screening", outcome.screened), ("asked", outcome.seen))
    for stage, seen in stages:
        for one in seen.every if seen else ():
            yield {
                "stage": stage,
                "case": one.case,
                "model": one.model,
                "arm": one.arm,
                **{name: levels[one.arm].get(name) for name in outcome.planned.design.factors},
                "repeat": one.repeat,
                "score": one.score,
                "passed": one.passed,
                "not_judged": one.why_not,
                "answer": one.text,
                "result": one.result,
            }


def flipped(outcome: Outcome, contrast: str, model: str) -> list[dict[str, Any]]:
    """The cases that a contrast changed: the first answer on each side, the worse ones first."""
    effect = next(e for e in outcome.effects if e.contrast.name == contrast and e.model == model)
    sides = effect.contrast.sides(model)
    rows = []
    for change, cases in (("worse", effect.worse), ("better", effect.better)):
        for case in cases:
            after, before = (next(iter(outcome.seen.by_cell[case, arms[0], asked])) for arms, asked in sides)
            rows.append({"case": case, "change": change, "before": before, "after": after})
    return rows


def answers_as_csv(outcome: Outcome) -> str:
    """Every answer as a row of CSV. A text that a spreadsheet would take for a formula begins with an apostrophe."""
    rows = list(answer_rows(outcome))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["stage"], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _safe(value) for name, value in row.items()})
    return text.getvalue()


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
