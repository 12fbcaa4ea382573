"""The page Experiments: the list, a new one, one experiment, the cases that an effect changed, or one of these."""

from __future__ import annotations

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.experiments import Experiment, load_experiment
from promptlab.ui.components import links
from promptlab.ui.components.widgets import note
from promptlab.ui.experiments import flips, listed, new, one, style
from promptlab.ui.state.session import Session


def page(session: Session) -> None:
    """Draw what is in the address."""
    session.reload()
    style.put()
    wanted = st.query_params.get("experiment")
    if wanted:
        experiment = _loaded(session, wanted)
        if experiment is None:
            return
        if "effect" in st.query_params:
            flips.draw(session, experiment)
        else:
            one.draw(session, experiment)
    elif st.query_params.get("new"):
        _back()
        new.draw(session)
    else:
        listed.draw(session)


def _loaded(session: Session, path: str) -> Experiment | None:
    try:
        return load_experiment(session.workspace, path)
    except PromptlabError as exc:
        _back()
        note("bad", "This experiment cannot be read", exc.message, exc.hint, "Fix the file, then press Reload.")
        st.button("Reload", icon=":material/refresh:", key="experiment-again")
        return None


def _back() -> None:
    st.button(
        "All experiments",
        icon=":material/arrow_back:",
        type="tertiary",
        key="experiments-all",
        on_click=links.address,
    )


__all__ = ["page"]
