"""The pass rate over the runs of a suite: a chart with an interval for each point, and the same numbers as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from promptlab import suites
from promptlab.suites import HistoryPoint, Suite
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import escape, markup
from promptlab.ui.state.session import Session
from promptlab.ui.suites.wording import VERBS, time_words

SHOWN = 30
"""The most runs in the chart."""
HEIGHT = 190


def draw(session: Session, suite: Suite) -> None:
    """Draw the chart if two runs or more have a rate, and below it the table of all runs."""
    points = session.suites.history(suite, session.store, session.catalogue)
    judged = [point for point in reversed(points[:SHOWN]) if point.judged]
    if not points:
        return
    if len(judged) > 1:
        markup('<div class="pl-role">Pass rate of each run, with its 95 % interval</div>')
        st.altair_chart(_chart(judged), width="stretch")
    with st.expander("The runs as a table: pass rates, cost and time", type="compact", key="suite-trend-table"):
        markup(_table(points))


def _values(points: Sequence[HistoryPoint]) -> list[dict[str, object]]:
    return [
        {
            "place": number,
            "run": _name(point),
            "column": " · ".join(part for part in (cell.variant, cell.model) if part),
            "rate": 100 * cell.passed / cell.judged,
            "low": 100 * cell.interval.low,
            "high": 100 * cell.interval.high,
            "words": suites.rate_in_words(cell.passed, cell.judged, cell.interval),
        }
        for number, point in enumerate(points, 1)
        for cell in point.cells
        if cell.judged
    ]


def _name(point: HistoryPoint) -> str:
    return f"{VERBS[point.verb]}, {widgets.clock(point.created)}"


def _chart(points: Sequence[HistoryPoint]) -> Any:
    import altair as alt  # heavy, and only a suite with a history needs it

    values = _values(points)
    names = {str(number): _name(point) for number, point in enumerate(points, 1)}
    labels = f"{json.dumps(names)}[datum.value]"
    base = alt.Chart(alt.InlineData(values)).encode(
        x=alt.X(
            "place:O", title=None, axis=alt.Axis(labelExpr=labels, labelAngle=0, labelLimit=130, labelOverlap=True)
        ),
        color=alt.Color("column:N", title=None, legend=alt.Legend(orient="top", labelLimit=260)),
        tooltip=[alt.Tooltip("run:N", title="Run"), alt.Tooltip("column:N", title="Column"), "words:N"],
    )
    if len({value["column"] for value in values}) > 1:
        base = base.encode(xOffset=alt.XOffset("column:N"))
    # A little above 100, so that the mark of a full rate is not cut.
    scale, axis = alt.Scale(domain=[0, 106], nice=False), alt.Axis(values=[0, 25, 50, 75, 100])
    rate = alt.Y("rate:Q", title="pass rate (%)", scale=scale, axis=axis)
    bars = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(y=rate, shape=alt.Shape("column:N", title=None))
    words = "; ".join(f"{value['run']}, {value['column']}: {value['words']}" for value in values[-8:])
    return (bars + dots).properties(height=HEIGHT, description=f"Pass rate of the runs. The newest: {words}")


def _table(points: Sequence[HistoryPoint]) -> str:
    columns = list(dict.fromkeys((cell.variant, cell.model) for point in points for cell in point.cells))
    heads = "".join(f'<th class="pl-n">{escape(" · ".join(filter(None, column)))}</th>' for column in columns)
    rows = "".join(_row(point, columns) for point in points)
    more = '<th class="pl-n">Cost</th><th class="pl-n">Time</th><th class="pl-n">Tokens</th><th>Part, revision</th>'
    head = f"<tr><th>Run</th>{heads}{more}</tr>"
    return f'<div class="pl-wide"><table class="pl-table" aria-label="The runs of the suite">{head}{rows}</table></div>'


def _row(point: HistoryPoint, columns: Sequence[tuple[str, str]]) -> str:
    cells = {(cell.variant, cell.model): cell for cell in point.cells}
    rates = []
    for column in columns:
        cell = cells.get(column)
        if cell is None or not cell.judged:
            rates.append(f'<td class="pl-n">{"not asked" if cell is None else "not judged"}</td>')
            continue
        rates.append(
            f'<td class="pl-n">{escape(suites.percent(cell.passed / cell.judged))} '
            f"({escape(suites.percents(cell.interval))})</td>"
        )
    cost = "–" if point.cost is None else f"${point.cost:,.4f}"
    seconds = "–" if point.seconds is None else time_words(point.seconds)
    tokens = "–" if point.tokens is None else f"{point.tokens:,}"
    rest = " · ".join(part for part in (point.part and f"a part: {point.part}", point.revision) if part)
    return (
        f'<tr><td class="pl-num">{escape(_name(point))}</td>{"".join(rates)}<td class="pl-n">{cost}</td>'
        f'<td class="pl-n">{escape(seconds)}</td><td class="pl-n">{tokens}</td><td>{escape(rest)}</td></tr>'
    )
