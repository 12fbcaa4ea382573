"""The losses of a training: the picture, a sentence for who does not see it, and the numbers."""

from __future__ import annotations

from typing import Any

import streamlit as st

from promptlab.experiments import COLOURS
from promptlab.finetune import LossCurve, curve_rows, curve_words
from promptlab.ui.components.widgets import escape, markup, small

TRAINED, HELD_OUT = "loss of a step", "loss of the held-out rows"
HEIGHT = 260
FEW = 20
"""Up to so many looks at the held-out rows have large points."""
LIVE = "The loss of each step as a line, and that of the held-out rows as points. The table beside it has the numbers."


def draw(curve: LossCurve, *, live: bool = False) -> None:
    """Draw the losses so far; if it is `live`, with the newest numbers on top."""
    if not curve.losses and not curve.looks:
        small("The first losses appear here after the first step.")
        return
    with st.container(key="training-curve"):
        picture, numbers = st.columns([3, 2], gap="medium")
        with picture:
            # The losses are no part of the picture's description, so that the browser only moves its lines each second
            # and does not make it anew.
            st.vega_lite_chart(_data(curve), _spec(curve, live=live), width="stretch", key="training-loss")
        with numbers:
            markup(table_html(curve, newest_first=live))
            small(curve_words(curve))


def _data(curve: LossCurve) -> dict[str, list[Any]]:
    """The losses as columns."""
    looks = curve.looks
    return {
        "what": [TRAINED] * len(curve.losses) + [HELD_OUT] * len(looks),
        "step": [*range(1, len(curve.losses) + 1), *(look.step for look in looks)],
        "loss": [*curve.losses, *(look.loss for look in looks)],
        "right": ["–"] * len(curve.losses) + [f"{look.right} of {look.rows}" for look in looks],
    }


def _spec(curve: LossCurve, *, live: bool) -> dict[str, Any]:
    """The picture as Vega-Lite. A screen reader gets the sentence; marks without a name of their own say nothing."""
    domain = [TRAINED, HELD_OUT] if curve.looks else [TRAINED]
    whole = {"format": "d", "tickMinStep": 1}
    x = {"field": "step", "type": "quantitative", "scale": {"zero": True, "nice": False}, "axis": whole}
    y = {"field": "loss", "type": "quantitative", "scale": {"zero": True}}
    colour = {
        "field": "what",
        "type": "nominal",
        "scale": {"domain": domain, "range": list(COLOURS[: len(domain)])},
        "legend": {"title": None, "orient": "top", "symbolOpacity": 1, "labelLimit": 260},
    }
    tips: list[dict[str, Any]] = [
        {"field": "step", "type": "quantitative"},
        {"field": "loss", "type": "quantitative", "format": ".3f"},
    ]
    line = {"type": "line", "strokeWidth": 2}
    point = {"type": "point", "filled": True, "size": 80 if len(curve.looks) <= FEW else 24, "opacity": 1}
    layers = [(TRAINED, line, tips), (HELD_OUT, point, [*tips, {"field": "right", "type": "nominal"}])]
    return {
        "description": LIVE if live else curve_words(curve),
        "height": HEIGHT,
        "encoding": {"x": x, "y": y, "color": colour},
        "layer": [
            {"transform": [{"filter": {"field": "what", "equal": what}}], "mark": mark, "encoding": {"tooltip": tip}}
            for what, mark, tip in layers[: len(domain)]
        ],
        "config": {"mark": {"aria": False}},
    }


def table_html(curve: LossCurve, *, newest_first: bool = False) -> str:
    """The numbers: a line for each look at the held-out rows."""
    with_looks = bool(curve.looks)
    heads = ["Step", "Mean loss", *(["Held out", "Right"] if with_looks else [])]
    rows = []
    for row in curve_rows(curve)[:: -1 if newest_first else 1]:
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
