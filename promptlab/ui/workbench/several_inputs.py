"""Several inputs at once: lines that are typed, cells that are pasted from a spreadsheet, or cases of a suite."""

from __future__ import annotations

import streamlit as st

from promptlab import runs, suites
from promptlab.errors import InputError, PromptlabError
from promptlab.runs import Given, TableRow
from promptlab.ui.components.bound_fields import Field, Fields
from promptlab.ui.components.widgets import note, option, small
from promptlab.ui.state.drafts import Draft
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session
from promptlab.workspace import Workspace

HELP = (
    "One input per line. Or paste cells from a spreadsheet: the first row names the inputs, "
    "and a column `expected` has the right answers."
)


def fields(draft: Draft) -> list[Field]:
    """The fields of several inputs, for the draft."""
    return [
        Field("several", draft.several, lambda _, value: {"several": bool(value)}),
        Field("rows-text", draft.rows_text, lambda _, value: {"rows_text": value}),
        Field("rows-suite", draft.rows_suite, lambda _, value: {"rows_suite": value or ""}),
        Field("rows-limit", draft.rows_limit, lambda _, value: {"rows_limit": int(value)}),
    ]


def read(session: Session, opened: Opened, given: Given) -> tuple[TableRow, ...] | None:
    """The rows that the draft asks; None if it asks one input. Raises `InputError` if there is no row, and what
    reading rows raises."""
    draft = opened.draft
    if not draft.several:
        return None
    rows = _of_suite(session.workspace, draft) if draft.rows_suite else _of_text(session, opened, given)
    if not rows:
        raise InputError("there are no inputs yet", hint="type one per line, paste cells, or choose a suite")
    return tuple(runs.different_rows(rows))


def _of_text(session: Session, opened: Opened, given: Given) -> list[TableRow]:
    return runs.rows_from_text(session.workspace, opened.template, opened.draft.rows_text, given)


def _of_suite(workspace: Workspace, draft: Draft) -> list[TableRow]:
    limit = min(max(draft.rows_limit, 1), runs.MOST_ROWS)
    return suites.table_rows(workspace, suites.load_suite(workspace, draft.rows_suite), limit=limit)


def suites_of(workspace: Workspace, template: str) -> list[str]:
    """The suites of a template. One that cannot be read is left out here; its own page says why."""
    found = []
    for path in suites.suite_paths(workspace):
        try:
            if suites.load_suite(workspace, path).template.path == template:
                found.append(path)
        except PromptlabError:
            continue
    return found


def absent(fields: Fields) -> None:
    """Several inputs are not on the page."""
    fields.gone("rows-text", "rows-suite", "rows-limit")


def draw(
    session: Session, opened: Opened, rows: tuple[TableRow, ...], problem: PromptlabError | None, fields: Fields
) -> None:
    """The fields, and what they give."""
    known = suites_of(session.workspace, opened.path)
    chosen = opened.draft.rows_suite
    if known or chosen:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.selectbox(
                "Inputs from",
                ["", *dict.fromkeys([*known, *([chosen] if chosen else [])])],
                format_func=lambda path: f"suite {_name(path)}" if path else "typed or pasted below",
                width=260,
                **fields.appearing("rows-suite"),
            )
            if chosen:
                st.number_input("First cases", 1, runs.MOST_ROWS, step=1, width=120, **fields.appearing("rows-limit"))
            else:
                fields.gone("rows-limit")
    if chosen:
        fields.gone("rows-text")
    else:
        st.text_area(
            "Inputs", height=130, help=HELP, placeholder=HELP.replace("`", ""), **fields.appearing("rows-text")
        )
    if problem is not None:
        note("warn", "These inputs cannot be asked", str(problem.args[0]), problem.hint)
    else:
        small(_summary(rows))


def _summary(rows: tuple[TableRow, ...]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row.given.values))
    expected = sum(row.expected is not None for row in rows)
    known = f" · {expected} with the right answer" if expected else ""
    return f"{len(rows)} {'input' if len(rows) == 1 else 'inputs'}: {', '.join(names)}{known}"


def _name(path: str) -> str:
    return option(path.rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml"))


__all__ = ["absent", "draw", "fields", "read", "suites_of"]
