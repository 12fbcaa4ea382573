"""The picture of models: score against size, beside chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptlab.experiments._chart_style import GREY, WIDTH, Chart, altair, data, look, rule
from promptlab.experiments._run import Outcome
from promptlab.experiments._tables import arm_rows

FEW = 3
"""The names of so many models fit beside their points."""


def frontier(outcome: Outcome, sizes: Mapping[str, int]) -> Chart | None:
    """The score of each model with its interval against the bytes of its file, beside chance."""
    rows = [
        {
            "model": row["model"],
            "percent": 100 * row["score"],
            "low": 100 * row["low"],
            "high": 100 * row["high"],
            "mb": sizes.get(row["model"], 0) / 1e6,
        }
        for row in arm_rows(outcome)
        if row["judged"]
    ]
    if not rows:
        return None
    alt = altair()
    marks = look(outcome, legend=len(rows) > FEW, orient="bottom")
    if all(row["mb"] for row in rows):
        top = max(row["mb"] for row in rows)
        x = alt.X("mb:Q", title="size of the file in MB", scale=alt.Scale(domain=[0, 1.15 * top], nice=False))
        rows = [{**row, "left": row["mb"] > 0.55 * top} for row in rows]
        names = _names(rows, x, slanted=len(rows) > FEW)
    else:
        x = alt.X("model:N", title=None, axis=alt.Axis(labelAngle=0, labelLimit=150))
        names = []
    base = alt.Chart(data(rows))
    y = alt.Y("percent:Q", title="score in %", scale=alt.Scale(domain=[0, 100]))
    layers: list[Any] = [
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
