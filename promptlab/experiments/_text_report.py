"""The report of an experiment for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from promptlab.experiments._plan import Planned
from promptlab.experiments._run import Outcome
from promptlab.experiments._tables import arm_rows, effect_rows
from promptlab.experiments._words import points, sentence
from promptlab.suites import Estimate


def plan_lines(planned: Planned, estimate: Estimate) -> Iterator[str]:
    """What would be asked, what it takes, and the smallest effect that it can show."""
    experiment, design = planned.experiment, planned.design
    cases, models = len(planned.material.cases), len(experiment.models)
    repeats = f" × {experiment.repeats} repeats" if experiment.repeats > 1 else ""
    ways, asked = _count(len(design.arms), "way"), _count(models, "model")
    yield f"{experiment.name}: {planned.trials:,} answers: {_count(cases, 'case')} × {ways} to ask × {asked}{repeats}"
    yield from estimate.lines()
    smallest = planned.smallest_effect()
    if smallest is None:
        yield f"{_count(cases, 'case')} are too few to show any effect."
    else:
        yield (
            f"If {100 * 0.3:.0f} % of the cases change, {_count(cases, 'case')} show a difference of "
            f"{points(smallest)} points or more (power 80 %)."
        )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def report_lines(outcome: Outcome) -> Iterator[str]:
    """The sentence, the table of effects, and what was left out."""
    if outcome.effects:
        yield sentence(outcome.effects)
        yield ""
    yield from _table(arm_lines(outcome))
    if outcome.effects:
        yield ""
        yield from _table(effect_lines(outcome))
    for effect in outcome.effects:
        for reason, count in effect.left_out.items():
            yield f"left out of “{effect.contrast.name}” for {effect.model}: {_count(count, 'case')}: {reason}"
    yield from outcome.notes
    if outcome.stopped:
        yield f"Not all was asked: {outcome.stopped}."


def arm_lines(outcome: Outcome) -> list[list[str]]:
    lines = [["model", "asked", "score", "passed", "95 % interval"]]
    for row in arm_rows(outcome):
        score = "–" if row["score"] is None else f"{100 * row['score']:.1f} %"
        passed = f"{row['passed']} of {row['judged']}" + (f", {row['not_judged']} ?" if row["not_judged"] else "")
        interval = f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %" if row["judged"] else "–"
        lines.append([row["model"], row["arm"] or "as written", score, passed, interval])
    return lines


def effect_lines(outcome: Outcome) -> list[list[str]]:
    lines = [["model", "effect of", "points", "95 % interval", "cases", "p", "corrected p", "verdict"]]
    for e in outcome.effects:
        interval = f"{points(e.interval.low)} to {points(e.interval.high)}" if e.cases else "–"
        name = f"{e.contrast.name} (primary)" if e.contrast.primary else e.contrast.name
        difference = points(e.difference) if e.cases else "–"
        lines.append(
            [
                e.model,
                name,
                difference,
                interval,
                str(e.cases),
                f"{e.p:.2g}",
                f"{e.adjusted_p:.2g}",
                e.verdict,
            ]
        )
    return lines


def _table(lines: list[list[str]]) -> Iterator[str]:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def report_data(outcome: Outcome) -> dict[str, Any]:
    """The report as JSON data."""
    experiment = outcome.planned.experiment
    return {
        "experiment": experiment.name,
        "kind": experiment.kind,
        "sentence": sentence(outcome.effects),
        "effects": effect_rows(outcome),
        "arms": arm_rows(outcome),
        "screened": len(outcome.screened.cases) if outcome.screened else 0,
        "stopped": outcome.stopped,
        "notes": list(outcome.notes),
    }
