"""One experiment: its answer in a sentence, the picture, its table, the cases that changed, and its files."""

from __future__ import annotations

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.experiments import (
    Experiment,
    Outcome,
    Planned,
    label_of,
    left_out_lines,
    luck_lines,
    origin_notes,
    plan_experiment,
)
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import escape, note, plain, small
from promptlab.ui.experiments import downloads, effect_table, lead, picture, plan, progress
from promptlab.ui.experiments.wording import question_of, short
from promptlab.ui.state.session import Session

SHOWN_LEFT_OUT = 4
"""Lines about cases that are left out which the page shows without a fold."""


def draw(session: Session, experiment: Experiment) -> None:
    """Draw an experiment: as it is being asked, what came of it, or its plan if it was not asked yet."""
    st.button(
        "All experiments", icon=":material/arrow_back:", type="tertiary", key="experiments-all", on_click=links.address
    )
    _head(session, experiment)
    job = session.experiments.jobs.get(experiment.path)
    if job and job.running:
        progress.draw(session, experiment, job)
        return
    if job and job.error:
        note("bad", "It could not be asked to its end", job.error.message, job.error.hint)
    try:
        planned = plan_experiment(session.workspace, experiment)
    except PromptlabError as exc:
        note("bad", "This experiment cannot be asked now", exc.message, exc.hint)
        return
    if not session.experiments.was_asked(experiment.path):
        _not_asked(session, planned)
        return
    with st.spinner("Reading the answers", show_time=False):
        outcome = session.experiments.outcome(planned, catalogue=session.catalogue, store=session.store)
    _result(session, outcome)


def _head(session: Session, experiment: Experiment) -> None:
    st.subheader(plain(experiment.name), anchor=False)
    facts = [
        question_of(experiment, session.workspace),
        f"template {short(experiment.template)}",
        f"cases of {short(experiment.cases)}" + (f", {experiment.limit} of them" if experiment.limit else ""),
        f"models: {', '.join(experiment.models)}",
    ]
    st.html(f'<div class="pl-small pl-break">{escape(" · ".join(facts))}</div>')
    if experiment.description:
        small(experiment.description)


def _not_asked(session: Session, planned: Planned) -> None:
    note("info", "Not asked yet", "This is what it would take. Nothing is asked before you press Start.")
    try:
        with st.spinner("Rendering every prompt and counting tokens"):
            takes = session.experiments.takes(planned, catalogue=session.catalogue, store=session.store)
    except PromptlabError as exc:
        note("bad", exc.message, exc.hint)
        return
    plan.show(planned, takes)
    plan.start(session, planned, max_cost=None)


def _result(session: Session, outcome: Outcome) -> None:
    experiment = outcome.planned.experiment
    if outcome.state != "finished":
        note(
            "warn",
            f"Not finished: {outcome.stopped or 'some answers are missing'}",
            "What was answered is kept. Continue asks only the rest.",
        )
        st.button(
            "Continue",
            icon=":material/play_arrow:",
            type="primary",
            key="experiment-continue",
            on_click=plan.go_on,
            args=(session, experiment),
        )
    show(session, outcome)


def show(session: Session, outcome: Outcome) -> None:
    """The sentence, the picture, the effects with the cases that they changed, the scores, notes and files."""
    lead.draw(outcome)
    drawn = picture.pictures(session, outcome)
    picture.first(outcome, drawn)
    effect_table.draw(outcome)
    picture.others(outcome, drawn)
    if not any(one.name in ("arms", "params") for one in drawn):  # their numbers are these scores
        effect_table.scores(outcome)
    effect_table.repeats(outcome)
    notes = origin_notes(outcome, picture.facts_of(session, outcome))
    for line in (*luck_lines(outcome), *outcome.notes, *notes):
        small(line)
    _left_out(outcome)
    if outcome.state == "finished" and outcome.stopped:
        small(f"Not all cases were asked: {outcome.stopped}.")
    downloads.draw(session, outcome)
    facts = []
    if asked := session.experiments.was_asked(outcome.planned.experiment.path):
        facts.append(f"Asked {widgets.clock(asked)}.")
    if (label := label_of(outcome)) != "public":
        facts.append(f"The prompts and answers are {label}.")
    if facts:
        small(" ".join(facts))


def _left_out(outcome: Outcome) -> None:
    """What the effects leave out; a long list in a fold whose title has the number."""
    lines = list(left_out_lines(outcome))
    if len(lines) <= SHOWN_LEFT_OUT:
        for line in lines:
            small(line)
        return
    with st.expander(f"{len(lines)} effects leave out cases", key="experiment-left-out", type="compact"):
        for line in lines:
            small(line)
