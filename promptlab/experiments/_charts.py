"""The picture of each kind of experiment, as an Altair chart: the same in the browser, in a file and in a report.

Every picture has its table beside it (`experiments/_tables.py`). Models differ in colour and in shape; the colours are
those of Okabe & Ito (2008), which people with any colour vision can tell apart, also in grey print.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from promptlab.experiments._memory import page_or_memory
from promptlab.experiments._run import Outcome
from promptlab.experiments._tables import arm_rows, effect_rows

Chart = Any
"""An Altair chart. Altair is loaded when the first one is drawn, and its types are not complete."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke")
WIDTH = 460
ROW = 34
"""Pixels of one effect in the picture."""


def chart_of(outcome: Outcome, *, sizes: Mapping[str, int] | None = None) -> Chart | None:
    """The picture that answers the experiment's question; None if there is nothing to draw.

    `sizes` are the bytes of the models, for the picture of `models`.
    """
    kind = outcome.planned.experiment.kind
    if not any(row["judged"] for row in arm_rows(outcome)):
        return None
    if kind == "models":
        return _frontier(outcome, sizes or {})
    return _CHARTS.get(kind, _effects)(outcome)


def _altair() -> Any:
    import altair

    return altair


def _models(outcome: Outcome) -> dict[str, Any]:
    """Colour and shape of each model, the same in all pictures of the experiment."""
    alt = _altair()

    names = list(outcome.planned.experiment.models)
    colour = alt.Color("model:N", title="model", scale=alt.Scale(domain=names, range=COLOURS[: len(names)]))
    shape = alt.Shape("model:N", title="model", scale=alt.Scale(domain=names, range=SHAPES[: len(names)]))
    return {"color": colour, "shape": shape}


def _effects(outcome: Outcome) -> Chart | None:
    """Every effect with its interval, the largest first, against zero and the margin that counts as no difference."""
    alt = _altair()

    rows = [_in_points(row) for row in effect_rows(outcome) if row["cases"]]
    if not rows:
        return None
    order = [row["what"] for row in sorted(rows, key=lambda row: -abs(row["points"]))]
    margin = 100 * outcome.planned.experiment.margin
    look = _models(outcome)
    many = len(outcome.planned.experiment.models) > 1
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("what:N", sort=list(dict.fromkeys(order)), title=None, axis=alt.Axis(labelLimit=260)),
        **({"yOffset": alt.YOffset("model:N")} if many else {}),
    )
    points = alt.X("points:Q", title="difference in points, with its interval")
    band = alt.Chart(alt.Data(values=[{"low": -margin, "high": margin}])).mark_rect(color="#888", opacity=0.15)
    return alt.layer(
        band.encode(x="low:Q", x2="high:Q"),
        alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color="#555", strokeDash=[4, 3]).encode(x="zero:Q"),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=""), x2="high:Q", color=look["color"]),
        base.mark_point(filled=True, size=90, opacity=1).encode(x=points, **look),
    ).properties(width=WIDTH, height=alt.Step(ROW))


def _in_points(row: Mapping[str, Any]) -> dict[str, Any]:
    what = row["what"].replace("_", " ")
    name = f"{what} (primary)" if row["primary"] else what
    return {
        "model": row["model"],
        "what": name,
        "points": 100 * row["difference"],
        "low": 100 * row["low"],
        "high": 100 * row["high"],
    }


def _shots(outcome: Outcome) -> Chart:
    """The score against the number of examples: each draw as a faint line, their mean with its band."""
    alt = _altair()

    draws, look = _percent_rows(outcome), _models(outcome)
    zero = [row for row in draws if row["k"] == 0]  # without examples there is one draw, from which all lines start
    count = max(row["draw"] for row in draws)
    lines = [*draws, *({**row, "draw": draw} for row in zero for draw in range(2, count + 1))]
    x = alt.X("k:Q", title="examples (k)", axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("percent:Q", title="score in %", scale=alt.Scale(domain=[0, 100]))
    means = alt.Chart(alt.Data(values=_means_by_k(outcome)))
    return alt.layer(
        means.mark_area(opacity=0.18).encode(x=x, y=alt.Y("low:Q", title=""), y2="high:Q", color=look["color"]),
        alt.Chart(alt.Data(values=lines))
        .mark_line(opacity=0.35, strokeWidth=1)
        .encode(x=x, y=y, color=look["color"], detail="draw:N"),
        means.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=look["color"]),
        means.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, **look),
    ).properties(width=WIDTH, height=260)


def _means_by_k(outcome: Outcome) -> list[dict[str, Any]]:
    """For each model and k the mean over all draws, with the interval over the cases."""
    from promptlab import stats

    rows = []
    by_k: dict[int, list[str]] = {}
    for arm in outcome.design.arms:
        by_k.setdefault(int(arm.levels["k"]), []).append(arm.name)
    for model in outcome.planned.experiment.models:
        for k, arms in sorted(by_k.items()):
            rates = []
            for case in outcome.seen.cases:
                judged = [
                    bool(one.passed)
                    for arm in arms
                    for one in outcome.seen.by_cell.get((case, arm, model), ())
                    if one.score is not None
                ]
                rates += [(sum(judged), len(judged))] if judged else []
            if rates:
                interval = stats.clustered(rates)
                rate = sum(passed for passed, _ in rates) / sum(of for _, of in rates)
                ends = {"low": 100 * interval.low, "high": 100 * interval.high}
                rows.append({"model": model, "k": k, "percent": 100 * rate, **ends})
    return rows


