"""Two runs of a suite side by side: a summary in one sentence, then the items with a different result."""

from __future__ import annotations

import streamlit as st

from promptlab import suites
from promptlab.suites import ItemRow, SuiteRun
from promptlab.ui.components.widgets import escape, markup, note, plain
from promptlab.ui.state.session import Session
from promptlab.ui.suites.matrix import open_item
from promptlab.ui.suites.wording import cell_words, run_name

PAGE = 25


def draw(session: Session, before: SuiteRun, after: SuiteRun) -> None:
    """Draw the differences between the run `before` and the run `after`."""
    with st.spinner("Comparing the two runs", show_time=False):
        comparison = session.suites.compared(before, after)
    markup(
        '<div class="pl-verdict pl-info"><span class="pl-sign" aria-hidden="true">~</span>'
        f'<span class="pl-num">{escape(comparison.sentence)}</span></div>'
    )
    if not comparison.changed:
        note("info", "No item has a different result", f"{comparison.shared:,} items are in both runs.")
        return
    key = f"two-{before.id[:8]}-{after.id[:8]}"
    shown = min(len(comparison.changed), st.session_state.get(key, PAGE))
    with st.container(key="matrix", gap=None):
        heads = "".join(f'<span class="pl-break">{escape(run_name(run))}</span>' for run in (before, after))
        markup(f'<div class="pl-matrix-head" aria-hidden="true"><span>Item</span>{heads}</div>')
        for old_position, new_position in comparison.changed[:shown]:
            old = suites.row_at(session.suites.log, before, old_position)
            new = suites.row_at(session.suites.log, after, new_position)
            if old and new:
                _line(before, after, old, new)
    if shown < len(comparison.changed):
        st.button(
            f"Show more of {len(comparison.changed):,}",
            icon=":material/expand_more:",
            type="tertiary",
            key="two-more",
            on_click=st.session_state.update,
            args=({key: shown + PAGE},),
        )


def _line(before: SuiteRun, after: SuiteRun, old: ItemRow, new: ItemRow) -> None:
    judged = None not in (old.passed, new.passed)
    colour = ("bad" if suites.is_row_worse(new, old.passed, old.score) else "good") if judged else "warn"
    with st.container(horizontal=True, wrap=False, gap=None, key=f"matrix-row-two-{new.position}"):
        markup(f'<div class="pl-case" title="{escape(new.key.id)}">{escape(new.key.id)}</div>')
        for run, row, kind in ((before, old, "plain"), (after, new, colour)):
            st.button(
                plain(cell_words(suites.MatrixCell((row,)))),
                type="tertiary",
                key=f"cell-{kind}-{run.id[:8]}-{row.position}",
                on_click=open_item,
                args=(run.id, row.position),
            )
