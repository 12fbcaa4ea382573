"""The workbench: the prompt on the left, the answers on the right. Look, change one thing, run, look again."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import streamlit as st

from promptlab import templates
from promptlab.errors import TemplateError
from promptlab.runs import RunInfo
from promptlab.types import InputSpec, Result
from promptlab.ui.components import diff_view as comparison
from promptlab.ui.components import frame, links, widgets
from promptlab.ui.components.bound_fields import Fields, workbench_fields
from promptlab.ui.components.widgets import note, plain
from promptlab.ui.state.jobs import Job
from promptlab.ui.state.open_template import let_go, open_template
from promptlab.ui.state.session import Session
from promptlab.ui.templates import save as saving
from promptlab.ui.workbench import answers, editor, preview
from promptlab.ui.workbench import request as bench
from promptlab.ui.workbench.request import Bench

FIRST = "templates/world-cup.yaml"
ROWS = 10
POLL = 0.25  # seconds between two looks at a running job


def page(session: Session) -> None:
    """Draw the page; everything it starts is kept outside the browser's session."""
    head = st.container(horizontal=True, vertical_alignment="center", gap="small", key="bench-head")
    with head:
        path = _template(session)
    if path is None:
        return
    try:
        opened = open_template(session, path)
    except TemplateError as exc:
        _broken(exc)
        return
    fields = Fields(session, opened, workbench_fields(opened), page="workbench")
    now = bench.read(session, opened)
    with head:
        _state_of_draft(session, now)
        saving.button(session, path, opened.text, opened.base, on_saved=functools.partial(let_go, session, opened))
        links.to("templates", "Edit all of it", icon=":material/edit_note:", template=path)
    if opened.template.description:
        widgets.small(opened.template.description)
    with st.container(key="bench"):
        left, right = st.columns([5, 8], gap="medium")
        with left:
            editor.draw(session, now, fields)
        with right:
            # Before the buttons are drawn, so that they show it running without a second pass; after the editor, which
            # begins anew where a widget of it changed the prompt.
            if st.session_state.get("run"):
                _start(session, now)
            _ask(session, now, fields)
            if _view(fields) == "Preview":
                preview.draw(session, now)
            else:
                _rows(session, now)


def _template(session: Session) -> str | None:
    found = {*templates.names(session.workspace), *session.drafts.edited()}
    known = sorted(found, key=lambda path: (path != FIRST, path))
    if not known:
        note("warn", "There is no template yet", "The page Templates makes one: press New there.")
        return None
    asked = st.query_params.get("template")
    if "bench-template" not in st.session_state and asked in known:
        st.session_state["bench-template"] = asked
    path: str = st.selectbox(
        "Template",
        known,
        key="bench-template",
        persist_state="session",
        format_func=_name,
        width=250,
        label_visibility="collapsed",
    )
    if st.query_params.get("template") != path and (path != FIRST or asked):
        st.query_params["template"] = path
    return path


def _name(path: str) -> str:
    return path.removeprefix("templates/").removesuffix(".yaml").removesuffix(".yml")


def _broken(exc: TemplateError) -> None:
    place = f"{exc.file}, line {exc.line}" if exc.line else exc.file
    field = f", field {exc.field}" if exc.field else ""
    note(
        "bad",
        f"This template cannot be used: {place}{field}",
        exc.what,
        exc.hint,
        "Mend the file; then press Read again.",
    )
    st.button("Read again", icon=":material/refresh:", key="bench-again")


def _state_of_draft(session: Session, now: Bench) -> None:
    edits = ", ".join(templates.changes(now.file, now.template))
    if now.draft.text is None and edits:
        st.html(widgets.chip(f"draft · {edits}", "warn"), width="content")
    if now.draft.changes or now.without or now.draft.inputs:
        st.button(
            "Reset",
            icon=":material/undo:",
            type="tertiary",
            key="bench-reset",
            help="Back to the template's file: texts, parameters, switches and inputs.",
            on_click=session.drafts.reset,
            args=(now.file.path,),
        )


# Asking


def _ask(session: Session, now: Bench, fields: Fields) -> None:
    for name, spec in now.template.inputs.items():
        _input(name, spec, fields)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom", gap="small", key="bench-ask"
    ):
        if now.ready:
            fields.default("models", list(now.models))
            st.pills("Models", now.ready, selection_mode="multi", format_func=plain, **fields.bind("models"))
        _run_and_stop(session, now)


