"""Tables of questions: what is asked, and what is not asked twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from promptlab.errors import InputError
from promptlab.runs import _columns as columns
from promptlab.runs._columns import Column, TableRow, column_heading, describe_table, plan_table, rows_from_text
from promptlab.runs._difference import FIRST, SAME
from promptlab.runs._trial import Given
from promptlab.templates import _load as templates
from promptlab.types import Params
from promptlab.workspace._workspace import Workspace

HOT = Params(temperature=1.0)
COLD = Params()
WON = TableRow(Given({"question": "Who won?"}))
LOST = TableRow(Given({"question": "Who lost?"}), expected="France")


def of(workspace: Workspace, *parts: tuple[str, Params, str]) -> list[Column]:
    cup = templates.load(workspace, "cup")
    return [Column(model, cup, params, heading) for model, params, heading in parts]


@pytest.mark.parametrize(
    ("parts", "rows", "repeats", "asked"),
    [
        ([("a", COLD, "")], [WON], 1, [("a", 0, 0, 0)]),
        ([("a", COLD, "")], [WON], 5, [("a", 0, 0, 0)]),
        ([("a", HOT, "")], [WON], 3, [("a", 0, 0, 0), ("a", 0, 0, 1), ("a", 0, 0, 2)]),
        ([("a", replace(HOT, seed=1), "")], [WON], 3, [("a", 0, 0, 0)]),
        ([("a", COLD, "0"), ("a", HOT, "1")], [WON], 2, [("a", 0, 0, 0), ("a", 0, 1, 0), ("a", 0, 1, 1)]),
        ([("a", COLD, ""), ("b", COLD, "")], [WON, LOST], 1,
         [("a", 0, 0, 0), ("b", 0, 1, 0), ("a", 1, 0, 0), ("b", 1, 1, 0)]),
        ([("a", COLD, ""), ("a", COLD, "again")], [WON, WON], 1, [("a", 0, 0, 0)]),
    ],
    ids=["one", "cold", "hot", "seeded", "temperatures", "grid", "twice"],
)  # fmt: skip
def test_a_table_asks_each_cell_and_nothing_twice(
    workspace: Workspace, parts: list[Any], rows: list[TableRow], repeats: int, asked: list[Any]
) -> None:
    trials = plan_table(workspace, of(workspace, *parts), rows, repeats=repeats)
    assert [(t.model, t.cell.row, t.cell.column, t.repeat) for t in trials if t.cell] == asked
    assert all(t.prompt is not None for t in trials)
    assert len({id(t.prompt) for t in trials}) == len({t.cell.row for t in trials if t.cell}), "one render a row"


def test_inputs_and_right_answers_are_in_the_cells_of_a_grid_only(workspace: Workspace) -> None:
    one = plan_table(workspace, of(workspace, ("a", COLD, "")), [LOST])
    two = plan_table(workspace, of(workspace, ("a", COLD, "")), [WON, LOST])
    assert [(dict(t.cell.inputs), t.cell.expected) for t in one if t.cell] == [({}, "France")]
    assert [(dict(t.cell.inputs), t.cell.expected) for t in two if t.cell] == [
        ({"question": "Who won?"}, None),
        ({"question": "Who lost?"}, "France"),
    ]


def test_a_version_without_an_input_of_the_row_is_asked_without_it(workspace: Workspace) -> None:
    cup = templates.load(workspace, "cup")
    row = TableRow(Given({"question": "Who?", "team": "Brazil"}))
    (trial,) = plan_table(workspace, [Column("a", cup, COLD)], [row])
    assert trial.inputs == {"question": "Who?"}


@pytest.mark.parametrize(
    ("rows", "repeats", "words"),
    [
        ([LOST, replace(LOST, expected="Croatia")], 1, "rows 1 and 2 have the same inputs, but different"),
        ([WON], 21, "1 to 20 times, not 21"),
        ([WON], 0, "1 to 20 times, not 0"),
        ([TableRow(Given({"question": str(n)})) for n in range(60)], 20, "1,200 requests; at most 1,000"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is(
    workspace: Workspace, rows: list[TableRow], repeats: int, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        plan_table(workspace, of(workspace, ("a", HOT, "")), rows, repeats=repeats)


@pytest.mark.parametrize(
    ("overrides", "version", "heading"),
    [
        ({}, "", ""),
        ({"temperature": 0.7}, "", "temperature 0.7"),
        ({"temperature": 1.0, "max_tokens": 8}, "", "temperature 1, max tokens 8"),
        ({}, "saved version", "saved version"),
        ({"stop": ["\n"]}, "this draft", "this draft, stop '\\n'"),
    ],
)
def test_a_heading_says_what_differs(overrides: dict[str, Any], version: str, heading: str) -> None:
    assert column_heading(overrides, version) == heading


@pytest.mark.parametrize(
    ("headings", "rows", "repeats", "changed", "title"),
    [
        ([""], [WON], 1, SAME, SAME),
        ([""], [WON], 5, SAME, "5 answers each"),
        ([""], [WON], 5, "− context", "− context, 5 answers each"),
        (["temperature 0.5", "temperature 0.7", "temperature 1"], [WON], 1, FIRST, "temperature 0.5, 0.7 and 1"),
        (["this draft", "saved version"], [WON, LOST], 1, SAME, "2 inputs, this draft against saved version"),
    ],
)
def test_a_title_says_what_is_special(
    workspace: Workspace, headings: list[str], rows: list[TableRow], repeats: int, changed: str, title: str
) -> None:
    parts = [("a", Params(temperature=1.0, max_tokens=9 + n), h) for n, h in enumerate(headings)]
    assert describe_table(plan_table(workspace, of(workspace, *parts), rows, repeats=repeats), changed) == title


def test_rows_of_text_take_what_they_lack_from_the_fields(workspace: Workspace) -> None:
    text = "inputs:\n  team: {type: string}\n  question: {type: string}\nuser: '{{ team }} {{ question }}'\n"
    template = templates.parse(text, path="templates/t.yaml")
    given = Given({"team": "Brazil", "question": "Who?"}, "internal")
    rows = rows_from_text(workspace, template, "question\texpected\nWho won?\tArgentina\nWho lost?\t\n", given)
    assert [dict(row.given.values) for row in rows] == [
        {"team": "Brazil", "question": "Who won?"},
        {"team": "Brazil", "question": "Who lost?"},
    ]
    assert [(row.given.label, row.expected, len(row.scorers)) for row in rows] == [
        ("internal", "Argentina", 1),
        ("internal", None, 0),
    ]


def test_too_many_rows_are_refused_and_none_is_left_out(workspace: Workspace) -> None:
    cup = templates.load(workspace, "cup")
    text = "".join(f"question {n}\n" for n in range(columns.MOST_ROWS + 1))
    with pytest.raises(InputError, match="there are 101 rows; at most 100"):
        rows_from_text(workspace, cup, text, Given({}))
