"""Deleted runs: bring one back, or remove them all for good."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from promptlab.runs import RunInfo
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import escape, note
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import row_actions


def deleted_runs(session: Session, shown: Sequence[RunInfo]) -> None:
    """The list of deleted runs."""
    if not shown:
        note("info", "No run is deleted", "Delete is in the menu of a row.")
        return
    count = session.store.count_runs(deleted=True)
    words = f"Remove {count:,} run{'s' if count != 1 else ''} for good"
    with st.popover(words, icon=":material/delete_forever:", key="runs-remove"):
        note("warn", "This cannot be undone", "Their answers, ratings and texts that nothing else needs are removed.")
        st.button("Remove for good", type="primary", key="runs-remove-do", on_click=_remove, args=(session,))
    for run in shown:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-deleted-{run.id[:12]}"):
            answers = f"{run.done} answer{'s' if run.done != 1 else ''}"
            st.html(
                f'<div class="pl-rowhead"><b>{escape(run.heading)}</b>'
                f'<span class="pl-small pl-num">{escape(widgets.clock(run.created))} · {escape(run.template)} · '
                f"{answers} · deleted {escape(widgets.clock(run.deleted))}</span></div>"
            )
            st.button(
                "Bring back",
                icon=":material/undo:",
                type="tertiary",
                key=f"restore-{run.id[:12]}",
                on_click=_restore,
                args=(session, run.id),
            )


def _restore(session: Session, run_id: str) -> None:
    session.store.restore(run_id)
    row_actions.forget_deleted()


def _remove(session: Session) -> None:
    session.store.remove_deleted()
    row_actions.forget_deleted()
