"""Links from one page to another. A page that runs alone, as in tests, has no other pages: it shows text instead."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAPIException

ROUTES = Path(__file__).parents[1] / "routes"


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
