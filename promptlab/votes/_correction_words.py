"""A corrected judge in words and as JSON data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from promptlab import suites
from promptlab.stats import Corrected
from promptlab.votes._correction import JudgeCorrection
from promptlab.votes._words import percents


def correction_lines(found: JudgeCorrection) -> Iterator[str]:
    """What the corrected judge says, as lines of text."""
    yield f"{found.suite}, scored by the {found.judge} and corrected by people:"
    for column in found.columns:
        if column.corrected is None:
            yield f"  {column.name}: not corrected, {column.missing}"
            continue
        rate = column.corrected
        yield (
            f"  {column.name}: people would pass {suites.percent(rate.estimate)} (95 % interval "
            f"{percents(rate.interval)}); the judge alone says {suites.percent(rate.judge)}"
        )
        yield f"    {_basis(rate)}; the marks alone give {suites.percent(rate.marks)} ({percents(rate.marks_interval)})"
    for difference in found.differences:
        if difference.corrected is None:
            yield f"  {difference.after} against {difference.before}: not corrected, {difference.missing}"
            continue
        points = difference.corrected
        yield (
            f"  {difference.after} against {difference.before}: {100 * points.estimate:+.1f} points (95 % interval "
            f"{100 * points.interval.low:+.1f} to {100 * points.interval.high:+.1f}); the judge alone says "
            f"{100 * points.judge:+.1f}"
        )
        yield f"    {_basis(points)}"
    yield from (f"Note: {note}" for note in found.notes)


def _basis(rate: Corrected) -> str:
    weight = "the judge does not help" if not rate.weight else f"the judge counts with weight {rate.weight:.2f}"
    return f"{rate.marked} of {rate.cases} cases are marked; {weight}"


def correction_data(found: JudgeCorrection) -> dict[str, Any]:
    """The correction as JSON data; numbers are None where there is no corrected rate."""
    return {
        "suite": found.suite,
        "judge": found.judge,
        "columns": [
            {"name": column.name, "cases": len(column.cases), "marked": column.marked, "missing": column.missing}
            | _numbers(column.corrected)
            for column in found.columns
        ],
        "differences": [
            {"after": difference.after, "before": difference.before, "missing": difference.missing}
            | _numbers(difference.corrected)
            for difference in found.differences
        ],
        "notes": list(found.notes),
    }


def _numbers(rate: Corrected | None) -> dict[str, Any]:
    if rate is None:
        return dict.fromkeys(("estimate", "low", "high", "judge", "marks", "marks_low", "marks_high", "weight"))
    return {
        "estimate": rate.estimate,
        "low": rate.interval.low,
        "high": rate.interval.high,
        "judge": rate.judge,
        "marks": rate.marks,
        "marks_low": rate.marks_interval.low,
        "marks_high": rate.marks_interval.high,
        "weight": rate.weight,
    }
