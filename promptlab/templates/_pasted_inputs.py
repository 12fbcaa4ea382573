"""Several inputs at once: lines that a person typed, or cells that were pasted from a spreadsheet.

    pasted_inputs(template, "Who won?\\nWho lost?")                              # two rows of the only input
    pasted_inputs(template, "question\\texpected\\nWho won?\\tArgentina")        # with the right answer

Spreadsheets separate cells by tabs and put a cell with a line break in quotes. The first row of such a text names the
inputs, in any letter case; a column `expected` is the right answer, unless the template has an input of that name.
Without tabs each line is one value, and its quotes are its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab._util.csv_rows import CsvRows
from promptlab._util.rows import BadRow, lines_of
from promptlab.errors import InputError, nearest
from promptlab.templates._load import inputs_from_text
from promptlab.templates._template import Template

EXPECTED = "expected"


@dataclass(frozen=True)
class PastedRow:
    """The inputs of a row, only those that it has. `line` is where it begins in the text."""

    inputs: Mapping[str, Any]
    expected: str | None
    line: int


def pasted_inputs(template: Template, text: str) -> list[PastedRow]:
    """The rows of `text`, without empty lines. Raises `InputError` or `TemplateError` for a row that cannot be read."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if "\t" in text:
        return _of_cells(template, text)
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        return []
    name = _input_called(template, lines[0][1])
    if name is not None and len(lines) > 1:
        lines = lines[1:]
    elif len(template.inputs) == 1:
        (name,) = template.inputs
    else:
        raise InputError(
            f"it is not clear which input the lines are: this template has {_names(template.inputs)}",
            hint="write the name of the input as the first line, or paste cells with the names above them",
        )
    return [_row(template, {name: line}, None, number) for number, line in lines]


def _of_cells(template: Template, text: str) -> list[PastedRow]:
    rows = CsvRows(lines_of(text), "pasted.tsv", lambda header, _: _check_header(template, header), known=())
    try:
        return [_of_row(template, row.data, row.line) for row in rows]
    except BadRow as exc:
        hint = exc.hint or "each row needs as many cells as the first, which names the inputs"
        raise InputError(f"line {exc.line} of the pasted cells: {exc.message}", hint=hint) from exc


def _check_header(template: Template, header: Sequence[str]) -> None:
    known = [*template.inputs, EXPECTED]
    seen: set[str] = set()
    for cell in header:
        name = _column(template, cell)
        if name is None:
            raise InputError(
                f"the first row names `{cell}`, which is no input of this template",
                hint=nearest(cell, known) if cell else "every column needs a name",
            )
        if name in seen:
            raise InputError(f"two columns are called `{name}`", hint="remove one, or rename it")
        seen.add(name)
    if not seen & set(template.inputs):
        raise InputError("no column is an input of this template", hint=f"the inputs are {_names(template.inputs)}")


def _column(template: Template, cell: str) -> str | None:
    name = _input_called(template, cell)
    return EXPECTED if name is None and cell.strip().lower() == EXPECTED else name


def _input_called(template: Template, cell: str) -> str | None:
    if cell.strip() in template.inputs:
        return cell.strip()
    wanted = cell.strip().lower().replace(" ", "_")
    alike = [name for name in template.inputs if name.lower() == wanted]
    return alike[0] if len(alike) == 1 else None


def _of_row(template: Template, cells: Mapping[str, str], line: int) -> PastedRow:
    texts: dict[str, str] = {}
    expected = None
    for cell, text in cells.items():
        name = _column(template, cell)
        if name in template.inputs and name is not None:
            if text.strip():
                texts[name] = text
            elif template.inputs[name].default is None:
                hint = "fill the cell, or remove the row"
                raise InputError(f"line {line} of the pasted cells has no `{name}`", hint=hint)
        elif text.strip():
            expected = text.strip()
    return _row(template, texts, expected, line)


def _row(template: Template, texts: Mapping[str, str], expected: str | None, line: int) -> PastedRow:
    return PastedRow(inputs_from_text(template, texts), expected, line)


def _names(names: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no inputs"


__all__ = ["PastedRow", "pasted_inputs"]
