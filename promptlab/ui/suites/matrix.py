"""The matrix of a suite run: a row for each case, a column for each variant and model, one page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.suites import (
    AskedCase,
    MatrixCell,
    MatrixColumn,
    MatrixLine,
    PageTexts,
    Show,
    Suite,
    SuiteRun,
)
from promptlab.ui.components import links
from promptlab.ui.components.widgets import escape, markup, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites import accept as suite_accept
from promptlab.ui.suites.wording import answer_words, as_text, cell_colour, cell_words

PAGE = 25
MOST_COLUMNS = 12
_PAGES, _ASKED = "matrix-pages", "matrix-asked"
HELP = (
    "Failing: items that do not pass. Changed: their answer or prompt is not as recorded. Worse: they passed, or had a "
    "higher score. Not judged: no answer, no scorer, or a scorer that could not judge."
)


@dataclass(frozen=True)
class _Filter:
    """The rows to show: those of `show`, None for all, and with a case whose id starts with `case`."""

    show: Show | None
    case: str


def draw(session: Session, suite: Suite, run: SuiteRun, *, at_work: bool = False) -> None:
    """Draw the filters and a page of the matrix. Answers can be accepted once the run is no longer `at_work`."""
    log = session.suites.log
    chosen = _filter(run, suites.show_counts(log, run), at_work=at_work)
    pages = _pages(run, chosen)
    after = pages[-1] if pages else -1
    shown = suites.matrix_page(suite, log, run, show=chosen.show, case=chosen.case, after=after, limit=PAGE)
    if not shown.lines:
        note("info", "No case matches", "Try another filter, or the beginning of another id.")
        return
    every = suites.matrix_columns(suite, run)
    columns = every[:MOST_COLUMNS]
    if len(every) > len(columns):
        small(f"The first {MOST_COLUMNS} of {len(every)} columns; `promptlab suite rerun --html` writes all columns.")
    texts = _texts(session, suite, run, shown.lines)
    with st.container(key="matrix", gap=None):
        _head(session, run, columns)
        for line in shown.lines:
            _line(run, line, columns, texts)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _turn(shown.last, pages, more=shown.more)
        if run.verb != "replay" and not at_work:
            _accept_all(run, chosen)


def _filter(run: SuiteRun, counts: Mapping[Show, int], *, at_work: bool) -> _Filter:
    """Draw the filters: a chip for each with its count, and the field for a case."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="matrix-filter"):
        show: Show | None = st.pills(
            "Show only",
            list(counts),
            # The browser identifies a choice by the text of its chip, so the counts appear only after the run.
            key=f"matrix-show-{run.id[:8]}-{run.done if not at_work else 'at-work'}",
            persist_state="page",
            format_func=lambda show: show if at_work else f"{show} {counts[show]:,}",
            help=HELP,
        )
        case = st.text_input(
            "Find a case",
            key="matrix-case",
            persist_state="page",
            icon=":material/search:",
            placeholder="start of its id",
            width=320,
        )
    return _Filter(show, (case or "").strip())


def _pages(run: SuiteRun, chosen: _Filter) -> list[int]:
    """The last positions of the pages before the one to show. Another filter or run begins at the first page."""
    asked = (run.id, chosen.show, chosen.case)
    if st.session_state.get(_ASKED) != asked:
        st.session_state[_ASKED], st.session_state[_PAGES] = asked, []
    pages: list[int] = st.session_state[_PAGES]
    return pages


def _texts(session: Session, suite: Suite, run: SuiteRun, lines: tuple[MatrixLine, ...]) -> PageTexts:
    """The answers and the cases of the lines; what cannot be read is said, and the matrix is drawn without it."""
    try:
        cases = session.suites.cases(session.workspace, suite)
        with session.suites.recording(session.workspace, suite) as recorded:
            find = recorded.find if recorded else lambda _key: None
            return suites.page_texts(session.suites.log, session.store, run, lines, cases, find)
    except PromptlabError as exc:
        note("warn", "The answers and the cases cannot be read, only their results are shown", exc.message, exc.hint)
        return PageTexts({}, {})


def _accept_all(run: SuiteRun, chosen: _Filter) -> None:
    label = f"Accept all that are {chosen.show}" if chosen.show else "Accept all"
    label = f"{label} of cases {chosen.case}…" if chosen.case else label
    st.button(
        plain(label) + " …",
        icon=":material/done_all:",
        key="accept-all",
        help="Shows the changes to the recording before they are written.",
        on_click=suite_accept.open_for,
        args=(run.id, chosen.show, chosen.case, None),
    )


