"""A new adapter: what is trained on what, its plan, and Start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from promptlab import templates
from promptlab.errors import PromptlabError
from promptlab.finetune import RATINGS, SUITE, Recipe, Tuning, TuningChoices, find_training, tuning_choices
from promptlab.templates import Template
from promptlab.types import sha256
from promptlab.ui.components import links
from promptlab.ui.components.widgets import note, option, small
from promptlab.ui.experiments.wording import short
from promptlab.ui.finetune import plan, recipe_fields
from promptlab.ui.finetune.wording import data_words
from promptlab.ui.state.session import Session

POOL, SUITES, RATED = "A pool of examples", "A suite", "Rated answers"


def draw(session: Session) -> None:
    """Draw the form; below it the plan of what is filled in."""
    st.subheader("New adapter", anchor=False)
    paths = templates.template_paths(session.workspace)
    if not paths:
        note("info", "There is no template yet", "An adapter is trained on the prompts of a template: make one first.")
        links.to("templates", "Make a template", icon=":material/edit_note:")
        return
    choices = tuning_choices(session.workspace)
    if not choices.bases:
        note(
            "info",
            "There is no local model to train",
            "An adapter is trained for a model whose file is on this machine. Add one on the page Models.",
        )
        links.to("models", "Models", icon=":material/memory:")
        return
    tuning = _tuning(session, choices, paths)
    if tuning is not None:
        st.divider()
        plan.draw(session, tuning)


def _before(session: Session) -> Tuning | None:
    """The settings of the training that the address names, to begin with."""
    known = find_training(session.workspace, st.query_params.get("again", ""))
    return known.state.tuning if known is not None and known.state is not None else None


def _tuning(session: Session, choices: TuningChoices, paths: Sequence[str]) -> Tuning | None:
    """The form. None while something is missing in it."""
    before = _before(session)
    key = f"training-{sha256(before.model)[:8]}" if before else "training"
    wanted = before.template if before else st.query_params.get("template", "")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        path: str = st.selectbox(
            "Template",
            paths,
            index=paths.index(wanted) if wanted in paths else 0,
            format_func=lambda each: option(short(each)),
            key=f"{key}-template",
            width=280,
        )
        base = _base(choices, before, key)
    _draft_note(session, path)
    data = _data(session, choices, path, before, key)
    if data is None:
        return None
    suites = _suites(choices, path, data, before, key)
    name = st.text_input(
        "Name of the new model",
        value=before.name if before else "",
        key=f"{key}-name",
        placeholder=Tuning(path, data, base).model,
        help="It is entered in promptlab.yaml, and the adapter is models/adapters/NAME.gguf.",
        width=320,
    ).strip()
    with st.expander("More choices: rank, rate, passes, batch, held-out share, seed, rows", key="training-more"):
        recipe = recipe_fields.draw(before.recipe if before else Recipe(), key)
        rows = _rows_choices(session, path, before, key)
    chosen: dict[str, Any] = {"template": path, "data": data, "base": base, "name": name, "suites": tuple(suites)}
    # What has no field, such as the overlap, stays as it was.
    return replace(before or Tuning(path, data, base), **chosen, **rows, recipe=recipe)


def _base(choices: TuningChoices, before: Tuning | None, key: str) -> str:
    wanted = before.base if before else st.query_params.get("base", "")
    others = "; ".join(f"{name} {why}" for name, why in choices.not_bases.items())
    base: str = st.selectbox(
        "Base model",
        choices.bases,
        index=choices.bases.index(wanted) if wanted in choices.bases else 0,
        format_func=option,
        key=f"{key}-base",
        help=f"Models of this machine without an adapter. Not offered: {others}." if others else None,
        width=280,
    )
    return base


def _draft_note(session: Session, path: str) -> None:
    """Say that the draft of this tab is not what is trained on."""
    if session.drafts.load(path).changes:
        note(
            "warn",
            "The draft of this template is not saved",
            "An adapter is trained on the template as it is in its file. Save the draft to train on it.",
        )
        links.to("workbench", "Open it in the workbench to save it", icon=":material/save:", template=path)


def _data(session: Session, choices: TuningChoices, path: str, before: Tuning | None, key: str) -> str | None:
    """Where the rows come from: the path of a pool, `suite:` and a path, or `ratings`."""
    source = before.data if before else ""
    kinds = [POOL, SUITES, RATED]
    usual = SUITES if source.startswith(SUITE) else RATED if source == RATINGS else POOL
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        kind = st.radio(
            "Train on", kinds, index=kinds.index(usual), horizontal=True, key=f"{key}-source", width="content"
        )
        if kind == RATED:
            small("Answers of this template that people called good, and the corrections that they wrote.")
            return RATINGS
        if kind == POOL:
            own = _own_pool(session, path)
            offered = sorted(choices.pools, key=lambda pool: (pool != source, pool != own, pool))
        else:
            offered = [
                f"{SUITE}{suite}" for suite in sorted(choices.suites, key=lambda one: choices.suites[one] != path)
            ]
            offered.sort(key=lambda each: each != source)
        if not offered:
            what = "pool of examples" if kind == POOL else "suite"
            small(f"There is no {what} yet.")
            return None
        data: str = st.selectbox(
            "Pool" if kind == POOL else "Suite",
            offered,
            format_func=lambda each: option(data_words(each).removeprefix("pool ").removeprefix("suite ")),
            key=f"{key}-{'pool' if kind == POOL else 'suite'}-{sha256(path)[:8]}",
            width=320,
        )
    return data


def _own_pool(session: Session, path: str) -> str:
    template = _template(session, path)
    return template.examples.pool if template and template.examples else ""


def _template(session: Session, path: str) -> Template | None:
    try:
        return templates.load(session.workspace, path)
    except PromptlabError:  # the plan says what is wrong with the template
        return None


def _suites(choices: TuningChoices, path: str, data: str, before: Tuning | None, key: str) -> list[str]:
    """The suites whose cases are kept out of the training."""
    source = data.removeprefix(SUITE)
    offered = [suite for suite in choices.suites if suite != source]
    own = [suite for suite in choices.suites_of(path) if suite != source]
    usual = [suite for suite in before.suites if suite in offered] if before and before.suites else own
    chosen: list[str] = st.multiselect(
        "Never train on the cases of",
        offered,
        default=usual,
        format_func=lambda suite: option(short(suite)),
        key=f"{key}-suites-{sha256(f'{path} {data}')[:8]}",
        help="Rows that are the same as one of these cases, or nearly the same, are left out. Else the score of the "
        "suite would say nothing about the adapter.",
        placeholder="Every suite of this template" if own else "There is no other suite",
        width=620,
    )
    for suite, why in choices.broken.items():
        note("warn", f"{suite} cannot be read, so its cases are not kept out", why)
    if own and not chosen:
        small(f"None is chosen, so all of this template are kept out: {', '.join(map(short, own))}.")
    return chosen


def _rows_choices(session: Session, path: str, before: Tuning | None, key: str) -> dict[str, Any]:
    """Which rows are taken and kept together, and whether their prompts have the template's examples."""
    tag = st.text_input(
        "Only rows with this tag", value=before.tag if before else "", key=f"{key}-tag", width=220
    ).strip()
    template, usual = _template(session, path), before.group if before else ""
    inputs = list(dict.fromkeys(["", *(template.inputs if template else ()), usual]))
    group: str = st.selectbox(
        "Keep rows together by",
        inputs,
        index=inputs.index(usual),
        format_func=lambda name: option(name) or "their text, if nearly the same",
        key=f"{key}-group-{sha256(path)[:8]}",
        help="Rows with the same value of this input, such as those of one customer, are all trained on or all held "
        "out, and none is trained on if a test case has the value.",
        width=320,
    )
    shots = st.checkbox(
        "Keep the template's examples in the prompt",
        value=before.shots if before else False,
        key=f"{key}-shots",
        help="Usually they are left out: the adapter takes their place, and prompts get shorter.",
    )
    return {"tag": tag, "group": group, "shots": bool(shots)}


__all__ = ["draw"]