def _input(name: str, spec: InputSpec, fields: Fields) -> None:
    label = plain(name.replace("_", " ").capitalize())
    said: dict[str, Any] = {"help": plain(spec.description) or None, **fields.bind(f"input-{name}")}
    if spec.type == "boolean":
        st.toggle(label, **said)
    elif spec.type == "number":
        st.number_input(label, value=None, **said)
    else:
        st.text_area(label, height="content", **said)


def _start(session: Session, now: Bench) -> None:
    """Ask what the page shows, unless answers to it are being written."""
    trials = now.trials()
    if trials and now.problem is None and session.jobs.in_slot(now.file.path) is None:
        title = bench.title_of(session, trials)
        session.jobs.start(now.file.path, trials, title=title, fresh=now.draft.fresh)


def _run_and_stop(session: Session, now: Bench) -> None:
    job = session.jobs.in_slot(now.file.path)
    can_run = bool(now.models) and now.problem is None and job is None
    # Run and Stop keep their places: the second click of a double click on Run must not land on Stop.
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.button(
            "Run", type="primary", icon=":material/play_arrow:", key="run", disabled=not can_run, shortcut="Mod+Enter"
        )
        st.button(
            "Stop",
            icon=":material/stop:",
            key="stop",
            disabled=job is None or job.stopped,
            on_click=job.stop if job else None,
        )


# Answers


def _view(fields: Fields) -> str:
    """Draw the line above the answers. Returns what to show below it, Answers or Preview."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="bench-views"
    ):
        view: str = st.segmented_control(
            "View",
            ["Answers", "Preview"],
            default="Answers",
            required=True,
            key="bench-view",
            persist_state="session",
            label_visibility="collapsed",
        )
        st.checkbox(
            "Ask afresh",
            help="Ask the models again even where the same answer is stored.",
            **fields.bind("fresh"),
        )
    return view


def _rows(session: Session, now: Bench) -> None:
    job = session.jobs.in_slot(now.file.path)
    runs = session.store.runs(template=now.file.path, limit=ROWS + 1)
    if job:
        runs = [run for run in runs if run.id != job.run_id]
        st.fragment(frame.guarded(_live), run_every=POLL)(job, now)
    elif not runs:
        _nothing_yet(now)
    results = {run.id: _results(session, run) for run in runs[:ROWS]}
    picked = [run for run in runs[:ROWS] if st.session_state.get(_pick_key(run))]
    if len(picked) >= 2:
        after, before = picked[0], picked[1]
        close = functools.partial(_let_go, picked)
        comparison.draw(before, after, results[before.id], results[after.id], close=close)
    for number, run in enumerate(runs[:ROWS]):
        newest = number == 0 and job is None
        pick = functools.partial(_pick, run, others=len(picked) - (run in picked)) if len(runs) > 1 else None
        unready, blanks = (now.unready, 0) if newest else ([], len(now.unready))
        answers.stored_row(session, run, results[run.id], unready, blanks=blanks, beside_head=pick)
    if len(runs) > ROWS:
        widgets.small("Older answers are in Runs.")


def _results(session: Session, run: RunInfo) -> list[Result]:
    """The answers of a run: from the history, or from memory where the history could not take them."""
    job = session.jobs.get(run.id)
    if job is None or job.error is None:
        return session.results(run)
    note("bad", "These answers are not in the history", str(job.error.args[0]), job.error.hint)
    return [snapshot.result for snapshot in job.snapshots() if snapshot.result]


def _pick_key(run: RunInfo) -> str:
    return f"pick-{run.id[:12]}"


def _let_go(runs: Sequence[RunInfo]) -> None:
    for run in runs:
        st.session_state[_pick_key(run)] = False


def _pick(run: RunInfo, *, others: int) -> None:
    """Two rows can be picked; the rest wait until one of them is let go."""
    st.checkbox("Compare", key=_pick_key(run), disabled=others >= 2, persist_state="page")


def _live(job: Job, now: Bench) -> None:
    if not job.running:
        st.rerun()
    answers.live_row(job, now.unready)


def _nothing_yet(now: Bench) -> None:
    if not now.ready:
        note("warn", "No model is ready", "Nothing can be asked until one of these is:")
    else:
        names = " and ".join(now.models) if len(now.models) < 3 else f"{len(now.models)} models"
        if names:
            note(
                "info",
                "Nothing asked yet",
                f"Run, or Ctrl+Enter, sends the prompt to {names} and shows the answers here, side by side.",
                "Then change one thing and run again: new answers appear above the old, titled with what changed.",
            )
        else:
            note("info", "No model is chosen", "Choose at least one above, then press Run.")
    if now.unready:
        with st.container(key="row-unready"):
            for column, status in zip(st.columns(len(now.unready)), now.unready, strict=True):
                with column:
                    answers.unready_card(status)
