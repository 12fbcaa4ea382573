"""The page Fine-tuning: the list of adapters, a new one, or one training."""

from __future__ import annotations

import streamlit as st

from promptlab.ui.components import links
from promptlab.ui.finetune import listed, missing, new, one, style
from promptlab.ui.state.session import Session


def page(session: Session) -> None:
    """Draw what is in the address."""
    style.put()
    wanted = st.query_params.get("training")
    if wanted or st.query_params.get("new"):
        _back()
    if wanted:
        one.draw(session, wanted)
        return
    if st.query_params.get("new"):
        missing.say()
        new.draw(session)
    else:
        listed.draw(session)
        missing.say()


def _back() -> None:
    st.button(
        "All adapters",
        icon=":material/arrow_back:",
        type="tertiary",
        key="trainings-all",
        on_click=links.address,
    )


__all__ = ["page"]
