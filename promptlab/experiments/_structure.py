"""What an arm takes beside its score: new tokens for each answer, and the share of answers valid against the schema.

Both are compared on the same cases, as scores are. A number that the model's server did not report is missing, and so
is the validity of an answer that was cut off or never came: neither counts as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from promptlab import stats
from promptlab.experiments._design import Contrast
from promptlab.experiments._observations import Observation
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._words import points

Number = Callable[[Observation], float | None]


def structure_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """A row for each contrast and model: new tokens and validity before and after, the difference, and its interval.

    `valid` values are shares from 0 to 1; they are None where the answers have no schema. If the experiment has several
    looks, the intervals share the error among them.
    """
    rows = []
    confidence = 1 - (1 - stats.CONFIDENCE) / outcome.planned.experiment.looks
    for contrast in outcome.design.contrasts:
        for model in contrast.compared(outcome.planned.experiment.models) if contrast.chance is None else ():
            tokens = _compared(outcome, contrast, model, confidence, "tokens", lambda one: one.tokens)
            valid = _compared(outcome, contrast, model, confidence, "valid", lambda one: one.valid)
            if tokens["tokens_cases"] or valid["valid_cases"]:
                rows.append(
                    {"model": model, "what": contrast.name, "confidence": confidence, **tokens, **valid},
                )
    return rows


def _compared(
    outcome: Outcome, contrast: Contrast, model: str, confidence: float, name: str, number: Number
) -> dict[str, Any]:
    after, before = contrast.sides(model)
    pairs = [
        (old, new)
        for case in outcome.seen.cases
        if (old := _numbers(outcome, case, *before, number)) and (new := _numbers(outcome, case, *after, number))
    ]
    if not pairs:
        keys = ("before", "after", "difference", "low", "high")
        return {**{f"{name}_{key}": None for key in keys}, f"{name}_cases": 0}
    # The test is one for numbers from 0 to 1, so tokens become shares of the most that an answer may have.
    scale = max(1.0, _room(outcome) if name == "tokens" else 0.0, *(max(map(max, pair)) for pair in pairs))
    before_shares = [[value / scale for value in old] for old, _ in pairs]
    after_shares = [[value / scale for value in new] for _, new in pairs]
    found = stats.compare_graded(before_shares, after_shares, confidence=confidence, mid=True)
    return {
        f"{name}_before": scale * found.before,
        f"{name}_after": scale * found.after,
        f"{name}_difference": scale * found.difference,
        f"{name}_low": scale * found.interval.low,
        f"{name}_high": scale * found.interval.high,
        f"{name}_cases": len(pairs),
    }


def _room(outcome: Outcome) -> float:
    """The largest `max_tokens` of the arms."""
    own = outcome.planned.material.template.params.max_tokens
    return float(max(arm.variant.params.get("max_tokens") or own for arm in outcome.design.arms))


def _numbers(outcome: Outcome, case: str, arms: Sequence[str], model: str, number: Number) -> list[float]:
    """The numbers of a case on one side; none if one is missing."""
    values: list[float] = []
    for arm in arms:
        cell = [number(one) for one in outcome.seen.by_cell.get((case, arm, model), ())]
        there = [float(value) for value in cell if value is not None]
        if not cell or len(there) < len(cell):
            return []
        values += there
    return values


def structure_lines(outcome: Outcome) -> list[list[str]]:
    """The same as a table of texts; empty if there is nothing to show. Validity has columns only if it is known."""
    rows = structure_rows(outcome)
    if not rows:
        return []
    interval = f"{100 * rows[0]['confidence']:.3g} % interval"
    head = ["model", "effect of", "new tokens", "more", interval, "cases"]
    judged = any(row["valid_cases"] for row in rows)
    lines = [head + (["valid", "points", interval, "cases"] if judged else [])]
    for row in rows:
        line = [row["model"], row["what"], *_cells(row, "tokens", _count, "")]
        lines.append(line + (_cells(row, "valid", points, " %") if judged else []))
    return lines


def _cells(row: Mapping[str, Any], name: str, write: Callable[[float], str], unit: str) -> list[str]:
    if not row[f"{name}_cases"]:
        return ["–", "–", "–", "0"]
    before, after, more, low, high = (
        write(row[f"{name}_{key}"]) for key in ("before", "after", "difference", "low", "high")
    )
    return [f"{before}{unit} → {after}{unit}", _signed(more), f"{low} to {high}", str(row[f"{name}_cases"])]


def structure_sentence(outcome: Outcome, model: str | None = None) -> str:
    """What the structure of the answers brings and takes, for each model or for `model`; "" for kinds that do not ask
    for it."""
    if outcome.planned.experiment.kind != "format":
        return ""
    what = {contrast.name: contrast.what for contrast in outcome.design.contrasts}
    rows = [row for row in structure_rows(outcome) if model in (None, row["model"])]
    return " ".join(_sentence(row, what[row["what"]]) for row in rows)


def _sentence(row: Mapping[str, Any], what: str) -> str:
    percent = f"{100 * row['confidence']:.3g} % interval"
    parts = []
    if row["valid_cases"]:
        ends = f"{points(row['valid_low'])} to {points(row['valid_high'])}"
        parts.append(
            f"{points(row['valid_after'])} % of the answers are valid, against {points(row['valid_before'])} % "
            f"({_signed(points(row['valid_difference']))} points, {percent} {ends}, {_cases(row['valid_cases'])})"
        )
    if row["tokens_cases"]:
        more = row["tokens_difference"]
        low, high = (row["tokens_low"], row["tokens_high"]) if more >= 0 else (-row["tokens_high"], -row["tokens_low"])
        span = f"{percent} {_count(low)} to {_count(high)}, {_cases(row['tokens_cases'])}"
        amount = f"{_count(abs(more))} token{'s' * (_count(abs(more)) != '1')} {'more' if more >= 0 else 'less'}"
        parts.append(f"an answer takes {amount} ({span})")
    return f"With {what}, {row['model']}: {'; '.join(parts)}."


def _cases(number: int) -> str:
    return f"{number:,} case{'s' * (number != 1)}"


def _count(value: float) -> str:
    """A mean number of tokens: without a fraction from 10 on."""
    text = f"{value:,.0f}" if abs(value) >= 9.95 or abs(value - round(value)) < 0.05 else f"{value:.1f}"
    return text.replace("-", "−") if text not in ("-0", "-0.0") else "0"


def _signed(text: str) -> str:
    return text if text.startswith("−") or text == "0" else f"+{text}"


def token_words(mean: float | None, unknown: int) -> str:
    """A mean number of new tokens, and how many answers have none that is known: `12, 3 ?`."""
    if mean is None:
        return "–"
    return _count(mean) + (f", {unknown} ?" if unknown else "")


__all__ = ["structure_lines", "structure_rows", "structure_sentence", "token_words"]
