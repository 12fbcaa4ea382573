"""Ways from one page to another, which need the list of pages: a page run alone, as in tests, has none."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAPIException

PAGES = Path(__file__).parent / "pages"


def to(page: str, label: str, *, icon: str, template: str) -> None:
    """A link that opens `template` on the page `page`."""
    try:
        st.page_link(PAGES / f"{page}.py", label=label, icon=icon, query_params={"template": template})
    except (StreamlitAPIException, KeyError):
        st.html(f'<span class="pl-small">{label}</span>', width="content")
