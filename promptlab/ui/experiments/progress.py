"""An experiment that is being asked: how far it is, what was seen so far, and Stop.

The numbers grow while one watches. The job belongs to the process: a reload, another tab or leaving the page changes
nothing.
"""

from __future__ import annotations

import streamlit as st

from promptlab.experiments import Experiment
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import small
from promptlab.ui.experiments import effect_table, lead, picture
from promptlab.ui.state.session import Session
from promptlab.ui.state.suite_jobs import Snapshot, SuiteJob
from promptlab.ui.suites import progress as suite_progress

POLL = 1.0
"""Seconds between two updates."""


def draw(session: Session, experiment: Experiment, job: SuiteJob) -> None:
    """Draw the progress and the numbers so far, until the job ends."""
    st.fragment(frame.guarded(_live), run_every=POLL)(session, experiment, job)


def _live(session: Session, experiment: Experiment, job: SuiteJob) -> None:
    if not job.running:
        st.rerun()
    now = job.snapshot()
    with st.container(key="experiment-progress", gap="xsmall"):
        suite_progress.bar(now.done, now.total, _words(now), "Answers")
        st.button(
            "Stop",
            icon=":material/stop:",
            key="experiment-stop",
            disabled=now.ending,
            help="Stop at once. Finished answers are kept, and you can continue later.",
            on_click=job.stop,
        )
    work = session.experiments.work(experiment.path)
    outcome = work.so_far() if work else None
    if outcome is None or not outcome.done:
        small("The first numbers appear here within seconds of the first answers.")
        return
    lead.draw(outcome)
    if any(effect.cases for effect in outcome.effects) or not outcome.effects:
        picture.first(outcome, picture.pictures(session, outcome), can_press=False)
    effect_table.scores(outcome)


def _words(now: Snapshot) -> str:
    if not now.total:
        return "Preparing: every prompt is rendered"
    return " · ".join([f"{now.done:,} of {now.total:,} answers", *suite_progress.how_far(now)])