def _percent_rows(outcome: Outcome) -> list[dict[str, Any]]:
    rows = []
    for row in arm_rows(outcome):
        if row["judged"]:
            ends = {"percent": 100 * row["passed"] / row["judged"], "low": 100 * row["low"], "high": 100 * row["high"]}
            rows.append({**row, **ends})
    return rows


def _book(outcome: Outcome) -> Chart:
    """The pass rate in each condition by model, and below it what was said of a planted fact."""
    alt = _altair()

    rows = _percent_rows(outcome)
    order = [arm.name for arm in outcome.design.arms]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("arm:N", sort=order, title=None, axis=alt.Axis(labelAngle=-30, labelLimit=160)),
        y=alt.Y("model:N", title=None),
    )
    heat = alt.layer(
        base.mark_rect().encode(
            color=alt.Color("percent:Q", title="right, in %", scale=alt.Scale(scheme="cividis", domain=[0, 100]))
        ),
        base.mark_text(fontSize=13).encode(
            text=alt.Text("percent:Q", format=".0f"),
            color=alt.condition("datum.percent > 55", alt.value("#000"), alt.value("#fff")),
        ),
    ).properties(width=WIDTH, height=alt.Step(44))
    memory = page_or_memory(outcome)
    if not memory:
        return heat
    said = alt.Chart(alt.Data(values=memory)).encode(
        x=alt.X(
            "said:N",
            sort=["the page", "its memory", "neither"],
            title="it says what stands in",
            axis=alt.Axis(labelAngle=0),
        ),
        y=alt.Y("knew:N", sort=["knew it", "did not know it"], title=None),
    )
    squares = alt.layer(
        said.mark_rect(stroke="#fff").encode(
            color=alt.Color(
                "share:Q", title="share of the row", scale=alt.Scale(scheme="greys", domain=[0, 1]), legend=None
            )
        ),
        said.mark_text(fontSize=13).encode(
            text="count:Q", color=alt.condition("datum.share > 0.5", alt.value("#fff"), alt.value("#000"))
        ),
    ).properties(width=220, height=alt.Step(44))
    return alt.vconcat(heat, squares.facet(column=alt.Column("model:N", title="a wrong fact planted"))).resolve_scale(
        color="independent"
    )


def _frontier(outcome: Outcome, sizes: Mapping[str, int]) -> Chart | None:
    """The score of each model with its interval against its size, beside chance."""
    alt = _altair()

    rows = [{**row, "gb": sizes.get(row["model"], 0) / 1e9} for row in _percent_rows(outcome)]
    by_size = all(row["gb"] for row in rows)
    x = (
        alt.X("gb:Q", title="size of the file in GB", scale=alt.Scale(domain=[0, 1.3 * max(row["gb"] for row in rows)]))
        if by_size
        else alt.X("model:N", title=None, axis=alt.Axis(labelAngle=0))
    )
    base = alt.Chart(alt.Data(values=rows))
    look = {name: channel.legend(None) for name, channel in _models(outcome).items()}  # each point has its name
    y = alt.Y("percent:Q", title="right, in %", scale=alt.Scale(domain=[0, 100]))
    layers: list[Any] = [
        base.mark_rule(strokeWidth=2).encode(x=x, y=alt.Y("low:Q", title=""), y2="high:Q", color=look["color"]),
        base.mark_point(filled=True, size=100, opacity=1).encode(x=x, y=y, **look),
        base.mark_text(dx=10, align="left").encode(x=x, y=y, text="model:N"),
    ]
    chance = outcome.planned.experiment.options.get("chance")
    if chance is not None:
        line = alt.Chart(alt.Data(values=[{"percent": 100 * chance, "name": "chance"}]))
        layers.append(line.mark_rule(color="#555", strokeDash=[4, 3]).encode(y="percent:Q"))
        layers.append(line.mark_text(align="left", dy=-6, x=4).encode(y="percent:Q", text="name:N"))
    return alt.layer(*layers).properties(width=WIDTH, height=260)


_CHARTS: Mapping[str, Callable[[Outcome], Chart | None]] = {"shots": _shots, "book": _book}


def as_svg(chart: Chart) -> str:
    """The picture as SVG. Raises `PromptlabError` if the library that draws it is not installed."""
    return str(_converter().vegalite_to_svg(chart.to_dict()))


def as_png(chart: Chart, *, scale: float = 2.0) -> bytes:
    """The picture as PNG, with `scale` pixels for each unit. Raises as `as_svg` does."""
    return bytes(_converter().vegalite_to_png(chart.to_dict(), scale=scale))


def _converter() -> Any:
    from promptlab.errors import PromptlabError

    try:
        import vl_convert
    except ImportError as exc:
        raise PromptlabError(
            "pictures in files need vl-convert-python", hint="pip install 'promptlab[experiments]'"
        ) from exc
    return vl_convert
