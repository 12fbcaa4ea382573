"""The page Runs: every run of this workspace, newest first, with search; one run with its answers and provenance."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from promptlab.runs import Listed, RunInfo
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import note
from promptlab.ui.runs import one_run
from promptlab.ui.runs.deleted import deleted_runs
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import answers, export_answers, picking, row_actions, rows
from promptlab.ui.workbench.rows import Row

PAGE = 20


def page(session: Session) -> None:
    """Draw the list, or the run in the address."""
    wanted = st.query_params.get("run")
    if wanted:
        one_run.draw(session, wanted)
    else:
        _list(session)


def _list(session: Session) -> None:
    st.subheader("Runs", anchor=False)
    version = st.query_params.get("version", "")
    listed = _filters(session, version)
    if version:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            widgets.small(f"Only runs of the template version {version[:7]} (its git blob).")
            st.button("Show all versions", type="tertiary", key="runs-every", on_click=_any_version)
    before: list[RunInfo] = st.session_state.get("runs-before", [])
    if st.session_state.get("runs-asked") != listed:  # another search starts at the first page
        st.session_state["runs-asked"], st.session_state["runs-before"] = listed, (before := [])
    # One more than a page shows, to know if there is an older page.
    matches = session.store.runs(listed, limit=PAGE + 1, before=before[-1] if before else None)
    row_actions.deleted_note(session)
    export_answers.dialog(session)
    if listed.deleted:
        deleted_runs(session, matches[:PAGE])
    elif matches:
        _rows(session, listed, matches[:PAGE])
    elif listed == Listed(together=True):
        note("info", "There is no run yet", "Runs of the workbench and of `promptlab compare` appear here.")
    else:
        note("info", "No run matches", "Try fewer words, or another template, model or day.")
    _page_buttons(matches)


def _filters(session: Session, version: str) -> Listed:
    """The fields of the search, and the runs that they ask for."""
    store = session.store
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Search",
            key="runs-text",
            persist_state="session",
            icon=":material/search:",
            placeholder="answer, message, title",
            width=200,
        )
        template = st.selectbox(
            "Template",
            ["", *store.templates()],
            key="runs-template",
            persist_state="session",
            format_func=_any,
            width=170,
        )
        model = st.selectbox(
            "Model", ["", *store.models()], key="runs-model", persist_state="session", format_func=_any, width=150
        )
        first = st.date_input("From", value=None, key="runs-from", format="YYYY-MM-DD", width=150)
        last = st.date_input("To", value=None, key="runs-to", format="YYYY-MM-DD", width=150)
        deleted = st.toggle("Deleted", key="runs-deleted", help="Show only runs that were deleted.")
    return Listed(
        template=template or None,
        model=model or None,
        text=text or None,
        blob=version or None,
        since=_midnight(first) if isinstance(first, date) else None,
        until=_midnight(last + timedelta(days=1)) if isinstance(last, date) else None,
        deleted=deleted,
        # A search finds each run by itself: what stands for several may not be the one that matches.
        together=not (text or model or version or deleted),
    )


def _midnight(day: date) -> str:
    """The beginning of a day here, as the history writes times."""
    return datetime.combine(day, time()).astimezone().astimezone(UTC).isoformat()


def _rows(session: Session, listed: Listed, shown: Sequence[RunInfo]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="runs-views"):
        count = session.store.count_runs(listed)
        widgets.small(f"{count:,} run{'s' if count != 1 else ''}")
        answers.view_switch()
        st.button(
            "Export",
            icon=":material/file_save:",
            type="tertiary",
            key="export-shown",
            help="The answers of all runs on this page, as CSV, JSON or Markdown.",
            on_click=export_answers.open_dialog,
            args=(shown,),
        )
    results = {run.id: session.results(run) for run in shown if not run.many}
    ratings = session.store.ratings.of(result.id for answered in results.values() for result in answered)
    picked = picking.compare([run for run in shown if not run.many], results)
    for run in shown:
        row = Row(
            run,
            results.get(run.id, ()),
            ratings,
            usual_open=False,
            beside=functools.partial(_beside, session, run, picked),
            more=(short(run.template),) if run.many else (short(run.template), ", ".join(run.models)),
        )
        rows.draw(session, row)


def _beside(session: Session, run: RunInfo, picked: Sequence[RunInfo]) -> None:
    if state := state_of(session, run):
        st.html(state, width="content")
    if not run.many:
        picking.box(run, others=len(picked) - (run in picked))
    st.button(
        "Open",
        key=f"open-{run.id[:12]}",
        type="tertiary",
        icon=":material/chevron_right:",
        icon_position="right",
        on_click=_open,
        args=(run.id,),
    )


def state_of(session: Session, run: RunInfo) -> str:
    """A chip for a run that has not ended, as HTML."""
    if run.done == run.total:
        return ""
    job = session.jobs.get(run.id)
    if job and job.running:
        return widgets.chip("running", "live")
    return widgets.chip(f"interrupted: {run.done} of {run.total}", "warn")


def _any(choice: str) -> str:
    return choice or "any"


def short(template: str) -> str:
    """The name of a template without its folder and ending."""
    return template.removeprefix("templates/").removesuffix(".yaml")


def _open(run_id: str) -> None:
    links.address(**{**st.query_params.to_dict(), "run": run_id[:12]})


def _any_version() -> None:
    links.leave("version")


def _page_buttons(matches: list[RunInfo]) -> None:
    pages: list[RunInfo] = st.session_state["runs-before"]
    with st.container(horizontal=True, gap="small"):
        if pages and st.button("Newer", icon=":material/chevron_left:", key="runs-newer"):
            st.session_state["runs-before"] = pages[:-1]
            st.rerun()
        if len(matches) > PAGE and st.button("Older", icon=":material/chevron_right:", key="runs-older"):
            st.session_state["runs-before"] = [*pages, matches[PAGE - 1]]
            st.rerun()
