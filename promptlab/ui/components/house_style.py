"""The style of lists of files, of their menu, and of the search."""

from __future__ import annotations

RULES = """
/* The whole line of a list opens the file: its button covers the line. What the button says is only read aloud. */
[class*="st-key-template-row-"], [class*="st-key-doc-"] { position: relative; border-radius: 0.3rem; }
[class*="st-key-open-template-"] button, [class*="st-key-open-doc-"] button, [class*="st-key-open-pool-"] button {
  position: static; }
[class*="st-key-open-template-"] button::after, [class*="st-key-open-doc-"] button::after,
[class*="st-key-open-pool-"] button::after { content: ""; position: absolute; inset: 0; border-radius: 0.3rem; }
[class*="st-key-open-template-"] button:focus-visible::after, [class*="st-key-open-doc-"] button:focus-visible::after,
[class*="st-key-open-pool-"] button:focus-visible::after { outline: 2px solid var(--pl-accent); outline-offset: -2px; }
[class*="st-key-template-row-"]:hover, [class*="st-key-doc-"]:hover { background: var(--pl-raised); }
[class*="st-key-open-template-"] [data-testid="stMarkdownContainer"],
[class*="st-key-open-doc-"] [data-testid="stMarkdownContainer"],
[class*="st-key-open-pool-"] [data-testid="stMarkdownContainer"] { position: absolute; width: 1px; height: 1px;
  overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.pl-tpl b, .pl-doc b { overflow-wrap: anywhere; word-break: normal; }
[class*="st-key-folder-"] { margin-top: 0.35rem; }
[class*="st-key-folder-"] button { font-weight: 600; text-align: left; overflow-wrap: anywhere; }
.pl-plan { max-height: 12rem; overflow: auto; }
.st-key-page-link code { overflow-wrap: anywhere; }
.st-key-file-done-line { border: 1px solid var(--pl-line); border-radius: 0.4rem; padding: 0.15rem 0.6rem;
  background: var(--pl-raised); }

/* In the dark theme, Streamlit darkens the accent of an open menu and of a pressed button until nobody can read it. */
[data-testid="stPopoverButton"]:is([aria-expanded="true"], :hover, :active, :focus-visible),
[data-testid="stPopoverButton"]:is([aria-expanded="true"], :hover, :active, :focus-visible) p,
[data-testid="stBaseButton-tertiary"]:is(:hover, :active, :focus-visible),
[data-testid="stBaseButton-tertiary"]:is(:hover, :active, :focus-visible) p { color: var(--pl-accent) !important; }

/* Streamlit shows a compact expander at an opacity of 0.6, which gives a contrast of 4.42 on white. */
[data-testid="stExpander"] summary { opacity: 1 !important; }
/* The keys of a button are paler than its words, which is too pale on a button that is pressed or pointed at. */
button kbd { color: inherit !important; opacity: 1 !important; }

/* Search and help stand in the bar above every page. */
.st-key-house-tools { position: fixed; top: 0.6rem; right: 4.5rem; z-index: 999991; width: auto !important; }
.st-key-house-tools > * { flex: 0 0 auto; width: auto !important; }
.st-key-house-tools button { min-height: 2rem; padding: 0.1rem 0.5rem; }
[class*="st-key-hit-"] button { text-align: left; width: 100%; justify-content: flex-start; min-height: 1.6rem;
  padding-top: 0; padding-bottom: 0; }
.st-key-search-box h3.pl-role { padding: 0.5rem 0 0; margin: 0; }
[class*="st-key-folder-"] button { min-height: 1.8rem; padding-top: 0; padding-bottom: 0; }
[data-testid="stPopoverBody"] [class*="st-key-file-"] button { min-height: 1.8rem; padding-top: 0; padding-bottom: 0; }
.pl-keys { border-collapse: collapse; font-size: 0.875rem; width: 100%; }
.pl-keys td, .pl-keys th { text-align: left; padding: 0.25rem 0.75rem 0.25rem 0;
  border-bottom: 1px solid var(--pl-line); }
.pl-keys kbd { font-family: inherit; border: 1px solid var(--pl-line); border-radius: 0.25rem; padding: 0.05rem 0.35rem;
  background: var(--pl-raised); white-space: nowrap; }
"""

__all__ = ["RULES"]
