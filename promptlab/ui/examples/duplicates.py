"""What is in a pool twice: what would go, shown first, and what somebody has to decide."""

from __future__ import annotations

import streamlit as st

from promptlab import examples
from promptlab._util.rows import kind_of
from promptlab.errors import PromptlabError
from promptlab.types import Example
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.examples import form as example_form
from promptlab.ui.examples import rows as example_rows
from promptlab.ui.state.session import Session

_TROUBLE = "duplicates-trouble"


def draw(session: Session, path: str, pool: tuple[Example, ...], names: tuple[str, ...], size: int) -> None:
    """The repeats of the pool and its contradictions, a page of `size` of each."""
    groups = examples.find_duplicates(pool)
    going = [(group[0], repeats) for group in groups if (repeats := examples.repeated_examples(group))]
    gone = [example.id for _, repeats in going for example in repeats]
    undecided = [group for group in groups if examples.has_contradiction(group)]
    if trouble := st.session_state.pop(_TROUBLE, None):
        note("bad", *trouble)
    if not groups:
        note("info", "Nothing is in this pool twice", "No two examples have the same inputs but for case and spacing.")
        return
    if gone:
        _repeats(session, path, going, gone, size)
    if undecided:
        st.markdown("##### The same question, different answers")
        small(f"{_questions(len(undecided))}. Somebody has to say which answer is right: edit or delete the other.")
        first = example_rows.first("undecided", len(undecided), path, size)
        for number, group in enumerate(undecided[first : first + size]):
            with st.container(key=f"group-{number}", gap="xsmall"):
                for example in group[:size]:
                    example_rows.line(path, names, example, group="u-")
                if len(group) > size:
                    small(f"and {len(group) - size:,} more with this question")
        example_rows.turn("undecided", len(undecided), first, size)


def _questions(count: int) -> str:
    return "One question" if count == 1 else f"{count:,} questions"


def _repeats(
    session: Session, path: str, going: list[tuple[Example, list[Example]]], gone: list[str], size: int
) -> None:
    number = "One example says" if len(gone) == 1 else f"{len(gone):,} examples say"
    st.markdown("##### The same twice")
    small(f"{number} what another one before says, but for case and spacing. The first stays.")
    rows = [(stays, goes) for stays, repeats in going for goes in repeats]
    first = example_rows.first("repeats", len(rows), path, size)
    body = "".join(
        f'<tr><td class="pl-mono">{escape(example_rows.clipped(goes.id))}</td>'
        f'<td class="pl-mono">{escape(example_rows.clipped(stays.id))}</td>'
        f"<td>{example_rows.inputs_html(goes.inputs)}</td><td>{escape(example_rows.clipped(goes.output))}</td></tr>"
        for stays, goes in rows[first : first + size]
    )
    head = "<tr><th>Goes</th><th>Stays</th><th>Inputs</th><th>Output</th></tr>"
    markup(f'<table class="pl-table">{head}{body}</table>')
    example_rows.turn("repeats", len(rows), first, size)
    if kind_of(path) == "yaml":
        small("A YAML pool is read and not changed here.")
        return
    st.button(
        f"Take out {len(gone):,}",
        type="primary",
        icon=":material/delete_sweep:",
        key="duplicates-take-out",
        on_click=_take_out,
        args=(session, path, gone),
    )


def _take_out(session: Session, path: str, gone: list[str]) -> None:
    try:
        examples.remove_duplicates(session.workspace, path, expected=gone)
    except PromptlabError as exc:
        st.session_state[_TROUBLE] = example_form.words_of(exc)
    else:
        st.session_state[example_form.SAID] = f"{len(gone):,} taken out"


__all__ = ["draw"]
