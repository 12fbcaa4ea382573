"""The rules for rows and cards of answers, and for what stays in view beside them; a part of style.py's sheet."""

from __future__ import annotations

_NAMES = {
    "BENCH": ".st-key-bench > WRAPPER > BLOCK",
    "WRAPPER": '[data-testid="stLayoutWrapper"]',
    "BLOCK": '[data-testid="stHorizontalBlock"]',
    "COLUMN": '[data-testid="stColumn"]',
}
_RULES = """
/* A row of answers. */
[class*="st-key-row-"] { border-top: 1px solid var(--pl-line); padding-top: 0.35rem; }
[class*="st-key-row-"] [data-testid="stColumn"] { min-width: 15rem; flex: 1 1 15rem; }
[class*="st-key-row-"] > WRAPPER > BLOCK:has(> COLUMN) {
  flex-wrap: wrap; row-gap: 0.75rem; }
[class*="st-key-head-"] > [data-testid="stElementContainer"]:has(.pl-rowhead) { flex: 1 1 14rem; min-width: 10rem; }
[class*="st-key-head-"] { row-gap: 0; }
.pl-rowhead { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 0.75rem; line-height: 1.5; }
.pl-rowhead b { font-weight: 650; font-size: 0.9375rem; overflow-wrap: break-word; min-width: 0; }
.pl-asked { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: 0.875rem; line-height: 1.45; }
.pl-asked span { min-width: 0; overflow-wrap: break-word; }
.pl-question { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
.pl-expected { color: var(--pl-good); }
.pl-folded { display: flex; flex-wrap: wrap; gap: 0 1.25rem; padding-left: 2.1rem; font-size: 0.8125rem;
  line-height: 1.45; }
.pl-folded > span { max-width: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.pl-model { display: flex; flex-wrap: wrap; align-items: center; gap: 0.2rem 0.5rem; font-weight: 600;
  font-size: 0.875rem; min-height: 1.4rem; }
.pl-chip { font-size: 0.75rem; font-weight: 500; padding: 0.02rem 0.45rem; border-radius: 1rem;
  border: 1px solid var(--pl-line); color: var(--pl-muted); white-space: nowrap; }
.pl-chip.pl-good { color: var(--pl-good); border-color: currentColor; }
.pl-chip.pl-warn { color: var(--pl-warn); border-color: currentColor; }
.pl-chip.pl-bad { color: var(--pl-bad); border-color: currentColor; }
.pl-chip.pl-live { color: var(--pl-accent); border-color: currentColor; }

/* An answer: its text, a line of metrics, and all figures on demand. Only words longer than a line break. */
[class*="st-key-said-"] pre { max-height: 22rem; overflow: auto; padding: 0.45rem 0.75rem; }
/* Keep the end of a long answer in view while it is written: a reversed column scrolls from the bottom. */
[class*="st-key-said-live-"] pre { display: flex; flex-direction: column-reverse; }
[class*="st-key-said-"] code { font-size: 0.8125rem; line-height: 1.5; overflow-wrap: break-word !important;
  word-break: normal !important; }
[class*="st-key-marked-"] { max-height: 22rem; overflow: auto; border: 1px solid var(--pl-line);
  border-radius: 0.375rem; padding: 0.35rem 0.75rem; }
.pl-markdown { font-size: 0.875rem; line-height: 1.5; overflow-wrap: break-word; }
.pl-markdown h1, .pl-markdown h2, .pl-markdown h3, .pl-markdown h4, .pl-markdown h5, .pl-markdown h6 {
  font-size: 1rem; font-weight: 650; margin: 0.5rem 0 0.25rem; padding: 0; }
.pl-markdown p, .pl-markdown ul, .pl-markdown ol, .pl-markdown blockquote, .pl-markdown pre {
  font-size: 0.875rem; margin: 0.25rem 0; }
.pl-markdown blockquote { border-left: 3px solid var(--pl-line); padding-left: 0.6rem; color: var(--pl-muted); }
.pl-markdown th, .pl-markdown td { border: 1px solid var(--pl-line); padding: 0.15rem 0.5rem; }
.pl-link { text-decoration: underline dotted; }
.pl-unready { font-size: 0.8125rem; line-height: 1.45; color: var(--pl-muted); }
.pl-unready b { font-weight: 600; color: var(--pl-text); }
.pl-metrics { font-size: 0.8125rem; color: var(--pl-muted); font-variant-numeric: tabular-nums; white-space: nowrap; }
[class*="st-key-foot-"] > [data-testid="stElementContainer"]:has(.pl-metrics) { flex: 1 1 auto; }
dl.pl-facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.6rem, 1fr)); gap: 0.3rem 0.75rem;
  margin: 0; padding: 0; }
dl.pl-facts dt { font-size: 0.75rem; color: var(--pl-muted); font-weight: 400; margin: 0; padding: 0;
  line-height: 1.35; }
dl.pl-facts dd { margin: 0; padding: 0; font-size: 0.8125rem; font-variant-numeric: tabular-nums; line-height: 1.35; }
dl.pl-facts small { display: block; color: var(--pl-muted); font-size: 0.75rem; }

/* A button that is an icon: its label is there for who hears the page. */
[class*="st-key-icon-"] button { min-height: 1.75rem; padding: 0 0.15rem; color: var(--pl-muted); }
[class*="st-key-icon-"] button:hover, [class*="st-key-icon-on-"] button { color: var(--pl-accent); }
[class*="st-key-icon-"] button [data-testid="stMarkdownContainer"] { position: absolute; width: 1px; height: 1px;
  overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[class*="st-key-icon-menu-"] button > div > [aria-hidden="true"]:last-child { display: none; }
[class*="st-key-icon-on-"] [data-testid="stIconMaterial"] { font-variation-settings: "FILL" 1; }
[class*="st-key-rated-"] button { min-height: 1.5rem; padding: 0; }
[class*="st-key-rated-"] button p { font-size: 0.8125rem; }

/* The editor, the question and Run stay in view while the answers scroll. */
@media (min-width: 1200px) {
  BENCH > COLUMN:first-child {
    position: sticky; top: 0.5rem; align-self: flex-start; max-height: calc(100vh - 1rem); overflow-y: auto;
    padding-right: 0.35rem; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-bench-top) { position: sticky; top: 0; z-index: 5;
    background: var(--pl-page); }
  .st-key-bench-top { max-height: 55vh; overflow-y: auto; padding: 0.25rem 0; border-bottom: 1px solid var(--pl-line); }
}
/* On a narrow screen everything stands below each other, and the editor scrolls: Run is in view. */
@media (max-width: 899px) {
  BENCH { flex-direction: column; }
  BENCH > COLUMN {
    width: 100%; flex: none; min-width: 100%; }
  BENCH > COLUMN:first-child {
    max-height: 38vh; overflow-y: auto; border-bottom: 1px solid var(--pl-line); }
}
"""


def rules() -> str:
    """The rules, with Streamlit's names of its blocks."""
    text = _RULES
    for name, selector in _NAMES.items():
        text = text.replace(name, selector)
    return text
