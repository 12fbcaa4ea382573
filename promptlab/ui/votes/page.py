"""The page Votes: choose what to compare, vote, and read the results.

The address has all that a reload needs: what is compared (`of`), among whom (`among`), the voter, and the view.
"""

from __future__ import annotations

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.ui.components import links
from promptlab.ui.components.widgets import note
from promptlab.ui.state.session import Session
from promptlab.ui.votes import booth, choose, results, style
from promptlab.ui.votes.address import Asked, asked, sources_of
from promptlab.votes import make_ballot


def page(session: Session) -> None:
    """Draw the choice, or what the address names."""
    style.put()
    wanted = asked()
    if not wanted.of:
        choose.draw(session)
        return
    st.button("All votes", icon=":material/arrow_back:", type="tertiary", key="votes-all", on_click=links.address)
    try:
        ballot = make_ballot(sources_of(session), wanted.of, among=wanted.among)
    except PromptlabError as exc:
        note("bad", "This cannot be voted on", exc.message, exc.hint)
        return
    if wanted.view == Asked.RESULTS:
        results.draw(session, ballot)
    else:
        booth.draw(session, ballot)