def drift(session: Session, run: SuiteRun) -> str:
    """One sentence: how many items of a replay differ from the recording."""
    counts = suites.verdict_counts(session.suites.log, run)
    drifted = [f"{number:,} {status}" for status, number in counts.items() if status != "same"]
    return f"Compared with the recording: {', '.join(drifted)}." if drifted else "Every prompt is as recorded."


def forget() -> None:
    """Clear filters and pages, because another suite is opened."""
    for name in [name for name in map(str, st.session_state) if name.startswith(("matrix-", "suite-run"))]:
        st.session_state.pop(name, None)


def _head(session: Session, run: SuiteRun, columns: list[MatrixColumn]) -> None:
    """The names of the columns, each with its pass rate and its interval."""
    rates = suites.column_rates(session.suites.log, run)
    heads = []
    for column in columns:
        rate = rates.get(column)
        words = suites.rate_in_words(rate.passed, rate.judged, rate.interval) if rate else "not asked"
        heads.append(
            f'<span class="pl-break">{escape(column_name(column))}<small class="pl-num">{escape(words)}</small></span>'
        )
    markup(
        '<div class="pl-matrix-head"><span>Case<small>its inputs</small></span><span>Expected</span>'
        f"{''.join(heads)}</div>"
    )


def column_name(column: MatrixColumn) -> str:
    """The name of a column: its variant and its model."""
    return " · ".join(part for part in column if part)


def _line(run: SuiteRun, line: MatrixLine, columns: list[MatrixColumn], texts: PageTexts) -> None:
    first = min(row.position for cell in line.cells.values() for row in cell.rows)
    urgent = min((cell.worst for cell in line.cells.values()), key=lambda row: suites.URGENCY.index(row.verdict))
    asked = texts.cases.get(line.case, AskedCase())
    with st.container(horizontal=True, wrap=False, gap=None, key=f"matrix-row-{first}"):
        st.button(
            _case_label(line.case, asked),
            type="tertiary",
            key=f"case-{first}",
            on_click=open_item,
            args=(run.id, urgent.position),
        )
        markup(f'<div class="pl-expected">{_expected(asked)}</div>')
        for number, column in enumerate(columns):
            cell = line.cells.get(column)
            if cell is None:
                markup('<div class="pl-none pl-muted" title="not asked">– not asked</div>')
                continue
            st.button(
                cell_label(cell, texts.answers),
                type="tertiary",
                key=f"cell-{cell_colour(cell)}-{first}-{number}",
                on_click=open_item,
                args=(run.id, cell.worst.position),
            )


def _case_label(case: str, asked: AskedCase) -> str:
    """The id of a case with its inputs below it, as the label of a button."""
    inputs = " · ".join(
        f"{name}: {as_text(value)}" if len(asked.inputs) > 1 else as_text(value) for name, value in asked.inputs.items()
    )
    state = " · edited since" if asked.edited else " · no longer in the suite" if asked.gone else ""
    clipped = inputs if len(inputs) <= 200 else f"{inputs[:200]}…"
    return f"**{plain(case)}**{state}  \n{plain(clipped)}" if clipped else f"**{plain(case)}**{state}"


def _expected(asked: AskedCase) -> str:
    if asked.expected is None:
        return '<span class="pl-muted">–</span>'
    several = isinstance(asked.expected, list) and all(isinstance(one, str) for one in asked.expected)
    text = " or ".join(asked.expected) if several else as_text(asked.expected)
    return escape(text if len(text) <= 200 else f"{text[:200]}…")


def cell_label(cell: MatrixCell, answers: Mapping[int, str]) -> str:
    """The result of a cell with the answer below it, as the label of a button."""
    answer = answer_words(cell, answers)
    result = f"**{plain(cell_words(cell))}**"
    return f"{result}  \n{plain(answer)}" if answer else result


def open_item(run_id: str, position: int) -> None:
    """Open one item of a run, as one step of the browser's history."""
    address = st.query_params.to_dict() | {"run": run_id[:12], "item": str(position)}
    links.address(**address)


def _turn(last: int, pages: list[int], *, more: bool) -> None:
    if pages:
        st.button("Earlier cases", icon=":material/chevron_left:", key="matrix-earlier", on_click=pages.pop)
    if more:
        st.button(
            "More cases",
            icon=":material/chevron_right:",
            icon_position="right",
            key="matrix-more",
            on_click=pages.append,
            args=(last,),
        )
