"""The page Suites: the list with the last result of each; one suite with its verdict, thresholds and matrix."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.suites import Suite, SuiteRun, Summary, threshold_line, threshold_sign
from promptlab.ui.components import links
from promptlab.ui.components.widgets import escape, markup, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.state.suite_jobs import SuiteJob
from promptlab.ui.suites import (
    accept as suite_accept,
)
from promptlab.ui.suites import case_table, change, make, settings, suite_list, trend
from promptlab.ui.suites import (
    compare as suite_two,
)
from promptlab.ui.suites import (
    item as suite_case,
)
from promptlab.ui.suites import (
    matrix as suite_matrix,
)
from promptlab.ui.suites import (
    progress as suite_progress,
)
from promptlab.ui.suites import (
    start as suite_asks,
)
from promptlab.ui.suites import (
    style as suite_style,
)
from promptlab.ui.suites.wording import run_name, run_words

NEWEST = ""
RESULTS, CASES, SETTINGS = "Results", "Cases", "Scorers and settings"
VIEW_NAMES = {"cases": CASES, "settings": SETTINGS}


def page(session: Session) -> None:
    """Draw the list, the suite in the address, or one item of it."""
    session.reload()
    suite_style.put()
    if message := st.session_state.pop(suite_accept.MESSAGE, None):
        st.toast(plain(message), icon=":material/check:")
    wanted = st.query_params.get("suite")
    if st.query_params.get("new"):
        _all_suites()
        make.draw(session)
        return
    if not wanted:
        suite_list.draw(session)
        return
    suite = _loaded(session, wanted)
    if suite is None:
        return
    item, run = st.query_params.get("item", ""), st.query_params.get("run", "")
    if run and item.isascii() and item.isdigit():
        suite_case.draw(session, suite, session.suites.log.run(run), int(item))
    else:
        _suite(session, suite)


def _loaded(session: Session, path: str) -> Suite | None:
    try:
        return suites.load_suite(session.workspace, path)
    except PromptlabError as exc:
        _all_suites()
        change.undo_bar(session)
        note("bad", "This suite cannot be read", exc.message, exc.hint, "Fix the file, then press Reload.")
        st.button("Reload", icon=":material/refresh:", key="suite-again")
        return None


def _all_suites() -> None:
    st.button("All suites", icon=":material/arrow_back:", type="tertiary", key="suites-all", on_click=_close)


def _close() -> None:
    change.forget()
    links.address()


# One suite


def _suite(session: Session, suite: Suite) -> None:
    _all_suites()
    st.subheader(plain(suite.name), anchor=False)
    recorded = session.workspace.resolve(suite.recording).is_file()
    facts = [
        suite.description,
        suite.path,
        f"models: {', '.join(suite.models)}",
        f"{suite.repeats} answers per case" if suite.repeats > 1 else "",
        "" if recorded else "not recorded yet",
    ]
    st.html(f'<div class="pl-small pl-break">{escape(" · ".join(filter(None, facts)))}</div>')
    job = session.suites.jobs.get(suite.path)
    busy = job is not None and job.running
    change.undo_bar(session)
    view = _view()
    if view == CASES:
        case_table.draw(session, suite, busy=busy)
    elif view == SETTINGS:
        settings.draw(session, suite, busy=busy)
    else:
        _results(session, suite, job, recorded=recorded, busy=busy)


def _view() -> str:
    """The part of the suite in the address: its results, its cases or its settings."""
    now = VIEW_NAMES.get(st.query_params.get("view", ""), RESULTS)
    key = f"suite-view-{now}"  # with the view in it, so that Back in the browser moves the mark too
    st.segmented_control(
        "Show",
        [RESULTS, CASES, SETTINGS],
        default=now,
        required=True,
        key=key,
        label_visibility="collapsed",
        on_change=_turn_to,
        args=(key, now),
    )
    return now


def _turn_to(key: str, shown: str) -> None:
    """Open the chosen part. A browser that has just left this page may still send its widgets with the next click;
    Streamlit takes that for a choice, which must not lead away from what was opened meanwhile."""
    chosen = st.session_state.pop(key)
    address = st.query_params.to_dict()
    if chosen == shown or "suite" not in address or "item" in address:
        return
    name = next((name for name, view in VIEW_NAMES.items() if view == chosen), "")
    links.address(suite=address["suite"], **({"view": name} if name else {}))


def _results(session: Session, suite: Suite, job: SuiteJob | None, *, recorded: bool, busy: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        suite_asks.buttons(session, suite, recorded=recorded, busy=busy)
        runs = session.suites.log.runs(suite.path, limit=50)
        run = _picked(runs)
        before = _compared_with(runs, run) if run else None
    suite_progress.draw(session, suite, runs, busy=busy)
    if run is None:
        if not busy:
            _nothing_yet(recorded=recorded)
        return
    if before:
        suite_two.draw(session, before, run)
        return
    if not run.done:
        if not busy:
            note("info", "This run ended before its first item", "Choose another run above, or start one.")
        return
    at_work = job is not None and job.running and job.snapshot().run_id == run.id
    if at_work:
        small("Results so far:")
    else:
        small(run_words(run))
        with st.spinner("Reading the run", show_time=False):
            summary = session.suites.summary(suite, run)
        _verdict(session, run, summary)
        trend.draw(session, suite)
    suite_matrix.draw(session, suite, run, at_work=at_work)
    suite_accept.draw(session, suite)


def _picked(runs: Sequence[SuiteRun]) -> SuiteRun | None:
    """The run to show: the newest unless the person chose another."""
    if not runs:
        return None
    by_id = {run.id: run for run in runs}
    chosen = st.selectbox(
        "Run",
        [NEWEST, *list(by_id)[1:]],
        key="suite-run",
        persist_state="page",
        format_func=lambda id: run_name(by_id[id]) if id else "newest",
        width=300,
    )
    return by_id.get(chosen, runs[0])


def _compared_with(runs: Sequence[SuiteRun], run: SuiteRun) -> SuiteRun | None:
    older = {earlier.id: earlier for earlier in runs if earlier.created < run.created and earlier.done}
    if not older:
        return None
    chosen = st.selectbox(
        "Compare with",
        [NEWEST, *older],
        key=f"suite-before-{run.id[:8]}",
        persist_state="page",
        format_func=lambda id: run_name(older[id]) if id else "the recording",
        width=300,
    )
    return older.get(chosen)


def _nothing_yet(*, recorded: bool) -> None:
    if recorded:
        note(
            "info",
            "Recorded, but no run yet",
            "Replay renders every case again and compares it with the recording. No model is asked.",
            "Run sends the recorded prompts to the models again. It shows calls, tokens, price and time first.",
        )
    else:
        note(
            "info",
            "Nothing is recorded yet",
            "Press Run, then Record, to ask the models every case and store the prompts with the answers.",
            "After that, Replay shows if a prompt has changed, and Rerun shows if an answer got worse.",
        )


def _verdict(session: Session, run: SuiteRun, summary: Summary) -> None:
    sign, kind = _sign(summary)
    drift = f" {drift}" if run.verb == "replay" and (drift := suite_matrix.drift(session, run)) else ""
    markup(
        f'<div class="pl-verdict pl-{kind}"><span class="pl-sign" aria-hidden="true">{sign}</span>'
        f'<span class="pl-num pl-break">{escape(summary.sentence)}{escape(drift)}</span></div>'
    )
    lines = [
        f'<li class="pl-{_KIND[check.met]}"><span class="pl-sign">{threshold_sign(check.met)}</span> '
        f"<span>{escape(threshold_line(check))}</span></li>"
        for check in summary.checks
    ]
    if summary.partial:
        lines.append(
            "<li>Thresholds apply to the whole suite. This run is only a part of it, so they were not checked.</li>"
        )
    if lines:
        markup(f'<ul class="pl-checks" aria-label="Thresholds">{"".join(lines)}</ul>')


_KIND = {True: "good", False: "bad", None: "warn"}


def _sign(summary: Summary) -> tuple[str, str]:
    """The mark before the sentence, and its colour: from the thresholds if there are any, else from the comparison."""
    if summary.checks:
        met = {0: True, 1: False}.get(summary.exit_status)
        return threshold_sign(met), _KIND[met]
    comparison = summary.comparison
    if summary.unanswered:
        return "✗", "bad"
    if summary.not_judged:
        return "?", "warn"
    if comparison is None or not comparison.settled:
        return "~", "info"
    return ("✓", "good") if comparison.difference > 0 else ("✗", "bad")


__all__ = ["page"]
