"""Links from one page to another, and the address of a page. A page that runs alone, as in tests, has no other pages:
it shows text instead.

Back must go back in one press, so what a click opens is exactly one entry in the browser's history: a link, `go`, or
one call of `address` in a callback. Streamlit adds an entry for every change of `st.query_params`, so pages do not
change it themselves.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitAPIException

ROUTES = Path(__file__).parents[1] / "routes"
_IN_PLACE = "address-in-place"


def to(page: str, label: str, *, icon: str, **query: str) -> None:
    """A link to the page `page`; `query` names what to open there, such as a template. `label` is Markdown."""
    try:
        st.page_link(ROUTES / f"{page}.py", label=label, icon=icon, query_params=query)
    except (StreamlitAPIException, KeyError):
        st.markdown(label, width="content")


def go(page: str, **query: str) -> None:
    """Switch to the page `page`; `query` names what to open there."""
    try:
        st.switch_page(ROUTES / f"{page}.py", query_params=query)
    except (StreamlitAPIException, KeyError):
        st.caption(f"Continue on the page {page.capitalize()}")


def address(**query: str) -> None:
    """Open what `query` names on this page. For callbacks: it adds one entry to the browser's history."""
    st.query_params.from_dict(query)


def complete_address(**query: str) -> None:
    """Add `query` to the address in place, so that a reload and Back show what is shown now. Adds no entry."""
    whole = {**st.query_params.to_dict(), **query}
    before, after = (
        _in_script(f"?{urlencode(query)}" if query else "") for query in (st.query_params.to_dict(), whole)
    )
    # A script may run late, when another click has changed the address already: that address stays.
    script = f"if (location.search === {before}) history.replaceState(history.state, '', {after})"
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
    st.session_state[_IN_PLACE] = query


def take_completed() -> dict[str, str]:
    """What `complete_address` added since the last call."""
    completed: dict[str, str] = st.session_state.pop(_IN_PLACE, {})
    return completed


def _in_script(text: str) -> str:
    return json.dumps(text).replace("<", "\\u003c")
