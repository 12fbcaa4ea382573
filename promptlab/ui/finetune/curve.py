"""The losses of a training: the picture, a sentence for who does not see it, and the numbers."""

from __future__ import annotations

from typing import Any

import streamlit as st

from promptlab.experiments import COLOURS
from promptlab.finetune import LossCurve, curve_rows, curve_words
from promptlab.ui.components.widgets import escape, markup, small

TRAINED, HELD_OUT = "loss of a step", "loss of the held-out rows"
HEIGHT = 260


def draw(curve: LossCurve, *, steps: int) -> None:
    """Draw the losses so far of at most `steps` steps."""
    if not curve.losses and not curve.looks:
        small("The first losses appear here after the first step.")
        return
    with st.container(key="training-curve"):
        picture, numbers = st.columns([3, 2], gap="large")
        with picture:
            st.vega_lite_chart(_spec(curve, steps), width="stretch", key="training-loss")
        with numbers:
            markup(table_html(curve))
            small(curve_words(curve))


def _spec(curve: LossCurve, steps: int) -> dict[str, Any]:
    """The picture as Vega-Lite. A screen reader gets the sentence; marks without a name of their own say nothing."""
    spec: dict[str, Any] = _chart(curve, steps).to_dict()
    config = spec.get("config", {})
    return {**spec, "description": curve_words(curve), "config": {**config, "mark": {"aria": False}}}


def _chart(curve: LossCurve, steps: int) -> Any:
    import altair as alt  # heavy, and only a curve needs it

    trained = [{"what": TRAINED, "step": n, "loss": loss} for n, loss in enumerate(curve.losses, 1)]
    held_out = [
        {"what": HELD_OUT, "step": look.step, "loss": look.loss, "right": f"{look.right} of {look.rows}"}
        for look in curve.looks
    ]
    domain = [TRAINED, HELD_OUT] if held_out else [TRAINED]
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1, labelLimit=260)
    colour = alt.Color("what:N", scale=alt.Scale(domain=domain, range=list(COLOURS[: len(domain)])), legend=legend)
    whole = alt.Axis(format="d", tickMinStep=1)
    x = alt.X("step:Q", title="step", scale=alt.Scale(domain=[0, max(1, steps)], nice=False), axis=whole)
    y = alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=True))
    line = alt.Chart(alt.InlineData(trained)).mark_line(strokeWidth=2)
    line = line.encode(x=x, y=y, color=colour, tooltip=["step:Q", alt.Tooltip("loss:Q", format=".3f")])
    points = alt.Chart(alt.InlineData(held_out)).mark_point(filled=True, size=80, opacity=1)
    tips = ["step:Q", alt.Tooltip("loss:Q", format=".3f"), alt.Tooltip("right:N", title="right")]
    layers = line + points.encode(x=x, y=y, color=colour, tooltip=tips) if held_out else line
    return layers.properties(height=HEIGHT)


def table_html(curve: LossCurve) -> str:
    """The numbers: a line for each look at the held-out rows."""
    with_looks = bool(curve.looks)
    heads = ["Step", "Mean loss", *(["Held out", "Right"] if with_looks else [])]
    rows = []
    for row in curve_rows(curve):
        cells = [f"{row.step:,}", "–" if row.loss is None else f"{row.loss:.3f}"]
        if with_looks:
            look = row.look
            cells += [f"{look.loss:.3f}", f"{look.right} of {look.rows}"] if look else ["–", "–"]
        rows.append("".join(f'<td class="pl-n">{escape(cell)}</td>' for cell in cells))
    head = "".join(f'<th class="pl-n">{escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        '<div class="pl-wide pl-losses" tabindex="0" role="group" aria-label="Losses">'
        f'<table class="pl-table" aria-label="Losses by step"><tr>{head}</tr>{body}</table></div>'
    )


__all__ = ["draw", "table_html"]
