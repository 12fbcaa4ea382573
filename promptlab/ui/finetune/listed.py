"""The list of trainings: adapters that were trained here, and those that run or were interrupted."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from promptlab.finetune import KnownTraining, progress_words, result_words, stopped_words, trainings
from promptlab.ui.components import frame, links
from promptlab.ui.components.widgets import chip, escape, markup, note
from promptlab.ui.finetune.wording import CHIPS, facts_of, label_of, left_words
from promptlab.ui.state.session import Session
from promptlab.workspace import Workspace

POLL = 2.0
"""Seconds between two updates while something is trained."""


def draw(session: Session) -> None:
    """Draw the list, with New adapter."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Fine-tuning", anchor=False, width="content")
        st.button(
            "New adapter",
            icon=":material/add:",
            type="primary",
            key="training-new",
            on_click=links.address,
            kwargs={"new": "1"},
        )
    known = trainings(session.workspace)
    if not known:
        note(
            "info",
            "No adapter was trained here yet",
            "Fine-tuning teaches a small local model your right answers, on this machine, without a GPU. "
            "It leaves an adapter, a small file that makes a new model out of the old one, to compare with your "
            "prompt.",
        )
    elif any(training.is_running for training in known):
        st.fragment(frame.guarded(_live), run_every=POLL)(session)
    else:
        _rows(session.workspace, known)


def _live(session: Session) -> None:
    known = trainings(session.workspace)
    if not any(training.is_running for training in known):
        st.rerun()
    _rows(session.workspace, known)


def _rows(workspace: Workspace, known: Sequence[KnownTraining]) -> None:
    for training in known:
        _row(workspace, training)


def _row(workspace: Workspace, training: KnownTraining) -> None:
    word, kind = CHIPS[training.status]
    with st.container(
        horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"training-row-{training.model}"
    ):
        markup(
            f'<div class="pl-training"><span class="pl-break"><b>{escape(training.model)}</b></span>'
            f'<span class="pl-muted pl-break">{escape(facts_of(training))}</span><span>{chip(word, kind)}</span>'
            f'<span class="pl-num pl-break">{escape(_answer(workspace, training))}</span></div>'
        )
        st.button(
            "Open",
            key=f"open-training-{training.model}",
            type="tertiary",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=links.address,
            kwargs={"training": training.model},
        )


def _answer(workspace: Workspace, training: KnownTraining) -> str:
    """What came of it, or how far it is."""
    state, record = training.state, training.record
    if training.status == "running":
        return f"{progress_words(training)}{left_words(training)}"
    if training.status == "done" and record is not None:
        label = label_of(workspace, record)
        return f"{result_words(record)}{f' Labelled {label}.' if label != 'public' else ''}"
    if training.status == "failed" and state is not None:
        return f"{state.error[:1].upper()}{state.error[1:]}"
    return f"Stopped {stopped_words(state)}." if state is not None else "How far it came is not known."


__all__ = ["draw"]
