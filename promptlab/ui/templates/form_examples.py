"""The part of the form for examples: the pool, how many, how they are chosen, and the resulting shots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of_class
from typing import Any, get_args

import streamlit as st

from promptlab import examples, templates
from promptlab.errors import PromptlabError
from promptlab.examples import Order, Select, ShotChoice
from promptlab.ui.components.bound_fields import Field, Fields, plain
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session

SELECTS: Mapping[str, str] = {
    "first": "the first",
    "random": "random",
    "balanced": "one of each class",
    "similar": "most like the input",
    "diverse": "least like each other",
}
ORDERS: Mapping[str, str] = {
    "given": "as chosen",
    "reversed": "reversed",
    "random": "random",
    "similar_last": "most similar last",
}


def fields_of(values: Mapping[str, Any]) -> list[Field]:
    """The fields of the choice."""
    chosen = values["examples"]
    fields = [Field("examples-pool", chosen["pool"] if chosen else None, edits=_pool, refill=True)]
    if chosen:
        full = {f.name: f.default for f in fields_of_class(ShotChoice)} | chosen
        fields.append(plain("examples.k", full["k"], key="k"))
        fields += [plain(f"examples.{name}", full[name]) for name in ("select", "order", "seed", "balance")]
    return fields


def _pool(values: dict[str, Any], path: str | None) -> dict[str, Any]:
    if not path:
        return {"examples": None}
    return {"examples.pool": path} if values["examples"] else {"examples": {"pool": path, "k": 2}}


def draw(session: Session, opened: Opened, fields: Fields, values: Mapping[str, Any]) -> None:
    """The choice, and the shots that it gives for the sample inputs."""
    if choose(session, fields, values):
        _shots(session, opened)


def choose(session: Session, fields: Fields, values: Mapping[str, Any]) -> bool:
    """The choice of the pool and of its examples. True if there is a pool."""
    chosen = values["examples"]
    pools = sorted({*examples.pool_paths(session.workspace), *([chosen["pool"]] if chosen else [])})
    if not pools:
        small("No examples yet. Create a pool on the page Examples, or press Add as example on any answer.")
        return False
    st.selectbox("Pool", pools, index=None, placeholder="no examples", **fields.bind("examples-pool"))
    if not chosen:
        return False
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.number_input("How many", 0, 1000, step=1, width=120, **fields.bind("k"))
        st.selectbox(
            "Select", get_args(Select), format_func=SELECTS.__getitem__, width=175, **fields.bind("examples-select")
        )
        st.selectbox(
            "Order", get_args(Order), format_func=ORDERS.__getitem__, width=130, **fields.bind("examples-order")
        )
        if "random" in (chosen.get("select"), chosen.get("order")) or chosen.get("select") in ("balanced", "diverse"):
            st.number_input("Seed", step=1, width=100, **fields.bind("examples-seed"))
        if chosen.get("select") == "balanced":
            st.selectbox("Class", ("output", "tag"), width=120, **fields.bind("examples-balance"))
    return True


def _shots(session: Session, opened: Opened) -> None:
    choice = opened.template.examples
    if choice is None:
        return
    try:
        pool = examples.load_pool(session.workspace, choice.pool)
        inputs = templates.sample_inputs(opened.template)
        selection = examples.select_shots(pool, choice, inputs)
    except PromptlabError as exc:
        note("bad", "No shots can be chosen", exc.message, exc.hint)
        return
    rows = "".join(
        f"<tr><td>{escape(' · '.join(map(str, shot.example.inputs.values())))}</td>"
        f'<td>{escape(shot.example.output)}</td><td class="pl-muted">{escape(shot.reason)}</td></tr>'
        for shot in selection.shots
    )
    if rows:
        markup(f'<table class="pl-table"><tr><th>Input</th><th>Output</th><th>Why</th></tr>{rows}</table>')
    left_out = f", {len(selection.left_out)} left out because it is the sample itself" if selection.left_out else ""
    small(f"Of {len(pool):,} examples{left_out}. Chosen for the sample inputs; other inputs may get other shots.")
