"""The pictures of an experiment: the same in the browser, in a file and in a report.

Each picture has a title, a sentence that says what there is to see, and its table. The first picture of a kind answers
its question; an own kind gets its effects and the score of every way to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from markupsafe import escape

from promptlab.experiments import _chart_curves as curves
from promptlab.experiments import _chart_effects as rows_of
from promptlab.experiments import _chart_maps as maps
from promptlab.experiments import _picture_words as words
from promptlab.experiments._chart_models import frontier
from promptlab.experiments._chart_style import Chart
from promptlab.experiments._model_sizes import MEASURES, Facts, Measure
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._tables import arm_rows

Table = list[list[str]]


@dataclass(frozen=True)
class Picture:
    """A picture with what stands in it as a table and in a sentence, for those who do not see it."""

    name: str
    title: str
    sentence: str
    table: Table
    chart: Chart


_Parts = tuple[str, Callable[[Outcome], Chart | None], Callable[[Outcome], tuple[str, Table]]]

_PARTS: Mapping[str, _Parts] = {
    "effects": ("The effects", rows_of.effects, words.effects),
    "arms": ("The score of every way to ask", rows_of.arms, words.arms),
    "shots": ("The score by the number of examples", curves.shots, words.shots),
    "params": ("The score by parameter", curves.params, words.params),
    "pass at k": ("At least one right of k answers", curves.pass_at_k, words.pass_at_k),
    "places": ("The score by the place of the right document", maps.places, words.places),
    "conditions": ("The score in each condition", maps.conditions, words.conditions),
    "memory": ("A wrong fact planted: the page or its memory?", maps.memory, words.memory),
    "tags": ("The score by tag of the cases", maps.tags, words.tags),
}
_OF_KIND: Mapping[str, Sequence[str]] = {
    "shots": ("shots", "effects"),
    "order": ("arms", "effects"),
    "book": ("places", "conditions", "memory", "effects"),
    "models": ("frontier", "parameters", "seconds", "memory taken", "effects", "tags"),
    "params": ("params", "pass at k", "effects"),
    "layout": ("arms", "effects"),
    "grid": ("arms", "effects"),
}
_USUAL = ("effects", "arms")


def pictures_of(outcome: Outcome, *, facts: Facts | None = None) -> tuple[Picture, ...]:
    """All pictures of the experiment, the one that answers its question first; none if no answer was judged.

    `facts` are those of the models, for the pictures of the kind `models`.
    """
    if not any(row["judged"] for row in arm_rows(outcome)):
        return ()
    pictures = []
    for name in _OF_KIND.get(outcome.planned.experiment.kind, _USUAL):
        title, draw, describe = _PARTS[name] if name in _PARTS else _frontier(MEASURES[name], facts or {})
        chart = draw(outcome)
        if chart is not None:
            sentence, table = describe(outcome)
            pictures.append(Picture(name, title, sentence, table, chart))
    return tuple(pictures)


def _frontier(measure: Measure, facts: Facts) -> _Parts:
    known: Any = {"measure": measure, "facts": facts}
    return (measure.title, partial(frontier, **known), partial(words.frontier, **known))


def chart_of(outcome: Outcome, *, facts: Facts | None = None) -> Chart | None:
    """The picture that answers the experiment's question; None if there is nothing to draw."""
    return next((picture.chart for picture in pictures_of(outcome, facts=facts)), None)


def as_svg(chart: Chart, *, alt: str = "", ink: str = "") -> str:
    """The picture as SVG; `alt` is what a screen reader says. With `ink`, such as `currentColor`, words and axes have
    that colour and the ground is left open; else they are black on white.

    Raises `PromptlabError` if the library that draws it is not installed.
    """
    svg = str(_converter().vegalite_to_svg(_specified(chart, ink)))
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1) if alt else svg


def as_png(chart: Chart, *, scale: float = 2.0) -> bytes:
    """The picture as PNG, with `scale` pixels for each unit. Raises as `as_svg` does."""
    return bytes(_converter().vegalite_to_png(_specified(chart, ""), scale=scale))


def _specified(chart: Chart, ink: str) -> dict[str, Any]:
    spec: dict[str, Any] = chart.to_dict()
    config = spec.setdefault("config", {})
    view = {"stroke": "#888"}
    if not ink:
        return spec | {"config": {**config, "view": view, "background": "#fff"}}
    words = {"labelColor": ink, "titleColor": ink}
    axis = {**words, "gridColor": "#888", "gridOpacity": 0.3, "domainColor": "#888", "tickColor": "#888"}
    own = {"background": None, "view": view, "axis": axis, "legend": words, "header": words, "title": {"color": ink}}
    return spec | {"config": {**config, **own}}


def _converter() -> Any:
    from promptlab.errors import PromptlabError

    try:
        import vl_convert
    except ImportError as exc:
        raise PromptlabError(
            "pictures in files need vl-convert-python", hint="pip install 'promptlab[experiments]'"
        ) from exc
    return vl_convert
