"""The report of an experiment for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from promptlab.experiments._effects import Effect
from promptlab.experiments._headline import headline
from promptlab.experiments._luck import luck_lines, luck_rows
from promptlab.experiments._model_sizes import Facts, model_rows, model_table, origin_notes
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._repeats import repeat_lines, repeat_rows
from promptlab.experiments._structure import structure_lines, structure_rows, token_words
from promptlab.experiments._tables import arm_rows, effect_rows
from promptlab.experiments._words import points


def points_words(effect: Effect) -> tuple[str, str]:
    """The difference in points, with its sign, and its interval; dashes if nothing was compared."""
    if not effect.cases or effect.unchanged:
        return "–", "–"
    difference = points(effect.difference)
    sign = "" if difference.startswith("−") or difference == "0" else "+"
    return f"{sign}{difference}", f"{points(effect.interval.low)} to {points(effect.interval.high)}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def report_lines(outcome: Outcome, facts: Facts | None = None) -> Iterator[str]:
    """The sentence, the table of effects, and what was left out. With the `facts` of the models, the kind `models` also
    tells what they are and take."""
    if first := headline(outcome):
        yield first
        yield ""
    yield from _table(model_table(outcome, facts) if facts and _compares_models(outcome) else arm_lines(outcome))
    if outcome.effects:
        yield ""
        yield from _table(effect_lines(outcome))
    if structure := structure_lines(outcome):
        yield ""
        yield from _table(structure)
    if repeats := repeat_lines(outcome):
        yield ""
        yield from _table(repeats)
    yield from luck_lines(outcome)
    yield from left_out_lines(outcome)
    yield from outcome.notes
    yield from origin_notes(outcome, facts or {})
    if outcome.stopped:
        yield f"Not all was asked: {outcome.stopped}."
    if outcome.incomplete:
        yield "It has no verdict: who stops when the numbers look well finds what is not there. Ask on to the end."


def _compares_models(outcome: Outcome) -> bool:
    return outcome.planned.experiment.kind == "models"


def left_out_lines(outcome: Outcome) -> Iterator[str]:
    """How many cases each effect leaves out, and why."""
    for effect in outcome.effects:
        for reason, count in effect.left_out.items():
            yield f"left out of “{effect.contrast.name}” for {effect.model}: {_count(count, 'case')}: {reason}"


def arm_lines(outcome: Outcome) -> list[list[str]]:
    rows = arm_rows(outcome)
    judged = any(row["valid_of"] for row in rows)
    lines = [["model", "asked", "score", "95 % interval", "passed", "new tokens", *(["valid"] if judged else [])]]
    for row in rows:
        score = "–" if row["score"] is None else f"{100 * row['score']:.1f} %"
        passed = f"{row['passed']} of {row['judged']}" + (f", {row['not_judged']} ?" if row["not_judged"] else "")
        interval = f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %" if row["judged"] else "–"
        tokens = token_words(row["new_tokens"], row["new_tokens_unknown"])
        line = [row["model"], row["arm"] or "as written", score, interval, passed, tokens]
        lines.append(line + ([f"{row['valid']} of {row['valid_of']}" if row["valid_of"] else "–"] if judged else []))
    return lines


def effect_lines(outcome: Outcome) -> list[list[str]]:
    lines = [["model", "effect of", "points", "95 % interval", "cases", "p", "corrected p", "verdict"]]
    for e in outcome.effects:
        measured = e.cases > 0 and not e.unchanged
        interval = f"{points(e.interval.low)} to {points(e.interval.high)}" if measured else "–"
        name = f"{e.contrast.name} (primary)" if e.contrast.primary else e.contrast.name
        difference = points(e.difference) if measured else "–"
        lines.append(
            [
                e.model,
                name,
                difference,
                interval,
                str(e.cases),
                f"{e.p:.2g}" if measured else "–",
                f"{e.adjusted_p:.2g}" if measured else "–",
                e.verdict,
            ]
        )
    return lines


def _table(lines: list[list[str]]) -> Iterator[str]:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def report_data(outcome: Outcome, facts: Facts | None = None) -> dict[str, Any]:
    """The report as JSON data; of the kind `models` with the `facts` of its models."""
    experiment = outcome.planned.experiment
    return {
        "experiment": experiment.name,
        "kind": experiment.kind,
        "sentence": headline(outcome),
        "state": outcome.state,
        "stage": outcome.stage,
        "done": outcome.done,
        "total": outcome.total,
        "effects": effect_rows(outcome),
        "arms": arm_rows(outcome),
        "structure": structure_rows(outcome),
        "models": model_rows(outcome, facts or {}) if _compares_models(outcome) else [],
        "repeats": repeat_rows(outcome),
        "luck": luck_rows(outcome),
        "screened": len(outcome.screened.cases) if outcome.screened else 0,
        "stopped": outcome.stopped,
        "notes": [*outcome.notes, *origin_notes(outcome, facts or {})],
    }
