"""The answers of a run as a table, and the spread of several answers to one question.

table = answer_table(store.results(run.id))
spread = spread_of(table.cells[0, 1])
[(len(answer.results), answer.text) for answer in spread.answers]       # [(3, "Argentina"), (2, "France")]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.runs._score import why_not_judgeable
from promptlab.types import Result, TableCell

MOST_GROUPS = 8
"""Runs without a table are shown as spreads if they asked at most so many different questions."""


@dataclass(frozen=True)
class SpreadAnswer:
    """An answer and the results that gave it. White space around it does not count."""

    text: str
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Spread:
    """How often each answer came, the most frequent first.

    `unfinished` are the results that are no whole answer, by what became of them: "failed", "cut off". They count as no
    answer, whatever text they have.
    """

    answers: tuple[SpreadAnswer, ...]
    unfinished: Mapping[str, tuple[Result, ...]]

    @property
    def counted(self) -> int:
        """How many whole answers there are."""
        return sum(len(answer.results) for answer in self.answers)


def spread_of(results: Sequence[Result]) -> Spread:
    """The spread of `results`, which answer the same question."""
    answers: dict[str, list[Result]] = {}
    unfinished: dict[str, list[Result]] = {}
    for result in results:
        if reason := _why_unfinished(result):
            unfinished.setdefault(reason, []).append(result)
        else:
            answers.setdefault(result.text.strip(), []).append(result)
    ranked = sorted(answers.items(), key=lambda item: -len(item[1]))  # stable: equal counts keep their order
    return Spread(
        tuple(SpreadAnswer(text, tuple(same)) for text, same in ranked),
        {reason: tuple(same) for reason, same in unfinished.items()},
    )


def _why_unfinished(result: Result) -> str:
    """What became of a result that is no whole answer; "" for a whole one."""
    done = result.completion
    if done is None:
        return "failed"
    if done.finish_reason == "length":
        return "cut off at max tokens"
    if done.finish_reason == "tool_calls":
        return "ended with a tool call"
    return why_not_judgeable(done, None, judge_cut=False)


@dataclass(frozen=True)
class TableColumn:
    """The head of a column."""

    model: str
    heading: str


@dataclass(frozen=True)
class RowHead:
    """The inputs of a row, empty if the table has only one, and the right answer if it is known."""

    inputs: Mapping[str, Any]
    expected: Any = None


@dataclass(frozen=True)
class Asked:
    """A trial of a table: its place, its model, and its result if it has ended."""

    cell: TableCell
    model: str
    result: Result | None


@dataclass(frozen=True)
class AnswerTable:
    """Answers by row and column. `waiting` are the numbers of those that have not ended."""

    columns: tuple[TableColumn, ...]
    rows: tuple[RowHead, ...]
    cells: Mapping[tuple[int, int], tuple[Result, ...]]
    waiting: Mapping[tuple[int, int], int]

    def cell(self, row: int, column: int) -> tuple[Result, ...]:
        """The results of a cell; empty if none has ended."""
        return self.cells.get((row, column), ())


def table_of(asked: Sequence[Asked]) -> AnswerTable | None:
    """The table of `asked`; None if each column has one answer to one question, which needs no table."""
    columns: dict[int, TableColumn] = {}
    rows: dict[int, RowHead] = {}
    cells: dict[tuple[int, int], list[Result]] = {}
    waiting: dict[tuple[int, int], int] = {}
    for one in asked:
        cell = one.cell
        columns.setdefault(cell.column, TableColumn(one.model, cell.heading))
        rows.setdefault(cell.row, RowHead(cell.inputs, cell.expected))
        place = (cell.row, cell.column)
        cells.setdefault(place, [])
        if one.result is None:
            waiting[place] = waiting.get(place, 0) + 1
        else:
            cells[place].append(one.result)
    if len(rows) < 2 and all(len(results) + waiting.get(place, 0) < 2 for place, results in cells.items()):
        return None
    row_numbers = {row: number for number, row in enumerate(sorted(rows))}
    column_numbers = {column: number for number, column in enumerate(sorted(columns))}

    def at(place: tuple[int, int]) -> tuple[int, int]:
        return row_numbers[place[0]], column_numbers[place[1]]

    return AnswerTable(
        tuple(columns[column] for column in column_numbers),
        tuple(rows[row] for row in row_numbers),
        {at(place): tuple(results) for place, results in cells.items()},
        {at(place): count for place, count in waiting.items()},
    )


def answer_table(results: Sequence[Result]) -> AnswerTable | None:
    """The table of a run's results; None if each column has one answer.

    A run that asked no table is one if it asked the same question several times, as `promptlab compare --repeat` does.
    """
    cells = [result.cell for result in results]
    if all(cell is not None for cell in cells):
        return table_of([Asked(r.cell, r.model, r) for r in results if r.cell is not None])
    if any(cell is not None for cell in cells) or any(result.case for result in results):
        return None
    groups: list[tuple[Any, ...]] = []
    asked = []
    for result in results:
        question = (
            (result.model, result.request.messages, result.request.params, result.request.schema)
            if result.request
            else (result.model,)
        )
        if question not in groups:
            groups.append(question)
        asked.append(Asked(TableCell(groups.index(question)), result.model, result))
        if len(groups) > MOST_GROUPS:
            return None
    return table_of(asked)


__all__ = [
    "AnswerTable",
    "Asked",
    "RowHead",
    "Spread",
    "SpreadAnswer",
    "TableColumn",
    "answer_table",
    "spread_of",
    "table_of",
]
