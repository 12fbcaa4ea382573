"""The pictures of models: score against size, parameters, time and memory, beside chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptlab.experiments._chart_style import GREY, WIDTH, Chart, altair, data, look, rule
from promptlab.experiments._model_sizes import MEASURES, Facts, Measure, frontier_of, model_rows
from promptlab.experiments._outcome import Outcome

FEW = 3
"""The names of so many models fit beside their points."""


def frontier(outcome: Outcome, facts: Facts, measure: Measure) -> Chart | None:
    """The score of each model with its interval against `measure`, beside chance; a line joins the models that no other
    beats. Without their sizes the models stand side by side. None if the measure is another one and not known of all,
    or the same for all."""
    rows = [_point(row, measure) for row in model_rows(outcome, facts) if row["judged"]]
    known = all(row["amount"] for row in rows)
    if not rows or (measure != MEASURES["frontier"] and (not known or len({row["amount"] for row in rows}) < 2)):
        return None
    alt = altair()
    marks = look(outcome, legend=len(rows) > FEW, orient="bottom")
    best: list[Chart] = []
    if known:
        top = max(row["amount"] for row in rows)
        x = alt.X("amount:Q", title=measure.axis, scale=alt.Scale(domain=[0, 1.15 * top], nice=False))
        rows = [{**row, "left": row["amount"] > 0.55 * top} for row in rows]
        names = _names(rows, x, slanted=len(rows) > FEW)
        joined = [row for row in rows if row["model"] in frontier_of(rows, "amount")]
        line = alt.Chart(data(joined)).mark_line(color=GREY, strokeDash=[2, 3], strokeWidth=1)
        best = [line.encode(x=x, y="percent:Q")] if len(joined) > 1 else []
    else:
        x = alt.X("model:N", title=None, axis=alt.Axis(labelAngle=0, labelLimit=150))
        names = []
    base = alt.Chart(data(rows))
    y = alt.Y("percent:Q", title="score in %", scale=alt.Scale(domain=[0, 100]))
    layers: list[Any] = [
        *best,
        base.mark_rule(strokeWidth=2).encode(x=x, y=alt.Y("low:Q", title=""), y2="high:Q", color=marks["color"]),
        base.mark_point(filled=True, size=100, opacity=1).encode(x=x, y=y, color=marks["color"], shape=marks["shape"]),
        *names,
    ]
    chance = outcome.planned.experiment.options.get("chance")
    if chance is not None:
        word = alt.Chart(data([{"percent": 100 * chance, "name": "chance"}]))
        layers.append(rule(100 * chance, "percent", "y"))
        layers.append(
            word.mark_text(align="left", dy=-6, color=GREY).encode(x=alt.value(4), y="percent:Q", text="name:N")
        )
    return alt.layer(*layers).properties(width=WIDTH, height=270)


def _point(row: Mapping[str, Any], measure: Measure) -> dict[str, Any]:
    """What is drawn of a model; an amount of 0 is not known."""
    percents = {"percent": row["score"], "low": row["low"], "high": row["high"]}
    amount = (row[measure.key] or 0) / measure.scale
    return {"model": row["model"], "score": row["score"], "amount": amount} | {k: 100 * v for k, v in percents.items()}


def _names(rows: list[dict[str, Any]], x: Any, *, slanted: bool) -> list[Chart]:
    """The name of each model beside its point, on the side with room; those of many models slanted above it."""
    alt = altair()
    if slanted:
        mark = alt.Chart(data(rows)).mark_text(dx=10, dy=-6, align="left", angle=315, color=GREY, limit=120)
        return [mark.encode(x=x, y="percent:Q", text="model:N")]
    charts = []
    for left in (False, True):
        some = [row for row in rows if row["left"] == left]
        if some:
            mark = alt.Chart(data(some)).mark_text(
                dx=-10 if left else 10, dy=-8, align="right" if left else "left", color=GREY, limit=220
            )
            charts.append(mark.encode(x=x, y="percent:Q", text="model:N"))
    return charts
