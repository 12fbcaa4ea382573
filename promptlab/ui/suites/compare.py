"""Two runs of a suite side by side: a summary in one sentence, then the items with a different result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from promptlab import suites
from promptlab.suites import ItemRow, MatrixCell, MatrixLine, PageTexts, SuiteRun
from promptlab.ui.components.widgets import escape, markup, note, plain
from promptlab.ui.state.session import Session
from promptlab.ui.suites.matrix import cell_label, open_item
from promptlab.ui.suites.wording import as_text, run_name

PAGE = 25
_OUTCOMES = {
    "better": ("✓", "good", "Better."),
    "worse": ("✗", "bad", "Worse."),
    "no difference": ("=", "info", "No difference seen."),
    "cannot tell": ("~", "warn", "Cannot be told yet."),
}


def draw(session: Session, before: SuiteRun, after: SuiteRun) -> None:
    """Draw the differences between the run `before` and the run `after`."""
    with st.spinner("Comparing the two runs", show_time=False):
        comparison = session.suites.compared(before, after)
    sign, kind, word = _OUTCOMES[comparison.outcome]
    markup(
        f'<div class="pl-verdict pl-{kind}"><span class="pl-sign" aria-hidden="true">{sign}</span>'
        f'<span class="pl-num"><span class="pl-outcome">{word}</span> {escape(comparison.sentence)}</span></div>'
    )
    if not comparison.changed:
        note("info", "No item has a different result", f"{comparison.shared:,} items are in both runs.")
        return
    key = f"two-{before.id[:8]}-{after.id[:8]}"
    shown = min(len(comparison.changed), st.session_state.get(key, PAGE))
    pairs = _pairs(session, before, after, comparison.changed[:shown])
    texts = _answers(session, before, after, pairs)
    with st.container(key="matrix", gap=None):
        heads = "".join(f'<span class="pl-break">{escape(run_name(run))}</span>' for run in (before, after))
        markup(f'<div class="pl-matrix-head"><span>Item<small>its inputs</small></span>{heads}</div>')
        for old, new in pairs:
            _line(before, after, old, new, texts)
    if shown < len(comparison.changed):
        st.button(
            f"Show more of {len(comparison.changed):,}",
            icon=":material/expand_more:",
            type="tertiary",
            key="two-more",
            on_click=st.session_state.update,
            args=({key: shown + PAGE},),
        )


def _pairs(
    session: Session, before: SuiteRun, after: SuiteRun, changed: Sequence[tuple[int, int]]
) -> list[tuple[ItemRow, ItemRow]]:
    log = session.suites.log
    rows = ((suites.row_at(log, before, old), suites.row_at(log, after, new)) for old, new in changed)
    return [(old, new) for old, new in rows if old and new]


def _answers(
    session: Session, before: SuiteRun, after: SuiteRun, pairs: Sequence[tuple[ItemRow, ItemRow]]
) -> tuple[PageTexts, PageTexts]:
    """The answers of both runs, and the inputs of their cases."""
    made = []
    for number, run in enumerate((before, after)):
        lines = [MatrixLine(pair[number].key.case, {("", ""): MatrixCell((pair[number],))}) for pair in pairs]
        made.append(suites.page_texts(session.suites.log, session.store, run, lines, {}, lambda _key: None))
    return made[0], made[1]


def _line(before: SuiteRun, after: SuiteRun, old: ItemRow, new: ItemRow, texts: tuple[PageTexts, PageTexts]) -> None:
    judged = None not in (old.passed, new.passed)
    worse = judged and suites.is_row_worse(new, old.passed, old.score)
    colour, verdict = ("bad", "worse") if worse else ("good", "better") if judged else ("warn", "not judged")
    inputs = " · ".join(map(as_text, texts[1].cases[new.key.case].inputs.values()))
    with st.container(horizontal=True, wrap=False, gap=None, key=f"matrix-row-two-{new.position}"):
        st.button(
            f"**{plain(new.key.id)}**" + (f"  \n{plain(inputs[:200])}" if inputs else ""),
            type="tertiary",
            key=f"case-two-{new.position}",
            on_click=open_item,
            args=(after.id, new.position),
        )
        for number, (run, row, kind) in enumerate(((before, old, "plain"), (after, new, colour))):
            # Its verdict is against the recording; here it is compared with the other run.
            cell = MatrixCell((replace(row, verdict=verdict if number else "same"),))
            st.button(
                cell_label(cell, texts[number].answers),
                type="tertiary",
                key=f"cell-{kind}-{run.id[:8]}-{row.position}",
                on_click=open_item,
                args=(run.id, row.position),
            )
