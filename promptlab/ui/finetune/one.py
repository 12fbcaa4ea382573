"""One training: how far it is, why it stopped and how to go on, or what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab import finetune
from promptlab.errors import PromptlabError
from promptlab.finetune import (
    KnownTraining,
    TrainingState,
    find_training,
    read_curve,
    start_training,
    stopped_words,
)
from promptlab.ui.components import links
from promptlab.ui.components.widgets import chip, escape, markup, note, plain
from promptlab.ui.finetune import curve, missing, progress, result
from promptlab.ui.finetune.wording import CHIPS, facts_of
from promptlab.ui.state.session import Session

_ERROR = "training-go-on-error"


def draw(session: Session, model: str) -> None:
    """Draw the training of `model`."""
    training = find_training(session.workspace, model)
    if training is None:
        note("warn", f"No training of the name {model} is in this workspace", "It may have been removed.")
        return
    _head(training)
    if training.is_running:
        progress.draw(session, model)
        return
    losses = read_curve(session.workspace, model)
    if training.status == "done" and training.record is not None:
        result.draw(session, training.record, losses)
        return
    _stopped(session, training)
    if losses.losses:
        curve.draw(losses)
    if training.record is not None:
        note("info", "The adapter of the training before is still in use", "It is replaced when this training ends.")


def _head(training: KnownTraining) -> None:
    word, kind = CHIPS[training.status]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(plain(training.model), anchor=False, width="content")
        st.html(chip(word, kind), width="content")
    markup(f'<div class="pl-small pl-break">{escape(facts_of(training))}</div>')


def _stopped(session: Session, training: KnownTraining) -> None:
    """Why it has not ended, and how to go on."""
    state = training.state
    if error := st.session_state.pop(_ERROR, None):
        note("bad", error.message, error.hint)
    if state is None:
        note("warn", "It was interrupted, and its settings are not known here", _same_command(training.record))
        return
    where = stopped_words(state)
    if training.status == "failed":
        note("bad", f"It failed {where}: {state.error}", state.hint)
    elif training.status == "interrupted":
        note(
            "warn",
            f"It was interrupted {where}",
            "Its process ended without a word: it was killed, the machine was switched off, or the memory was too "
            "small.",
        )
    else:
        note("warn", f"It was stopped {where}")
    missing.say()
    _buttons(session, state, can_go_on=training.has_checkpoint)


def _same_command(record: Mapping[str, Any] | None) -> str:
    again = "The same promptlab finetune command goes on."
    return again if record is None else f"{again} The adapter of the training before is still in use."


def _buttons(session: Session, state: TrainingState, *, can_go_on: bool) -> None:
    cannot_train = bool(finetune.missing_libraries())
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Continue",
            icon=":material/play_arrow:",
            type="primary",
            key="training-continue",
            disabled=cannot_train,
            help="Goes on at the last checkpoint." if can_go_on else "There is no checkpoint yet: it begins anew.",
            on_click=_go_on,
            args=(session, state, False),
        )
        st.button(
            "Begin anew",
            icon=":material/restart_alt:",
            key="training-again",
            disabled=cannot_train,
            help="Trains from the first step, with the rows as they are now.",
            on_click=_go_on,
            args=(session, state, True),
        )
        st.button(
            "Change the settings",
            icon=":material/tune:",
            type="tertiary",
            key="training-change",
            on_click=links.address,
            kwargs={"new": "1", "again": state.tuning.model},
        )


def _go_on(session: Session, state: TrainingState, again: bool) -> None:
    try:
        start_training(session.workspace, state.tuning, again=again)
    except PromptlabError as exc:
        st.session_state[_ERROR] = exc


__all__ = ["draw"]
