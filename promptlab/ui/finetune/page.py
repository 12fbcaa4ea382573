"""The page Fine-tuning: the list of adapters, a new one, or one training."""

from __future__ import annotations

import streamlit as st

from promptlab import finetune
from promptlab.ui.components import links
from promptlab.ui.components.widgets import mono, note
from promptlab.ui.finetune import listed, new, one, style
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
        _say_missing()
        new.draw(session)
    else:
        listed.draw(session)
        _say_missing()


def _back() -> None:
    st.button(
        "All adapters",
        icon=":material/arrow_back:",
        type="tertiary",
        key="trainings-all",
        on_click=links.address,
    )


def _say_missing() -> None:
    """Say which libraries are missing, before anything is typed."""
    missing = finetune.missing_libraries()
    if not missing:
        return
    names = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"
    note(
        "warn",
        f"Training cannot start yet: {names}",
        "Everything else on this page works. This command installs what is missing; then press F5:",
    )
    mono("make finetune", key="finetune-install")


__all__ = ["page"]
