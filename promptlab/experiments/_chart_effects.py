"""Pictures of rows: every effect with its interval, and the score of every way to ask."""

from __future__ import annotations

from typing import Any

from promptlab.experiments._chart_style import WIDTH as CHART_WIDTH
from promptlab.experiments._chart_style import Chart, altair, data, in_lines, lines_axis, look, row_height, rule
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._tables import arm_rows, effect_rows


def effects(outcome: Outcome) -> Chart | None:
    """Every effect with its interval, the largest first, against zero and the margin that counts as no difference."""
    rows = [row for row in effect_rows(outcome) if row["difference"] is not None]
    if not rows:
        return None
    alt = altair()
    shown = [
        {
            "model": row["model"],
            "effect": row["what"],  # for a press on its point
            "what": in_lines(row["what"].replace("_", " ") + (" (primary)" if row["primary"] else "")),
            "verdict": row["verdict"],
            "cases": row["cases"],
            **{name: 100 * row[key] for name, key in (("points", "difference"), ("low", "low"), ("high", "high"))},
        }
        for row in rows
    ]
    largest: dict[str, float] = {}
    for row in shown:
        largest[row["what"]] = max(largest.get(row["what"], 0.0), abs(row["points"]))
    names = sorted(largest, key=lambda name: -largest[name])
    margin = 100 * outcome.planned.experiment.margin
    band = alt.Chart(data([{"low": -margin, "high": margin}])).mark_rect(color="#888", opacity=0.15)
    points = alt.X("points:Q", title="difference in points, with its interval; hollow: cannot tell yet")
    return alt.layer(
        band.encode(x="low:Q", x2="high:Q"),
        rule(0, "zero", "x"),
        *_dots(outcome, shown, names, "what", points, alt.X("low:Q", title="")),
    ).properties(width=CHART_WIDTH, height=row_height(outcome, names))


def arms(outcome: Outcome) -> Chart | None:
    """The score of each way to ask, with its interval, in the order of the design."""
    rows = [row for row in arm_rows(outcome) if row["judged"]]
    if not rows:
        return None
    alt = altair()
    shown = [
        {
            "model": row["model"],
            "verdict": "",
            "arm": in_lines((row["arm"] or "as written").replace("_", " ")),
            "percent": 100 * row["score"],
            "low": 100 * row["low"],
            "high": 100 * row["high"],
        }
        for row in rows
    ]
    names = list(dict.fromkeys(row["arm"] for row in shown))
    scale = alt.Scale(domain=[0, 100])
    percent = alt.X("percent:Q", title="score in %, with its interval", scale=scale)
    return alt.layer(*_dots(outcome, shown, names, "arm", percent, alt.X("low:Q", title="", scale=scale))).properties(
        width=CHART_WIDTH, height=row_height(outcome, names)
    )


def _dots(
    outcome: Outcome, rows: list[dict[str, Any]], names: list[str], field: str, point: Any, low: Any
) -> list[Chart]:
    """A dot with its interval in each row; the dots of several models stand below each other."""
    alt = altair()
    marks = look(outcome)
    models = list(outcome.planned.experiment.models)
    offset = {"yOffset": alt.YOffset("model:N", sort=models)} if len(models) > 1 else {}
    y = alt.Y(f"{field}:N", sort=names, title=None, axis=lines_axis())
    layers = [
        alt.Chart(data(rows)).mark_rule(strokeWidth=2).encode(x=low, x2="high:Q", y=y, color=marks["color"], **offset)
    ]
    for untold in (False, True):
        some = [row for row in rows if (row["verdict"] == "cannot tell yet") == untold]
        mark = alt.Chart(data(some)).mark_point(filled=not untold, size=80, opacity=1, strokeWidth=2)
        layers.append(mark.encode(x=point, y=y, color=marks["color"], shape=marks["shape"], **offset))
    return layers
