"""The outline of a page, shown while the pages are loaded. It imports nothing of promptlab, so it is there at once."""

from __future__ import annotations

import streamlit as st

_STYLE = """
.stMainBlockContainer { padding: 2.25rem 1.75rem 4rem; max-width: 118rem; }
.stSidebar[data-collapsed="false"] { width: 14.5rem !important; min-width: 14.5rem !important; }
[data-testid="stSidebarHeader"]::before { content: "promptlab"; font-weight: 680; font-size: 1.15rem;
  letter-spacing: -0.02em; }
.pl-outline { display: grid; grid-template-columns: 5fr 8fr; gap: 0.9rem 1.5rem; }
.pl-outline p { grid-column: 1 / -1; margin: 0; font-size: 0.8125rem; opacity: 0.7; }
.pl-outline span { background: rgb(128 128 128 / 0.13); border-radius: 0.375rem; height: 2.4rem; }
.pl-outline span.pl-tall { height: 9rem; }
@media (max-width: 900px) { .pl-outline { grid-template-columns: 1fr; } }
"""
_BOXES = '<span aria-hidden="true"></span>' * 2 + '<span class="pl-tall" aria-hidden="true"></span>' * 4


def draw() -> None:
    """Draw the outline."""
    st.html(f'<style>{_STYLE}</style><div class="pl-outline"><p role="status">Loading the pages …</p>{_BOXES}</div>')
