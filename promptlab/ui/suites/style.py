"""The style rules of the pages of suites: the matrix with its answers, the chart's table, and forms."""

from __future__ import annotations

import streamlit as st


def put() -> None:
    """Put the rules on the page."""
    st.html(f"<style>{_RULES}</style>")


_RULES = """
.pl-matrix-head, [class*="st-key-matrix-row-"] { grid-template-columns: minmax(12rem, 1.7fr);
  grid-auto-columns: minmax(9rem, 1fr); gap: 0 0.75rem; align-items: stretch; padding: 0.1rem 0; }
.pl-matrix-head { padding: 0.35rem 0; }
.pl-matrix-head small { display: block; font-weight: 400; line-height: 1.35; }
.pl-expected { font-size: 0.8125rem; line-height: 1.4; overflow-wrap: break-word; padding: 0.3rem 0; max-height: 4.4rem;
  overflow: hidden; }
.pl-none { font-size: 0.8125rem; padding: 0.3rem 0; }
[class*="st-key-matrix-row-"]:hover { background: var(--pl-raised); }
[class*="st-key-cell-"], [class*="st-key-case-"] { height: 100%; }
[class*="st-key-cell-"] > div, [class*="st-key-matrix-row-"] [class*="st-key-case-"] > div { height: 100%; }
[class*="st-key-cell-"] button, [class*="st-key-matrix-row-"] [class*="st-key-case-"] button { height: 100%;
  width: 100%; padding: 0.3rem 0.15rem; justify-content: flex-start; align-items: flex-start; text-align: left; }
[class*="st-key-matrix-row-"] button > div { justify-content: flex-start; width: 100%; }
[class*="st-key-matrix-row-"] button p { font-size: 0.8125rem; line-height: 1.4; white-space: normal; text-align: left;
  color: var(--pl-text); font-weight: 400; overflow-wrap: break-word; display: -webkit-box; -webkit-line-clamp: 3;
  -webkit-box-orient: vertical; overflow: hidden; }
[class*="st-key-cell-bad-"] button strong { color: var(--pl-bad); }
[class*="st-key-cell-warn-"] button strong { color: var(--pl-warn); }
[class*="st-key-cell-good-"] button strong { color: var(--pl-good); }
.pl-outcome { font-weight: 700; }
.pl-verdict.pl-good .pl-outcome { color: var(--pl-good); }
.pl-verdict.pl-bad .pl-outcome { color: var(--pl-bad); }
.pl-verdict.pl-warn .pl-outcome { color: var(--pl-warn); }
.pl-checks details { font-size: 0.8125rem; color: var(--pl-muted); }
.pl-checks details code { overflow-wrap: anywhere; white-space: pre-wrap; }
[class*="st-key-suite-case-row-"] { border-bottom: 1px solid var(--pl-line); padding: 0.2rem 0; }
.pl-case-row { display: grid; grid-template-columns: minmax(8rem, 0.7fr) minmax(0, 2fr) minmax(0, 1fr);
  gap: 0.2rem 0.9rem; font-size: 0.875rem; line-height: 1.45; }
.pl-case-row > span { overflow-wrap: anywhere; max-height: 4.4rem; overflow: hidden; }
[class*="st-key-scorer-box-"], [class*="st-key-threshold-box-"] { border-left: 3px solid var(--pl-line);
  padding: 0.1rem 0 0.1rem 0.75rem; }
@media (max-width: 900px) {
  .pl-case-row { grid-template-columns: minmax(0, 1fr); }
  .pl-matrix-head, [class*="st-key-matrix-row-"] { grid-template-columns: minmax(9.5rem, 1.5fr);
    grid-auto-columns: minmax(7rem, 1fr); gap: 0 0.5rem; }
}
"""
