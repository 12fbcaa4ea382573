"""The scores of one item with their reasons, and how far judges agree with the marks of people."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.suites import ItemDetail, Suite, SuiteRun
from promptlab.types import Score, ScorerSpec
from promptlab.ui.components.widgets import escape, literal, markup, note, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites.item_answers import ERROR, WHO, git_name, marks_of


def draw(session: Session, suite: Suite, run: SuiteRun, seen: ItemDetail) -> None:
    """Draw the scores as a table, and the agreement of each judge."""
    error: PromptlabError | None = st.session_state.pop(ERROR, None)
    if error:
        note("bad", "The mark was not saved", error.message, error.hint)
    if not git_name(session):
        st.text_input(
            "Your name (for marks)",
            key=WHO,
            persist_state="session",
            help="Git has no name for you. Each mark keeps the name of the person who made it.",
            width=280,
        )
    was = seen.stored.scores if seen.stored else ()
    if seen.scores or was:
        now = "Today" if run.verb == "replay" else "New"
        markup(_scores_table(was, seen.scores, now))
    for judge in suites.judges_of(suite):
        _agreement(session, suite, judge, run)


def _scores_table(was: Sequence[Score], now: Sequence[Score], title: str) -> str:
    rows = []
    for when, scores in (("Recorded", was), (title, now)):
        for score, name in zip(scores, suites.score_names(scores), strict=True):
            value = "not judged" if score.value is None else f"{score.value:.2f}"
            judged = score.answer if len(score.answer) <= 200 else f"{score.answer[:200]} …"
            rows.append(
                f'<tr><td>{when}</td><td class="pl-break">{escape(name)}</td>'
                f'<td class="pl-n">{score.mark} {value}</td>'
                f"<td>{literal(judged)}</td><td>{literal(score.reason)}</td></tr>"
            )
    head = (
        '<tr><th></th><th>Scorer</th><th class="pl-n">Score</th><th>Judged part of the answer</th><th>Reason</th></tr>'
    )
    return f'<div class="pl-wide"><table class="pl-table" aria-label="Scores">{head}{"".join(rows)}</table></div>'


def _agreement(session: Session, suite: Suite, judge: ScorerSpec, run: SuiteRun) -> None:
    marks = marks_of(session, suite)
    with session.suites.recording(session.workspace, suite) as recorded:
        agreement = suites.judge_agreement(
            suite,
            judge,
            session.suites.log,
            session.store,
            run,
            marks.values(),
            recorded.find if recorded else lambda _key: None,
        )
    several = len(suites.judges_of(suite)) > 1
    name = f"{judge.values['model']}, {judge.values.get('question', 'no question')}: " if several else ""
    if not agreement.of:
        small(f"{name}No answer that the judge scored has a mark yet. Mark some to see how often the judge agrees.")
        return
    low, high = 100 * agreement.interval.low, 100 * agreement.interval.high
    kappa = "" if agreement.kappa is None else f", Cohen's kappa {agreement.kappa:.2f}"
    agree = round(agreement.share * agreement.of)
    small(f"{name}The judge agrees with {agree} of {agreement.of} marks ({low:.0f} to {high:.0f} %{kappa}).")
