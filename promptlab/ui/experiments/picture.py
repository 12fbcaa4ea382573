"""The picture of an experiment, in the colours of the page; a point that is pressed opens the cases that changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from promptlab.experiments import Outcome, chart_of
from promptlab.ui.components.widgets import small
from promptlab.ui.state.session import Session


def draw(session: Session, outcome: Outcome) -> None:
    """Draw the picture that answers the question."""
    chart: Any = chart_of(outcome, sizes=sizes_of(session, outcome))
    if chart is None:
        small("There is nothing to draw yet: no answer was judged.")
        return
    st.altair_chart(chart, width="stretch" if outcome.planned.experiment.kind != "book" else "content")


def sizes_of(session: Session, outcome: Outcome) -> dict[str, int]:
    """The bytes of the models that are files."""
    names = outcome.planned.experiment.models
    return {one.name: one.size_bytes for one in session.statuses if one.name in names and one.size_bytes}
