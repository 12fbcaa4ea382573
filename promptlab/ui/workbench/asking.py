"""What Run asks: the question, the columns, how many answers, and the buttons, in one compact block."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from promptlab import runs
from promptlab.errors import PromptlabError
from promptlab.templates import InputSpec
from promptlab.ui.components import shortcuts
from promptlab.ui.components.bound_fields import Field, Fields
from promptlab.ui.components.widgets import note, plain
from promptlab.ui.state.jobs import Job
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import columns, several_inputs
from promptlab.ui.workbench import request as bench
from promptlab.ui.workbench.request import Bench

LATEST = 30.0  # seconds after which a press on Run no longer counts, if the page was left before it was drawn
_WANTED = "run-wanted"
_REFUSED = "run-refused"


def fields(session: Session, opened: Opened) -> list[Field]:
    """The fields of this block."""
    ready = [status.name for status in session.statuses if status.ready]
    return [*columns.fields(opened.draft, ready), *several_inputs.fields(opened.draft)]


def draw(session: Session, now: Bench, fields: Fields, job: Job | None) -> None:
    """The inputs, the columns, the number of answers, and Run."""
    with st.container(key="bench-ask", gap="small"):
        _inputs(session, now, fields)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="bench-columns"):
            columns.draw(session, now, fields)
            columns.more(session, now, fields)
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom", gap="small", key="bench-go"
        ):
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small", width="content"):
                st.number_input(
                    "Answers",
                    1,
                    runs.MOST_DRAWS,
                    step=1,
                    width=115,
                    help="How often each column is asked. Several answers are shown as a spread: how often each came.",
                    **fields.bind("repeats"),
                )
                if now.template.inputs:
                    st.toggle("Several inputs", **fields.bind("several"))
            _run_and_stop(now, job)
        columns.problems(now)
        refused = st.session_state.get(_REFUSED)
        if refused and refused[0] == _state(now):  # any change may have mended it
            note("bad", "Not asked", *refused[1])


def _inputs(session: Session, now: Bench, fields: Fields) -> None:
    given_by_rows: set[str] = set()
    if not now.draft.several:
        several_inputs.absent(fields)
    else:
        several_inputs.draw(session, now.opened, now.rows or (), now.rows_problem, fields)
        rows = now.rows or ()
        given_by_rows = set(now.template.inputs) if now.draft.rows_suite or len(now.template.inputs) == 1 else set()
        # An input that has another value in another row is given by the rows.
        for name in now.template.inputs:
            if len({repr(row.given.values.get(name)) for row in rows}) > 1:
                given_by_rows.add(name)
    for name, spec in now.template.inputs.items():
        if name not in given_by_rows:
            _input(name, spec, fields)


def _input(name: str, spec: InputSpec, fields: Fields) -> None:
    label = plain(name.replace("_", " ").capitalize())
    options: dict[str, Any] = {"help": plain(spec.description) or None, **fields.bind(f"input-{name}")}
    if spec.type == "boolean":
        st.toggle(label, **options)
    elif spec.type == "number":
        st.number_input(label, value=None, **options)
    else:
        st.text_area(label, height="content", **options)


def _want_run(path: str) -> None:
    """Remember that Run was pressed. Streamlit passes a press to one run of the page only, and that run may be stopped
    before it starts the models, because another widget changed meanwhile."""
    st.session_state[_WANTED] = (path, time.monotonic())


def is_run_wanted(path: str) -> bool:
    """True once after Run was pressed for the template at `path`."""
    wanted, pressed = st.session_state.pop(_WANTED, ("", 0.0))
    return bool(wanted == path) and time.monotonic() - float(pressed) < LATEST


def _state(now: Bench) -> tuple[str, int]:
    return now.file.path, now.draft.revision


def start(session: Session, now: Bench) -> None:
    """Ask what the page shows, unless its answers are being written already."""
    st.session_state.pop(_REFUSED, None)
    if now.problem is not None and now.blocked:
        st.toast(f"Not sent: {plain(str(now.problem.args[0]))}", icon=":material/error:")
    if now.blocked or not now.asked or session.jobs.in_slot(now.file.path) is not None:
        return
    try:
        trials = now.trials()
    except PromptlabError as exc:
        st.session_state[_REFUSED] = (_state(now), (str(exc.args[0]), exc.hint))
        return
    if trials:
        title = bench.title_of(session, trials)
        session.jobs.start(now.file.path, trials, title=title, fresh=now.draft.fresh)


def _run_and_stop(now: Bench, job: Job | None) -> None:
    can_run = bool(now.asked) and not now.blocked and now.trial is not None and job is None
    # Both buttons are always drawn: if Stop took the place of Run, a double click on Run would stop it.
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.button(
            "Run",
            type="primary",
            icon=":material/play_arrow:",
            key="run",
            disabled=not can_run,
            shortcut=shortcuts.RUN.keys,
            on_click=_want_run,
            args=(now.file.path,),
        )
        st.button(
            "Stop",
            icon=":material/stop:",
            key="stop",
            disabled=job is None or job.stopped,
            on_click=job.stop if job else None,
        )


__all__ = ["draw", "fields", "is_run_wanted", "start"]
