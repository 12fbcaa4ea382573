"""The progress of a running suite, with pause and stop; and the offer to continue an interrupted run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from promptlab import suites
from promptlab.suites import Suite, SuiteRun
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.state.session import Session
from promptlab.ui.state.suite_jobs import Snapshot, SuiteJob
from promptlab.ui.suites.wording import VERBS, time_words

POLL = 0.5


def draw(session: Session, suite: Suite, runs: Sequence[SuiteRun], *, busy: bool) -> None:
    """Draw the progress of the running job, the end of the last job, or the offer to continue an interrupted run.

    `busy` is True if a job was running before `runs` was read. If that job has ended since, its run may be missing
    in `runs`, so the page is drawn again.
    """
    job = session.suites.jobs.get(suite.path)
    if job and busy:
        st.fragment(frame.guarded(_live), run_every=POLL)(session, job)
        return
    if job:
        _ended(job)
    if runs and runs[0].state != "finished":
        _unfinished(session, suite, runs[0], own=job is not None and job.snapshot().run_id == runs[0].id)


def _live(session: Session, job: SuiteJob) -> None:
    if not job.running:
        st.rerun()
    now = job.snapshot()
    with st.container(key="suite-progress", gap="xsmall"):
        bar(now.done, now.total, _words(job, now, _counts(session, now)), VERBS[job.verb])
        with st.container(horizontal=True, gap="small"):
            if job.verb != "replay":
                st.button(
                    "Pause",
                    icon=":material/pause:",
                    key="suite-pause",
                    disabled=now.ending,
                    help="Ask nothing more and wait for the answers that are being written. You can continue later.",
                    on_click=job.pause,
                )
            st.button(
                "Stop",
                icon=":material/stop:",
                key="suite-stop",
                help="Stop at once. Finished answers are kept, and you can continue later.",
                on_click=job.stop,
            )
            if now.done and st.button("Show results so far", icon=":material/refresh:", key="suite-look"):
                st.rerun()


def bar(done: int, total: int, words: str, label: str) -> None:
    """The bar of a job, named `label`, with words above it. Until the total is known, it says only that it works."""
    share = 100 * done / total if total else 0.0
    markup(
        f'<div class="pl-small pl-num" role="status">{escape(words)}</div>'
        f'<div class="pl-wait{"" if total else " pl-open"}" role="progressbar" aria-valuemin="0" '
        f'aria-valuemax="{total}" aria-valuenow="{done}" aria-label="{escape(label)}">'
        f'<span style="width:{share:.1f}%"></span></div>'
    )


def how_far(now: Snapshot) -> list[str]:
    """What is known of a job beside its counts: what it had before, and the time that is left."""
    parts = [f"{now.resumed:,} were answered before"] if now.resumed else []
    if now.ending:
        parts.append("stopping")
    elif now.seconds_left is not None:
        parts.append(f"about {time_words(now.seconds_left)} left")
    return parts


def _counts(session: Session, now: Snapshot) -> str:
    if not now.run_id:
        return ""
    log = session.suites.log
    counts = suites.verdict_counts(log, log.run(now.run_id))
    return ", ".join(f"{number:,} {verdict}" for verdict, number in counts.items())


def _words(job: SuiteJob, now: Snapshot, counts: str) -> str:
    verb = VERBS[job.verb]
    if not now.total:
        return f"{verb}: preparing"
    parts = [f"{verb}: {now.done:,} of {now.total:,}", *how_far(now)]
    return " · ".join([*parts, *([counts] if counts else [])])


def _ended(job: SuiteJob) -> None:
    if job.error:
        note("bad", f"{VERBS[job.verb]} failed", job.error.message, job.error.hint)
        return
    now = job.snapshot()
    if now.out_of:
        note("warn", f"A limit was reached: {now.out_of}", "Ask again with a higher limit to continue.")
    if now.said:
        small(now.said)


def _unfinished(session: Session, suite: Suite, run: SuiteRun, *, own: bool) -> None:
    """Say that the newest run has not finished, and offer to continue it. No job of this process works on it."""
    verb = VERBS[run.verb]
    killed = run.state == "running" and not own
    why = "promptlab was closed while it ran, or another process is still running it." if killed else ""
    title = f"{verb} was {'interrupted' if killed else 'stopped'}: {run.done:,} of {run.total:,} items are done"
    if run.verb == "replay":
        note("info", title, why, "A replay costs nothing: press Replay to start again.")
        return
    if not suites.is_unchanged_since(suite, run):
        note("info", title, why, "The file of the suite has changed since, so it cannot be continued. Start again.")
        return
    note("warn", title, why, "If you continue, only items without an answer are asked.")
    st.button(
        "Continue",
        icon=":material/play_arrow:",
        key="suite-take-up",
        type="primary",
        on_click=partial(
            session.suites.ask,
            session.workspace,
            suite.path,
            run.verb,
            suites.options_of_run(run),
            catalogue=session.catalogue,
            store=session.store,
        ),
    )
