"""The page Suites: the list with the last result of each; one suite with its verdict, thresholds and matrix."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.suites import Suite, SuiteRun, Summary, threshold_line, threshold_sign
from promptlab.types import sha256
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import chip, escape, markup, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites import (
    accept as suite_accept,
)
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
from promptlab.ui.suites.wording import VERBS, run_name, run_words

NEWEST = ""


def page(session: Session) -> None:
    """Draw the list, the suite in the address, or one item of it."""
    session.reload()
    if message := st.session_state.pop(suite_accept.MESSAGE, None):
        st.toast(plain(message), icon=":material/check:")
    wanted = st.query_params.get("suite")
    if not wanted:
        _list(session)
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
        st.button("All suites", icon=":material/arrow_back:", type="tertiary", key="suites-all", on_click=_close)
        note("bad", "This suite cannot be read", exc.message, exc.hint, "Fix the file, then press Reload.")
        st.button("Reload", icon=":material/refresh:", key="suite-again")
        return None


# The list


def _list(session: Session) -> None:
    st.subheader("Suites", anchor=False)
    paths = suites.suite_paths(session.workspace)
    if not paths:
        note(
            "info",
            "There is no suite yet",
            "Press Keep as a test on an answer in the workbench: its question becomes the first case of a suite.",
            "Or write a file in fixtures/suites, such as world-cup.yaml; docs/suites.md shows the format.",
        )
    for path in paths:
        _line(session, path)


def _line(session: Session, path: str) -> None:
    key = sha256(path)[:12]
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"suite-row-{key}"):
        try:
            suite = suites.load_suite(session.workspace, path)
        except PromptlabError as exc:
            state, models, status, about = chip("cannot be read", "bad"), "", exc.message, ""
        else:
            recorded = session.workspace.resolve(suite.recording).is_file()
            state = chip("recorded", "good") if recorded else chip("not recorded", "warn")
            models, about = ", ".join(suite.models), suite.description
            status = _last(session, suite)
        name = path.removeprefix("fixtures/suites/").removesuffix(".yaml").removesuffix(".yml")
        markup(
            f'<div class="pl-suite"><span class="pl-break"><b>{escape(name)}</b> '
            f'<span class="pl-small">{escape(about)}</span></span>'
            f'<span class="pl-muted pl-break">{escape(models)}</span><span>{state}</span>'
            f'<span class="pl-muted pl-num pl-break">{escape(status)}</span></div>'
        )
        st.button(
            "Open",
            key=f"open-suite-{key}",
            type="tertiary",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=_open,
            args=(path,),
        )


def _last(session: Session, suite: Suite) -> str:
    """One sentence: the result of the newest run of the suite."""
    job = session.suites.jobs.get(suite.path)
    if job and job.running:
        return f"{VERBS[job.verb]} is running"
    run = next((run for run in session.suites.log.runs(suite.path, limit=5) if run.done), None)
    if run is None:
        return "no run yet"
    with st.spinner(f"Reading the last run of {plain(suite.name)}", show_time=False):
        sentence = session.suites.summary(suite, run).sentence
    part = "" if run.done >= run.total else f"{run.done:,} of {run.total:,} items: "
    return f"{VERBS[run.verb]}, {widgets.clock(run.created)}: {part}{sentence}"


def _open(path: str) -> None:
    suite_matrix.forget()
    links.address(suite=path)


def _close() -> None:
    links.address()


# One suite


def _suite(session: Session, suite: Suite) -> None:
    st.button("All suites", icon=":material/arrow_back:", type="tertiary", key="suites-all", on_click=_close)
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
        _verdict(session, suite, run, summary)
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
            "Ask sends the recorded prompts to models again. It shows an estimate first.",
        )
    else:
        note(
            "info",
            "Nothing is recorded yet",
            "Press Ask, then Record, to ask the models every case and store the prompts with the answers.",
            "After that, Replay shows if a prompt has changed, and Rerun shows if an answer got worse.",
        )


def _verdict(session: Session, suite: Suite, run: SuiteRun, summary: Summary) -> None:
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
    if len(summary.cells) > 1:
        with st.expander("By variant and model", type="compact"):
            rows = "".join(
                f'<tr><td>{escape(cell.name or suite.name)}</td><td class="pl-n">{cell.passed:,} of {cell.of:,}</td>'
                f'<td class="pl-n">{100 * cell.interval.low:.1f} to {100 * cell.interval.high:.1f} %</td></tr>'
                for cell in summary.cells
            )
            head = '<tr><th>Variant · model</th><th class="pl-n">Pass</th><th class="pl-n">95 % interval</th></tr>'
            markup(f'<table class="pl-table">{head}{rows}</table>')


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
