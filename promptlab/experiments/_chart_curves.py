"""Pictures of curves: the score against the number of examples or a parameter, and pass@k."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptlab.experiments._chart_style import WIDTH, Chart, altair, data, look
from promptlab.experiments._groups import means_by_k
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._repeats import pass_at_k_rows, same_answer_rows
from promptlab.experiments._tables import arm_rows

HEIGHT = 250
MOST_BANDS = 3
"""Above so many models, bands would hide each other, and the intervals are lines."""


def shots(outcome: Outcome) -> Chart | None:
    """The score against the number of examples: each draw as a faint line, their mean with its band."""
    means = [_percent(row) for row in means_by_k(outcome)]
    if not means:
        return None
    alt = altair()
    draws = [_percent(row) for row in arm_rows(outcome) if row["judged"]]
    zero = [row for row in draws if row["k"] == 0]  # without examples there is one draw, from which all lines start
    count = max(row["draw"] for row in draws)
    lines = [*draws, *({**row, "draw": draw} for row in zero for draw in range(2, count + 1))]
    ks = sorted({row["k"] for row in means})
    x = alt.X("k:Q", title="examples (k)", axis=alt.Axis(values=ks, format="d"))
    faint = (
        alt.Chart(data(lines))
        .mark_line(opacity=0.4, strokeWidth=1)
        .encode(x=x, y=_y("percent", "score in %"), color=look(outcome)["color"], detail="draw:N")
    )
    return alt.layer(*_curve(outcome, means, x, "score in %", before=[faint])).properties(width=WIDTH, height=HEIGHT)


def params(outcome: Outcome) -> Chart | None:
    """The score against the first parameter, and with repeats pass@k and how far the repeats agree."""
    factor = outcome.design.factors[0]
    rows = [_percent(row) for row in arm_rows(outcome) if row["judged"]]
    if not rows:
        return None
    alt = altair()
    several = len(outcome.design.factors) > 1
    levels = sorted({row[factor] for row in rows})
    x = alt.X(f"{factor}:Q", title=factor.replace("_", " "), axis=alt.Axis(values=levels))
    more = {"detail": "arm:N"} if several else {}
    width = 300 if outcome.planned.experiment.repeats > 1 else WIDTH
    score = alt.layer(*_curve(outcome, rows, x, "score in %", lines=not several, **more))
    score = score.properties(width=width, height=HEIGHT)
    if outcome.planned.experiment.repeats < 2:
        return score
    same = [_percent(row, "value") for row in same_answer_rows(outcome)]
    agree = alt.layer(*_curve(outcome, same, x, "same answer twice, in %", lines=not several, **more))
    return alt.hconcat(score, agree.properties(width=width, height=HEIGHT))


def pass_at_k(outcome: Outcome) -> Chart | None:
    """The chance that at least one of k answers is right, for each setting."""
    rows = [_percent(row, "value") for row in pass_at_k_rows(outcome)]
    if not rows:
        return None
    alt = altair()
    count = max(row["k"] for row in rows)
    x = alt.X("k:O", title="of k answers", axis=alt.Axis(labelAngle=0))
    width = max(120, min(240, WIDTH // 2, 40 * count))
    layers = alt.layer(*_curve(outcome, rows, x, "at least one right, in %"), data=data(rows))
    return layers.properties(width=width, height=200).facet(
        facet=alt.Facet("arm:N", title=None, sort=[arm.name for arm in outcome.design.arms]), columns=3
    )


def _curve(
    outcome: Outcome,
    rows: Sequence[dict[str, Any]],
    x: Any,
    title: str,
    *,
    before: Sequence[Chart] = (),
    lines: bool = True,
    **more: Any,
) -> list[Chart]:
    """A line for each model, with its points, and the band of its intervals if the rows have some."""
    alt, marks = altair(), look(outcome)
    base = alt.Chart(data(rows))
    y = _y("percent", title)
    layers = [*before]
    if rows and "low" in rows[0]:
        ends = {"x": x, "y": _y("low", ""), "y2": "high:Q", "color": marks["color"]}
        few = len(outcome.planned.experiment.models) <= MOST_BANDS
        mark = base.mark_area(opacity=0.16) if lines and few else base.mark_rule(opacity=0.6)
        layers = [mark.encode(**ends), *layers]
    if lines:
        layers.append(
            base.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=marks["color"], strokeDash=marks["strokeDash"])
        )
    points = base.mark_point(filled=True, size=70, opacity=1)
    layers.append(points.encode(x=x, y=y, color=marks["color"], shape=marks["shape"], **more))
    return layers


def _y(field: str, title: str) -> Any:
    alt = altair()
    return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(domain=[0, 100]))


def _percent(row: dict[str, Any], key: str = "score") -> dict[str, Any]:
    return {**row, "percent": 100 * row[key], "low": 100 * row["low"], "high": 100 * row["high"]}
