"""The page of the workbench: the prompt on the left, the answers on the right.

Change one thing, run, and compare: new answers stand above the old ones, titled with what changed.
"""

from __future__ import annotations

import functools

import streamlit as st

from promptlab import templates
from promptlab.errors import TemplateError
from promptlab.runs import RunInfo
from promptlab.types import Result
from promptlab.ui.components import elsewhere_bar, frame, links, live_text, widgets
from promptlab.ui.components.bound_fields import Fields, workbench_fields
from promptlab.ui.components.widgets import note
from promptlab.ui.first_run import page as first_run
from promptlab.ui.state import elsewhere
from promptlab.ui.state.jobs import Job
from promptlab.ui.state.open_template import end_draft, show_template
from promptlab.ui.state.session import Session
from promptlab.ui.templates import form_examples
from promptlab.ui.templates import save as saving
from promptlab.ui.workbench import (
    ahead_line,
    answers,
    asking,
    editor,
    export_answers,
    picking,
    preview,
    row_actions,
    rows,
)
from promptlab.ui.workbench import request as bench
from promptlab.ui.workbench.request import Bench
from promptlab.ui.workbench.rows import Row

FIRST = "templates/world-cup.yaml"
ROWS = 10
LINES = 5  # lines of suites
POLL = 0.25  # seconds between two updates of the row that is being written


def page(session: Session) -> None:
    """Draw the page. What it starts is kept in the session of the workspace, not in the browser's."""
    if "template" not in st.query_params and first_run.is_wanted(session):
        first_run.draw(session)
        return
    first_run.say_kept()
    head = st.container(horizontal=True, vertical_alignment="center", gap="small", key="bench-head")
    with head:
        path = _template(session)
    if path is None:
        return
    try:
        opened = show_template(session, path, page="workbench")
    except TemplateError as exc:
        _broken(exc)
        return
    bound = [*workbench_fields(opened), *form_examples.fields_of(opened.values), *asking.fields(session, opened)]
    fields = Fields(session, opened, bound, page="workbench")
    now = bench.read(session, opened)
    with head:
        _state_of_draft(session, now)
        saving.button(session, path, opened.text, opened.base, on_saved=functools.partial(end_draft, session, opened))
        links.to("templates", "Edit the whole template", icon=":material/edit_note:", template=path)
        links.to("experiments", "Measure this", icon=":material/biotech:", new="1", template=path)
    elsewhere_bar.draw(session, opened)
    if opened.template.description:
        widgets.small(opened.template.description)
    live_text.enable()
    with st.container(key="bench"):
        left, right = st.columns([5, 8], gap="medium")
        with left:
            editor.draw(session, now, fields)
        with right:
            _right_half(session, now, fields)
        with left:  # at the end, when the page is drawn
            ahead_line.draw(session, now)


def _right_half(session: Session, now: Bench, fields: Fields) -> None:
    """The inputs, the buttons, and the answers or the preview."""
    # Before the buttons are drawn, so that they show the running job at once. After the editor, because the page is
    # drawn again from its beginning if a widget of the editor changed the prompt.
    if asking.is_run_wanted(now.file.path):
        asking.start(session, now)
    # Looked up once: if it ended between two parts of the page, the buttons would wait for an end that nobody reports.
    job = session.jobs.in_slot(now.file.path)
    with st.container(key="bench-top", gap="small"):
        asking.draw(session, now, fields, job)
        view = _views(session, now)
    if view == "Preview":
        preview.draw(session, now)
    else:
        _rows(session, now, job)


