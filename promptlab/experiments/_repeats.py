"""What the repeats of a prompt say: how likely one of k answers is right, and how far answers to one prompt agree.

Repeats are answers to the same case, and never count as cases: each case gives one value.
"""

from __future__ import annotations

from typing import Any

from promptlab import stats
from promptlab.experiments._outcome import Outcome

SAME = "same answer twice"


def repeat_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """For each model and arm: pass@k for k of 1, 2, 5, 10 … and all repeats, the probability that two answers are the
    same, and Fleiss' kappa of right and wrong. Empty if every prompt was asked once.

    Cases with an answer that is missing or not judged are left out, and counted in `left_out`.
    """
    repeats = outcome.seen.repeats
    if repeats < 2:
        return []
    rows: list[dict[str, Any]] = []
    for model in outcome.planned.experiment.models:
        for arm in outcome.design.arms:
            cells = [outcome.seen.by_cell.get((case, arm.name, model), ()) for case in outcome.seen.cases]
            asked = [cell for cell in cells if cell]
            whole = [cell for cell in asked if len(cell) == repeats and all(one.score is not None for one in cell)]
            common: dict[str, Any] = {
                "model": model,
                "arm": arm.name,
                "cases": len(whole),
                "left_out": len(asked) - len(whole),
            }
            passed = [(sum(bool(one.passed) for one in cell), len(cell)) for cell in whole]
            rows += [{**common, "measure": f"pass@{k}", **_values(stats.pass_at(k, passed))} for k in _ks(repeats)]
            texts = [[one.text.strip() for one in cell] for cell in whole]
            rows.append({**common, "measure": SAME, **_values(stats.same_answer(texts))})
            kappa = stats.fleiss_kappa([[bool(one.passed) for one in cell] for cell in whole])
            rows.append({**common, "measure": "kappa of right and wrong", "value": kappa, "low": None, "high": None})
    return rows


def pass_at_k_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """The rows of pass@k that have a value, each with its `k`."""
    rows = [row for row in repeat_rows(outcome) if row["measure"].startswith("pass@") and row["value"] is not None]
    return [{**row, "k": int(row["measure"].removeprefix("pass@"))} for row in rows]


def same_answer_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """The rows of how often two answers to a case are the same, each with the levels of its arm."""
    levels = {arm.name: arm.levels for arm in outcome.design.arms}
    rows = [row for row in repeat_rows(outcome) if row["measure"] == SAME and row["value"] is not None]
    return [{**row, **levels[row["arm"]]} for row in rows]


def _ks(repeats: int) -> list[int]:
    return sorted({k for k in (1, 2, 5, 10, 20, 50, 100) if k < repeats} | {repeats})


def _values(estimate: stats.Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {"value": None, "low": None, "high": None}
    return {"value": estimate.value, "low": estimate.interval.low, "high": estimate.interval.high}


def repeat_lines(outcome: Outcome) -> list[list[str]]:
    """The same as a table of texts; empty if there is nothing to show."""
    rows = repeat_rows(outcome)
    if not rows:
        return []
    lines = [["model", "asked", "of repeats", "value", "95 % interval", "cases"]]
    for row in rows:
        share = row["measure"] != "kappa of right and wrong"
        value = "–" if row["value"] is None else f"{100 * row['value']:.1f} %" if share else f"{row['value']:.2f}"
        interval = "–" if row["low"] is None else f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %"
        cases = f"{row['cases']}" + (f", {row['left_out']} ?" if row["left_out"] else "")
        lines.append([row["model"], row["arm"] or "as written", row["measure"], value, interval, cases])
    return lines
