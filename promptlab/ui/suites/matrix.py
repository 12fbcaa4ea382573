"""The matrix of a suite run: a row for each case, a column for each variant and model, one page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from promptlab import suites
from promptlab.suites import MatrixColumn, MatrixLine, Suite, SuiteRun
from promptlab.ui.components import links
from promptlab.ui.components.widgets import escape, markup, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites import accept as suite_accept
from promptlab.ui.suites.wording import cell_colour, cell_words

PAGE = 25
MOST_COLUMNS = 12
_PAGES, _ASKED = "matrix-pages", "matrix-asked"


@dataclass(frozen=True)
class _Filter:
    """The rows to show: those with this verdict, None for all, and with a case whose id starts with `case`."""

    verdict: str | None
    case: str


def draw(session: Session, suite: Suite, run: SuiteRun, *, at_work: bool = False) -> None:
    """Draw the filters and a page of the matrix. Answers can be accepted once the run is no longer `at_work`."""
    log = session.suites.log
    chosen = _filter(run, suites.verdict_counts(log, run), at_work=at_work)
    pages = _pages(run, chosen)
    after = pages[-1] if pages else -1
    shown = suites.matrix_page(suite, log, run, verdict=chosen.verdict, case=chosen.case, after=after, limit=PAGE)
    if not shown.lines:
        note("info", "No case matches", "Try another id or another verdict.")
        return
    every = suites.matrix_columns(suite, run)
    columns = every[:MOST_COLUMNS]
    if len(every) > len(columns):
        small(f"The first {MOST_COLUMNS} of {len(every)} columns; `promptlab suite rerun --html` writes all columns.")
    with st.container(key="matrix", gap=None):
        heads = "".join(f'<span class="pl-break">{escape(_name(column))}</span>' for column in columns)
        markup(f'<div class="pl-matrix-head" aria-hidden="true"><span>Case</span>{heads}</div>')
        for line in shown.lines:
            _line(run, line, columns)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _turn(shown.last, pages, more=shown.more)
        if run.verb != "replay" and not at_work:
            _accept_all(run, chosen)


def _filter(run: SuiteRun, counts: Mapping[str, int], *, at_work: bool) -> _Filter:
    """Draw the filters: a chip for each verdict with its count, and the field for a case."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="matrix-filter"):
        verdict: str | None = st.pills(
            "Show only",
            list(counts),
            # The browser identifies a choice by the text of its chip, so the counts appear only after the run.
            key=f"matrix-verdict-{run.id[:8]}-{run.done if not at_work else 'at-work'}",
            persist_state="page",
            format_func=lambda verdict: verdict if at_work else f"{verdict} {counts[verdict]:,}",
        )
        case = st.text_input(
            "Find a case",
            key="matrix-case",
            persist_state="page",
            icon=":material/search:",
            placeholder="start of its id",
            width=320,
        )
    return _Filter(verdict, (case or "").strip())


def _pages(run: SuiteRun, chosen: _Filter) -> list[int]:
    """The last positions of the pages before the one to show. Another filter or run begins at the first page."""
    asked = (run.id, chosen.verdict, chosen.case)
    if st.session_state.get(_ASKED) != asked:
        st.session_state[_ASKED], st.session_state[_PAGES] = asked, []
    pages: list[int] = st.session_state[_PAGES]
    return pages


def _accept_all(run: SuiteRun, chosen: _Filter) -> None:
    label = f"Accept all that are {chosen.verdict}" if chosen.verdict else "Accept all"
    label = f"{label} of cases {chosen.case}…" if chosen.case else label
    st.button(
        plain(label) + " …",
        icon=":material/done_all:",
        key="accept-all",
        help="Shows the changes to the recording before they are written.",
        on_click=suite_accept.open_for,
        args=(run.id, chosen.verdict, chosen.case, None),
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


def _name(column: MatrixColumn) -> str:
    return " · ".join(part for part in column if part)


def _line(run: SuiteRun, line: MatrixLine, columns: list[MatrixColumn]) -> None:
    first = min(row.position for cell in line.cells.values() for row in cell.rows)
    with st.container(horizontal=True, wrap=False, gap=None, key=f"matrix-row-{first}"):
        markup(f'<div class="pl-case" title="{escape(line.case)}">{escape(line.case)}</div>')
        for number, column in enumerate(columns):
            cell = line.cells.get(column)
            if cell is None:
                markup('<div class="pl-none pl-muted" title="not asked">–</div>')
                continue
            kind = cell_colour(cell)
            st.button(
                plain(cell_words(cell)),
                type="tertiary",
                key=f"cell-{kind}-{first}-{number}",
                on_click=open_item,
                args=(run.id, cell.worst.position),
            )


def open_item(run_id: str, position: int) -> None:
    """Open one item of a run."""
    links.address(suite=st.query_params.get("suite", ""), run=run_id[:12], item=str(position))


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
