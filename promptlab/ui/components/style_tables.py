"""The rules for what Run asks, and for tables of answers: ui/workbench/asking.py, spread.py and grid.py."""

from __future__ import annotations

RULES = """
/* What Run asks. */
.st-key-bench-ask { background: var(--pl-page); }
.st-key-bench-columns, .st-key-bench-go { flex-wrap: wrap; }
.st-key-bench-columns [data-testid="stPopover"] button { max-width: 22rem; }
.st-key-bench-columns [data-testid="stPopover"] button p { overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; }

[class*="st-key-row-"] [class*="st-key-spread-"] [data-testid="stColumn"] { min-width: 9rem; flex: 1 1 9rem; }
/* A spread: how often each answer came. */
ul.pl-spread { list-style: none; margin: 0.2rem 0; padding: 0; font-size: 0.8125rem; line-height: 1.5; }
ul.pl-spread li { display: grid; grid-template-columns: 2.6rem minmax(0, 1fr); gap: 0 0.4rem; margin: 0 0 0.2rem;
  padding: 0.15rem 0.4rem; border-radius: 0.25rem; font-size: 0.8125rem; background: linear-gradient(to right,
  color-mix(in srgb, var(--pl-accent) 16%, transparent) var(--pl-share, 0%), transparent 0); }
ul.pl-spread .pl-times { text-align: right; font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; }
ul.pl-spread .pl-said { font-family: MONO; white-space: pre-wrap; overflow-wrap: break-word; max-height: 9rem;
  overflow: auto; }
ul.pl-spread .pl-unfinished { color: var(--pl-warn); }
ul.pl-spread .pl-unfinished .pl-said { font-family: inherit; }
.pl-mark.pl-good { color: var(--pl-good); }
.pl-mark.pl-warn { color: var(--pl-warn); }
.pl-mark.pl-bad { color: var(--pl-bad); }

/* A table of inputs and columns. */
.pl-grid td, .pl-grid th { min-width: 6.5rem; padding-right: 0.9rem; overflow-wrap: break-word; }
.pl-grid .pl-chip { white-space: normal; }
.pl-grid tr > :first-child { min-width: 0; width: 1.5rem; font-weight: 400; }
.pl-grid thead th { position: sticky; top: 0; background: var(--pl-page); }
.pl-grid tfoot td { border-bottom: none; }
.pl-grid ul.pl-spread { margin: 0; }
.pl-grid details > summary { cursor: pointer; list-style-position: outside; }
.pl-grid .pl-whole { white-space: pre-wrap; overflow-wrap: break-word; font-family: MONO; margin-top: 0.3rem;
  max-height: 20rem; overflow: auto; }
.pl-wide:has(> .pl-grid) { max-height: 40rem; overflow: auto; }
"""
