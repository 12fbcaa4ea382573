"""How the pictures look: colours, shapes and dashes of models, and long names in lines.

A model keeps its colour, shape and dash in all pictures of an experiment. The colours are those of Okabe & Ito (2008),
which people with any colour vision can tell apart; shapes and dashes remain in grey print. No ink is set, so a page
sets it: black on paper, white on a dark page.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.experiments._outcome import Outcome

Chart = Any
"""An Altair chart. Altair is loaded when the first one is drawn, and its types are not complete."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B0B0B0")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [4, 4], [1, 3])
GREY = "#767676"
"""For lines and words beside the data: it has a contrast of 4.5 on white and of 4 on a dark page."""
WIDTH = 430
NAME_WIDTH = 34
"""Characters of a line of a name."""


def altair() -> Any:
    import altair

    return altair


def data(rows: Sequence[Mapping[str, Any]]) -> Any:
    return altair().Data(values=list(rows))


def look(outcome: Outcome, *, legend: bool = True, orient: str = "top") -> dict[str, Any]:
    """The channels of the models. More models than there are colours begin with the first colour again."""
    alt = altair()
    names = list(outcome.planned.experiment.models)
    shown = alt.Legend(orient=orient, title=None, labelLimit=320, columns=2, columnPadding=28, symbolOpacity=1)

    def channel(kind: Any, values: Sequence[Any], *, named: bool = True) -> Any:
        scale = alt.Scale(domain=names, range=[values[n % len(values)] for n in range(len(names))])
        return kind("model:N", scale=scale, legend=shown if legend and named and len(names) > 1 else None)

    return {
        "color": channel(alt.Color, COLOURS),
        "shape": channel(alt.Shape, SHAPES),
        "strokeDash": channel(alt.StrokeDash, DASHES, named=False),  # a dashed outline would blur its shape
    }


def in_lines(name: str, width: int = NAME_WIDTH) -> str:
    """A long name in lines of `width` characters."""
    return "\n".join(textwrap.wrap(name, width, break_on_hyphens=False)) or name


def lines_axis(**more: Any) -> Any:
    """An axis whose names may have several lines."""
    return altair().Axis(labelExpr="split(datum.label, '\\n')", labelLimit=270, labelFlush=False, **more)


def row_height(outcome: Outcome, names: Sequence[str]) -> Any:
    """The height of a row: room for each model, and for the lines of the longest name."""
    lines = max((name.count("\n") + 1 for name in names), default=1)
    pixels = max(30, 15 * len(outcome.planned.experiment.models) + 10, 14 * lines + 8)
    return altair().Step(pixels, **{"for": "position"})


def rule(value: float, field: str, channel: str) -> Chart:
    """A dashed line at `value`."""
    alt = altair()
    return alt.Chart(data([{field: value}])).mark_rule(color=GREY, strokeDash=[4, 3]).encode(**{channel: f"{field}:Q"})
