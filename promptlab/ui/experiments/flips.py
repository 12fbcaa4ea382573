"""The cases that an effect changed: the list with both answers; and one of them with both prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.experiments import Effect, Experiment, Observation, Outcome, flipped, plan_experiment
from promptlab.runs import text_changes
from promptlab.suites import Case
from promptlab.types import Request, sha256
from promptlab.ui.components import diff_view, links, widgets
from promptlab.ui.components.widgets import chip, escape, markup, note, plain, small
from promptlab.ui.experiments.wording import changed
from promptlab.ui.state.session import Session
from promptlab.ui.suites.wording import as_text

PAGE = 25
CLIPPED = 600


def draw(session: Session, experiment: Experiment) -> None:
    """Draw the cases that the effect in the address changed, or the one in the address."""
    st.button(
        f"Back to {plain(experiment.name)}",
        icon=":material/arrow_back:",
        type="tertiary",
        key="flips-back",
        on_click=links.address,
        kwargs={"experiment": st.query_params["experiment"]},
    )
    outcome = _outcome(session, experiment)
    wanted = (st.query_params.get("effect", ""), st.query_params.get("model", ""))
    effect = next((e for e in outcome.effects if (e.contrast.name, e.model) == wanted), None)
    if effect is None:
        note("warn", f"This experiment has no effect {wanted[0]} of {wanted[1]}", "The address may be an old one.")
        return
    rows = flipped(outcome, effect.contrast.name, effect.model)
    cases = {case.id: case for case in outcome.planned.material.cases}
    case = st.query_params.get("case", "")
    if case:
        _case(session, effect, rows, cases, case)
    else:
        _list(effect, rows, cases)


def _outcome(session: Session, experiment: Experiment) -> Outcome:
    job, work = session.experiments.jobs.get(experiment.path), session.experiments.work(experiment.path)
    if job and job.running and work:
        return work.so_far()
    planned = plan_experiment(session.workspace, experiment)
    with st.spinner("Reading the answers", show_time=False):
        return session.experiments.outcome(planned, catalogue=session.catalogue, store=session.store)


def _title(effect: Effect) -> str:
    what = effect.contrast.what
    return f"{what[:1].upper()}{what[1:]}, {effect.model}: {changed(effect)}"


def _list(effect: Effect, rows: list[dict[str, Any]], cases: Mapping[str, Case]) -> None:
    st.subheader(plain(_title(effect)), anchor=False)
    if not rows:
        small("No case changed.")
        return
    sides = " to ".join(" and ".join(names[:2]) + (" …" if len(names) > 2 else "") for names in
                        (effect.contrast.before, effect.contrast.after))  # fmt: skip
    small(f"From {sides or 'chance'}. Worse ones first. Struck out is the answer before, underlined the one after.")
    words = {"": f"all {len(rows):,}", **{w: f"{w} {n:,}" for w in ("worse", "better") if (n := _number(rows, w))}}
    only = st.segmented_control(
        "Show", list(words), default="", required=True, format_func=words.get, key="flips-only", persist_state="page"
    )
    shown = [row for row in rows if only in ("", row["change"])]
    pages = -(-len(shown) // PAGE)
    first = 0
    if pages > 1:
        first = PAGE * (int(st.number_input(f"Page of {pages}", 1, pages, key=f"flips-page-{only}", width=140)) - 1)
    with st.container(gap=None):
        for row in shown[first : first + PAGE]:
            _row(row, cases.get(row["case"]))


def _number(rows: list[dict[str, Any]], change: str) -> int:
    return sum(row["change"] == change for row in rows)


def _row(row: Mapping[str, Any], case: Case | None) -> None:
    key = sha256(row["case"])[:12]
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"flip-row-{key}"):
        kind = "bad" if row["change"] == "worse" else "good"
        expected = "" if case is None or case.expected is None else as_text(case.expected)
        inputs = "" if case is None else " · ".join(as_text(value) for value in case.inputs.values())
        changes = text_changes(row["before"].text[:CLIPPED], row["after"].text[:CLIPPED])
        markup(
            f'<div class="pl-flip"><span>{chip(row["change"], kind)}</span>'
            f'<span><span class="pl-id">{escape(row["case"])}</span>{escape(inputs[:300])}</span>'
            f'<span class="pl-muted">{escape(expected[:200])}</span>'
            f"<span>{diff_view.changes_html(changes)}</span></div>"
        )
        st.button(
            "Open",
            key=f"open-flip-{key}",
            type="tertiary",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=_open,
            args=(row["case"],),
        )


def _open(case: str) -> None:
    links.address(**{**st.query_params.to_dict(), "case": case})


# One case


def _case(session: Session, effect: Effect, rows: list[dict[str, Any]], cases: Mapping[str, Case], wanted: str) -> None:
    st.button(
        "All cases that changed",
        icon=":material/arrow_back:",
        type="tertiary",
        key="flip-back",
        on_click=links.leave,
        args=("case",),
    )
    names = [row["case"] for row in rows]
    if wanted not in names:
        note("warn", f"The case {wanted} did not change", "The address may be an old one.")
        return
    place = names.index(wanted)
    row, case = rows[place], cases.get(wanted)
    st.subheader(plain(wanted), anchor=False)
    _neighbours(names, place)
    kind = "bad" if row["change"] == "worse" else "good"
    markup(f'<div class="pl-model">{chip(row["change"], kind)}<span>{escape(_title(effect))}</span></div>')
    if case is not None:
        facts = [*((name, as_text(value)) for name, value in case.inputs.items())]
        expected = "" if case.expected is None else as_text(case.expected)
        markup(widgets.facts_table([*facts, ("expected", expected)]))
    before, after = row["before"], row["after"]
    _answers(before, after)
    _prompts(session, before, after)


def _neighbours(names: list[str], place: int) -> None:
    with st.container(horizontal=True, gap="small"):
        for label, key, step in (("Previous case", "flip-previous", -1), ("Next case", "flip-next", 1)):
            there = 0 <= place + step < len(names)
            st.button(
                label,
                type="tertiary",
                icon=f":material/chevron_{'left' if step < 0 else 'right'}:",
                icon_position="left" if step < 0 else "right",
                key=key,
                disabled=not there,
                on_click=_open,
                args=(names[place + step] if there else "",),
            )
        small(f"{place + 1} of {len(names)}")


def _answers(before: Observation, after: Observation) -> None:
    markup(
        '<div class="pl-role">From the answer before to the answer after</div><pre class="pl-prompt" tabindex="0">'
        f"{diff_view.changes_html(text_changes(before.text, after.text))}</pre>"
    )
    for column, title, one in zip(st.columns(2, gap="medium"), ("Before", "After"), (before, after), strict=True):
        with column:
            score = "not judged" if one.score is None else "pass" if one.passed else "fail"
            colour = {"pass": "good", "fail": "bad"}.get(score, "warn")
            markup(
                f'<div class="pl-model">{escape(title)}: {escape(one.arm or "as written")}{chip(score, colour)}</div>'
            )
            widgets.mono(one.text or "(empty)", key=f"flip-answer-{title.lower()}")
            if one.store_run:
                links.to("runs", "The stored run", icon=":material/history:", run=one.store_run[:12])


def _prompts(session: Session, before: Observation, after: Observation) -> None:
    st.markdown("#### The prompt")
    requests = [_request(session, one) for one in (before, after)]
    if requests[0] is None or requests[1] is None:
        small("The prompts are no longer in the history.")
        return
    changes = diff_view.prompt_html(requests[0], requests[1])
    if changes:
        small("From the prompt before to the prompt after.")
        markup(changes)
    else:
        small("The text is the same: what differs are roles, the ends of messages, parameters or the model.")
    for title, key, request in zip(("Prompt before", "Prompt after"), ("before", "after"), requests, strict=True):
        opened = st.expander(title, key=f"flip-prompt-{key}", type="compact", on_change="rerun")
        if opened.open and request is not None:
            with opened:
                markup(widgets.messages_html(request.prompt))
                small(" · ".join(f"{name} {value}" for name, value in request.body()["params"].items()))


def _request(session: Session, one: Observation) -> Request | None:
    try:
        return session.experiments.requests(session.store, one.store_run).get(one.result) if one.store_run else None
    except PromptlabError:
        return None