def _views(session: Session, now: Bench) -> str:
    """What the right half shows: the answers, and how, or the preview."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="bench-views"):
        view: str = st.segmented_control(
            "View",
            ["Answers", "Preview"],
            default="Answers",
            required=True,
            key="bench-view",
            persist_state="session",
            label_visibility="collapsed",
        )
        if view == "Answers":
            answers.view_switch()
            st.button(
                "Export",
                icon=":material/file_save:",
                type="tertiary",
                key="export-shown",
                help="All answers that are shown here, as CSV, JSON or Markdown.",
                on_click=_export_shown,
                args=(session, now.file.path),
            )
    return view


def _template(session: Session) -> str | None:
    paths = {*templates.template_paths(session.workspace), *session.drafts.edited()}
    known = sorted(paths, key=lambda path: (path != FIRST, path))
    if not known:
        note("warn", "There is no template yet", "To make one, press New on the page Templates.")
        return None
    asked = st.query_params.get("template")
    if asked in known:  # the address counts, also after Back
        st.session_state["bench-template"] = asked
    elif asked:
        note("warn", f"There is no template {asked}", "It may have been renamed or deleted. Choose another one.")
    path: str = st.selectbox(
        "Template",
        known,
        key="bench-template",
        persist_state="session",
        format_func=_name,
        width=250,
        label_visibility="collapsed",
        on_change=_show_chosen,
    )
    if not asked:
        links.complete_address(template=path)
    return path


def _show_chosen() -> None:
    links.address(template=st.session_state["bench-template"])


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
        "Fix the file, then press Reload.",
    )
    st.button("Reload", icon=":material/refresh:", key="bench-again")


def _state_of_draft(session: Session, now: Bench) -> None:
    edits = ", ".join(templates.describe_changes(now.file, now.template))
    if now.draft.text is None and edits:
        st.html(widgets.chip(f"draft · {edits}", "warn"), width="content")
    if now.draft.changes or now.without or now.draft.inputs:
        st.button(
            "Reset",
            icon=":material/undo:",
            type="tertiary",
            key="bench-reset",
            help="Drop all changes of this draft: texts, parameters, switches and inputs are those of the file again.",
            on_click=elsewhere.reset,
            args=(session, now.file.path),
        )


# Answers


def _rows(session: Session, now: Bench, job: Job | None) -> None:
    listed = _listed(session, now.file.path)
    if job:
        listed = [run for run in listed if run.id != job.run_id]
    row_actions.deleted_note(session)
    export_answers.dialog(session)
    if job:
        st.fragment(frame.guarded(_live), run_every=POLL)(job, now)
    elif not listed:
        _nothing_yet(now)
    results = {run.id: _results(session, run) for run in listed if not run.many}
    ratings = session.store.ratings.of(result.id for answered in results.values() for result in answered)
    selected = picking.compare([run for run in listed if not run.many], results)
    newest = None if job else max((run for run in listed if not run.many), key=lambda run: run.created, default=None)
    for run in listed:
        can_pick = len(results) > 1 and not run.many
        pick = functools.partial(picking.box, run, others=len(selected) - (run in selected)) if can_pick else None
        is_newest = run is newest
        unready = now.unready if is_newest else ()
        answered = results.get(run.id, ())
        rows.draw(session, Row(run, answered, ratings, unready, usual_open=is_newest, beside=pick))
    if session.store.count_runs(template=now.file.path, kinds=KINDS, together=True) > len(listed) + (job is not None):
        widgets.small("Older answers are on the page Runs.")


KINDS = ("", "suite", "experiment")
"""Kinds of runs that the workbench lists. What judges say, and what finds a cause, is on the page Runs."""


def _listed(session: Session, path: str) -> list[RunInfo]:
    """The runs of a template that are listed, pinned ones first, then the newest. Runs of suites take no place from
    those that were asked here."""
    store = session.store
    pinned = store.runs(template=path, pinned=True, kinds=KINDS, together=True, limit=ROWS)
    own = store.runs(template=path, pinned=False, kinds=[""], limit=ROWS)
    others = store.runs(template=path, pinned=False, kinds=KINDS[1:], together=True, limit=LINES)
    return [*pinned, *sorted([*own, *others], key=lambda run: (run.created, run.id), reverse=True)]


def _export_shown(session: Session, path: str) -> None:
    shown = [run for run in _listed(session, path) if not run.many]
    export_answers.open_dialog(shown)


def _results(session: Session, run: RunInfo) -> list[Result]:
    """The answers of a run: from the history, or from memory if they could not be written to the history."""
    job = session.jobs.get(run.id)
    if job is None or job.error is None:
        return session.results(run)
    note("bad", "These answers are not in the history", str(job.error.args[0]), job.error.hint)
    return [snapshot.result for snapshot in job.snapshots() if snapshot.result]


def _live(job: Job, now: Bench) -> None:
    if not job.running:
        st.rerun()
    answers.live_row(job, now.unready)


def _nothing_yet(now: Bench) -> None:
    if not now.ready:
        note("warn", "No model is ready", "Prepare at least one of these models:")
    else:
        names = " and ".join(now.models) if len(now.models) < 3 else f"{len(now.models)} models"
        if names:
            note(
                "info",
                "Nothing asked yet",
                f"Press Run or Ctrl+Enter to send the prompt to {names}. The answers appear here, side by side.",
                "Then change one thing and run again. New answers appear above the old ones, titled with what changed.",
            )
        else:
            note("info", "No model is chosen", "Choose at least one above, then press Run.")
    if now.unready:
        with st.container(key="row-unready"):
            for column, status in zip(st.columns(len(now.unready)), now.unready, strict=True):
                with column:
                    answers.unready_card(status)
