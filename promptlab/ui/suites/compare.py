"""Two runs of a suite side by side: one sentence, and the items that came out otherwise."""

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
    """What sets `after` apart from `before`."""
    with st.spinner("Holding the two runs against each other", show_time=False):
        found = session.suites.compared(before, after)
    markup(
        '<div class="pl-verdict pl-info"><span class="pl-sign" aria-hidden="true">~</span>'
        f'<span class="pl-num">{escape(found.sentence)}</span></div>'
    )
    if not found.changed:
        note("info", "No item came out otherwise", f"{found.shared:,} items are in both runs.")
        return
    key = f"two-{before.id[:8]}-{after.id[:8]}"
    shown = min(len(found.changed), st.session_state.get(key, PAGE))
    with st.container(key="matrix", gap=None):
        heads = "".join(f'<span class="pl-break">{escape(run_name(run))}</span>' for run in (before, after))
        markup(f'<div class="pl-matrix-head" aria-hidden="true"><span>Item</span>{heads}</div>')
        for old, new in found.changed[:shown]:
            one, other = (suites.row_at(session.suites.log, run, place) for run, place in ((before, old), (after, new)))
            if one and other:
                _line(before, after, one, other)
    if shown < len(found.changed):
        st.button(
            f"More of {len(found.changed):,}",
            icon=":material/expand_more:",
            type="tertiary",
            key="two-more",
            on_click=st.session_state.update,
            args=({key: shown + PAGE},),
        )


def _line(before: SuiteRun, after: SuiteRun, old: ItemRow, new: ItemRow) -> None:
    worse = (bool(new.passed), new.score or 0.0) < (bool(old.passed), old.score or 0.0)
    with st.container(horizontal=True, wrap=False, gap=None, key=f"matrix-row-two-{new.position}"):
        markup(f'<div class="pl-case" title="{escape(new.key.id)}">{escape(new.key.id)}</div>')
        for run, row, kind in ((before, old, "plain"), (after, new, "bad" if worse else "good")):
            st.button(
                plain(cell_words(suites.MatrixCell((row,)))),
                type="tertiary",
                key=f"cell-{kind}-{run.id[:8]}-{row.position}",
                on_click=open_item,
                args=(run.id, row.position),
            )
