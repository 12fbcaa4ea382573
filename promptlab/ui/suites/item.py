"""One item of a suite run: its verdict and causes, both answers, scores, marks, both prompts, and accept."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from promptlab import suites, versions
from promptlab.errors import PromptlabError
from promptlab.runs import text_changes
from promptlab.suites import ItemDetail, ItemRow, Mark, Suite, SuiteRun
from promptlab.types import Request, Score, ScorerSpec
from promptlab.ui.components import diff_view as comparison
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import chip, escape, literal, markup, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites import accept as suite_accept
from promptlab.ui.suites.matrix import open_item
from promptlab.ui.suites.wording import run_words, verdict_chip

_WHO, _ERROR = "suite-who", "suite-mark-error"


def draw(session: Session, suite: Suite, run: SuiteRun, position: int) -> None:
    """Draw the item at a position of a run."""
    st.button(
        f"Back to {plain(suite.name)}", icon=":material/arrow_back:", type="tertiary", key="case-back", on_click=_back
    )
    row = suites.row_at(session.suites.log, run, position) if run.suite == suite.path else None
    if row is None:
        note("warn", "This run has no such item", "It was not asked yet, or the address belongs to another suite.")
        return
    with (
        session.suites.recording(session.workspace, suite) as recorded,
        st.spinner("Reading the item", show_time=False),
    ):
        seen = suites.item_detail(session.workspace, suite, session.suites.log, session.store, run, row, recorded)
    _head(session, run, row)
    _why(row, seen)
    if run.verb != "replay" and seen.answer is not None:
        st.button(
            "Accept this answer …",
            icon=":material/done:",
            key="accept-one",
            help="Shows the change to the recording before it is written.",
            on_click=suite_accept.open_for,
            args=(run.id, None, "", position),
        )
    _answers(session, suite, seen)
    _scores(session, suite, run, seen)
    _prompts(seen)
    suite_accept.draw(session, suite)


def _back() -> None:
    links.address(suite=st.query_params.get("suite", ""))


def _head(session: Session, run: SuiteRun, row: ItemRow) -> None:
    st.subheader(plain(row.key.id), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<span class="pl-small pl-num">{escape(run_words(run))}</span>', width="content")
        # The row itself with the one before and the one after it, as far as they exist.
        neighbours = session.suites.log.rows(run, after=row.position - 2, limit=3)
        for name, label, step in (("case-previous", "Previous item", -1), ("case-next", "Next item", 1)):
            exists = any(neighbour.position == row.position + step for neighbour in neighbours)
            st.button(
                label,
                type="tertiary",
                icon=":material/chevron_left:" if step < 0 else ":material/chevron_right:",
                icon_position="left" if step < 0 else "right",
                key=name,
                disabled=not exists,
                on_click=open_item,
                args=(run.id, row.position + step),
            )


def _why(row: ItemRow, seen: ItemDetail) -> None:
    causes, reason = map(str, row.details.causes), row.details.said
    lines = "".join(f'<li class="pl-break">{escape(cause)}</li>' for cause in causes)
    markup(
        f'<div class="pl-model">{verdict_chip(row.verdict)}'
        f'<span class="pl-plain pl-break">{escape(reason)}</span></div>'
        + (f'<ul class="pl-checks" aria-label="Causes">{lines}</ul>' if lines else "")
    )
    if seen.error and seen.error not in reason:
        note("bad", "No answer" if row.verdict == "cannot tell" else "Cannot be compared", seen.error)
    if seen.hint:
        small(seen.hint)


# Answers


def _answers(session: Session, suite: Suite, seen: ItemDetail) -> None:
    stored, new = seen.stored, seen.answer
    if stored is not None and new is not None and stored.completion.text != new:
        markup(
            '<div class="pl-role">From the recorded answer to the new one</div>'
            '<pre class="pl-prompt" tabindex="0">'
            f"{comparison.changes_html(text_changes(stored.completion.text, new))}</pre>"
        )
    marks = _marks(session, suite)
    columns = st.columns(2 if stored and new is not None else 1, gap="medium")
    if stored:
        with columns[0]:
            _answer(session, suite, seen.row, "Recorded answer", stored.completion.text, "recorded", marks)
    if new is not None:
        with columns[-1]:
            same = stored is not None and stored.completion.text == new
            _answer(session, suite, seen.row, "New answer", new, "new", marks, same=same)


def _marks(session: Session, suite: Suite) -> dict[tuple[str, str, str, str], Mark]:
    try:
        return suites.load_marks(session.workspace, suite.path)
    except PromptlabError as exc:
        note("bad", "The marks cannot be read", exc.message, exc.hint)
        return {}


def _answer(
    session: Session,
    suite: Suite,
    row: ItemRow,
    title: str,
    text: str,
    name: str,
    marks: dict[tuple[str, str, str, str], Mark],
    *,
    same: bool = False,
) -> None:
    markup(f'<div class="pl-model">{escape(title)}{chip("byte for byte the same") if same else ""}</div>')
    if text:
        widgets.mono(text, key=f"said-{name}")
    else:
        small("The answer is empty.")
    if same:
        return  # a mark belongs to a text, and the same text has its marks in the other column
    place = (row.key.case, row.key.variant, row.key.model, suites.answer_id(text))
    mark = marks.get(place)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"marks-{name}"):
        for good, word, icon in ((True, "Good", "thumb_up"), (False, "Bad", "thumb_down")):
            chosen = mark is not None and mark.good == good
            st.button(
                f"{word} ✓" if chosen else word,
                icon=f":material/{icon}:",
                key=f"mark-{name}-{word.lower()}",
                type="primary" if chosen else "secondary",
                help="Remove this mark." if chosen else f"Mark this answer as {word.lower()}.",
                on_click=_mark,
                args=(session, suite, place, None if chosen else good),
            )
        if mark:
            by = f" by {mark.by}" if mark.by else ""
            st.html(
                f'<span class="pl-small pl-break">marked {"good" if mark.good else "bad"}{escape(by)}</span>',
                width="content",
            )


def _mark(session: Session, suite: Suite, place: tuple[str, str, str, str], good: bool | None) -> None:
    try:
        if good is None:
            suites.remove_mark(session.workspace, suite.path, place)
        else:
            who = str(st.session_state.get(_WHO) or "").strip() or _git_name(session)
            suites.add_mark(session.workspace, suite.path, Mark(*place, good, who))
    except PromptlabError as exc:
        st.session_state[_ERROR] = exc


def _git_name(session: Session) -> str:
    """The user's name in git, without the mail address."""
    return versions.repository_state(session.workspace).identity.partition(" <")[0]


