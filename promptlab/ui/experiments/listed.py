"""The list of experiments: the question of each, its template and models, and its answer, read from stored answers."""

from __future__ import annotations

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.experiments import Experiment, every_kind, experiment_paths, headline, load_experiment, plan_experiment
from promptlab.types import sha256
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import chip, escape, markup, note, plain
from promptlab.ui.experiments.wording import question, question_of, short
from promptlab.ui.state.session import Session


def draw(session: Session) -> None:
    """Draw the list, with New experiment."""
    paths = experiment_paths(session.workspace)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Experiments", anchor=False, width="content")
        st.button(
            "New experiment",
            icon=":material/add:",
            type="primary",
            key="experiment-new",
            on_click=links.address,
            kwargs={"new": "1"},
        )
    if not paths:
        _nothing_yet(session)
    for path in paths:
        _line(session, path)


def _nothing_yet(session: Session) -> None:
    note(
        "info",
        "There is no experiment yet",
        "An experiment asks the same cases in several ways, and says what the difference does, with an interval.",
        "Choose a question below, or press Measure this on a template in the workbench.",
    )
    with st.container(key="experiment-questions", gap=None):
        for kind in every_kind(session.workspace):
            st.button(
                plain(question(kind)),
                type="tertiary",
                icon=":material/chevron_right:",
                key=f"experiment-ask-{kind.name}",
                on_click=links.address,
                kwargs={"new": "1", "kind": kind.name},
            )


def _line(session: Session, path: str) -> None:
    key = sha256(path)[:12]
    with st.container(
        horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"experiment-row-{key}"
    ):
        try:
            experiment = load_experiment(session.workspace, path)
        except PromptlabError as exc:
            state, facts, answer = chip("cannot be read", "bad"), "", exc.message
        else:
            facts = f"{short(experiment.template)} · {', '.join(experiment.models)}"
            state, answer = _answer(session, experiment)
        title = question_of(experiment, session.workspace) if facts else ""
        markup(
            f'<div class="pl-experiment"><span class="pl-break"><b>{escape(short(path))}</b> '
            f'<span class="pl-small">{escape(title)}</span></span>'
            f'<span class="pl-muted pl-break">{escape(facts)}</span><span>{state}</span>'
            f'<span class="pl-num pl-break">{escape(answer)}</span></div>'
        )
        st.button(
            "Open",
            key=f"open-experiment-{key}",
            type="tertiary",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=links.address,
            kwargs={"experiment": path},
        )


def _answer(session: Session, experiment: Experiment) -> tuple[str, str]:
    """The state of an experiment as a chip, and what came of it in words. Nothing is asked."""
    job = session.experiments.jobs.get(experiment.path)
    if job and job.running:
        now = job.snapshot()
        return chip("asking", "info"), f"{now.done:,} of {now.total:,} answers" if now.total else "preparing"
    created = session.experiments.was_asked(experiment.path)
    if not created:
        return chip("not asked yet", "warn"), experiment.description
    try:
        with st.spinner(f"Reading the answers of {plain(experiment.name)}", show_time=False):
            planned = plan_experiment(session.workspace, experiment)
            outcome = session.experiments.outcome(planned, catalogue=session.catalogue, store=session.store)
    except PromptlabError as exc:
        return chip("cannot be read", "bad"), exc.message
    state = chip(widgets.clock(created), "good" if outcome.state == "finished" else "warn")
    return state, headline(outcome) or "No two ways to ask are compared: the page has the scores."
