"""The plan of a training: the rows, what was left out and why, the steps, the label; and Start."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from promptlab import finetune
from promptlab.errors import FinetuneError, PromptlabError
from promptlab.finetune import (
    KnownTraining,
    PlannedTuning,
    Tuning,
    find_training,
    start_training,
    stopped_words,
)
from promptlab.ui.components import links
from promptlab.ui.components.widgets import escape, facts_table, markup, note, small
from promptlab.ui.finetune.wording import label_words
from promptlab.ui.state.session import Session

_ERROR = "training-start-error"
SHOWN_IDS = 6
"""Ids of rows that were left out, beside each reason; all are in the fold."""


def draw(session: Session, tuning: Tuning) -> None:
    """Draw the plan and Start; or say why this cannot be trained."""
    try:
        with st.spinner("Reading the rows and counting their tokens"):
            planned = session.trainings.plan(
                session.workspace, tuning, catalogue=session.catalogue, store=session.store
            )
            memory = session.trainings.memory(planned)
    except PromptlabError as exc:
        what = exc.what if isinstance(exc, FinetuneError) else exc.message
        note("warn", f"This cannot be trained: {what}", exc.hint)
        return
    show(planned, memory)
    _start_part(session, planned)


def show(planned: PlannedTuning, memory: int) -> None:
    """The rows, what was left out, the steps, the memory and the label."""
    split, recipe = planned.split, planned.tuning.recipe
    rows = len(split.train)
    others = f"{len(split.held_out):,} held out · {len(split.dropped):,} left out"
    markup(
        f'<div><span class="pl-count pl-num">{_count(rows, "row")} to train on</span> '
        f'<span class="pl-small pl-num">{escape(others)}</span></div>'
    )
    _dropped(planned)
    if not split.held_out:
        small("No row is held out, so nothing says when to stop: every pass is trained, and the last adapter is kept.")
    steps, a_pass = recipe.steps_of(rows), recipe.steps_a_pass(rows)
    tokens = sum(row.length for row in planned.train_tokens)
    longest = max(row.length for row in (*planned.train_tokens, *planned.held_out_tokens))
    facts = [
        ("Steps", f"at most {steps:,}: {_count(recipe.epochs, 'pass', 'passes')} of {_count(a_pass, 'step')}"),
        ("Tokens", f"{tokens:,} a pass; the longest row has {longest:,}"),
        ("Memory", f"about {memory / 1e9:.1f} GB while it trains"),
        ("Label", planned.label),
        ("Model", planned.tuning.model),
        ("Adapter", planned.adapter_path),
    ]
    markup(facts_table(facts))
    if planned.label != "public":
        note("info", f"The adapter will be labelled {planned.label}", label_words(planned.label))


def _dropped(planned: PlannedTuning) -> None:
    """The reasons with their rows; every row with its own reason in a fold."""
    split = planned.split
    if not split.dropped:
        small("No row is a test case, or nearly one.")
        return
    lines = [f"{_reason(why)}: {_ids(ids)}" for why, ids in split.dropped_by_reason.items()]
    note("warn", f"{_count(len(split.dropped), 'row')} will not be trained on", *lines)
    with st.expander("Every row that is left out, with its reason", key="training-left-out", type="compact"):
        markup(facts_table((one.id, one.why) for one in split.dropped))


def _reason(why: str) -> str:
    """`the same as` in full: the fold names the test case of each row."""
    return f"{why} a test case" if why in ("the same as", "nearly the same as") else why


def _ids(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN_IDS:,} more" if len(ids) > SHOWN_IDS else ""
    return f"{', '.join(ids[:SHOWN_IDS])}{more}"


def _start_part(session: Session, planned: PlannedTuning) -> None:
    """Start, or what the name stands for already."""
    if error := st.session_state.pop(_ERROR, None):
        note("bad", error.message, error.hint)
    model = planned.tuning.model
    known = find_training(session.workspace, model)
    label, again = "Start", False
    if known is not None and known.is_running:
        note("warn", f"{model} is being trained now", "Wait until that has ended, or give another name.")
        _open("See how far it is", model)
        return
    if planned.done() is not None:
        note("info", f"{model} was trained on these rows with these settings already")
        _open("See what came of it", model)
        label, again = "Train it again", True
    elif known is not None:
        label, again = _of_before(known, planned)
    st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        key="training-start",
        disabled=bool(finetune.missing_libraries()),
        on_click=_start,
        args=(session, planned.tuning, again),
    )


def _open(label: str, model: str) -> None:
    """A button, not a link: Streamlit forgets what a link to the same page names in the next run."""
    st.button(
        label,
        icon=":material/chevron_right:",
        type="tertiary",
        key="training-see",
        on_click=links.address,
        kwargs={"training": model},
    )


def _of_before(known: KnownTraining, planned: PlannedTuning) -> tuple[str, bool]:
    """What Start does where there was another training of this name, and whether it begins anew."""
    state = known.state
    if known.status != "done" and state is not None and state.identity == planned.identity and known.has_checkpoint:
        note("info", f"This training was begun already, and stopped {stopped_words(state)}")
        return "Continue", False
    if known.record is not None:
        note("warn", f"There is an adapter {known.model} already", "It is replaced when this training ends.")
    elif known.has_checkpoint:
        note(
            "warn",
            f"There is a training {known.model} with other rows or settings, which has not ended",
            "Start begins anew, and what it learned is lost. Give another name to keep it.",
        )
    return "Start", True


def _start(session: Session, tuning: Tuning, again: bool) -> None:
    try:
        start_training(session.workspace, tuning, again=again)
    except PromptlabError as exc:
        st.session_state[_ERROR] = exc
        return
    links.address(training=tuning.model)


def _count(number: int, what: str, several: str = "") -> str:
    return f"{number:,} {what if number == 1 else several or f'{what}s'}"


__all__ = ["draw", "show"]
