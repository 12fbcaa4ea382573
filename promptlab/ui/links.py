"""Ways from one page to another, which need the list of pages: a page run alone, as in tests, has none."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAPIException

ROUTES = Path(__file__).parent / "routes"


def to(page: str, label: str, *, icon: str, **query: str) -> None:
    """A link that opens the page `page` at what `query` names, such as a template. `label` is Markdown."""
    try:
        st.page_link(ROUTES / f"{page}.py", label=label, icon=icon, query_params=query)
    except (StreamlitAPIException, KeyError):
        st.markdown(label, width="content")


def go(page: str, **query: str) -> None:
    """Go to the page `page`, at what `query` names."""
    try:
        st.switch_page(ROUTES / f"{page}.py", query_params=query)
    except (StreamlitAPIException, KeyError):
        st.caption(f"Go on in: {page.capitalize()}")
