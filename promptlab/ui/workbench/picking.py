"""Two rows that are picked are compared: their prompts and their answers."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import streamlit as st

from promptlab.runs import RunInfo
from promptlab.types import Result
from promptlab.ui.components import diff_view


def compare(listed: Sequence[RunInfo], results: Mapping[str, Sequence[Result]]) -> list[RunInfo]:
    """The runs that are picked; if two are, their comparison is drawn."""
    picked = sorted(
        (run for run in listed if st.session_state.get(_key(run))), key=lambda run: (run.created, run.id), reverse=True
    )
    if len(picked) >= 2:
        after, before = picked[0], picked[1]
        close = functools.partial(_clear, picked)
        diff_view.draw(before, after, results[before.id], results[after.id], close=close)
    return picked


def box(run: RunInfo, *, others: int) -> None:
    """The checkbox that picks a row, where `others` are picked already. At most two can be."""
    full = others >= 2
    help_text = "At most two rows can be compared. Clear one of the two first." if full else None
    st.checkbox("Compare", key=_key(run), disabled=full, help=help_text, persist_state="page")


def _key(run: RunInfo) -> str:
    return f"pick-{run.id[:12]}"


def _clear(runs: Sequence[RunInfo]) -> None:
    for run in runs:
        st.session_state[_key(run)] = False
