"""The list of suites: what each is for, its models, whether it is recorded, and the result of its newest run."""

from __future__ import annotations

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.suites import Suite
from promptlab.types import sha256
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import chip, escape, markup, note, plain
from promptlab.ui.state.session import Session
from promptlab.ui.suites import change, matrix
from promptlab.ui.suites.wording import VERBS


def draw(session: Session) -> None:
    """Draw the list, with New suite."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Suites", anchor=False, width="content")
        st.button("New suite", icon=":material/add:", type="primary", key="suite-new", on_click=_new)
    change.undo_bar(session)
    paths = suites.suite_paths(session.workspace)
    if not paths:
        note(
            "info",
            "There is no suite yet",
            "A suite is a list of questions with the right answers, asked again whenever a prompt or a model changes.",
            "New suite makes one here, from a CSV file or case by case. Or press Keep as a test on an answer in the "
            "workbench: its question becomes the first case.",
        )
    for path in paths:
        _line(session, path)


def _line(session: Session, path: str) -> None:
    key = sha256(path)[:12]
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"suite-row-{key}"):
        try:
            suite = suites.load_suite(session.workspace, path)
        except PromptlabError as exc:
            state, models, status, about = chip("cannot be read", "bad"), "", exc.message, ""
        else:
            recorded = session.workspace.resolve(suite.recording).is_file()
            state = chip("recorded", "good") if recorded else chip("not recorded", "warn")
            models, about = ", ".join(suite.models), suite.description
            status = _last(session, suite)
        name = path.removeprefix("fixtures/suites/").removesuffix(".yaml").removesuffix(".yml")
        markup(
            f'<div class="pl-suite"><span class="pl-break"><b>{escape(name)}</b> '
            f'<span class="pl-small">{escape(about)}</span></span>'
            f'<span class="pl-muted pl-break">{escape(models)}</span><span>{state}</span>'
            f'<span class="pl-muted pl-num pl-break">{escape(status)}</span></div>'
        )
        st.button(
            "Open",
            key=f"open-suite-{key}",
            type="tertiary",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=_open,
            args=(path,),
        )


def _last(session: Session, suite: Suite) -> str:
    """One sentence: the result of the newest run of the suite."""
    job = session.suites.jobs.get(suite.path)
    if job and job.running:
        return f"{VERBS[job.verb]} is running"
    run = next((run for run in session.suites.log.runs(suite.path, limit=5) if run.done), None)
    if run is None:
        return "no run yet"
    with st.spinner(f"Reading the last run of {plain(suite.name)}", show_time=False):
        sentence = session.suites.summary(suite, run).sentence
    part = "" if run.done >= run.total else f"{run.done:,} of {run.total:,} items: "
    return f"{VERBS[run.verb]}, {widgets.clock(run.created)}: {part}{sentence}"


def _open(path: str) -> None:
    matrix.forget()
    change.forget()
    links.address(suite=path)


def _new() -> None:
    change.forget()
    links.address(new="1")
