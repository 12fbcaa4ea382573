"""The answers of a run as a table, and the spread of several answers."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.runs._answer_table import Asked, answer_table, spread_of, table_of
from promptlab.runs._columns import Column, TableRow, plan_table
from promptlab.runs._trial import Given
from promptlab.types import Completion, FinishReason, Params, Result, TableCell
from tests.conftest import House


def answer(text: str, finish: FinishReason = "stop", **rest: Any) -> Result:
    return Result("id", "run", "a", None, "", Completion(text, finish), **rest)


FAILED = Result("id", "run", "a", None, "", error="down", error_kind="ServerFailed", partial="Argentina")


@pytest.mark.parametrize(
    ("results", "answers", "unfinished"),
    [
        ([], [], {}),
        ([answer("Argentina")], [(1, "Argentina")], {}),
        ([answer("B"), answer("A"), answer("A")], [(2, "A"), (1, "B")], {}),
        ([answer("B"), answer("A")], [(1, "B"), (1, "A")], {}),
        ([answer(" A\n"), answer("A"), answer("\tA ")], [(3, "A")], {}),
        ([answer("a"), answer("A"), answer("A.")], [(1, "a"), (1, "A"), (1, "A.")], {}),
        ([answer("A  b"), answer("A b")], [(1, "A  b"), (1, "A b")], {}),
        ([answer(""), answer(" ")], [(2, "")], {}),
        ([answer("Argentina"), FAILED], [(1, "Argentina")], {"failed": 1}),
        ([answer("Argentina"), answer("Argentina", "length")], [(1, "Argentina")], {"cut off at max tokens": 1}),
        ([answer("A", "stopped")], [], {"the answer was stopped before its end": 1}),
        ([answer("A", "content_filter")], [], {"the server's content filter held the answer back in part": 1}),
        ([answer("", "tool_calls"), answer("", "tool_calls")], [], {"ended with a tool call": 2}),
        ([answer("A", "unknown")], [(1, "A")], {}),
    ],
)
def test_a_spread_counts_whole_answers_and_nothing_else(
    results: list[Result], answers: list[tuple[int, str]], unfinished: dict[str, int]
) -> None:
    spread = spread_of(results)
    assert [(len(one.results), one.text) for one in spread.answers] == answers
    assert {reason: len(same) for reason, same in spread.unfinished.items()} == unfinished
    assert spread.counted == sum(count for count, _ in answers)
    assert spread.counted + sum(unfinished.values()) == len(results)


def test_a_run_with_one_answer_a_column_is_no_table() -> None:
    plain = [answer("A", cell=TableCell(n, f"temperature {n}")) for n in range(3)]
    assert answer_table(plain) is None
    assert answer_table([answer("A"), Result("i", "r", "b", None, "", Completion("B"))]) is None
    assert answer_table([]) is None


def test_what_has_not_come_yet_is_counted_as_waiting() -> None:
    asked = [Asked(TableCell(0), "a", answer("A") if n < 2 else None) for n in range(5)]
    table = table_of(asked)
    assert table is not None
    assert (len(table.cell(0, 0)), table.waiting) == (2, {(0, 0): 3})


def test_a_table_comes_back_from_the_history_as_it_was_asked(house: House) -> None:
    house.model("a", lambda request: str(request.repeat))
    template = house.template()
    columns = [
        Column("a", template, Params(max_tokens=16)),
        Column("a", template, Params(temperature=1.0, max_tokens=16), "temperature 1"),
    ]
    rows = [TableRow(Given({"question": q}), expected) for q, expected in (("Who won?", "0"), ("Who lost?", None))]
    run = house.start(plan_table(house.workspace, columns, rows, repeats=3))
    run.wait()
    results = house.store.results(run.id)
    table = answer_table(results)
    assert table is not None
    assert [(column.model, column.heading) for column in table.columns] == [("a", ""), ("a", "temperature 1")]
    assert [(dict(row.inputs), row.expected) for row in table.rows] == [
        ({"question": "Who won?"}, "0"),
        ({"question": "Who lost?"}, None),
    ]
    assert [[r.text for r in table.cell(row, column)] for row in (0, 1) for column in (0, 1)] == [
        ["0"],
        ["0", "1", "2"],
        ["0"],
        ["0", "1", "2"],
    ]
    part = answer_table([result for result in results if result.cell and result.cell.row == 1])
    assert part is not None, "what was recorded of an interrupted run keeps its rows"
    assert [dict(row.inputs) for row in part.rows] == [{"question": "Who lost?"}]


def test_several_answers_of_the_command_line_are_a_spread_too(house: House) -> None:
    house.model("a", ["x", "y", "x"])
    house.model("b", ["z"])
    run = house.start(house.trials("a", "b", params=Params(temperature=1.0), repeats=3))
    table = answer_table(run.wait())
    assert table is not None
    assert [column.model for column in table.columns] == ["a", "b"]
    assert [len(table.cell(0, column)) for column in (0, 1)] == [3, 3]


def test_the_cases_of_a_suite_are_no_table() -> None:
    assert answer_table([answer("A", case="winner"), answer("A", case="loser")]) is None
