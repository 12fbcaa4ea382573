"""Every answer of an experiment as a row with its factors, as CSV, as Parquet and as a DataFrame.

In CSV a text stands in quotes and a number does not; an empty cell without quotes is missing, `""` is an empty text.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.errors import PromptlabError
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._tables import answer_rows

if TYPE_CHECKING:
    import pandas

# What a spreadsheet takes for a formula, also behind white space, and in the wide letters of East Asian keyboards. A
# plain number is none.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_TYPES = {"repeat": "Int64", "score": "float64", "passed": "boolean"}


def answers_as_csv(outcome: Outcome, *, show_labelled: bool = False) -> str:
    """Every answer as a row of CSV. A text that a spreadsheet would take for a formula begins with an apostrophe; the
    other formats have the exact text. Text labelled above public is masked unless `show_labelled`."""
    rows = list(answer_rows(outcome, show_labelled=show_labelled))
    names = list(rows[0]) if rows else ["stage"]
    lines = [",".join(map(_cell, names)), *(",".join(_cell(row[name]) for name in names) for row in rows)]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"'


def answers_frame(outcome: Outcome, *, show_labelled: bool = False) -> pandas.DataFrame:
    """Every answer as a row of a pandas DataFrame. Raises `PromptlabError` if pandas is missing."""
    try:
        import pandas
    except ImportError as exc:
        raise PromptlabError("a table of answers needs pandas", hint="pip install 'promptlab[notebook]'") from exc
    rows = list(answer_rows(outcome, show_labelled=show_labelled))
    table = pandas.DataFrame([{name: _plain(value) for name, value in row.items()} for row in rows])
    return table.astype({name: kind for name, kind in _TYPES.items() if name in table})


def answers_as_parquet(outcome: Outcome, *, show_labelled: bool = False) -> bytes:
    """Every answer as a row of a Parquet file. A factor whose values are of several types is text.

    Raises `PromptlabError` if pyarrow is missing.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as exc:
        raise PromptlabError("Parquet needs pyarrow", hint="pip install 'promptlab[notebook]', or use CSV") from exc
    rows = list(answer_rows(outcome, show_labelled=show_labelled))
    columns = {name: _column([_plain(row[name]) for row in rows]) for name in (rows[0] if rows else ())}
    types = {
        "score": pyarrow.float64(),
        "passed": pyarrow.bool_(),
        "valid": pyarrow.bool_(),
        "new_tokens": pyarrow.int64(),
        "not_judged": pyarrow.string(),
    }
    arrays = {name: pyarrow.array(values, type=types.get(name)) for name, values in columns.items()}
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays), file)
    return file.getvalue()


def _column(values: Sequence[Any]) -> Sequence[Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:  # 0 beside 0.7
        return [None if value is None else float(value) for value in values]
    if len(kinds) <= 1:
        return values
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]


def _plain(value: Any) -> Any:
    """A list or a mapping, which no table has cells for, as JSON."""
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, Mapping | list | tuple) else value
