"""The settings of a suite: description, models, repeats, scorers and thresholds, with the diff they make."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from promptlab import suites
from promptlab.errors import InputError, PromptlabError
from promptlab.suites import Suite
from promptlab.ui.components.widgets import note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites import change, scorer_fields


def draw(session: Session, suite: Suite, *, busy: bool) -> None:
    """Draw the fields, and below them the change that they make."""
    given = suites.suite_settings(session.workspace, suite.path)
    turn = st.session_state.setdefault("suite-settings-turn", 0)
    key = f"settings-{suite.name}-{turn}"
    small(f"Template: {given.template or 'messages in the file'}. Variants, parameters and own messages: in the file.")
    description = st.text_input("Description", given.description, key=f"{key}-description")
    names = list(dict.fromkeys([*given.models, *session.catalogue.names()]))
    models = st.pills(
        "Models", names, selection_mode="multi", default=list(given.models), format_func=plain, key=f"{key}-models"
    )
    repeats = st.number_input("Answers to each case", 1, 1000, given.repeats, key=f"{key}-repeats", width=180)
    scorers = scorer_fields.scorer_fields(key, given.scorers)
    variants = [variant.name for variant in suite.variants if variant.name]
    thresholds = scorer_fields.threshold_fields(key, given.thresholds, models or (), variants)
    st.divider()
    if not models:
        note("bad", "Choose at least one model")
        return
    if scorers is None or thresholds is None:
        small("The change is shown once every field above is right.")
        return
    settings = replace(
        given,
        description=description.strip(),
        models=tuple(name for name in names if name in models),
        repeats=int(repeats),
        scorers=scorers,
        thresholds=thresholds,
    )
    try:
        plan = suites.plan_settings(session.workspace, suite.path, settings)
    except PromptlabError as exc:
        problem(exc)
        return
    if busy:
        note("info", "The suite is running", "Its file can be written when the run has ended.")
    change.draw(session, plan, key=key, label="Write the file", after=lambda: _written(key))


def _written(key: str) -> None:
    scorer_fields.forget(key)
    st.session_state["suite-settings-turn"] += 1


def problem(exc: PromptlabError) -> None:
    """Say what is wrong with the fields as they are filled in, and where."""
    where = f" ({exc.field.replace('.', ' ')})" if isinstance(exc, InputError) and exc.field else ""
    what = exc.what if isinstance(exc, InputError) else exc.message
    note("bad", f"The suite could not be read like this{where}", what, exc.hint)
