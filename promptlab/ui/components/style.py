"""The style sheet of the pages: rules for the HTML of widgets.py and answers.py, in the colours of theme.py."""

from __future__ import annotations

from promptlab.ui.components import editor_style, house_style, style_rows, style_tables
from promptlab.ui.components.theme import DARK, LIGHT, MONO


def style_sheet() -> str:
    """The CSS of promptlab's pages, for both themes: `light-dark()` follows the colour scheme that Streamlit sets."""
    names = {
        "page": (LIGHT.page, DARK.page),
        "raised": (LIGHT.raised, DARK.raised),
        "text": (LIGHT.text, DARK.text),
        "muted": (LIGHT.muted, DARK.muted),
        "line": (LIGHT.line, DARK.line),
        "accent": (LIGHT.link, DARK.link),
        "good": (LIGHT.good, DARK.good),
        "warn": (LIGHT.warn, DARK.warn),
        "bad": (LIGHT.bad, DARK.bad),
    }
    for section in LIGHT.sections:
        names[section] = (LIGHT.sections[section], DARK.sections[section])
        names[f"{section}-tint"] = (LIGHT.tint_of(section), DARK.tint_of(section))
    variables = "\n".join(f"  --pl-{name}: light-dark({light}, {dark});" for name, (light, dark) in names.items())
    sections = "\n".join(
        f".pl-{s} {{ --pl-own: var(--pl-{s}); --pl-own-tint: var(--pl-{s}-tint); }}\n"
        f".st-key-section-{s.replace('_', '-')} {{ --pl-own: var(--pl-{s}); }}"
        for s in LIGHT.sections
    )
    # `light-dark()` in a custom property is resolved on the element that sets it, so every element with a colour
    # scheme gets the properties. Menus, popovers and dialogs are outside `.stApp`, which has Streamlit's scheme;
    # they have the system's scheme, which Streamlit follows.
    floats = "[data-baseweb='popover'] *, [data-testid='stPopoverBody'] *, [role='dialog'] *"
    root = ":root { color-scheme: light dark; }"
    rules = _RULES + style_rows.rules() + house_style.RULES + editor_style.RULES + style_tables.RULES
    rules = rules.replace("MONO", MONO)
    return f"{root}\n.stApp, .stApp *, {floats} {{\n{variables}\n}}\n{sections}\n{rules}"


