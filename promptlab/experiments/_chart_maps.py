"""Pictures of squares: the score by condition and model, and what a model trusts, the document or its memory."""

from __future__ import annotations

from typing import Any

from promptlab.experiments._chart_style import Chart, altair, data, in_lines, lines_axis
from promptlab.experiments._groups import tag_rows
from promptlab.experiments._memory import page_or_memory
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._tables import arm_rows

SAID = ("the page", "its memory", "neither")
KNEW = ("knew it", "did not know it")


def conditions(outcome: Outcome) -> Chart | None:
    """The score in each condition that is no place among other documents."""
    return _arms(outcome, place=False)


def places(outcome: Outcome) -> Chart | None:
    """The score by the place of the right document among the others."""
    return _arms(outcome, place=True)


def _arms(outcome: Outcome, *, place: bool) -> Chart | None:
    rows = [
        {**row, "percent": 100 * row["score"], "what": row["place"] if place else row["arm"]}
        for row in arm_rows(outcome)
        if row["judged"] and bool(row["place"]) == place
    ]
    title = "place of the right document" if place else None
    return _heat(outcome, rows, title) if rows else None


def tags(outcome: Outcome) -> Chart | None:
    """The score by model for each tag of the cases."""
    rows = [{**row, "percent": 100 * row["score"], "what": row["tag"]} for row in tag_rows(outcome)]
    return _heat(outcome, rows, None) if rows else None


def _heat(outcome: Outcome, rows: list[dict[str, Any]], title: str | None) -> Chart:
    alt = altair()
    rows = [
        {
            **row,
            "what": in_lines(str(row["what"]), 14),
            "model": in_lines(row["model"], 26),
            "words": f"{row['percent']:.0f}",  # rounded as in the tables
        }
        for row in rows
    ]
    order = list(dict.fromkeys(row["what"] for row in rows))
    models = [in_lines(name, 26) for name in outcome.planned.experiment.models]
    base = alt.Chart(data(rows)).encode(
        x=alt.X("what:N", sort=order, title=title, axis=lines_axis(labelAngle=0, labelOverlap=False)),
        y=alt.Y("model:N", sort=models, title=None, axis=lines_axis()),
    )
    colour = alt.Color(
        "percent:Q",
        title="score in %",
        scale=alt.Scale(scheme="cividis", domain=[0, 100]),
        legend=alt.Legend(orient="bottom", gradientLength=200),
    )
    ink = alt.condition("datum.percent > 50", alt.value("#000"), alt.value("#fff"))
    return alt.layer(
        base.mark_rect(stroke="#888", strokeWidth=0.5).encode(color=colour),
        base.mark_text(fontSize=13).encode(text="words:N", color=ink),
    ).properties(width=alt.Step(max(46, min(110, 420 // len(order)))), height=alt.Step(44))


def memory(outcome: Outcome) -> Chart | None:
    """For each model: what it said where a wrong fact was planted, by whether it knew the right one."""
    rows = page_or_memory(outcome)
    if not any(row["count"] for row in rows):
        return None
    alt = altair()
    rows = [{**row, "model": in_lines(row["model"], 30)} for row in rows]
    said = alt.Chart().encode(
        x=alt.X("said:N", sort=SAID, title="it says what stands in", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("knew:N", sort=KNEW, title=None),
    )
    scale = alt.Scale(scheme="cividis", domain=[0, 1])
    ink = alt.condition("datum.share > 0.5", alt.value("#000"), alt.value("#fff"))
    layers = alt.layer(
        said.mark_rect(stroke="#888", strokeWidth=0.5).encode(color=alt.Color("share:Q", scale=scale, legend=None)),
        said.mark_text(fontSize=13).encode(text="count:Q", color=ink),
        data=data(rows),
    ).properties(width=200, height=alt.Step(42))
    header = alt.Header(labelExpr="split(datum.label, '\\n')", labelLimit=260)
    models = [in_lines(name, 30) for name in outcome.planned.experiment.models]
    return layers.facet(facet=alt.Facet("model:N", title=None, sort=models, header=header), columns=2)
