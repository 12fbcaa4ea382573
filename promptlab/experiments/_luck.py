"""How much arms that ought to be alike differ: draws of examples, their orders, wordings of one instruction.

Part of what differs is chance. What is left is the spread, and the best of many is drawn towards the mean, because it
was picked after its answers were seen (`stats/_columns.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptlab import stats
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._words import in_points, points

WHAT: Mapping[str, str] = {"shots": "draws", "order": "orders", "wording": "wordings"}
"""The kinds whose arms ought to be alike, and what the arms are."""


def luck_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """For each model and each set of arms that ought to be alike: the standard deviation between them beyond chance,
    and the best and the worst, as seen and as fresh cases are expected to show them. Only cases that are judged in all
    of the arms count."""
    what = WHAT.get(outcome.planned.experiment.kind)
    if what is None:
        return []
    groups: dict[str, list[str]] = {}
    for arm in outcome.design.arms:
        groups.setdefault(f"k = {arm.levels['k']}" if what == "draws" else "", []).append(arm.name)
    rows = []
    for model in outcome.planned.experiment.models:
        for group, arms in groups.items():
            scores = [[outcome.seen.score(case, (arm,), model) for arm in arms] for case in outcome.seen.cases]
            judged = [[score for score in row if score is not None] for row in scores if None not in row]
            columns = stats.columns_of(judged)
            if columns is None:
                continue
            best, worst = (pick(range(len(arms)), key=columns.means.__getitem__) for pick in (max, min))
            rows.append(
                {
                    "model": model,
                    "group": group,
                    "arms": len(arms),
                    "cases": len(judged),
                    "mean": columns.mean,
                    "between": columns.between,
                    "chance": columns.noise,
                    "best": arms[best],
                    "best_seen": columns.means[best],
                    "best_expected": columns.expected(best),
                    "worst": arms[worst],
                    "worst_seen": columns.means[worst],
                    "worst_expected": columns.expected(worst),
                }
            )
    return rows


def luck_lines(outcome: Outcome) -> list[str]:
    """The same in sentences, one for each model and set of arms."""
    what = WHAT.get(outcome.planned.experiment.kind, "")
    return [_line(row, what) for row in luck_rows(outcome)]


def _line(row: Mapping[str, Any], what: str) -> str:
    where = f"{row['model']}, {row['group']}" if row["group"] else row["model"]
    seen = f"from {points(row['worst_seen'])} % ({row['worst']}) to {points(row['best_seen'])} % ({row['best']})"
    found = f"{where}: {row['arms']} {what} score {seen}; "
    if not row["between"]:
        return found + "chance alone explains as much."
    expected = f"{points(row['worst_expected'])} % and {points(row['best_expected'])} %"
    return (
        f"{found}beyond chance they differ by {in_points(row['between'])} (standard deviation). The worst and the best "
        f"were picked afterwards, so on fresh cases expect {expected} of them."
    )