_RULES = """
.stMainBlockContainer { padding: 2.25rem 1.75rem 4rem; max-width: 118rem; }
.stSidebar[data-collapsed="false"] { width: 14.5rem !important; min-width: 14.5rem !important; }
[data-testid="stSidebarHeader"]::before { content: "promptlab"; font-weight: 680; font-size: 1.15rem;
  letter-spacing: -0.02em; color: var(--pl-text); }

/* A page that is redrawn four times a second must not fade each time. */
[data-stale="true"] { opacity: 1 !important; transition: none !important; }

.pl-name { font-weight: 650; font-size: 1.05rem; letter-spacing: -0.01em; }
.pl-muted { color: var(--pl-muted); }
.pl-small { font-size: 0.8125rem; color: var(--pl-muted); line-height: 1.45; }
.pl-num { font-variant-numeric: tabular-nums; }
.pl-mono { font-family: MONO; font-size: 0.8125rem; }
.pl-break { overflow-wrap: anywhere; }

/* One section of the prompt: a rule in its colour, a switch, its size at the right. */
[class*="st-key-section-"] { border-left: 3px solid var(--pl-own); padding: 0.1rem 0 0.1rem 0.75rem; }
.pl-size { color: var(--pl-muted); font-size: 0.8125rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pl-dot { display: inline-block; width: 0.7em; height: 0.7em; border-radius: 0.2em; background: var(--pl-own);
  margin-right: 0.35em; vertical-align: -0.02em; }
[class*="st-key-text-"] textarea, [class*="st-key-input-"] textarea, [class*="st-key-param-stop"] textarea {
  font-family: MONO; font-size: 0.8125rem; line-height: 1.5; }
/* In browsers that can size a field by its text, an empty or one-line text takes one line. */
@supports (field-sizing: content) {
  [class*="st-key-text-"] textarea, [class*="st-key-input-"] textarea { field-sizing: content; min-height: 2.3rem;
    max-height: 24rem; }
}

/* Text with its sections. */
.pl-prompt { font-family: MONO; font-size: 0.8125rem; line-height: 1.6; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: 0; max-height: 32rem; overflow: auto; border: 1px solid var(--pl-line); border-radius: 0.375rem;
  padding: 0.6rem 0.75rem; background: var(--pl-page); color: var(--pl-text); }
.pl-prompt mark { background: var(--pl-own-tint); color: inherit; border-bottom: 2px solid var(--pl-own);
  -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.pl-prompt mark.pl-layout { background: none; border: none; color: var(--pl-muted); }
.st-key-bench .pl-prompt { max-height: 24rem; }
.pl-prompt ins, .pl-prompt del { background: var(--pl-own-tint); border-bottom: 2px solid var(--pl-own);
  text-decoration: none; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.pl-prompt del + ins { margin-left: 0.3em; }
.pl-prompt del .pl-control { display: inline-block; }
.pl-prompt del { border-bottom-style: dotted; text-decoration: line-through; }
.pl-prompt .pl-layout { --pl-own: var(--pl-accent); }
.st-key-comparison { border: 1px solid var(--pl-line); border-radius: 0.375rem; padding: 0.75rem; }
.pl-control { color: var(--pl-muted); border: 1px solid var(--pl-line); border-radius: 0.2rem; padding: 0 0.2em;
  font-size: 0.75rem; background: var(--pl-raised); }
.pl-odd { color: var(--pl-bad); border: 1px dashed currentColor; border-radius: 0.2rem; padding: 0 0.15em;
  font-size: 0.75rem; }
.pl-role { font-size: 0.75rem; font-weight: 600; color: var(--pl-muted); margin: 0.6rem 0 0.2rem; }
.pl-legend { display: flex; flex-wrap: wrap; gap: 0.15rem 1rem; font-size: 0.8125rem; color: var(--pl-muted); }

/* Tables of facts, and the list of runs. */
.pl-table { border-collapse: collapse; width: 100%; font-size: 0.8125rem; line-height: 1.45; margin: 0; }
.pl-table th { text-align: left; font-weight: 600; color: var(--pl-muted); }
.pl-table th, .pl-table td { padding: 0.25rem 0.75rem 0.25rem 0; border: none; border-bottom: 1px solid var(--pl-line);
  vertical-align: top; overflow-wrap: anywhere; }
.pl-table tr > :last-child { padding-right: 0; }
.pl-table .pl-key { width: 9rem; font-weight: 400; }
.pl-table .pl-n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pl-plan th.pl-n { white-space: normal; vertical-align: bottom; }
.pl-plan th:first-child, .pl-plan td:first-child { min-width: 8rem; vertical-align: bottom; }
.pl-plan td:first-child { vertical-align: top; }
.pl-table .pl-open td { border-bottom-color: transparent; }
.pl-table .pl-sub td { color: var(--pl-muted); padding-top: 0; }
.pl-table .pl-sub td:first-child { padding-left: 1.1rem; }
[class*="st-key-run-"], [class*="st-key-version-"] { border-bottom: 1px solid var(--pl-line); }

/* Templates: the list, and the form with its preview, which stays in view during typing. */
.pl-tpl { display: grid; grid-template-columns: minmax(0, 2.2fr) 11rem minmax(0, 1.4fr); gap: 0.2rem 0.9rem;
  font-size: 0.875rem; align-items: baseline; }
.pl-tpl b { font-weight: 600; }
[class*="st-key-template-row-"] { border-bottom: 1px solid var(--pl-line); padding-bottom: 0.2rem; }
.pl-part { font-size: 0.9375rem; font-weight: 600; margin: 0; padding: 0; }
[data-testid="stLayoutWrapper"]:has(> .st-key-form-preview) { position: sticky; top: 1rem; }
.st-key-form-preview { max-height: calc(100vh - 2rem); overflow: auto; padding-right: 0.25rem; }
[class*="st-key-in-row-"], [class*="st-key-schema-row-"] { border-bottom: 1px solid var(--pl-line);
  padding-bottom: 0.6rem; }
[class*="st-key-schema-row-1-"] { margin-left: 1.25rem; }
[class*="st-key-schema-row-2-"] { margin-left: 2.5rem; }
[class*="st-key-schema-row-3-"] { margin-left: 3.75rem; }
[class*="st-key-schema-row-4-"] { margin-left: 5rem; }

/* Documents: the list; the map of passages in a document; the passages chosen and left out. */
.pl-doc { display: grid; grid-template-columns: minmax(0, 2.2fr) 7rem 10.5rem minmax(0, 1.4fr); gap: 0.2rem 0.9rem;
  font-size: 0.875rem; align-items: baseline; }
.pl-doc b { font-weight: 600; }
.pl-example { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 1.3fr) minmax(0, 1fr);
  gap: 0.2rem 0.9rem; font-size: 0.875rem; line-height: 1.45; padding: 0.15rem 0; }
[class*="st-key-example-"] { border-bottom: 1px solid var(--pl-line); }
.pl-right { text-align: right; }
[class*="st-key-doc-"] { border-bottom: 1px solid var(--pl-line); }
.pl-tall { max-height: 46rem; }
.pl-map { position: relative; height: 0.6rem; border-radius: 0.3rem; overflow: hidden; background: var(--pl-raised);
  box-shadow: inset 0 0 0 1px var(--pl-line); }
.pl-map > span { position: absolute; top: 0; bottom: 0; min-width: 3px; background: var(--pl-context); }
.pl-passage { display: block; color: var(--pl-muted); font-size: 0.75rem; font-weight: 600; margin-top: 0.4rem; }
.pl-gap { display: block; color: var(--pl-muted); font-style: italic; margin: 0.4rem 0; }
.pl-out { display: block; color: var(--pl-muted); border-left: 2px dotted var(--pl-muted); padding-left: 0.6rem; }
[class*="st-key-version-"] > [data-testid="stElementContainer"]:has(.pl-version) { flex: 1 1 12rem; min-width: 10rem; }
.pl-version { overflow-wrap: anywhere; font-size: 0.875rem; line-height: 1.45; padding-bottom: 0.35rem; }
.pl-version b { font-weight: 600; }

/* Suites: the list, the sentence on top, thresholds, and the matrix, which scrolls sideways when it has to. */
.pl-suite { display: grid; grid-template-columns: minmax(0, 1.6fr) minmax(0, 1fr) 7.5rem minmax(0, 2.4fr);
  gap: 0.2rem 0.9rem; font-size: 0.875rem; line-height: 1.45; align-items: baseline; }
.pl-suite b { font-weight: 600; }
[class*="st-key-suite-row-"] { border-bottom: 1px solid var(--pl-line); }
.pl-plain { font-weight: 400; }
.pl-verdict { display: grid; grid-template-columns: 1.6rem minmax(0, 1fr); font-size: 1.05rem; font-weight: 550;
  line-height: 1.45; }
.pl-sign { font-weight: 700; }
.pl-verdict.pl-good .pl-sign, .pl-checks .pl-good .pl-sign { color: var(--pl-good); }
.pl-verdict.pl-warn .pl-sign, .pl-checks .pl-warn .pl-sign { color: var(--pl-warn); }
.pl-verdict.pl-bad .pl-sign, .pl-checks .pl-bad .pl-sign { color: var(--pl-bad); }
.pl-verdict.pl-info .pl-sign { color: var(--pl-accent); }
ul.pl-checks { list-style: none; margin: 0; padding: 0; font-size: 0.875rem; line-height: 1.45; }
ul.pl-checks li { margin: 0; padding: 0.1rem 0; font-size: 0.875rem; }
ul.pl-checks li:has(.pl-sign) { display: grid; grid-template-columns: 1.6rem minmax(0, 1fr); }
.pl-wide { overflow-x: auto; }
.pl-short { max-height: 12rem; }
.st-key-matrix { overflow-x: auto; }
.pl-matrix-head, [class*="st-key-matrix-row-"] { display: grid; grid-auto-flow: column;
  grid-template-columns: minmax(9rem, 1.6fr); grid-auto-columns: minmax(7.5rem, 1fr); gap: 0 0.5rem;
  align-items: center; border-bottom: 1px solid var(--pl-line); min-height: 2rem; }
.pl-matrix-head { font-size: 0.8125rem; font-weight: 600; color: var(--pl-muted); align-items: end; }
[class*="st-key-matrix-row-"] > * { min-width: 0; width: 100%; }
.pl-case { font-size: 0.875rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
[class*="st-key-cell-"] button { width: 100%; }
[class*="st-key-cell-"] button > div { justify-content: flex-start; }
[class*="st-key-cell-"] button { min-height: 1.9rem; padding: 0; font-variant-numeric: tabular-nums; }
[class*="st-key-cell-"] button p { font-size: 0.875rem; white-space: nowrap; }
[class*="st-key-cell-bad-"] button { color: var(--pl-bad); }
[class*="st-key-cell-warn-"] button { color: var(--pl-warn); }
[class*="st-key-cell-good-"] button { color: var(--pl-good); }

/* Tokens against the window. */
.pl-bar { display: flex; height: 0.6rem; border-radius: 0.3rem; overflow: hidden; background: var(--pl-raised);
  box-shadow: inset 0 0 0 1px var(--pl-line); }
.pl-bar > span { background: var(--pl-own); min-width: 3px; border-right: 1px solid var(--pl-page); }
.pl-bar > span.pl-room { border: none; opacity: 0.45;
  background: repeating-linear-gradient(135deg, var(--pl-muted) 0 1px, transparent 1px 4px); }
.pl-barline { display: flex; justify-content: space-between; gap: 0 0.75rem; flex-wrap: wrap; font-size: 0.8125rem;
  margin-top: 0.3rem; color: var(--pl-muted); }

/* In the dark theme, text in the accent colour needs a lighter shade than the background of white text. */
button[data-variant="pills"][data-selected="true"], button[data-variant="segmented_control"][data-selected="true"],
[data-testid="stTab"][aria-selected="true"] { color: var(--pl-accent) !important; }

/* Notes, and the progress bar. */
.pl-note { border-left: 3px solid var(--pl-note, var(--pl-line)); padding: 0.1rem 0 0.1rem 0.7rem; font-size: 0.875rem;
  line-height: 1.45; overflow-wrap: anywhere; }
.pl-note div + div { margin-top: 0.2rem; color: var(--pl-muted); }
.pl-note b { color: var(--pl-note, inherit); font-weight: 600; }
.pl-note.pl-bad { --pl-note: var(--pl-bad); }
.pl-note.pl-warn { --pl-note: var(--pl-warn); }
.pl-note.pl-info { --pl-note: var(--pl-accent); }
.pl-wait { height: 0.25rem; border-radius: 0.25rem; background: var(--pl-raised); overflow: hidden; margin: 0.35rem 0;
  box-shadow: inset 0 0 0 1px var(--pl-line); }
.pl-wait > span { display: block; height: 100%; background: var(--pl-accent); }
.pl-wait.pl-open > span { width: 30%; animation: pl-pass 1.6s ease-in-out infinite; }
@keyframes pl-pass { from { margin-left: -30%; } to { margin-left: 100%; } }
@media (prefers-reduced-motion: reduce) { .pl-wait.pl-open > span { animation: none; width: 100%; opacity: 0.4; } }

ul.pl-models { list-style: none; margin: 0; padding: 0; font-size: 0.8125rem; }
ul.pl-models li { display: grid; grid-template-columns: 0.9rem 1fr; margin: 0; padding: 0.15rem 0; line-height: 1.35;
  font-size: 0.8125rem; }
ul.pl-models small { color: var(--pl-muted); display: block; }
.pl-ready { width: 0.5rem; height: 0.5rem; border-radius: 50%; margin-top: 0.3rem; background: var(--pl-good); }
.pl-ready.pl-no { background: none; box-shadow: inset 0 0 0 1.5px var(--pl-muted); }
.pl-ready.pl-fails { background: none; border-radius: 0; }
.pl-ready.pl-fails::before { content: "\\2717"; color: var(--pl-bad); font-size: 0.75rem; line-height: 0.5rem; }

/* On a narrow screen the answers stand below the prompt, not beside it. */
@media (max-width: 900px) {
  .st-key-bench > [data-testid="stLayoutWrapper"] > [data-testid="stHorizontalBlock"] { flex-direction: column; }
  .st-key-bench > [data-testid="stLayoutWrapper"] > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"] {
    width: 100%; min-width: 100%; flex: 1 1 auto; }
  [class*="st-key-row-"] [data-testid="stColumn"] { min-width: 100%; }
  .stMainBlockContainer { padding-left: 1.25rem; padding-right: 1.25rem; }
  .pl-run { grid-template-columns: 8.5rem 1fr; }
  .pl-run > :nth-child(3) { order: 4; }
  .pl-doc { grid-template-columns: minmax(0, 1fr) 9.5rem; }
  .pl-example { grid-template-columns: minmax(0, 1fr); }
  .pl-tpl { grid-template-columns: minmax(0, 1fr) 9.5rem; }
  .pl-suite { grid-template-columns: minmax(0, 1fr) 7.5rem; }
  .pl-suite > :nth-child(2) { order: 3; }
  .pl-suite > :nth-child(4) { order: 4; grid-column: 1 / -1; }
  .st-key-form > [data-testid="stLayoutWrapper"] > [data-testid="stHorizontalBlock"] { flex-direction: column; }
  .st-key-form > [data-testid="stLayoutWrapper"] > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"] {
    width: 100%; min-width: 100%; flex: 1 1 auto; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-form-preview) { position: static; }
  .st-key-form-preview { max-height: none; }
  .pl-doc > :nth-child(3) { order: 4; }
}
"""
