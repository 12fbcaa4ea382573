"""Several inputs and columns as one table: a row for each input, a column for each model, version or temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promptlab import runs
from promptlab._util.text import clipped
from promptlab.runs import AnswerTable
from promptlab.types import Result
from promptlab.ui.components.widgets import chip, escape, markup
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import spread

SHORT = 90
"""Characters of an answer in a cell; a press on it shows the rest."""
WHOLE = 2_000


def draw(session: Session | None, table: AnswerTable) -> None:
    """The table, with the numbers of each column at its foot. Costs need `session`."""
    names = list(dict.fromkeys(name for row in table.rows for name in row.inputs))
    shown = [name for name in names if len({repr(row.inputs.get(name)) for row in table.rows}) > 1] or names
    expected = any(row.expected is not None for row in table.rows)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in shown)
    heads += '<th scope="col">expected</th>' if expected else ""
    heads += "".join(
        f'<th scope="col">{escape(column.model)} {chip(column.heading) if column.heading else ""}</th>'
        for column in table.columns
    )
    body = "".join(
        f'<tr><th scope="row">{number + 1}</th>{_inputs(row.inputs, shown)}'
        + (f"<td>{_value(row.expected)}</td>" if expected else "")
        + "".join(f"<td>{_cell(table, number, column)}</td>" for column in range(len(table.columns)))
        + "</tr>"
        for number, row in enumerate(table.rows)
    )
    foot = "".join(f"<td>{_foot(session, _column(table, column))}</td>" for column in range(len(table.columns)))
    empty = len(shown) + expected
    markup(
        '<div class="pl-wide" tabindex="0" role="region" aria-label="Answers by input and column">'
        f'<table class="pl-table pl-grid"><thead><tr><th scope="col">#</th>{heads}</tr></thead>'
        f'<tbody>{body}</tbody><tfoot><tr><td></td><td colspan="{empty}"></td>{foot}</tr></tfoot></table></div>'
    )


def _inputs(inputs: Mapping[str, Any], names: Sequence[str]) -> str:
    return "".join(f"<td>{_value(inputs.get(name))}</td>" for name in names)


def _value(value: Any) -> str:
    return "" if value is None else _folded(str(value), "")


def _folded(text: str, before: str) -> str:
    """A text in one line; a longer one can be opened."""
    line = " ".join(text.split())
    if len(line) <= SHORT and "\n" not in text.strip():
        return f"{before}{escape(line)}"
    whole = escape(clipped(text.strip(), WHOLE))
    return f'<details><summary>{before}{escape(line[:SHORT])}…</summary><div class="pl-whole">{whole}</div></details>'


def _cell(table: AnswerTable, row: int, column: int) -> str:
    results, waiting = table.cell(row, column), table.waiting.get((row, column), 0)
    more = f'<span class="pl-small">{waiting} to come …</span>' if waiting else ""
    if not results:
        return more or '<span class="pl-small">not recorded</span>'
    if len(results) > 1 or waiting:
        return spread.spread_html(runs.spread_of(results), longest=SHORT) + more
    (result,) = results
    unfinished = list(runs.spread_of(results).unfinished)
    before = spread.mark_html(result) if result.completion else ""
    if unfinished:
        # What became of it comes first: a part of an answer must not look like an answer.
        before = f"{chip(unfinished[0], 'bad' if result.error else 'warn')} {before}"
        return _folded(result.error or result.text, before)
    return _folded(result.text, before) if result.text.strip() else f'{before}<i class="pl-muted">an empty answer</i>'


def _column(table: AnswerTable, column: int) -> list[Result]:
    return [result for row in range(len(table.rows)) for result in table.cell(row, column)]


def _foot(session: Session | None, results: Sequence[Result]) -> str:
    judged = [result.score for result in results if result.completion and result.score is not None]
    right = [f"{sum(score >= 1 for score in judged)} of {len(judged)} right"] if judged else []
    unjudged = sum(bool(result.completion and result.scores and result.score is None) for result in results)
    right += [f"{unjudged} not judged"] if unjudged else []
    failed = sum(bool(result.error) for result in results)
    right += [f"{failed} failed"] if failed else []
    return f'<span class="pl-small pl-num">{escape(" · ".join([*right, spread.facts(session, results)]))}</span>'


__all__ = ["draw"]
