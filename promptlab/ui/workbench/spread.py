"""Several answers to one question: how often each came, as a list of bars and not as many cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from promptlab import runs
from promptlab._util.text import clipped
from promptlab.runs import AnswerTable, Spread, duration_text
from promptlab.types import Result
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import chip, escape, markup
from promptlab.ui.state.session import Session

LONGEST = 600
"""Characters of an answer in a spread. The whole is one press away."""


def draw(session: Session | None, key: str, table: AnswerTable) -> None:
    """The only row of a table: the spread of each column, side by side. Costs need `session`."""
    with st.container(key=f"spread-{key}"):
        places = st.columns(len(table.columns))
    for number, (place, head) in enumerate(zip(places, table.columns, strict=True)):
        with place:
            results = table.cell(0, number)
            markup(
                f'<div class="pl-model"><span>{escape(head.model)}</span>'
                f"{chip(head.heading) if head.heading else ''}</div>"
                + spread_html(runs.spread_of(results))
                + waiting_html(table.waiting.get((0, number), 0))
                + f'<div class="pl-small pl-num">{escape(facts(session, results))}</div>'
            )


def spread_html(spread: Spread, *, longest: int = LONGEST) -> str:
    """Each answer with its number and its share, and what is no whole answer below them."""
    rows = "".join(
        f'<li style="--pl-share:{100 * len(answer.results) / spread.counted:.1f}%">'
        f'<span class="pl-times">{len(answer.results)} ×</span>'
        f'<span class="pl-said">{answer_html(answer.text, answer.results[0], longest)}</span></li>'
        for answer in spread.answers
    )
    rows += "".join(
        f'<li class="pl-unfinished"><span class="pl-times">{len(results)} ×</span>'
        f'<span class="pl-said">{escape(reason)}{_why(results)}</span></li>'
        for reason, results in spread.unfinished.items()
    )
    return f'<ul class="pl-spread">{rows}</ul>' if rows else ""


def answer_html(text: str, result: Result, longest: int = LONGEST) -> str:
    """An answer with its mark, if it was judged."""
    said = escape(clipped(text, longest)) if text else '<i class="pl-muted">an empty answer</i>'
    return f"{mark_html(result)}{said}"


def mark_html(result: Result) -> str:
    """The mark of an answer; "" if there was nothing to compare it with."""
    if not result.scores:
        return ""
    # Not judged is said before wrong: of two scorers one may have failed.
    sign = "?" if result.score is None else "✓" if result.score >= 1 else "~" if result.score > 0 else "✗"
    word = {"?": "not judged", "✓": "right", "~": "partly right", "✗": "wrong"}[sign]
    kind = {"?": "warn", "✓": "good", "~": "warn", "✗": "bad"}[sign]
    why = "; ".join(score.reason for score in result.scores)
    return f'<b class="pl-mark pl-{kind}" role="img" aria-label="{word}" title="{escape(f"{word}: {why}")}">{sign}</b> '


def _why(results: Sequence[Result]) -> str:
    errors = list(dict.fromkeys(result.error for result in results if result.error))
    return f'<div class="pl-small">{escape(clipped("; ".join(errors), LONGEST))}</div>' if errors else ""


def waiting_html(count: int) -> str:
    """How many answers are still to come."""
    if not count:
        return ""
    words = "1 answer is being asked for" if count == 1 else f"{count} answers are being asked for"
    return f'<div class="pl-small pl-num">{words}</div><div class="pl-wait pl-open"><span></span></div>'


def facts(session: Session | None, results: Sequence[Result]) -> str:
    """The number of results, their mean time, their tokens and their cost, in a line."""
    if not results:
        return ""
    parts = [f"{len(results)} asked"]
    if before := sum(result.cached for result in results):
        parts.append(f"{before} answered before")
    if times := [result.seconds for result in results if result.seconds is not None]:
        parts.append(f"{duration_text(sum(times) / len(times))}{' each' if len(times) > 1 else ''}")
    if written := [result.tokens.written for result in results if result.tokens.written is not None]:
        parts.append(f"{sum(written):,} tokens out")
    if session is not None:
        parts += cost_words(session, results)
    return " · ".join(parts)


def cost_words(session: Session, results: Sequence[Result]) -> list[str]:
    """The known cost of `results`; empty if no price is known."""
    cost, unknown = runs.cost_of_all(results, session.catalogue)
    if cost is None or (cost == 0 and all(result.cached for result in results)):
        return []
    return [runs.cost_text(cost) + (f" and {unknown} of unknown cost" if unknown else "")]


def each_answer(key: str, table: AnswerTable, draw_card: Callable[[Result], None]) -> None:
    """Every single answer on demand, as a card with all that can be done with it."""
    results = {
        result.id: (row, column, number, result)
        for (row, column), cell in table.cells.items()
        for number, result in enumerate(cell, 1)
    }
    if not results:
        return
    opened = st.expander(f"Each answer ({len(results)})", key=f"each-{key}", type="compact", on_change="rerun")
    if not opened.open:
        return
    with opened:
        chosen = st.selectbox(
            "Answer",
            list(results),
            format_func=lambda id_: widgets.option(_title(table, *results[id_])),
            key=f"each-one-{key}",
            label_visibility="collapsed",
        )
        if chosen in results:
            draw_card(results[chosen][3])


def _title(table: AnswerTable, row: int, column: int, number: int, result: Result) -> str:
    head, count = table.columns[column], len(table.cell(row, column))
    where = f"{row + 1}. {_question(table, row)} · " if len(table.rows) > 1 else ""
    which = f" · {number} of {count}" if count > 1 else ""
    said = " ".join(result.text.split()) or (result.error or "an empty answer")
    return f"{where}{head.model}{f' ({head.heading})' if head.heading else ''}{which}: {said[:60]}"


def _question(table: AnswerTable, row: int) -> str:
    return " ".join(str(value) for value in table.rows[row].inputs.values())[:40]


__all__ = ["answer_html", "cost_words", "draw", "each_answer", "facts", "mark_html", "spread_html", "waiting_html"]
