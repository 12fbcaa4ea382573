"""Tables of questions: inputs down, columns across, and several draws in a cell.

    columns = [Column("gpt", template, params), Column("gpt", template, params.with_(temperature=1), "temperature 1")]
    rows = [TableRow(Given({"question": "Who won?"}), expected="Argentina")]
    plan_table(workspace, columns, rows, repeats=5)         # 10 trials, or 6 if the first has temperature 0

Nothing is asked twice: a column or a row that asks the same as an earlier one is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from promptlab import scorers
from promptlab._util.text import value_in_words
from promptlab.errors import InputError
from promptlab.runs._difference import FIRST, SAME
from promptlab.runs._draws import draws_of
from promptlab.runs._plans import sections_to_leave_out
from promptlab.runs._prompts import PromptCache
from promptlab.runs._trial import Given, Trial
from promptlab.templates import MaterialsReader, Template, pasted_inputs
from promptlab.types import Params, Scorer, Section, TableCell
from promptlab.workspace import Workspace

MOST_DRAWS = 20
"""How often a question may be asked in one table."""
MOST_ROWS = 100
"""How many rows may be typed or pasted. Suites have no such limit."""
MOST_REQUESTS = 1_000
"""How many requests a table may be."""


@dataclass(frozen=True)
class Column:
    """What the questions of a column are asked with. `heading` is what sets it apart from others of its model."""

    model: str
    template: Template
    params: Params
    heading: str = ""


@dataclass(frozen=True)
class TableRow:
    """The inputs of a row, with the right answer and its scorers if it is known. If `documents` is None, the context is
    the template's. `case` is the id of the suite's case that it was taken from."""

    given: Given
    expected: Any = None
    scorers: tuple[Scorer, ...] = ()
    documents: tuple[str, ...] | None = None
    case: str = ""
    judge_cut: bool = False


def column_heading(overrides: Mapping[str, Any], version: str = "") -> str:
    """What a column asks differently, in words: its own parameters, and the name of its version of the template."""
    words = [f"{name.replace('_', ' ')} {value_in_words(_plain(value))}" for name, value in overrides.items()]
    return ", ".join([version, *words] if version else words)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def different_columns(columns: Sequence[Column]) -> list[Column]:
    """`columns` without those that ask the same as an earlier one."""
    known: list[tuple[str, str, Params]] = []
    different = []
    for column in columns:
        asked = (column.model, column.template.source, column.params)
        if asked not in known:
            known.append(asked)
            different.append(column)
    return different


def different_rows(rows: Sequence[TableRow]) -> list[TableRow]:
    """`rows` without those that are the same as an earlier one.

    Raises `InputError` if two have the same inputs and different right answers.
    """
    first: dict[str, tuple[int, TableRow]] = {}
    for number, row in enumerate(rows, 1):
        # By `repr`: 1, 1.0 and True are equal, and give different prompts.
        asked = repr((sorted(row.given.values.items()), row.documents, row.case))
        earlier, same = first.setdefault(asked, (number, row))
        if same.expected != row.expected:
            message = f"rows {earlier} and {number} have the same inputs, but different right answers"
            raise InputError(message, hint="remove one of the two")
    return [row for _, row in first.values()]


def plan_table(
    workspace: Workspace,
    columns: Sequence[Column],
    rows: Sequence[TableRow],
    *,
    repeats: int = 1,
    without: Collection[Section] = (),
    prompts: PromptCache | None = None,
) -> list[Trial]:
    """The trials of a table: row by row, and in a row column by column.

    Each prompt is rendered once. If one cannot be rendered, its trials fail when they are asked. A column whose answers
    would all be the same is asked once and not `repeats` times.
    """
    if not 1 <= repeats <= MOST_DRAWS:
        raise InputError(f"a question can be asked 1 to {MOST_DRAWS} times, not {repeats}")
    cache = prompts or PromptCache()
    reader = MaterialsReader(workspace)
    kept = different_rows(rows)
    different = different_columns(columns)
    planned = len(kept) * sum(draws_of(column.params, repeats) for column in different)
    if planned > MOST_REQUESTS:
        raise InputError(
            f"these would be {planned:,} requests; at most {MOST_REQUESTS:,} can be asked at once here",
            hint="take fewer rows, columns or answers, or make a suite",
        )
    trials: list[Trial] = []
    for number, row in enumerate(kept):
        filled: dict[int, Trial] = {}
        for position, column in enumerate(different):
            key = id(column.template)
            if key not in filled:
                filled[key] = cache.rendered(_question(reader, column.template, row, without))
            cell = TableCell(position, column.heading, number, row.given.values if len(kept) > 1 else {}, row.expected)
            asked = replace(filled[key], model=column.model, params=column.params, cell=cell)
            trials += [replace(asked, repeat=repeat) for repeat in range(draws_of(column.params, repeats))]
    return trials


def rows_from_text(workspace: Workspace, template: Template, text: str, given: Given) -> list[TableRow]:
    """The rows that a person typed or pasted (`templates.pasted_inputs`). Inputs that a row lacks are those of `given`.

    A row with a right answer is judged by the scorer `contains`. Raises `InputError` for more than `MOST_ROWS` rows.
    """
    pasted = pasted_inputs(template, text)
    if len(pasted) > MOST_ROWS:
        hint = "take fewer, or make a suite of them: it asks any number, and can be paused"
        raise InputError(f"there are {len(pasted):,} rows; at most {MOST_ROWS} can be asked here", hint=hint)
    contains: tuple[Scorer, ...] = ()
    if any(row.expected is not None for row in pasted):
        contains = (scorers.build_scorer(scorers.scorer_spec("contains"), workspace),)
    return [
        TableRow(
            Given({**given.values, **row.inputs}, given.label, given.places),
            row.expected,
            contains if row.expected is not None else (),
        )
        for row in pasted
    ]


def describe_table(trials: Sequence[Trial], changed: str) -> str:
    """The title of a run: what changed (`describe_changes`), and what is special about the table that it asks."""
    special = _special(trials)
    return ", ".join(special if special and changed in (FIRST, SAME) else [changed, *special])


def _special(trials: Sequence[Trial]) -> list[str]:
    cells = [trial.cell for trial in trials if trial.cell is not None]
    headings = list(dict.fromkeys(cell.heading for cell in sorted(cells, key=lambda cell: cell.column)))
    words = []
    if (rows := len({cell.row for cell in cells})) > 1:
        words.append(f"{rows} inputs")
    if len(headings) > 1:
        words.append(_against([heading or "as in the prompt" for heading in headings]))
    if (draws := max((trial.repeat for trial in trials), default=0) + 1) > 1:
        words.append(f"{draws} answers each")
    return words


def _against(headings: Sequence[str]) -> str:
    """Headings that differ in one value share its name: "temperature 0, 0.7 and 1"."""
    names = {heading.rpartition(" ")[0] for heading in headings}
    if len(names) == 1 and "," not in "".join(headings) and (name := names.pop()):
        values = [heading.rpartition(" ")[2] for heading in headings]
        return f"{name} {', '.join(values[:-1])} and {values[-1]}"
    return " against ".join(headings)


def _question(reader: MaterialsReader, template: Template, row: TableRow, without: Collection[Section]) -> Trial:
    if row.documents is not None:
        template = replace(template, context=row.documents, passages={})
    # A version of the template may lack an input that another has.
    values = {name: value for name, value in row.given.values.items() if name in template.inputs}
    filled = reader.materials(template, values, without=without, item=row.case)
    return Trial(
        template=template,
        inputs=values,
        model="",
        documents=filled.documents,
        shots=filled.shots,
        without=sections_to_leave_out(without),
        expected=row.expected,
        label=row.given.label,
        scorers=row.scorers,
        judge_cut=row.judge_cut,
        places=row.given.places,
    )


__all__ = [
    "MOST_DRAWS",
    "MOST_REQUESTS",
    "MOST_ROWS",
    "Column",
    "TableRow",
    "column_heading",
    "describe_table",
    "different_columns",
    "different_rows",
    "plan_table",
    "rows_from_text",
]
