"""The plan of an experiment: what would be asked, what it takes, what it can show; and Start."""

from __future__ import annotations

import re
from dataclasses import replace

import streamlit as st

from promptlab.errors import ExperimentError, PromptlabError
from promptlab.experiments import (
    ASK_ABOVE,
    Experiment,
    Planned,
    Takes,
    plan_experiment,
    save_experiment,
    smallest_effect_words,
)
from promptlab.ui.components import links
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites import start as suite_start

_ERROR = "experiment-start-error"
SHOWN_WAYS, SHOWN_WARNINGS = 40, 6


def renamed(experiment: Experiment, name: str) -> Experiment:
    """`experiment` with the name that a person gave; its own if that is empty."""
    return replace(experiment, name=name) if name else experiment


def draw(session: Session, experiment: Experiment, *, max_cost: float | None) -> None:
    """Draw the plan and Start; or say why this cannot be asked."""
    if not re.fullmatch(r"[\w][\w. -]*", experiment.name):
        note("bad", "This cannot be the name of a file", "Use letters, digits, `-`, `_` and `.`.")
        return
    try:
        planned = plan_experiment(session.workspace, experiment)
        with st.spinner("Rendering every prompt and counting tokens"):
            takes = session.experiments.takes(planned, catalogue=session.catalogue, store=session.store)
    except PromptlabError as exc:
        what = exc.what if isinstance(exc, ExperimentError) else exc.message
        note("warn", "This question does not fit what is chosen", what, exc.hint)
        return
    show(planned, takes)
    start(session, planned, max_cost=max_cost)


def show(planned: Planned, takes: Takes) -> None:
    """What would be asked, what it takes at most, what will not be sent, and the smallest effect that it can show."""
    experiment = planned.experiment
    cases, ways, models = len(planned.material.cases), len(planned.design.arms), len(experiment.models)
    counts = [_count(cases, "case"), f"{_count(ways, 'way')} to ask", _count(models, "model")]
    counts += [f"{experiment.repeats} answers each"] if experiment.repeats > 1 else []
    markup(
        f'<div><span class="pl-count pl-num">{planned.trials:,} answers</span> '
        f'<span class="pl-small pl-num">{escape(" × ".join(counts))}</span></div>'
    )
    if takes.warnings:
        more = len(takes.warnings) - SHOWN_WARNINGS
        rest = [f"… and {more} more of this kind."] if more > 0 else []
        note("warn", "Before you start", *takes.warnings[:SHOWN_WARNINGS], *rest)
    suite_start.show_estimate(takes.estimate, read=takes.read)
    _sharing(takes)
    small(smallest_effect_words(planned))
    for line in planned.design.notes:
        small(line)
    with st.expander(f"The {_count(ways, 'way')} to ask, and what is compared", key="experiment-ways", type="compact"):
        markup(_ways(planned))


def _sharing(takes: Takes) -> None:
    """What it means that fewer tokens are read than the prompts have."""
    counted = [one for one in takes.estimate.models if one.model in takes.read and one.role == "answer"]
    if any(takes.read[one.model] < one.prompt for one in counted):
        small("Prompts share their beginnings; a model on this machine reads a shared beginning once.")


def _ways(planned: Planned) -> str:
    arms = planned.design.arms
    items = "".join(f"<li>{escape(arm.name or 'as written')}</li>" for arm in arms[:SHOWN_WAYS])
    more = f"<li>and {len(arms) - SHOWN_WAYS} more</li>" if len(arms) > SHOWN_WAYS else ""
    contrasts = "".join(
        f"<li>{escape(contrast.what)}{' (named as primary)' if contrast.primary else ''}</li>"
        for contrast in planned.design.contrasts[:SHOWN_WAYS]
    )
    compared = f'<div class="pl-role">Compared</div><ul class="pl-checks">{contrasts}</ul>' if contrasts else ""
    return f'<div class="pl-role">Asked</div><ul class="pl-checks">{items}{more}</ul>{compared}'


def start(session: Session, planned: Planned, *, max_cost: float | None, label: str = "Start") -> None:
    """The button that begins to ask; above many answers a person has to say so first."""
    error: PromptlabError | None = st.session_state.pop(_ERROR, None)
    if error:
        note("bad", error.message, error.hint)
    agreed = True
    if planned.trials > ASK_ABOVE:
        agreed = st.checkbox(f"Yes, ask for all {planned.trials:,} answers", key="experiment-agree")
    st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        key="experiment-start",
        disabled=not agreed,
        on_click=_start,
        args=(session, planned.experiment, max_cost),
    )


def _start(session: Session, experiment: Experiment, max_cost: float | None, again: bool = False) -> None:
    try:
        save_experiment(session.workspace, experiment)
    except PromptlabError as exc:
        st.session_state[_ERROR] = exc
        return
    go_on(session, experiment, max_cost=max_cost, again=again)
    links.address(experiment=experiment.path)


def go_on(session: Session, experiment: Experiment, *, max_cost: float | None = None, again: bool = False) -> None:
    """Ask an experiment whose file is there, or go on with it."""
    session.experiments.start(
        session.workspace,
        experiment,
        catalogue=session.catalogue,
        store=session.store,
        max_cost=max_cost,
        again=again,
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
