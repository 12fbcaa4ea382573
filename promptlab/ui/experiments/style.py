"""The style rules of the page Experiments."""

from __future__ import annotations

import streamlit as st


def put() -> None:
    """Put the rules on the page."""
    st.html(f"<style>{_RULES}</style>")


_RULES = """
[class*="st-key-experiment-row-"] { border-bottom: 1px solid var(--pl-line); padding: 0.35rem 0; }
.pl-experiment { display: grid; grid-template-columns: minmax(9rem, 1fr) minmax(8rem, 0.8fr) 8.5rem minmax(0, 2.4fr);
  gap: 0.2rem 0.9rem; font-size: 0.875rem; line-height: 1.45; align-items: baseline; }
.pl-experiment .pl-small { display: block; }
.st-key-experiment-questions button { justify-content: flex-start; text-align: left; padding: 0.15rem 0; }
.st-key-experiment-question label p { font-size: 0.9375rem; }
.pl-lead { font-size: 1.1rem; line-height: 1.55; max-width: 62rem; margin: 0; overflow-wrap: anywhere; }
.pl-lead.pl-open { color: var(--pl-muted); border-left: 3px solid var(--pl-warn); padding-left: 0.75rem; }
[class*="st-key-experiment-wide-"] { max-width: 100%; overflow-x: auto; }
.pl-count { font-size: 1.1rem; font-weight: 600; }
[class*="st-key-effect-row-"] { border-bottom: 1px solid var(--pl-line); }
.pl-effect { display: grid; grid-template-columns: minmax(9rem, 1.5fr) minmax(7rem, 1fr) 4.5rem 9.5rem 4.5rem 9rem;
  gap: 0.2rem 0.9rem; font-size: 0.875rem; line-height: 1.45; padding: 0.3rem 0; align-items: baseline; }
.pl-effect > .pl-n { text-align: right; font-variant-numeric: tabular-nums; }
.pl-effect.pl-head { color: var(--pl-muted); font-weight: 600; font-size: 0.8125rem;
  border-bottom: 1px solid var(--pl-line); margin-right: 10.5rem; }
[class*="st-key-flips-of-"] { min-width: 9.75rem; }
[class*="st-key-flips-of-"] button { width: 100%; justify-content: flex-end; }
.pl-flip { display: grid; grid-template-columns: 4.5rem minmax(10rem, 1.4fr) minmax(0, 1fr) minmax(0, 2fr);
  gap: 0.2rem 0.9rem; font-size: 0.875rem; line-height: 1.45; padding: 0.3rem 0; align-items: baseline; }
.pl-flip > span { overflow-wrap: anywhere; max-height: 7.4rem; overflow: hidden; }
.pl-flip .pl-id { display: block; font-weight: 600; }
.pl-flip ins, .pl-flip del { background: var(--pl-raised); border-bottom: 2px solid var(--pl-accent);
  text-decoration: none; }
.pl-flip del { border-bottom-style: dotted; text-decoration: line-through; }
.pl-flip del + ins { margin-left: 0.3em; }
[class*="st-key-flip-row-"] { border-bottom: 1px solid var(--pl-line); }
@media (max-width: 1100px) {
  .pl-effect { grid-template-columns: minmax(0, 1.5fr) minmax(0, 1fr) 4rem; }
  .pl-effect.pl-head { display: none; }
  .pl-effect > span[data-name]::before { content: attr(data-name) " "; color: var(--pl-muted); font-size: 0.75rem; }
}
@media (max-width: 900px) {
  .st-key-experiment-new > [data-testid="stLayoutWrapper"] > [data-testid="stHorizontalBlock"] {
    flex-direction: column; }
  .st-key-experiment-new > [data-testid="stLayoutWrapper"] > [data-testid="stHorizontalBlock"]
    > [data-testid="stColumn"] { width: 100%; min-width: 100%; flex: 1 1 auto; }
  .pl-experiment, .pl-flip { grid-template-columns: minmax(0, 1fr); }
}
"""
