"""A new experiment: the question, what it is asked of, its plan, and Start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from promptlab import scorers, templates
from promptlab.errors import PromptlabError
from promptlab.experiments import (
    MEASURED_CASES,
    CaseSource,
    Experiment,
    Kind,
    Material,
    case_sources,
    changed_options,
    every_kind,
    measured_models,
    measured_options,
    own_kinds,
    with_free_name,
)
from promptlab.types import sha256
from promptlab.ui.components import links
from promptlab.ui.components.widgets import note, option, plain, small
from promptlab.ui.experiments import fields, paraphrase, plan
from promptlab.ui.experiments.wording import about, question, short
from promptlab.ui.state.session import Session

DEFAULT_SCORER = "contains"


@dataclass(frozen=True)
class _More:
    """What the fold has: numbers that are usually left as they are."""

    limit: int | None
    repeats: int
    looks: int
    screen: int | None
    margin: float
    seed: int
    max_cost: float | None


def draw(session: Session) -> None:
    """Draw the form; below it the plan of what is filled in."""
    paths = templates.template_paths(session.workspace)
    st.subheader("New experiment", anchor=False)
    if not paths:
        note("info", "There is no template yet", "An experiment asks the questions of a template: make one first.")
        links.to("templates", "Make a template", icon=":material/edit_note:")
        return
    with st.container(key="experiment-new"):
        left, right = st.columns([2, 5], gap="large")
        with left:
            kind = _question(session)
        with right:
            _rest(session, kind, paths)


def _question(session: Session) -> Kind:
    kinds = {kind.name: kind for kind in every_kind(session.workspace)}
    asked = st.query_params.get("kind", "")
    names = list(kinds)
    with st.container(key="experiment-question"):
        chosen: str = st.radio(
            "What do you want to know?",
            names,
            index=names.index(asked) if asked in names else 0,
            format_func=lambda name: plain(question(kinds[name])),
            key=f"experiment-kind-{asked}",
        )
        for path, problem in own_kinds(session.workspace).problems.items():
            note("warn", f"A kind of your own is not offered: {plain(path)}", problem.message, problem.hint)
    return kinds[chosen]


def _rest(session: Session, kind: Kind, paths: Sequence[str]) -> None:
    small(about(kind))
    asked = st.query_params.get("template", "")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        path = st.selectbox(
            "Template",
            paths,
            index=paths.index(asked) if asked in paths else 0,
            format_func=lambda path: option(short(path)),
            key=f"experiment-template-{asked}",
            width=260,
        )
        sources = case_sources(session.workspace, path)
        source = _cases(sources, path)
    template = templates.load(session.workspace, path)
    _draft_note(session, path)
    if source is None or not any(source.template == path for source in sources):
        _no_cases(path)
    if source is None:
        return
    asked_models = [st.query_params.get(name, "") for name in ("base", "tuned")]
    models = _models(session, asked_models)
    key = f"experiment-{kind.name}-{sha256(path)[:8]}"
    sections = Material(session.workspace, template, (), ()).sections
    given = measured_options(kind.name, template)
    if kind.name == "finetune" and all(name in models for name in asked_models):  # the page Fine-tuning links here
        given |= dict(zip(("base", "tuned"), asked_models, strict=True))
        key = f"{key}-{sha256(' '.join(asked_models))[:8]}"
    if kind.name == "wording" and template.instructions.strip() and models:
        paraphrase.draw(session, template, f"{key}-instead", [one.name for one in session.statuses if one.ready])
    usual = fields.draw(session, kind, key, given, sections, rare=False)
    with st.expander("More choices: number of cases, repeats, early looks, screening", key="experiment-more"):
        more = _more(key, source)
        scorer = _scorer(key, source)
        rest = fields.draw(session, kind, key, given, sections, rare=True)
    if usual is None or rest is None or not models:
        return
    options = changed_options(kind, {**usual, **rest})
    experiment = _experiment(kind.name, path, source, models, options, more, scorer)
    _plan(session, experiment, key, more)


def _cases(sources: Sequence[CaseSource], path: str) -> CaseSource | None:
    if not sources:
        return None
    chosen: CaseSource = st.selectbox(
        "Cases with right answers",
        sources,
        format_func=lambda source: option(source.words),
        key=f"experiment-cases-{sha256(path)[:8]}",
        width=320,
    )
    return chosen


def _no_cases(path: str) -> None:
    note(
        "warn",
        "This template has no suite of its own yet",
        "An experiment needs questions with right answers. Make a suite for it: from a CSV file, or case by case.",
    )
    links.to("suites", "Make a suite", icon=":material/fact_check:", new="1", template=path)


def _draft_note(session: Session, path: str) -> None:
    """Say that the draft of this tab is not what is measured."""
    if session.drafts.load(path).changes:
        note(
            "warn",
            "The draft of this template is not saved",
            "An experiment measures the template as it is in its file. Save the draft to git to measure it.",
        )
        links.to("workbench", "Open it in the workbench to save it", icon=":material/save:", template=path)


def _models(session: Session, asked: Sequence[str]) -> list[str]:
    """The models that are ready; chosen are those that the address asks for, else those of this machine, which cost
    nothing."""
    ready = [status.name for status in session.statuses if status.ready]
    if not ready:
        note("bad", "No model is ready", "The page Models shows what each model needs.")
        links.to("models", "Models", icon=":material/memory:")
        return []
    chosen = st.pills(
        "Models",
        ready,
        selection_mode="multi",
        default=[name for name in ready if name in asked] or list(measured_models(session.statuses)),
        format_func=plain,
        key=f"experiment-models{'-'.join(filter(None, ('', *asked)))}",
    )
    if unready := [status.name for status in session.statuses if not status.ready]:
        small(f"Not ready: {', '.join(unready)}. The page Models says why.")
    if not chosen:
        small("Choose at least one model.")
    return [name for name in ready if name in (chosen or ())]


def _more(key: str, source: CaseSource) -> _More:
    count = source.count
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        limit = st.number_input(
            "At most so many cases",
            min_value=2,
            value=MEASURED_CASES if count and count > MEASURED_CASES else None,
            step=10,
            key=f"{key}-limit-{sha256(source.path)[:8]}",
            help="Drawn by the seed. All cases, if it is empty.",
            width=190,
        )
        repeats = st.number_input(
            "Answers to each case", min_value=1, max_value=1000, value=1, key=f"{key}-repeats", width=190
        )
        margin = st.number_input(
            "Counts as no difference (points)",
            min_value=0.1,
            max_value=99.0,
            value=5.0,
            step=1.0,
            key=f"{key}-margin",
            help="An effect smaller than this is called no difference.",
            width=230,
        )
    looks, screen, cost, seed = _rarer(key)
    return _More(int(limit) if limit else None, int(repeats), looks, screen, round(margin / 100, 4), seed, cost)


def _rarer(key: str) -> tuple[int, int | None, float | None, int]:
    """Looks, screening, the limit of cost and the seed."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        looks = st.number_input(
            "Looks at the numbers",
            min_value=1,
            max_value=20,
            value=1,
            key=f"{key}-looks",
            help="With more than one it may stop early, at one of so many planned looks, with the same error rate.",
            width=190,
        )
        screen = st.number_input(
            "Screen on so many cases",
            min_value=2,
            value=None,
            key=f"{key}-screen",
            help="Many ways are asked on these cases first; only the largest effects are confirmed on fresh cases.",
            width=190,
        )
        cost = st.number_input(
            "Maximum cost (US dollars)", min_value=0.0, value=None, step=0.5, key=f"{key}-cost", width=230
        )
        seed = st.number_input(
            "Seed", min_value=0, value=0, key=f"{key}-seed", help="Decides all that is drawn by chance.", width=120
        )
    return int(looks), int(screen) if screen else None, cost, int(seed)


