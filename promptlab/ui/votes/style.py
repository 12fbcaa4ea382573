"""The style rules of the page Votes: the two answers, and the bars with their intervals."""

from __future__ import annotations

import streamlit as st

from promptlab.ui.components.theme import MONO


def put() -> None:
    """Put the rules on the page."""
    st.html(f"<style>{_RULES.replace('MONO', MONO)}</style>")


_RULES = """
.pl-vote-question { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 14rem; overflow: auto;
  border-left: 3px solid var(--pl-input); padding: 0.1rem 0 0.1rem 0.75rem; line-height: 1.5; }
.st-key-votes-sides { align-items: stretch; }
.st-key-votes-side-A, .st-key-votes-side-B { flex: 1 1 0 !important; min-width: 0; border: 1px solid var(--pl-line);
  border-radius: 0.5rem; padding: 0.6rem 0.9rem 0.8rem; }
.pl-vote-letter { font-size: 1rem !important; font-weight: 700 !important; margin: 0 !important;
  padding: 0 0 0.35rem !important; }
pre.pl-vote-answer { font-family: MONO; font-size: 0.875rem; line-height: 1.5; white-space: pre-wrap; margin: 0;
  overflow-wrap: anywhere; max-height: 26rem; overflow: auto; background: none; color: var(--pl-text); padding: 0; }
.st-key-votes-buttons { flex-wrap: wrap; }
.pl-vote-sentence { margin: 0 0 0.25rem; font-weight: 600; overflow-wrap: anywhere; }
.pl-vote-picture { margin: 0.75rem 0; max-width: 52rem; }
.pl-vote-picture figcaption { font-size: 0.8125rem; color: var(--pl-muted); margin-bottom: 0.4rem; }
.pl-vote-row { display: grid; grid-template-columns: minmax(8rem, 15rem) minmax(8rem, 1fr) 11.5rem;
  gap: 0 0.9rem; align-items: center; font-size: 0.875rem; padding: 0.25rem 0; }
.pl-vote-track { position: relative; height: 1.25rem; background: var(--pl-raised); border-radius: 0.25rem; }
.pl-vote-half { position: absolute; left: 50%; top: -0.15rem; bottom: -0.15rem;
  border-left: 1px dashed var(--pl-muted); }
.pl-vote-range { position: absolute; top: 0.45rem; height: 0.35rem; background: var(--pl-accent); opacity: 0.45;
  border-radius: 0.2rem; }
.pl-vote-dot { position: absolute; top: 0.3rem; width: 0.65rem; height: 0.65rem; margin-left: -0.325rem;
  border-radius: 50%; background: var(--pl-accent); }
.pl-vote-scale { display: flex; font-size: 0.75rem; color: var(--pl-muted); }
.pl-vote-scale > span { flex: 1 1 0; text-align: center; }
.pl-vote-scale > span:first-child { text-align: left; }
.pl-vote-scale > span:last-child { text-align: right; }
.pl-vote-table td:first-child { min-width: 11rem; overflow-wrap: anywhere; }
.pl-vote-table th, .pl-vote-table td { padding-right: 0.6rem; }
.pl-vote-ends { padding: 0; }
@media (max-width: 900px) {
  .st-key-votes-sides { flex-direction: column; flex-wrap: nowrap; }
  .st-key-votes-side-A, .st-key-votes-side-B { flex: 0 0 auto !important; width: 100%; }
  .pl-vote-row { grid-template-columns: minmax(0, 1fr); padding: 0.4rem 0; }
}
"""
