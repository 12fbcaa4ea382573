"""The pictures of an experiment. A press on an effect's point opens the cases that it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from promptlab.experiments import Outcome, Picture, pictures_of
from promptlab.models import ModelFacts, model_facts
from promptlab.ui.components import links
from promptlab.ui.components.widgets import markup, plain, small
from promptlab.ui.experiments.effect_table import table_html
from promptlab.ui.state.session import Session

_KEY, _PRESS = "experiment-picture", "press"
FULL_WIDTH = ("effects", "arms", "shots", "frontier")
"""Pictures that take the width of the page. The others have squares or several parts, and keep their own."""


def pictures(session: Session, outcome: Outcome) -> Sequence[Picture]:
    """The pictures of an experiment, the one that answers its question first."""
    return pictures_of(outcome, facts=facts_of(session, outcome))


def first(outcome: Outcome, drawn: Sequence[Picture], *, can_press: bool = True) -> None:
    """Draw the picture that answers the question. With `can_press`, the points of effects open cases."""
    if not drawn:
        small("There is nothing to draw yet: no answer was judged.")
        return
    _chart(outcome, drawn[0], can_press=can_press)
    if drawn[0].name != "effects":
        _numbers(drawn[0])


def others(outcome: Outcome, drawn: Sequence[Picture]) -> None:
    """Draw the other pictures, each with its title, what there is to see, and its numbers in a fold."""
    for picture in drawn[1:]:
        st.markdown(f"#### {plain(picture.title)}")
        if picture.name != "effects":  # their sentence is the answer above, their numbers are the table of effects
            small(picture.sentence)
        _chart(outcome, picture, can_press=True)
        if picture.name != "effects":
            _numbers(picture)


def _numbers(picture: Picture) -> None:
    with st.expander(f"Numbers: {_small_first(plain(picture.title))}", key=f"numbers-{picture.name}", type="compact"):
        markup(table_html(picture.table, picture.title))


def _small_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _chart(outcome: Outcome, picture: Picture, *, can_press: bool) -> None:
    key = f"{_KEY}-{picture.name}"
    if picture.name not in FULL_WIDTH:
        with st.container(key=f"experiment-wide-{picture.name.replace(' ', '-')}"):  # scrolls, if it is too wide
            st.vega_lite_chart(_spec(picture), width="content", key=key)
        return
    if picture.name != "effects" or not can_press:
        st.vega_lite_chart(_spec(picture), width="stretch", key=key)
        return
    key = f"{key}-press"
    st.vega_lite_chart(
        _with_presses(picture),
        width="stretch",
        key=key,
        selection_mode=_PRESS,
        on_select=lambda: _open(outcome, key),
    )
    small("A press on a point opens the cases that changed; so does the number at the end of each row of the table.")


def _spec(picture: Picture) -> dict[str, Any]:
    """The picture as Vega-Lite. A screen reader gets the sentence; marks without a name of their own say nothing."""
    spec: dict[str, Any] = picture.chart.to_dict()
    config = spec.get("config", {})
    return {**spec, "description": picture.sentence, "config": {**config, "mark": {"aria": False}}}


def _with_presses(picture: Picture) -> dict[str, Any]:
    """The picture with a layer that takes presses: a larger area around each point, which is not seen.

    One layer for all points: Vega-Lite cannot take the same press from two layers.
    """
    spec, chart = _spec(picture), picture.chart
    numbers = [number for number, layer in enumerate(chart.layer) if layer.mark.type == "point"]
    rows = [row for number in numbers for row in chart.layer[number].data.values]
    places = {name: spec["layer"][numbers[0]]["encoding"].get(name) for name in ("x", "y", "yOffset")}
    spec["layer"].append(
        {
            "name": "points",
            "data": {"values": rows},
            "mark": {"type": "point", "filled": True, "size": 350, "opacity": 0, "cursor": "pointer"},
            "encoding": {name: place for name, place in places.items() if place},
        }
    )
    select = {"type": "point", "fields": ["effect", "model"], "toggle": False}
    spec["params"] = [*spec.get("params", ()), {"name": _PRESS, "select": select, "views": ["points"]}]
    return spec


def _open(outcome: Outcome, key: str) -> None:
    """Open the cases that the pressed effect changed."""
    pressed = st.session_state[key].selection.get(_PRESS) or []
    if pressed:
        path = outcome.planned.experiment.path
        links.address(experiment=path, effect=pressed[0]["effect"], model=pressed[0]["model"])


def facts_of(session: Session, outcome: Outcome) -> Mapping[str, ModelFacts]:
    """What is known of the models: their files, and what was measured on this machine."""
    return model_facts(session.catalogue, outcome.planned.experiment.models)
