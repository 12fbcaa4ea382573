"""The style rules of the page Fine-tuning."""

from __future__ import annotations

import streamlit as st


def put() -> None:
    """Put the rules on the page."""
    st.html(f"<style>{_RULES}</style>")


_RULES = """
[class*="st-key-training-row-"] { border-bottom: 1px solid var(--pl-line); padding: 0.35rem 0; }
.pl-training { display: grid; grid-template-columns: minmax(9rem, 1.1fr) minmax(9rem, 1.2fr) 6.5rem minmax(0, 2fr);
  gap: 0.2rem 0.9rem; font-size: 0.875rem; line-height: 1.45; align-items: baseline; }
.pl-lead { font-size: 1.1rem; line-height: 1.55; max-width: 62rem; margin: 0;
  overflow-wrap: anywhere; }
.pl-count { font-size: 1.1rem; font-weight: 600; }
.st-key-training-curve [data-testid="stColumn"] { min-width: 0; }
.pl-losses { max-height: 19rem; overflow: auto; }
.pl-losses th { position: sticky; top: 0; background: var(--pl-page); }
@media (max-width: 900px) {
  .st-key-training-curve > [data-testid="stLayoutWrapper"] > [data-testid="stHorizontalBlock"] {
    flex-direction: column; }
  .st-key-training-curve > [data-testid="stLayoutWrapper"] > [data-testid="stHorizontalBlock"]
    > [data-testid="stColumn"] { width: 100%; min-width: 100%; flex: 1 1 auto; }
  .pl-training { grid-template-columns: minmax(0, 1fr); }
}
"""
