"""The picture of an experiment; a press on an effect's point opens the cases that it changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab.experiments import Outcome, chart_of, model_table, origin_notes
from promptlab.models import ModelFacts, model_facts
from promptlab.ui.components import links
from promptlab.ui.components.widgets import small
from promptlab.ui.state.session import Session

_KEY, _PICK = "experiment-picture", "effect"


def draw(session: Session, outcome: Outcome, *, can_pick: bool = True) -> None:
    """Draw the picture that answers the question. With `can_pick`, its points open the cases that changed."""
    facts = facts_of(session, outcome)
    chart: Any = chart_of(outcome, facts=facts)
    if chart is None:
        small("There is nothing to draw yet: no answer was judged.")
        return
    spec: dict[str, Any] = chart.to_dict()
    width = "content" if outcome.planned.experiment.kind == "book" else "stretch"
    if not can_pick or not _let_pick(spec):
        st.vega_lite_chart(spec, width=width)
        if outcome.planned.experiment.kind == "models":
            _draw_models(outcome, facts)
        return
    st.vega_lite_chart(spec, width=width, key=_KEY, selection_mode=_PICK, on_select=lambda: _open_picked(outcome))
    small("A press on a point opens the cases that changed; so does the number at the end of each row below.")


def _draw_models(outcome: Outcome, facts: Mapping[str, ModelFacts]) -> None:
    """Draw a row for each model: what it is, what it takes and how it scores."""
    head, *rows = model_table(outcome, facts)
    st.dataframe([dict(zip(head, row, strict=True)) for row in rows], hide_index=True, key="experiment-models")
    for line in origin_notes(outcome, facts):
        small(line)


def _let_pick(spec: dict[str, Any]) -> bool:
    """Let the points of effects be picked. False if the picture has none."""
    names = []
    for number, layer in enumerate(spec.get("layer", ())):
        mark = layer.get("mark")
        kind = mark.get("type") if isinstance(mark, dict) else mark
        fields = {channel.get("field") for channel in layer.get("encoding", {}).values() if isinstance(channel, dict)}
        if kind == "point" and {"what", "model"} <= fields:
            layer["name"] = f"effects-{number}"
            layer["mark"] = {**(mark if isinstance(mark, dict) else {"type": kind}), "cursor": "pointer"}
            names.append(layer["name"])
    if names:
        select = {"type": "point", "fields": ["what", "model"], "toggle": False}
        spec["params"] = [*spec.get("params", ()), {"name": _PICK, "select": select, "views": names}]
    return bool(names)


def _open_picked(outcome: Outcome) -> None:
    """Open the cases that the picked effect changed."""
    picked = st.session_state[_KEY].selection.get(_PICK) or []
    if not picked:
        return
    what, model = " ".join(str(picked[0].get("what", "")).split()), picked[0].get("model")
    for effect in outcome.effects:
        name = effect.contrast.name.replace("_", " ") + (" (primary)" if effect.contrast.primary else "")
        if (" ".join(name.split()), effect.model) == (what, model):
            links.address(experiment=outcome.planned.experiment.path, effect=effect.contrast.name, model=effect.model)


def facts_of(session: Session, outcome: Outcome) -> Mapping[str, ModelFacts]:
    """What is known of the models: their files, and what was measured on this machine."""
    return model_facts(session.catalogue, outcome.planned.experiment.models)