# Scores


def _scores(session: Session, suite: Suite, run: SuiteRun, seen: ItemDetail) -> None:
    error: PromptlabError | None = st.session_state.pop(_ERROR, None)
    if error:
        note("bad", "The mark was not saved", error.message, error.hint)
    if not _git_name(session):
        st.text_input(
            "Your name (for marks)",
            key=_WHO,
            persist_state="session",
            help="Git has no name for you. Each mark keeps the name of the person who made it.",
            width=280,
        )
    was = seen.stored.scores if seen.stored else ()
    if seen.scores or was:
        now = "Today" if run.verb == "replay" else "New"
        expected = "" if seen.stored is None or seen.stored.expected is None else str(seen.stored.expected)
        if expected:
            st.html(f'<div class="pl-small pl-break">Expected: {escape(expected)}</div>')
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
    marks = _marks(session, suite)
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


# Prompts


def _prompts(seen: ItemDetail) -> None:
    before = seen.stored or seen.nearest
    if before is None and seen.request is None:
        return
    st.markdown("#### The prompt")
    if before and seen.request:
        nearest = "" if seen.stored else f" This case is not recorded; the nearest recorded one is {before.key.id}."
        changes = comparison.prompt_html(before.request, seen.request)
        if changes:
            st.html(f'<div class="pl-small pl-break">From the recorded prompt to the new one.{escape(nearest)}</div>')
            markup(changes)
        elif before.request.messages == seen.request.messages:
            small(f"The prompt is byte for byte the same.{nearest}")
        else:
            small(f"The text is the same, but roles or the ends of messages differ.{nearest}")
    _whole("Recorded prompt", before.request if before else None, key="prompt-recorded")
    if before is None or seen.request is None or before.request.messages != seen.request.messages:
        _whole("New prompt", seen.request, key="prompt-new")


def _whole(title: str, request: Request | None, *, key: str) -> None:
    if request is None:
        return
    opened = st.expander(title, key=key, type="compact", on_change="rerun")
    if opened.open:
        with opened:
            markup(widgets.messages_html(request.prompt))
            params = " · ".join(f"{name} {value}" for name, value in request.body()["params"].items())
            small(params)
