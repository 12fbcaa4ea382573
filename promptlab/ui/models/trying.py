"""Test: one tiny question to a model, and its last real result."""

from __future__ import annotations

import streamlit as st

from promptlab import errors
from promptlab.models import ModelStatus
from promptlab.runs import trial_of_model
from promptlab.types import Result
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import note, plain, small
from promptlab.ui.state.jobs import Job
from promptlab.ui.state.session import Session

_SEEN = "model-seen-"
"""Before the name of a model: the test whose end this tab has shown."""


def button(session: Session, status: ModelStatus) -> None:
    """The button Test, or Stop while the model is asked."""
    job = _job(session, status.name)
    if job is not None and job.running:
        st.button("Stop", icon=":material/stop:", type="tertiary", key=f"model-stop-{status.name}", on_click=job.stop)
        return
    st.button(
        "Test",
        icon=":material/play_arrow:",
        type="tertiary",
        key=f"model-test-{status.name}",
        help=f"Ask {plain(status.name)} one short question now",
        disabled=not status.ready,
        on_click=_start,
        args=(session, status.name),
    )


def result(session: Session, status: ModelStatus) -> None:
    """The last real result of the model, or how its test is going."""
    job = _job(session, status.name)
    if job is not None and job.running:
        st.fragment(frame.guarded(_watch), run_every=0.5)(session, status.name)
        return
    if job is not None and st.session_state.get(_SEEN + status.name) != job.run_id:
        # It ended while this page was drawn, after the states were read: once more, for the page and the side bar.
        st.session_state[_SEEN + status.name] = job.run_id
        st.rerun()
    refused = _not_sent(status, job)
    if refused is not None:
        note("bad", "The test was not sent", refused.error, refused.hint)
    elif status.last is not None and not status.last.ok:
        note("bad", _capital(status.last.text()), status.last.error, status.last.hint)
    elif status.ready:
        small(_capital(status.words))


def _start(session: Session, name: str) -> None:
    session.jobs.start(_slot(name), [trial_of_model(name)], title=f"test of {name}", fresh=True)


def _watch(session: Session, name: str) -> None:
    job = _job(session, name)
    if job is None or not job.running:
        st.rerun()
        return  # unreachable, but a type checker does not know
    (snapshot,) = job.snapshots()
    detail = f", {snapshot.phase.detail}" if snapshot.phase and snapshot.phase.detail else ""
    small(f"Asking it one short question: {snapshot.state}{detail}, {snapshot.seconds:.1f} s")


def _job(session: Session, name: str) -> Job | None:
    return session.jobs.last_in_slot(_slot(name))


def _slot(name: str) -> str:
    return f"test of {name}"


def _not_sent(status: ModelStatus, job: Job | None) -> Result | None:
    """The result of the test if the model was not asked: the gate refused it, or the entry cannot work. None if it was,
    or if it was asked since."""
    answered = None if job is None else job.snapshots()[0].result
    if answered is None or not answered.error or (status.last is not None and status.last.at >= answered.created):
        return None
    kind = getattr(errors, answered.error_kind, errors.PromptlabError)
    return None if issubclass(kind, errors.BackendError) else answered


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
