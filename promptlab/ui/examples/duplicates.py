"""Duplicates of a pool: repeats that can be removed, and contradictions that a person must resolve."""

from __future__ import annotations

import streamlit as st

from promptlab import examples
from promptlab._util.rows import kind_of
from promptlab.errors import PromptlabError
from promptlab.types import Example
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.examples import form, rows
from promptlab.ui.state.session import Session

_ERROR = "duplicates-error"


def draw(session: Session, path: str, pool: tuple[Example, ...], names: tuple[str, ...], size: int) -> None:
    """The repeats and the contradictions of the pool, each in pages of `size`."""
    groups = examples.find_duplicates(pool)
    removable = [(group[0], repeats) for group in groups if (repeats := examples.repeated_examples(group))]
    removed_ids = [example.id for _, repeats in removable for example in repeats]
    contradictory = [group for group in groups if examples.has_contradiction(group)]
    if error := st.session_state.pop(_ERROR, None):
        note("bad", *error)
    if not groups:
        note("info", "No duplicates", "No two examples have the same inputs, ignoring case and spacing.")
        return
    if removed_ids:
        _repeats(session, path, removable, removed_ids, size)
    if contradictory:
        st.markdown("##### Contradictions: the same question with different answers")
        small(f"{_questions(len(contradictory))}. Decide which answer is right, then edit or delete the other.")
        first = rows.first("undecided", len(contradictory), path, size)
        for number, group in enumerate(contradictory[first : first + size]):
            with st.container(key=f"group-{number}", gap="xsmall"):
                for example in group[:size]:
                    rows.line(path, names, example, group="u-")
                if len(group) > size:
                    small(f"and {len(group) - size:,} more with this question")
        rows.turn("undecided", len(contradictory), first, size)


def _questions(count: int) -> str:
    return "One question" if count == 1 else f"{count:,} questions"


def _repeats(
    session: Session, path: str, removable: list[tuple[Example, list[Example]]], removed_ids: list[str], size: int
) -> None:
    number = "One example repeats" if len(removed_ids) == 1 else f"{len(removed_ids):,} examples repeat"
    st.markdown("##### Repeats")
    small(f"{number} an earlier one, ignoring case and spacing. The first one is kept.")
    pairs = [(kept, removed) for kept, repeats in removable for removed in repeats]
    first = rows.first("repeats", len(pairs), path, size)
    body = "".join(
        f'<tr><td class="pl-mono">{escape(rows.clipped(removed.id))}</td>'
        f'<td class="pl-mono">{escape(rows.clipped(kept.id))}</td>'
        f"<td>{rows.inputs_html(removed.inputs)}</td><td>{escape(rows.clipped(removed.output))}</td></tr>"
        for kept, removed in pairs[first : first + size]
    )
    head = "<tr><th>Remove</th><th>Keep</th><th>Inputs</th><th>Output</th></tr>"
    markup(f'<table class="pl-table">{head}{body}</table>')
    rows.turn("repeats", len(pairs), first, size)
    if kind_of(path) == "yaml":
        small("A YAML pool can only be changed in an editor.")
        return
    st.button(
        f"Remove {len(removed_ids):,}",
        type="primary",
        icon=":material/delete_sweep:",
        key="duplicates-take-out",
        on_click=_remove,
        args=(session, path, removed_ids),
    )


def _remove(session: Session, path: str, removed_ids: list[str]) -> None:
    try:
        examples.remove_duplicates(session.workspace, path, expected=removed_ids)
    except PromptlabError as exc:
        st.session_state[_ERROR] = form.problem_lines(exc)
    else:
        st.session_state[form.DONE] = f"{len(removed_ids):,} removed"


__all__ = ["draw"]
