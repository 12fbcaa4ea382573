"""What there is to see in each picture: a sentence, and the table with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.experiments._groups import means_by_k, tag_rows
from promptlab.experiments._memory import page_or_memory
from promptlab.experiments._model_sizes import Facts, Measure, frontier_of, model_rows, model_table
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._repeats import SAME, pass_at_k_rows, same_answer_rows
from promptlab.experiments._tables import arm_rows
from promptlab.experiments._text_report import arm_lines, effect_lines
from promptlab.experiments._words import points, sentence

Said = tuple[str, list[list[str]]]


def effects(outcome: Outcome) -> Said:
    return sentence(outcome.effects), effect_lines(outcome)


def arms(outcome: Outcome) -> Said:
    """The lowest and the highest score of each model, and which way to ask has it."""
    return _range(outcome, [row for row in arm_rows(outcome) if row["judged"]], "arm"), arm_lines(outcome)


def conditions(outcome: Outcome) -> Said:
    rows = [row for row in arm_rows(outcome) if row["judged"] and not row["place"]]
    return _range(outcome, rows, "arm"), _lines(rows, "condition", "arm")


def places(outcome: Outcome) -> Said:
    rows = [row for row in arm_rows(outcome) if row["judged"] and row["place"]]
    return _range(outcome, rows, "place", "place "), _lines(rows, "place", "place")


def tags(outcome: Outcome) -> Said:
    rows = tag_rows(outcome)
    return _range(outcome, rows, "tag"), _lines(rows, "tag", "tag")


def shots(outcome: Outcome) -> Said:
    """From the fewest examples to the most, and how far the draws lie apart."""
    rows, draws = means_by_k(outcome), [row for row in arm_rows(outcome) if row["judged"]]
    parts = []
    for model in _models(outcome):
        own = [row for row in rows if row["model"] == model]
        if not own:
            continue
        few, most = own[0], own[-1]
        part = f"{model} scores {_percent(few)} with {few['k']} examples and {_percent(most)} with {most['k']}"
        spreads = []
        for k in {row["k"] for row in draws}:
            scores = [row["score"] for row in draws if row["model"] == model and row["k"] == k]
            spreads.append(max(scores) - min(scores) if scores else 0.0)
        if max(spreads, default=0.0) > 0:
            part += f"; two draws of equally many examples differ by up to {points(max(spreads))} points"
        parts.append(part + ".")
    return " ".join(parts), _lines(rows, "examples", "k")


def params(outcome: Outcome) -> Said:
    rows = [row for row in arm_rows(outcome) if row["judged"]]
    said, table = _range(outcome, rows, "arm"), arm_lines(outcome)
    rows = same_answer_rows(outcome)
    if not rows:
        return said, table
    same = {(row["model"], row["arm"]): row["value"] for row in rows}
    for line in table:
        share = same.get((line[0], line[1]))
        line.append(SAME if line is table[0] else "–" if share is None else f"{100 * share:.0f} %")
    return f"{said} {_range(outcome, rows, 'arm', key='value', does='gives the same answer twice in')}", table


def pass_at_k(outcome: Outcome) -> Said:
    rows = pass_at_k_rows(outcome)
    table = [["model", "asked", "k", "at least one right", "cases"]]
    table += [[r["model"], r["arm"], str(r["k"]), f"{100 * r['value']:.0f} %", str(r["cases"])] for r in rows]
    parts = []
    for model in _models(outcome):
        most = [row for row in rows if row["model"] == model and row["k"] == outcome.seen.repeats]
        if most:
            best = max(most, key=lambda row: row["value"])
            one = next(row for row in rows if (row["model"], row["arm"], row["k"]) == (model, best["arm"], 1))
            first, last = f"{100 * one['value']:.0f} %", f"{100 * best['value']:.0f} %"
            parts.append(
                f"{model} is right at once in {first} and once in {best['k']} answers in {last} ({best['arm']})."
            )
    return " ".join(parts), table


def memory(outcome: Outcome) -> Said:
    """How often each model said what the page says, though it had known better."""
    rows = page_or_memory(outcome)
    table = [["model", "without the page it", "it says what stands in", "answers", "share"]]
    table += [[r["model"], r["knew"], r["said"], str(r["count"]), f"{100 * r['share']:.0f} %"] for r in rows]
    parts = []
    for model in _models(outcome):
        for knew in ("knew it", "did not know it"):
            own = {row["said"]: row["count"] for row in rows if row["model"] == model and row["knew"] == knew}
            if sum(own.values()):
                parts.append(
                    f"Where {model} {knew} without the page, it said what the page says, which is wrong, "
                    f"{own['the page']} times of {sum(own.values())}, and the right answer {own['its memory']} times."
                )
    return " ".join(parts), table


def frontier(outcome: Outcome, facts: Facts, measure: Measure) -> Said:
    rows = [row for row in model_rows(outcome, facts) if row["judged"]]
    parts = [f"{row['model']} scores {_percent(row)}{_amount(row, measure)}." for row in rows]
    if all(row[measure.key] for row in rows):
        best = frontier_of(rows, measure.key)
        parts.append(f"By these scores no other model is {measure.less} and as good: {', '.join(best)}.")
    chance = outcome.planned.experiment.options.get("chance")
    guess = [] if chance is None else [f"Guessing scores {100 * chance:.0f} %."]
    return " ".join([*parts, *guess]), model_table(outcome, facts)


def _amount(row: Mapping[str, Any], measure: Measure) -> str:
    """How much of the measure a model has, in words; "" if it is not known."""
    amount = row[measure.key]
    if not amount:
        return ""
    unit = {"parameters": "million parameters", "seconds": "s an answer"}.get(measure.key, "MB")
    return (
        f" with {amount / measure.scale:,.3g} {unit}"
        if measure.key == "seconds"
        else (f" with {amount / measure.scale:,.0f} {unit}")
    )


def _models(outcome: Outcome) -> tuple[str, ...]:
    return outcome.planned.experiment.models


def _percent(row: Mapping[str, Any]) -> str:
    return f"{100 * row['score']:.0f} %"


def _range(
    outcome: Outcome,
    rows: Sequence[Mapping[str, Any]],
    name: str,
    before: str = "",
    *,
    key: str = "score",
    does: str = "scores",
) -> str:
    """For each model the lowest and the highest of `key`, and where they are."""
    parts = []
    for model in _models(outcome):
        own = [row for row in rows if row["model"] == model]
        if not own:
            continue
        low, high = min(own, key=lambda row: float(row[key])), max(own, key=lambda row: float(row[key]))
        if abs(high[key] - low[key]) < 1e-9:
            where = f" in all {len(own)}" if len(own) > 1 else ""
            parts.append(f"{model} {does} {100 * low[key]:.0f} %{where}.")
        else:
            names = [f"{before}{row[name] or 'as written'}" for row in (low, high)]
            parts.append(f"{model} {does} {100 * low[key]:.0f} % ({names[0]}) to {100 * high[key]:.0f} % ({names[1]}).")
    return " ".join(parts)


def _lines(rows: Sequence[Mapping[str, Any]], title: str, name: str) -> list[list[str]]:
    table = [["model", title, "score", "answers", "95 % interval"]]
    for row in rows:
        interval = f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %"
        table.append([row["model"], str(row[name]), f"{100 * row['score']:.1f} %", str(row["judged"]), interval])
    return table