def _scorer(key: str, source: CaseSource) -> str | None:
    """How answers are judged, where the cases do not say it."""
    if source.scored:
        return None
    names = list(scorers.scorer_names())
    chosen: str = st.selectbox(
        "How an answer is judged",
        names,
        index=names.index(DEFAULT_SCORER) if DEFAULT_SCORER in names else 0,
        key=f"{key}-scorer",
        help="The cases do not say it themselves.",
        width=260,
    )
    return chosen


def _experiment(
    kind: str,
    path: str,
    source: CaseSource,
    models: Sequence[str],
    options: dict[str, Any],
    more: _More,
    scorer: str | None,
) -> Experiment:
    limit = None if more.limit is None or (source.count and more.limit >= source.count) else more.limit
    return Experiment(
        "",
        kind,
        path,
        source.path,
        tuple(models),
        options=options,
        scorers=(scorer,) if scorer else None,
        repeats=more.repeats,
        limit=limit,
        margin=more.margin,
        screen=more.screen,
        looks=more.looks,
        seed=more.seed,
    )


def _plan(session: Session, experiment: Experiment, key: str, more: _More) -> None:
    st.divider()
    try:
        suggested = with_free_name(session.workspace, experiment)
    except PromptlabError as exc:
        note("bad", exc.message, exc.hint)
        return
    name = st.text_input(
        "Name",
        key=f"{key}-name",
        placeholder=suggested.name,
        help="The experiment is written to experiments/NAME.yaml, for git.",
        width=320,
    ).strip()
    plan.draw(session, plan.renamed(suggested, name), max_cost=more.max_cost)
